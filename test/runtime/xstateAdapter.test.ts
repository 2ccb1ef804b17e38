/* oxlint-disable typescript/no-unsafe-type-assertion -- XState's `types: {} as T`, JSON and matchers have no other way */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, createMachine, emit, fromPromise, log, sendTo, stopChild } from 'xstate';
import { createActorEnv } from '../../src/runtime/actorEnv.ts';
import { CompiledMachine, machineRefusals } from '../../src/runtime/compiledMachine.ts';
import { actorStateOf, adaptMachine, stateValueOf } from '../../src/runtime/xstateAdapter.ts';
import { internalsOf, XSTATE_VERSION } from '../../src/runtime/xstateInternals.ts';
import { kitchen, parallel } from './machines.ts';
import { type AnyEvent, plainOf, runAdapted, runReal } from './support/actors.ts';

const kitchenTypes = [
  'NEXT',
  'DEEP',
  'SELF',
  'INNER',
  'RAISED',
  'IGNORED',
  'TIMER',
  'STOP_TIMER',
  'GUARDED',
  'xstate.after.50.kitchen.b',
];
const kitchenEvent = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom(...kitchenTypes).map((type): AnyEvent => ({ type })) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('ADD', 'QUEUE'), by: fc.integer({ min: -2, max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant<AnyEvent>({ type: 'FINISH' }) },
);

/** The author's action of `kitchen` throws, so that a run shows whether anything executes it. XState's actor must not run it either. */
const quietKitchen = kitchen.provide({ actions: { sideEffect: () => undefined } });

