/** The streams of a system: they show what happens and change nothing, whoever watches and whatever they do. */
import { describe, expect, it } from 'vitest';
import type { MmContext } from '../../machines/index.ts';
import type { ActorState } from '../../src/runtime/stateStreams.ts';
import type { System } from '../../src/runtime/system.ts';
import { hashingWriter } from '../../src/timeline/inMemory.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { SystemView } from '../../src/timeline/systemView.ts';
import { logMeta } from '../../src/topology/meta.ts';
import { runTopology } from '../../src/topology/run.ts';
import { faultyRun, heldRun, recordsOf } from './held.ts';

const observing = [
  { wire: { from: '*', to: '*' }, op: 'observe', name: 'all' },
  { wire: { from: '*', to: '*' }, op: 'sample', name: 'some', every: 7 },
];

function hashOf(plan: unknown, onSystem?: (system: System) => void): string {
  const run = faultyRun(plan);
  const writer = hashingWriter(logMeta(run.topology, run.traces));
  return runTopology({ ...run, writer, ...(onSystem === undefined ? {} : { onSystem }) }).headHash;
}

describe('state$', () => {
  it('gives the state of an actor behind each event that changed it, as a view of the log does', () => {
    const run = faultyRun([]);
    const reader = heldRun(run);
    const seen: ActorState[] = [];
    runTopology({
      ...run,
      writer: null,
      onSystem: (system) => system.state$('mm:1').subscribe((now) => seen.push(now)),
    });
    const own = recordsOf(reader).filter(({ to }) => to === 'mm:1');
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.length).toBeLessThanOrEqual(own.length);
    const view = new SystemView(reader, run.traces);
    for (const state of seen) {
      const { value, context } = plainState(view.snapshot('mm:1', state.seq));
      expect([state.actor, state.value, state.context]).toEqual(['mm:1', value, context]);
      expect(own.some(({ seq, timeCycles }) => seq === state.seq && timeCycles === state.timeCycles)).toBe(true);
    }
    // Where it says nothing, nothing changed.
    const told = new Set(seen.map(({ seq }) => seq));
    for (const { seq } of own.slice(1)) {
      if (told.has(seq)) continue;
      expect(plainState(view.snapshot('mm:1', seq))).toEqual(plainState(view.snapshot('mm:1', seq - 1)));
    }
  });

  it('hands out what cannot be changed, and knows no actor that is not there', () => {
    runTopology({
      ...faultyRun([]),
      writer: null,
      onSystem: (system) => {
        system.state$('zone').subscribe((state) => {
          expect(Object.isFrozen(state.context)).toBe(true);
          expect(() => Object.assign(state, { seq: 3 })).toThrow(TypeError);
        });
        expect(() => system.state$('zone:7')).toThrow(expect.objectContaining({ code: 'ACTOR_UNKNOWN' }));
      },
    });
  });
});

describe('observers', () => {
  it('change nothing: the head hash is the same with none, with all, and with those that misbehave', () => {
    const alone = hashOf(observing);
    const counts = { messages: 0, observed: 0, states: 0 };
    const systems: System[] = [];
    const watch = (system: System): void => {
      systems.push(system);
      const { context } = system.snapshot('mm:1') as { context: MmContext };
      system.messages$.subscribe(() => counts.messages++);
      system.observed$.subscribe(() => counts.observed++);
      for (const id of system.actors) system.state$(id).subscribe(() => counts.states++);
      system.observed$.subscribe(({ message }) => Object.assign(message, { type: 'CHANGED' }));
      system.observed$.subscribe((seen) => Object.assign(seen.outgoing, { to: 'nobody' }));
      system.state$('mm:1').subscribe(({ context: own }) => Object.assign(own, context));
      system.state$('mm:1').subscribe(() => system.send('process:1', { type: 'STOP' }));
      system.messages$.subscribe(() => system.step());
    };
    expect(hashOf(observing, watch)).toBe(alone);
    expect(hashOf([], watch)).toBe(hashOf([]));
    const [first] = systems;
    expect(counts.observed).toBeGreaterThan(counts.messages / 2);
    expect(counts.states).toBeGreaterThan(100);
    expect(first?.observerErrors.map(({ stream }) => stream).sort()).toEqual([
      'messages$',
      'mm:1 state$',
      'mm:1 state$',
      'observed$',
      'observed$',
    ]);
  });

  it('see of a message what it is, though its fields are read later', () => {
    const kept: { type: string; json: string; read: () => string }[] = [];
    hashOf(observing, (system) => {
      system.observed$.subscribe((seen) => {
        const { name, from, to, type, delayCycles } = seen;
        if (kept.length >= 200) return;
        const read = (): string => JSON.stringify(seen.message);
        kept.push({ type, json: JSON.stringify({ name, outgoing: { from, to, delayCycles } }), read });
      });
    });
    for (const { type, read } of kept) expect(JSON.parse(read())).toMatchObject({ type });
    expect(kept).toHaveLength(200);
  });
});
