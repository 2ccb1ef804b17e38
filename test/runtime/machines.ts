/* oxlint-disable typescript/no-unsafe-type-assertion -- XState's `types: {} as T`, JSON and matchers have no other way */
/** Small machines for the tests of the runtime. */

import { and, assign, cancel, enqueueActions, not, raise, sendTo, setup, stateIn } from 'xstate';

export type HopEvent = { type: 'TOKEN'; hops: number; size: number } | { type: 'ECHO'; hops: number };

/** A reference got by address takes any event object; this checks the fields. */
const message = (event: HopEvent): HopEvent => event;

export interface ForwarderContext {
  next: string;
  other: string;
  seen: number[];
  sum: number;
}

/** Hands a token on to the next of a ring, with a delay that depends on what it has seen; every third time it also sends an ECHO. */
export const forwarder = setup({
  types: {
    context: {} as ForwarderContext,
    events: {} as HopEvent,
    input: {} as { next: string; other: string },
  },
}).createMachine({
  id: 'forwarder',
  context: ({ input }) => ({ next: input.next, other: input.other, seen: [], sum: 0 }),
  initial: 'quiet',
  states: {
    quiet: { on: { ECHO: { target: 'loud' } } },
    loud: { on: { ECHO: { target: 'quiet' } } },
  },
  on: {
    TOKEN: {
      actions: enqueueActions(({ context, event, enqueue }) => {
        const sum = (context.sum * 31 + event.hops + event.size) % 1009;
        enqueue.assign({ sum, seen: [...context.seen, event.hops] });
        if (event.hops === 0) return;
        enqueue.sendTo(
          ({ system }) => system.get(context.next),
          message({ type: 'TOKEN', hops: event.hops - 1, size: sum }),
          { delay: sum % 17 },
        );
        if (sum % 3 === 0) {
          enqueue.sendTo(({ system }) => system.get(context.other), message({ type: 'ECHO', hops: event.hops }), {
            delay: sum % 5,
          });
        }
      }),
    },
  },
});

export interface KitchenContext {
  count: number;
  trail: string[];
}

export type KitchenEvent =
  | { type: 'NEXT' }
  | { type: 'ADD'; by: number }
  | { type: 'DEEP' }
  | { type: 'SELF' }
  | { type: 'INNER' }
  | { type: 'RAISED' }
  | { type: 'IGNORED' }
  | { type: 'TIMER' }
  | { type: 'STOP_TIMER' }
  | { type: 'GUARDED' }
  | { type: 'QUEUE'; by: number }
  | { type: 'FINISH' };

/** One of everything that is compiled: nested states, entry, exit, initial and transition actions, guards, always, raise, timers. */
export const kitchen = setup({
  types: { context: {} as KitchenContext, events: {} as KitchenEvent },
  actions: {
    mark: assign({ trail: ({ context }, params: { at: string }) => [...context.trail, params.at] }),
    sideEffect: () => {
      throw new Error('an action of the author ran');
    },
  },
  guards: {
    isEven: ({ context }) => context.count % 2 === 0,
    isOver: ({ context }, params: { limit: number }) => context.count > params.limit,
  },
  delays: { later: ({ context }) => 10 + context.count },
}).createMachine({
  id: 'kitchen',
  context: { count: 0, trail: [] },
  initial: 'a',
  entry: { type: 'mark', params: { at: '+root' } },
  on: {
    ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) },
    DEEP: '.b.y.deep2',
    IGNORED: {},
    QUEUE: {
      actions: enqueueActions(({ enqueue, check, event }) => {
        enqueue.assign(({ context }) => ({ count: context.count + event.by }));
        enqueue({ type: 'mark', params: { at: 'queued' } });
        if (check('isEven')) enqueue.raise({ type: 'RAISED' });
        if (check(stateIn('b'))) enqueue({ type: 'mark', params: { at: 'in b' } });
        enqueue.sendTo(
          ({ self }) => self,
          ({ context }) => ({ type: 'ADD', by: context.count }),
          { delay: 7, id: 'queued' },
        );
        if (check(and([not('isEven'), { type: 'isOver', params: { limit: 10 } }]))) enqueue.cancel('queued');
      }),
    },
    FINISH: '.end',
    STOP_TIMER: { actions: cancel('tick') },
    TIMER: { actions: [raise({ type: 'RAISED' }, { delay: 'later', id: 'tick' }), 'sideEffect'] },
  },
  states: {
    a: {
      tags: ['first'],
      entry: { type: 'mark', params: { at: '+a' } },
      exit: { type: 'mark', params: { at: '-a' } },
      on: {
        NEXT: 'b',
        SELF: { target: 'a', reenter: true },
        RAISED: { actions: { type: 'mark', params: { at: 'raised' } } },
      },
    },
    b: {
      initial: 'x',
      entry: [{ type: 'mark', params: { at: '+b' } }, sendTo(({ self }) => self, { type: 'IGNORED' })],
      exit: { type: 'mark', params: { at: '-b' } },
      after: { 50: 'c' },
      on: {
        NEXT: 'c',
        INNER: '.y',
        SELF: { target: 'b', actions: { type: 'mark', params: { at: 'b internal' } } },
        GUARDED: [
          { guard: 'isEven', target: 'a' },
          { guard: not('isEven'), target: '.x', reenter: true },
        ],
      },
      states: {
        x: {
          entry: { type: 'mark', params: { at: '+x' } },
          exit: { type: 'mark', params: { at: '-x' } },
          on: { NEXT: 'y', RAISED: { target: 'y', actions: raise({ type: 'GUARDED' }) } },
        },
        y: {
          initial: { target: 'deep1', actions: { type: 'mark', params: { at: 'initial of y' } } },
          entry: { type: 'mark', params: { at: '+y' } },
          exit: { type: 'mark', params: { at: '-y' } },
          states: {
            deep1: { tags: ['deep'], on: { NEXT: 'deep2', INNER: { target: '#kitchen.c' } } },
            deep2: {
              entry: raise({ type: 'ADD', by: 1 }),
              always: { guard: { type: 'isOver', params: { limit: 3 } }, target: '#kitchen.c' },
            },
          },
        },
      },
    },
    c: {
      entry: { type: 'mark', params: { at: '+c' } },
      always: [{ guard: 'isEven', target: 'a', actions: assign({ count: ({ context }) => context.count + 3 }) }],
      on: { NEXT: { target: 'a', guard: ({ context, event }) => event.type === 'NEXT' && context.count >= 0 } },
    },
    end: { type: 'final', entry: { type: 'mark', params: { at: '+end' } } },
  },
});

/** Parallel regions: not compiled, XState takes every turn. */
export const parallel = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'UP' } | { type: 'FLIP' } | { type: 'BOTH' } },
}).createMachine({
  id: 'parallel',
  type: 'parallel',
  context: { count: 0 },
  on: { UP: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
  states: {
    left: {
      initial: 'on',
      states: { on: { on: { FLIP: 'off', BOTH: 'off' } }, off: { on: { FLIP: 'on', BOTH: 'on' } } },
    },
    right: { initial: 'red', states: { red: { on: { BOTH: 'blue' } }, blue: { on: { BOTH: 'red' } } } },
  },
});
