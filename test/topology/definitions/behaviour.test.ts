import { describe, expect, it } from 'vitest';
import { logBytes, openRecording } from '../../../src/library/recording.ts';
import { run } from '../../../src/library/run.ts';
import { replay, timeline } from '../../../src/library/timeline.ts';
import { z } from 'zod';
import type { ActorDefinition } from '../../../src/topology/definitions/actorTypes.ts';
import { defineActor } from '../../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../../src/topology/definitions/defineMessage.ts';
import { defineTopology } from '../../../src/topology/definitions/defineTopology.ts';
import { asker, askerLogic, askerMachine, pairOf, squarer } from './support.ts';

const POKES = [3, 4, 5].map((by, at) => ({ by, atCycles: 1000 * (at + 1) }));

/** Where each form keeps its sum. */
const SUM_AT: Record<string, string> = { asker: 'sum', 'asker-machine': 'sum', 'asker-logic': 'state.sum' };

function sumOf(state: { context: Record<string, unknown> }, kind: string): unknown {
  const steps = (SUM_AT[kind] ?? '').split('.');
  return steps.reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], state.context);
}

describe.each<[string, ActorDefinition]>([
  ['functions', asker],
  ['an XState machine', askerMachine],
  ['XState transition logic', askerLogic],
])('an actor written as %s', (_form, definition) => {
  const { kind } = definition;
  const id = `${kind}:a`;
  const made = run(pairOf(definition, POKES));

  it('asks by its port and hears the answers', () => {
    const end = timeline(made).state(id, made.log.lastSeq);
    expect(sumOf(end, kind)).toBe(9 + 16 + 25);
    expect(timeline(made).state('squarer:b', made.log.lastSeq).context['asked']).toBe(3);
  });

  it('replays to its head hash, with both interpreters', () => {
    expect(replay(made).divergence).toBeNull();
    expect(replay(made, { interpreter: 'xstate' }).headHash).toBe(made.headHash);
    expect(run(pairOf(definition, POKES), { interpreter: 'xstate' }).headHash).toBe(made.headHash);
  });

  it('is inspected like any other: state, last change, cause, fork', () => {
    const travel = timeline(made);
    const change = travel.lastChange(id, `context.${SUM_AT[kind]}`);
    expect(change?.after).toBe(50);
    expect(change?.record.type).toBe('PONG');
    expect(travel.why(change?.record.seq ?? 0).map(({ type }) => type)).toEqual(['PONG', 'PING', 'POKE']);
    const fork = travel.fork((change?.record.seq ?? 0) - 1);
    fork.run();
    expect(sumOf(fork.snapshot(id) as never, kind)).toBe(50);
  });

  it('opens again from bytes with its definition, and not without', () => {
    const opened = openRecording(logBytes(made), { definitions: [definition, squarer] });
    expect(replay(opened).headHash).toBe(made.headHash);
    const without = openRecording(logBytes(made));
    expect(() => replay(without)).toThrow(expect.objectContaining({ code: 'DEFINITION_MISSING' }));
  });
});

describe('a definition', () => {
  it('gets what the topology tells it, with what its schema fills in', () => {
    const told = pairOf(asker, POKES, {
      actors: [asker.at('asker:a', { ports: { other: 'squarer:b' }, input: { start: 100 } }), squarer.at('squarer:b')],
    });
    expect(timeline(run(told)).state('asker:a', -1).context['sum']).toBe(100);
    expect(timeline(run(pairOf(asker, POKES))).state('asker:a', -1).context['sum']).toBe(0);
  });

  it('has its laws looked at in the checked mode', () => {
    expect(() => run(pairOf(asker, POKES), { checked: true })).not.toThrow();
    expect(() => run(pairOf(asker, [{ atCycles: 5, by: 40 }]), { checked: true })).toThrow(
      expect.objectContaining({ code: 'LAW_BROKEN', message: expect.stringContaining('1600 is more than 1000') }),
    );
  });

  it('changes neither the records nor the header of a topology that does not use it', () => {
    const process = { pid: 1, pageSize: '64K' as const, program: [{ op: 'store' as const, addr: '0x500000' }] };
    const plain = run({ name: 'plain', processes: [process] });
    expect(Object.keys(plain.log.meta)).not.toContain('modules');
    expect(plain.topology).not.toHaveProperty('actors');
  });
});

describe('a message whose fields have changed', () => {
  const versionOf = (version: 1 | 2) => {
    const tick = defineMessage('TICK', {
      version,
      says: 'Time goes by.',
      fields: version === 1 ? z.strictObject({ n: z.int() }) : z.strictObject({ n: z.int(), by: z.string() }),
      upcasters: version === 1 ? [] : [(payload) => ({ ...(payload as object), by: 'nobody' })],
    });
    return defineActor({
      kind: 'clock',
      says: 'Counts.',
      messages: [tick],
      accepts: ['TICK'],
      transition: { initial: () => ({ ticks: 0 }), on: { TICK: (state, { n }) => ({ ticks: state.ticks + n }) } },
    });
  };

  it('is lifted where a log holds the older version', () => {
    const [older, newer] = [versionOf(1), versionOf(2)];
    const processes = [{ pid: 1, pageSize: '64K' as const, program: [{ op: 'store' as const, addr: '0x500000' }] }];
    const messages = [{ to: 'clock', type: 'TICK', n: 7 }];
    const made = run(defineTopology({ name: 'old', processes, actors: [older.at('clock')], messages }));
    const opened = openRecording(logBytes(made), { definitions: [newer] });
    const ticks = [...opened.log.byActor('clock')];
    expect(ticks.map(({ payload }) => payload)).toEqual([{ n: 7, by: 'nobody' }]);
    expect(timeline(opened).state('clock', opened.log.lastSeq).context['ticks']).toBe(7);
    // The other way about is refused: nothing can take a message back to an older version.
    const now = run(
      defineTopology({
        name: 'new',
        processes,
        actors: [newer.at('clock')],
        messages: [{ ...messages[0], to: 'clock', type: 'TICK', n: 7, by: 'x' }],
      }),
    );
    expect(() => openRecording(logBytes(now), { definitions: [older] })).toThrow(
      expect.objectContaining({ code: 'LOG_VERSION' }),
    );
  });
});
