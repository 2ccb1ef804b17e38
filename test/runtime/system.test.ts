/* oxlint-disable typescript/no-unsafe-type-assertion -- XState's `types: {} as T`, JSON and matchers have no other way */
import fc from 'fast-check';
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { assign, cancel, createMachine, raise, sendTo } from 'xstate';
import { type Chooser, replayList, seededRandom, timeOrder } from '../../src/runtime/chooser.ts';
import { type MessageRecord, messageOf } from '../../src/runtime/envelope.ts';
import type { FaultPlan } from '../../src/runtime/faultPlan.ts';
import { createSystem, type System } from '../../src/runtime/system.ts';
import type { SystemOptions } from '../../src/runtime/systemOptions.ts';
import { createActorEnv } from '../../src/runtime/actorEnv.ts';
import { adaptMachine } from '../../src/runtime/xstateAdapter.ts';
import { forwarder } from './machines.ts';

interface Ring {
  readonly size: number;
  readonly tokens: readonly number[];
}

const ringArbitrary: fc.Arbitrary<Ring> = fc.record({
  size: fc.integer({ min: 1, max: 6 }),
  tokens: fc.array(fc.integer({ min: 0, max: 25 }), { minLength: 1, maxLength: 4 }),
});

const ringIds = (size: number): string[] => Array.from({ length: size }, (_, index) => `node:${index}`);

function ringSystem(ring: Ring, options: Omit<SystemOptions, 'actors'> = {}): System {
  const ids = ringIds(ring.size);
  const actors = ids.map((id, index) => ({
    id,
    machine: forwarder,
    input: { next: ids[(index + 1) % ids.length], other: ids[(index * 2 + 1) % ids.length] },
  }));
  const system = createSystem({ actors, freeze: true, ...options });
  if (options.resume === undefined) {
    for (const [index, hops] of ring.tokens.entries()) {
      system.send(`node:${index % ring.size}`, { type: 'TOKEN', hops, size: index }, { delayCycles: index * 3 });
    }
  }
  return system;
}

function recordsOf(ring: Ring, options: Omit<SystemOptions, 'actors'> = {}): MessageRecord[] {
  const records: MessageRecord[] = [];
  ringSystem(ring, { ...options, onRecord: (record) => records.push(record) }).run();
  return records;
}

const bigRing: Ring = { size: 5, tokens: [25, 25, 20, 9] };

const faultPlan: FaultPlan = [
  { wire: { from: 'node:*', to: 'node:*', type: 'ECHO' }, op: 'drop', probability: 0.3, seed: 5 },
  { wire: { from: 'node:1', to: '*' }, op: 'delay', delayCycles: 40, nth: 2 },
  { wire: { from: '*', to: 'node:2' }, op: 'duplicate', delayCycles: 3, nth: 3 },
  { wire: { from: 'node:*', to: '*', type: 'TOKEN' }, op: 'reorder', windowCycles: 60, probability: 0.5, seed: 6 },
];