describe('the adapter', () => {
  it('rests on the XState version that is installed', () => {
    const manifest = readFileSync(new URL('../../node_modules/xstate/package.json', import.meta.url), 'utf8');
    expect((JSON.parse(manifest) as { version: string }).version).toBe(XSTATE_VERSION);
  });

  it('gives the snapshots and the sends of createActor for any events, compiled and through XState', () => {
    fc.assert(
      fc.property(fc.array(kitchenEvent, { maxLength: 30 }), (events) => {
        const real = runReal(quietKitchen, events);
        expect(runAdapted(kitchen, events, 'xstate')).toEqual(real);
        expect(runAdapted(kitchen, events, 'compiled')).toEqual(real);
      }),
      { numRuns: 300 },
    );
  });

  it('gives the snapshots of createActor for parallel states', () => {
    const events = fc.array(
      fc.constantFrom('UP', 'FLIP', 'BOTH', 'NONE').map((type): AnyEvent => ({ type })),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(events, (list) => {
        expect(runAdapted(parallel, list, 'compiled')).toEqual(runReal(parallel, list));
      }),
    );
  });

  it('takes every turn of a machine without parallel states by its tables, but those that end it', () => {
    const compiled = new CompiledMachine(internalsOf(kitchen));
    const env = createActorEnv('test');
    const { snapshot } = adaptMachine(kitchen).initial(undefined, env);
    let configuration = compiled.configurationOf(snapshot);
    let context: unknown = snapshot.context;
    const types = [
      'NEXT',
      'INNER',
      'xstate.after.50.kitchen.b',
      'DEEP',
      'SELF',
      'GUARDED',
      'RAISED',
      'TIMER',
      'STOP_TIMER',
    ];
    for (const type of types) {
      const result = compiled.turn({ configuration, context, base: snapshot, isCurrent: false }, { type }, env.scope);
      expect(result, type).not.toBeNull();
      ({ configuration, context } = result ?? { configuration, context });
    }
    const last = { configuration, context, base: snapshot, isCurrent: false };
    expect(compiled.turn(last, { type: 'FINISH' }, env.scope)).toBeNull();
    expect(compiled.refusals).toEqual(['the final state kitchen.end']);
  });

  it('begins each actor of a machine with the context and the state of its own input', () => {
    const machine = createMachine({
      id: 'begun',
      context: ({ input, self }) => {
        if (input === 'throws') throw new Error('no such input');
        return { input: input as string, id: self.id };
      },
      initial: 'first',
      states: {
        first: {
          always: { guard: ({ context, event }) => context.input === 'on' && 'input' in event, target: 'second' },
        },
        second: {},
      },
    });
    const begun = (input: string, interpreter: 'compiled' | 'xstate') => {
      const { snapshot, sends } = adaptMachine(machine, { interpreter }).initial(
        input,
        createActorEnv(`actor:${input}`),
      );
      const { value, context, status } = snapshot;
      return { value: value as unknown, context: context as unknown, status, sends: [...sends] };
    };
    for (const input of ['off', 'on', 'off again']) expect(begun(input, 'compiled')).toEqual(begun(input, 'xstate'));
    expect(begun('on', 'compiled').value).toBe('second');
    expect(() => begun('throws', 'compiled')).toThrow('no such input');
  });

  it('names what it does not compile, and lets XState run such a machine', () => {
    expect(machineRefusals(internalsOf(parallel))).toEqual(['the parallel state parallel']);
    const adapted = adaptMachine(parallel);
    expect(adapted.compiled).toBeNull();
    expect(adapted.refusals).toEqual(['the parallel state parallel']);
    const remembering = createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { initial: 'x', states: { x: {}, h: { type: 'history' } } } },
    });
    expect(machineRefusals(internalsOf(remembering))).toEqual(['the history state m.a.h']);
    const stopping = createMachine({ id: 's', on: { GO: { actions: stopChild('clock') } } });
    expect(adaptMachine(stopping).refusals).toEqual(['xstate.stopChild in s']);
    expect(adaptMachine(kitchen, { interpreter: 'xstate' }).refusals).toEqual([]);
  });

  it('keeps the snapshot itself when a message changes nothing', () => {
    const adapted = adaptMachine(kitchen);
    const env = createActorEnv('test');
    const { snapshot } = adapted.initial(undefined, env);
    expect(adapted.transition(snapshot, { type: 'IGNORED' }, env).snapshot).toBe(snapshot);
  });

  it('asks the wildcards of a state after the transitions of its exact name', () => {
    const machine = createMachine({
      context: { by: '' },
      on: {
        '*': { actions: assign({ by: 'any' }) },
        'mm.*': { guard: ({ event }) => 'by' in event, actions: assign({ by: 'mm' }) },
        'mm.fault': { guard: () => false, actions: assign({ by: 'exact' }) },
      },
    });
    const events: AnyEvent[] = [{ type: 'mm.fault' }, { type: 'mm.fault', by: 1 }, { type: 'disk' }];
    expect(runAdapted(machine, events, 'compiled')).toEqual(runReal(machine, events));
  });

  it('throws what is thrown while something is computed for an action that does nothing here', () => {
    const refuse = (): never => {
      throw new Error('no');
    };
    for (const action of [log(refuse), emit(refuse), { type: 'own', params: refuse }]) {
      const machine = createMachine({ on: { GO: { actions: action as never } } });
      const compiled = runAdapted(machine, [{ type: 'GO' }], 'compiled');
      expect(compiled.error).toBe('no');
      expect(compiled).toEqual(runReal(machine, [{ type: 'GO' }]));
    }
  });

  it('throws what a machine throws, in the words of XState', () => {
    const machine = createMachine({
      id: 'faulty',
      on: {
        GO: {
          guard: () => {
            throw new Error('no');
          },
          actions: assign({}),
        },
      },
    });
    const env = createActorEnv('test');
    const adapted = adaptMachine(machine);
    const { snapshot } = adapted.initial(undefined, env);
    expect(() => adapted.transition(snapshot, { type: 'GO' }, env)).toThrow(/Unable to evaluate guard.*'GO'/);
  });

  it('stops a machine whose always transitions go round for ever', () => {
    const machine = createMachine({
      context: { count: 0 },
      initial: 'a',
      states: { a: { on: { GO: 'b' } }, b: { always: 'c' }, c: { always: 'b' } },
    });
    const env = createActorEnv('test');
    const adapted = adaptMachine(machine);
    const { snapshot } = adapted.initial(undefined, env);
    expect(() => adapted.transition(snapshot, { type: 'GO' }, env)).toThrow(
      expect.objectContaining({ code: 'RUN_LIMIT' }),
    );
  });

  it('refuses invoke, spawn and direct sends', () => {
    const unsupported = expect.objectContaining({ code: 'ACTOR_UNSUPPORTED' });
    const work = fromPromise(async () => 1);
    expect(() => adaptMachine(createMachine({ invoke: { src: work } }))).toThrow(unsupported);
    const env = createActorEnv('test');
    const spawner = createMachine({
      context: {},
      on: {
        SPAWN: { actions: assign(({ spawn }) => ({ child: spawn(work) })) },
        SEND: {
          actions: assign(({ system }) => {
            system.get('b')?.send({ type: 'X' });
            return {};
          }),
        },
      },
    });
    const adapted = adaptMachine(spawner);
    const { snapshot } = adapted.initial(undefined, env);
    expect(() => adapted.transition(snapshot, { type: 'SPAWN' }, env)).toThrow(unsupported);
    expect(() => adapted.transition(snapshot, { type: 'SEND' }, env)).toThrow(unsupported);
  });

  it('knows which event types a machine names, at any depth, ignored ones and wildcards too', () => {
    const adapted = adaptMachine(kitchen);
    expect(
      ['NEXT', 'INNER', 'IGNORED', 'xstate.after.50.kitchen.b', 'NOPE'].map((type) => adapted.accepts(type)),
    ).toEqual([true, true, true, true, false]);
    const wild = adaptMachine(
      createMachine({ on: { 'mm.*': { actions: sendTo(({ self }) => self, { type: 'mm.x' }) } } }),
    );
    expect(['mm', 'mm.fault', 'mmu'].map((type) => wild.accepts(type))).toEqual([true, true, false]);
  });

  it('takes a snapshot through its state and back', () => {
    const adapted = adaptMachine(kitchen);
    const env = createActorEnv('test');
    let { snapshot } = adapted.initial(undefined, env);
    for (const type of ['NEXT', 'INNER', 'NEXT']) ({ snapshot } = adapted.transition(snapshot, { type }, env));
    const again = adapted.snapshotOf(
      JSON.parse(JSON.stringify(actorStateOf(snapshot))) as ReturnType<typeof actorStateOf>,
    );
    expect(plainOf(again)).toEqual(plainOf(snapshot));
    expect(stateValueOf(again)).toEqual({ b: { y: 'deep2' } });
  });

  it('explains the microsteps of a message', () => {
    const adapted = adaptMachine(kitchen);
    const env = createActorEnv('test');
    const { snapshot } = adapted.initial(undefined, env);
    expect(adapted.explain(snapshot, { type: 'DEEP' }, env).map((microstep) => microstep.eventType)).toEqual([
      'DEEP',
      'ADD',
    ]);
    expect(adapted.explain(snapshot, { type: 'NEXT' }, env)[0]).toEqual({
      eventType: 'NEXT',
      transitions: [{ source: 'kitchen.a', targets: ['kitchen.b'] }],
      value: { b: 'x' },
    });
  });
});
