import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/inspector/engine/engine.ts';
import { isFactTaken, isLineTaken } from '../../src/inspector/page/topology/taken.ts';
import { flowsOf } from '../../src/inspector/page/topology/flow.ts';
import { resumedAt } from '../../src/timeline/fork.ts';
import { viewOf } from '../../src/timeline/systemView.ts';
import { placeArb, type RandomRun, runArb } from '../timeline/randomRuns.ts';
import { recorded } from '../timeline/recorded.ts';

function opened(run: RandomRun, checkpointEvents: number): Engine {
  const engine = new Engine();
  engine.open({ run: 'A', name: 'made', reader: recorded(run, checkpointEvents), traces: run.traces });
  return engine;
}

function seqAt(engine: Engine, place: number): number {
  const { reader } = engine.run('A');
  return reader.firstSeq + Math.floor(place * reader.records);
}

/** A message by what tells it from others. */
function nameOf(message: { from: string; to: string; cause: number }, type: string): string {
  return [message.from, message.to, message.cause, type].join(' ');
}

describe('messages on their way', () => {
  it('are those that wait in the system itself at that moment', () => {
    fc.assert(
      fc.property(runArb, placeArb, fc.constantFrom(20, 200), (run, place, checkpointEvents) => {
        const engine = opened(run, checkpointEvents);
        const { reader, traces } = engine.run('A');
        const seq = seqAt(engine, place);
        const view = viewOf(reader, traces);
        const { built, interventions } = view.run;
        const { system } = resumedAt(view, seq, { actors: built.actors, interventions });
        const waiting = system.queueState().pending.map((envelope) => nameOf(envelope, envelope.message.type));
        const told = engine.ask('inFlight', { run: 'A', seq });
        expect(told.count).toBe(waiting.length);
        expect(told.messages.map((message) => nameOf(message, message.type)).sort()).toEqual(waiting.sort());
      }),
      { numRuns: 20 },
    );
  });

  it('all have a place in the graph, on a link or at a node', () => {
    fc.assert(
      fc.property(runArb, placeArb, fc.boolean(), (run, place, apart) => {
        const engine = opened(run, 200);
        const map = engine.ask('actorMap', { run: 'A', apart });
        const { messages } = engine.ask('inFlight', { run: 'A', seq: seqAt(engine, place) });
        const { links, inside } = flowsOf(map, messages);
        const onLinks = links.flatMap(({ forth, back }) => [...forth, ...back]);
        const atNodes = [...inside.values()].flat();
        expect(onLinks.length + atNodes.length).toBe(messages.length);
        expect(map.nodes.flatMap(({ actors }) => actors).sort()).toEqual(
          [...new Set([...engine.run('A').lanes, 'outside'])].sort(),
        );
      }),
      { numRuns: 6 },
    );
  });
});

describe('the statechart at a moment', () => {
  it('has every active state and every transition that was taken in its drawing', () => {
    fc.assert(
      fc.property(runArb, placeArb, (run, place) => {
        const engine = opened(run, 200);
        const seq = seqAt(engine, place);
        const { to: actor } = engine.run('A').reader.read(seq);
        const chart = engine.ask('chart', { run: 'A', actor });
        const now = engine.ask('chartNow', { run: 'A', actor, seq });
        const ids = new Set(chart.boxes.map(({ id }) => id));
        expect(now.event?.seq).toBe(seq);
        expect(now.active.filter((id) => !ids.has(id))).toEqual([]);
        for (const taken of now.taken) {
          const alone = { ...now, taken: [taken] };
          const isOnLine = chart.lines.some((line) => isLineTaken(line, alone));
          const isInText = chart.boxes.some(({ id, facts }) => facts.some((fact) => isFactTaken(id, fact, alone)));
          const isItself = taken.to.every((target) => target === taken.from);
          expect(isOnLine || isInText || isItself, `${actor}: ${JSON.stringify(taken)}`).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('tells of the last event of an actor that received nothing just now', () => {
    fc.assert(
      fc.property(runArb, placeArb, (run, place) => {
        const engine = opened(run, 200);
        const { reader, lanes } = engine.run('A');
        const seq = seqAt(engine, place);
        for (const actor of lanes.slice(0, 6)) {
          const last = [...reader.byActor(actor, reader.firstSeq, seq)].at(-1);
          const { event } = engine.ask('chartNow', { run: 'A', actor, seq });
          expect(event).toEqual(last === undefined ? null : { seq: last.seq, type: last.type });
        }
      }),
      { numRuns: 20 },
    );
  });
});