describe('a system', () => {
  it('gives the same records each time', () => {
    fc.assert(
      fc.property(ringArbitrary, fc.option(fc.nat(1000)), (ring, seed) => {
        const chooser = (): Chooser => (seed === null ? timeOrder() : seededRandom(seed));
        expect(recordsOf(ring, { chooser: chooser() })).toEqual(recordsOf(ring, { chooser: chooser() }));
      }),
    );
  });

  it('gives another order for another seed', () => {
    const orders = [1, 2, 3].map((seed) => JSON.stringify(recordsOf(bigRing, { chooser: seededRandom(seed) })));
    expect(new Set(orders).size).toBe(3);
  });

  it('keeps order within each channel, and time never goes back, whoever chooses', () => {
    fc.assert(
      fc.property(ringArbitrary, fc.option(fc.nat(1000)), (ring, seed) => {
        const system = ringSystem(ring, { chooser: seed === null ? timeOrder() : seededRandom(seed) });
        let timeCycles = 0;
        for (;;) {
          const before = system.queueState().pending;
          const record = system.step();
          if (record === null) break;
          expect(record.timeCycles).toBeGreaterThanOrEqual(timeCycles);
          timeCycles = record.timeCycles;
          const after = new Set(system.queueState().pending.map((envelope) => envelope.id));
          const taken = before.filter((envelope) => !after.has(envelope.id));
          expect(taken).toHaveLength(1);
          const [delivered] = taken;
          const overtaken = before.filter(
            (envelope) =>
              envelope.id < (delivered?.id ?? 0) &&
              envelope.from === delivered?.from &&
              envelope.to === delivered.to &&
              envelope.deliverCycles <= delivered.deliverCycles,
          );
          expect(overtaken).toEqual([]);
        }
      }),
    );
  });

  it('delivers in order of time, ties in the order of sending, by default', () => {
    const records = recordsOf(bigRing);
    expect(records.map((record) => record.seq)).toEqual(records.map((_, index) => index));
    expect(
      records.every((record, index) => index === 0 || record.timeCycles >= (records[index - 1]?.timeCycles ?? 0)),
    ).toBe(true);
    expect(records.every((record) => record.cause < record.seq)).toBe(true);
  });

  it('replays a list, and says where a run leaves it', () => {
    const records = recordsOf(bigRing, { chooser: seededRandom(9) });
    expect(recordsOf(bigRing, { chooser: replayList(records) })).toEqual(records);
    const changed = records.map((record) => (record.seq === 20 ? { ...record, cause: 3 } : record));
    const chooser = replayList(changed);
    const divergent = recordsOf(bigRing, { chooser });
    expect(divergent).toEqual(records.slice(0, 20));
    expect(chooser.divergence?.index).toBe(20);
    expect(chooser.divergence?.available).toContainEqual({
      to: records[20]?.to,
      from: records[20]?.from,
      cause: records[20]?.cause,
      type: records[20]?.type,
    });
  });

  it('folds one actor from its own records to the state that the run gave it', () => {
    const records: MessageRecord[] = [];
    const system = ringSystem(bigRing, { onRecord: (record) => records.push(record) });
    system.run();
    const adapted = adaptMachine(forwarder);
    const env = createActorEnv('node:3');
    let { snapshot } = adapted.initial({ next: 'node:4', other: 'node:2' }, env);
    for (const record of records.filter(({ to }) => to === 'node:3')) {
      ({ snapshot } = adapted.transition(snapshot, messageOf(record), env));
    }
    expect(snapshot.context).toEqual(system.snapshot('node:3').context);
  });

  it('goes on from a checkpoint at any seq as it would have gone on', () => {
    for (const plan of [[], faultPlan]) {
      for (const seed of [null, 4]) {
        const chooser = (): Chooser => (seed === null ? timeOrder() : seededRandom(seed));
        const records = recordsOf(bigRing, { chooser: chooser(), faultPlan: plan });
        const system = ringSystem(bigRing, { chooser: chooser(), faultPlan: plan });
        for (let seq = 0; seq <= records.length; seq++) {
          const state = JSON.parse(JSON.stringify(system.checkpointState())) as ReturnType<System['checkpointState']>;
          const rest: MessageRecord[] = [];
          ringSystem(bigRing, {
            chooser: chooser(),
            faultPlan: plan,
            resume: { state, snapshots: system.snapshots() },
            onRecord: (record) => rest.push(record),
          }).run();
          expect(rest).toEqual(records.slice(seq));
          system.step();
        }
      }
    }
  });

  it('stops where it is told to', () => {
    const records = recordsOf(bigRing);
    const system = ringSystem(bigRing);
    expect(system.run({ untilSeq: 4 })).toEqual({ delivered: 5, reason: 'seq' });
    expect(system.run({ maxEvents: 2 })).toEqual({ delivered: 2, reason: 'events' });
    const timeCycles = records[20]?.timeCycles ?? 0;
    expect(system.run({ untilTimeCycles: timeCycles }).reason).toBe('time');
    expect(system.nextSeq).toBe(records.filter((record) => record.timeCycles <= timeCycles).length);
    expect(system.run().reason).toBe('idle');
    expect(system.nextSeq).toBe(records.length);
  });
});

describe('observers', () => {
  it('change nothing, whether they watch or throw', () => {
    const quiet = recordsOf(bigRing, { faultPlan });
    const records: MessageRecord[] = [];
    const system = ringSystem(bigRing, { faultPlan, onRecord: (record) => records.push(record) });
    const seen: MessageRecord[] = [];
    let sent = 0;
    system.messages$.subscribe((record) => seen.push(record));
    system.actor('node:1').outbox$.subscribe(() => sent++);
    system.messages$.subscribe(() => {
      throw new Error('broken view');
    });
    system
      .actor('node:2')
      .inbox$.pipe(
        map(() => {
          throw new Error('broken operator');
        }),
      )
      .subscribe();
    system.messages$.subscribe(() => system.send('node:0', { type: 'ECHO', hops: 1 }));
    system.run();
    expect(records).toEqual(quiet);
    expect(seen).toEqual(quiet);
    expect(sent).toBeGreaterThan(0);
    expect(Object.isFrozen(seen[0]?.payload)).toBe(true);
    expect(system.observerErrors.map(({ stream }) => stream).sort()).toEqual([
      'messages$',
      'messages$',
      'node:2 inbox$',
    ]);
  });
});

describe('a fault plan', () => {
  it('does the same each time, and something', () => {
    expect(recordsOf(bigRing, { faultPlan })).toEqual(recordsOf(bigRing, { faultPlan }));
    expect(recordsOf(bigRing, { faultPlan })).not.toEqual(recordsOf(bigRing));
  });

  it('drops, delays, doubles and observes exactly what it names', () => {
    const plan = (rule: FaultPlan[number]): MessageRecord[] =>
      recordsOf({ size: 2, tokens: [3] }, { faultPlan: [rule] });
    const wire = { from: 'node:0', to: 'node:1' };
    const plain = recordsOf({ size: 2, tokens: [3] }).filter(({ type }) => type === 'TOKEN');
    const tokens = (rule: FaultPlan[number]): MessageRecord[] => plan(rule).filter(({ type }) => type === 'TOKEN');
    expect(plain).toHaveLength(4);
    expect(tokens({ wire, op: 'drop', nth: 1 }).length).toBeLessThan(4);
    expect(tokens({ wire: { ...wire, type: 'TOKEN' }, op: 'delay', delayCycles: 100, nth: 1 })[1]?.timeCycles).toBe(
      (plain[1]?.timeCycles ?? 0) + 100,
    );
    expect(
      tokens({ wire: { ...wire, type: 'TOKEN' }, op: 'duplicate', delayCycles: 0, nth: 1 }).length,
    ).toBeGreaterThan(4);
    const system = ringSystem({ size: 2, tokens: [3] }, { faultPlan: [{ wire, op: 'observe', name: 'tap' }] });
    const names: string[] = [];
    system.observed$.subscribe(({ name, outgoing }) => names.push(`${name} ${outgoing.from}`));
    system.run();
    expect(new Set(names)).toEqual(new Set(['tap node:0']));
  });

  it('is refused with its field when it makes no sense', () => {
    const bad: FaultPlan = [{ wire: { from: '*', to: '*' }, op: 'drop', probability: 1.5, seed: 1 }];
    expect(() => ringSystem(bigRing, { faultPlan: bad })).toThrow(
      expect.objectContaining({ code: 'TOPOLOGY_INVALID', where: 'faults[0].probability' }),
    );
  });
});

describe('what goes wrong', () => {
  it('names both when a message has no taker', () => {
    const system = ringSystem({ size: 2, tokens: [1] });
    expect(() => system.send('node:9', { type: 'TOKEN' })).toThrow(
      expect.objectContaining({
        code: 'MESSAGE_NO_TAKER',
        message: expect.stringMatching(/outside.*node:9/) as string,
      }),
    );
    expect(() => system.send('node:1', { type: 'NOPE' })).toThrow(
      expect.objectContaining({ code: 'MESSAGE_NO_TAKER' }),
    );
    const lost = createMachine({
      on: { GO: { actions: sendTo(({ system: actors }) => actors.get('gone'), { type: 'X' }) } },
    });
    const failing = createSystem({ actors: [{ id: 'a', machine: lost }] });
    failing.send('a', { type: 'GO' });
    expect(() => failing.run()).toThrow(expect.objectContaining({ code: 'MESSAGE_NO_TAKER', where: 'handling seq 0' }));
    expect(() => failing.step()).toThrow(expect.objectContaining({ code: 'MESSAGE_NO_TAKER' }));
  });

  it('logs the message that made an actor throw, and names actor, seq and type', () => {
    const records: MessageRecord[] = [];
    const machine = createMachine({
      context: {},
      on: {
        GO: {
          actions: assign(() => {
            throw new Error('bad fold');
          }),
        },
      },
    });
    const system = createSystem({ actors: [{ id: 'a', machine }], onRecord: (record) => records.push(record) });
    system.send('a', { type: 'GO' });
    expect(() => system.run()).toThrow(
      expect.objectContaining({
        code: 'ACTOR_THREW',
        where: 'actor a, seq 0, type GO',
        message: expect.stringContaining('bad fold') as string,
      }),
    );
    expect(records).toHaveLength(1);
  });

  it('ends a run at its limits', () => {
    const limit = expect.objectContaining({ code: 'RUN_LIMIT' });
    expect(() => ringSystem(bigRing, { limits: { maxEvents: 10 } }).run()).toThrow(limit);
    expect(() => ringSystem(bigRing, { limits: { maxPending: 2 } })).toThrow(limit);
  });

  it('counts a message to a finished actor as a dead letter, and logs it', () => {
    const machine = createMachine({ initial: 'a', states: { a: { on: { END: 'z' } }, z: { type: 'final' } } });
    const system = createSystem({ actors: [{ id: 'a', machine }] });
    system.send('a', { type: 'END' });
    system.send('a', { type: 'END' });
    expect(system.run().delivered).toBe(2);
    expect(system.deadLetters).toBe(1);
  });
});

describe('timers', () => {
  const timer = createMachine({
    context: { ticks: 0 },
    initial: 'waiting',
    states: {
      waiting: { after: { 100: 'late' }, on: { STOP: 'stopped' } },
      late: { entry: raise({ type: 'TICK' }, { delay: 25, id: 'tick' }), on: { QUIET: { actions: cancel('tick') } } },
      stopped: {},
    },
    on: { TICK: { actions: assign({ ticks: ({ context }) => context.ticks + 1 }) } },
  });

  it('fire as messages of the actor to itself, at their virtual time', () => {
    const records: MessageRecord[] = [];
    const system = createSystem({
      actors: [{ id: 't', machine: timer }],
      onRecord: (record) => records.push(record),
      freeze: true,
    });
    system.run();
    expect(records.map(({ type, from, timeCycles, cause }) => [type, from, timeCycles, cause])).toEqual([
      ['xstate.after.100.(machine).waiting', 't', 100, -1],
      ['TICK', 't', 125, 0],
    ]);
    expect(system.snapshot('t').context).toEqual({ ticks: 1 });
  });

  it('do not fire once the state is left or they are cancelled', () => {
    const left = createSystem({ actors: [{ id: 't', machine: timer }] });
    left.send('t', { type: 'STOP' });
    expect(left.run().delivered).toBe(1);
    const quiet = createSystem({ actors: [{ id: 't', machine: timer }] });
    quiet.send('t', { type: 'QUIET' }, { delayCycles: 110 });
    expect(quiet.run().delivered).toBe(2);
  });
});
