/* oxlint-disable typescript/no-unsafe-type-assertion -- machines are put together from data, which XState's types cannot follow */
/** The actions and guards of random machines: as data, which shrinks, and what XState makes of it. */
import fc from 'fast-check';
import { and, assign, cancel, emit, enqueueActions, log, not, or, raise, sendTo, stateIn, stopChild } from 'xstate';
import { handle } from '../../../machines/support.ts';

/** What a random machine counts. `fuel` bounds how often it goes on by itself: each raised event and each `always` takes from it. */
export interface Counts {
  n: number;
  fuel: number;
  trail: string[];
}

/** Events from outside alone: their transitions need no fuel. */
export const OUTER_TYPES = ['NEXT', 'GO', 'a.b.c'] as const;
/** Events that machines raise as well. */
export const RAISED_TYPES = ['R', 'a', 'a.r'] as const;

/** An action. */
export type ActionSpec =
  | { kind: 'add' | 'spread' | 'handler' | 'named' | 'namedParams' | 'mayThrow'; by: number }
  | { kind: 'raise' | 'raiseLater' | 'sendOther' | 'sendSelf'; type: string; by: number }
  | { kind: 'cancel' | 'stop' | 'own' | 'ownParams' | 'emit' | 'log'; by: number }
  | { kind: 'enqueue'; steps: { guard: GuardSpec | null; action: ActionSpec }[] };

/** A guard. */
export type GuardSpec =
  | { kind: 'modulo' | 'even' | 'over' | 'overContext' | 'event' | 'mayThrow'; by: number }
  | { kind: 'inState'; pick: number }
  | { kind: 'not' | 'both' | 'one' | 'combined'; parts: GuardSpec[] };

const by = fc.integer({ min: 1, max: 5 });
const raisedType = fc.constantFrom(...RAISED_TYPES);

/** Any guard. */
export const guardArb: fc.Arbitrary<GuardSpec> = fc.letrec<{ guard: GuardSpec }>((tie) => ({
  guard: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 9,
      arbitrary: fc.record({ kind: fc.constantFrom('modulo', 'even', 'over', 'overContext', 'event' as const), by }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('mayThrow' as const), by }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('inState' as const), pick: fc.nat(20) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('not', 'both', 'one', 'combined' as const),
        parts: fc.array(tie('guard'), { minLength: 2, maxLength: 2 }),
      }),
    },
  ),
})).guard;

/** Any action. */
export const actionArb: fc.Arbitrary<ActionSpec> = fc.letrec<{ action: ActionSpec }>((tie) => ({
  action: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 10,
      arbitrary: fc.record({ kind: fc.constantFrom('add', 'spread', 'handler', 'named', 'namedParams' as const), by }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('mayThrow', 'mayThrow', 'stop' as const), by }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('raise', 'raiseLater', 'sendOther', 'sendSelf' as const),
        type: raisedType,
        by,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('cancel', 'own', 'ownParams', 'emit', 'log' as const), by }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('enqueue' as const),
        steps: fc.array(fc.record({ guard: fc.option(guardArb), action: tie('action') }), { maxLength: 3 }),
      }),
    },
  ),
})).action;

type Args = { context: Counts; event: { type: string; by?: number } };

function refuseSeven(n: number): void {
  if (n % 7 === 3) throw new Error(`${n} is not liked`);
}

/** What the machines call by name. */
export const implementations = {
  actions: {
    mark: assign<Counts, never, { at: string }, never, never>({
      trail: ({ context }, { at }) => [...context.trail.slice(-5), at],
    }),
    own: () => undefined,
  },
  guards: {
    isEven: ({ context }: Args) => context.n % 2 === 0,
    isOver: ({ context }: Args, { limit }: { limit: number }) => context.n > limit,
  },
  delays: { later: ({ context }: Args) => 5 + (context.n % 3), fixed: 9 },
};

/** A machine's guard of its description; `places` are the ids of its states. */
export function guardOf(spec: GuardSpec, places: readonly string[]): unknown {
  switch (spec.kind) {
    case 'modulo':
      return ({ context }: Args) => context.n % spec.by === 0;
    case 'even':
      return 'isEven';
    case 'over':
      return { type: 'isOver', params: { limit: spec.by } };
    case 'overContext':
      return { type: 'isOver', params: ({ context }: Args) => ({ limit: context.n - spec.by + 3 }) };
    case 'event':
      return ({ event }: Args) => (event.by ?? 0) >= spec.by - 2;
    case 'mayThrow':
      return ({ context }: Args) => {
        refuseSeven(context.n);
        return true;
      };
    case 'inState':
      return stateIn(`#${places[spec.pick % places.length] ?? ''}`);
    default: {
      const parts = spec.parts.map((part) => guardOf(part, places)) as never[];
      if (spec.kind === 'not') return not(parts[0]);
      if (spec.kind === 'both') return and(parts);
      return spec.kind === 'one' ? or(parts) : and([not(parts[0]), or(parts)]);
    }
  }
}

/** Context and event alone of an action's arguments. */
const atOf = ({ context, event }: Args): string => `${event.type}${context.n}`;

/** A machine's action of its description. */
export function actionOf(spec: ActionSpec, places: readonly string[]): unknown {
  switch (spec.kind) {
    case 'add':
      return assign<Counts, never, undefined, never, never>({ n: ({ context }) => context.n + spec.by });
    case 'spread':
      return assign(({ context }: Args) => ({ n: (context.n * 3 + spec.by) % 50 }));
    case 'handler':
      return handle<Counts & Record<string, unknown>>((context, event, send) => {
        if (context.n % 2 === 0) send('other', event, spec.by % 3);
        return spec.by === 1 ? context : { ...context, n: (context.n + spec.by) % 60 };
      });
    case 'named':
      return { type: 'mark', params: { at: `m${spec.by}` } };
    case 'namedParams':
      return { type: 'mark', params: ({ context, event }: Args) => ({ at: atOf({ context, event }) }) };
    case 'mayThrow':
      return assign(({ context }: Args) => {
        refuseSeven(context.n);
        return { n: context.n + spec.by };
      });
    case 'enqueue':
      return enqueueActions(({ enqueue, check }) => {
        for (const { guard, action } of spec.steps) {
          if (guard === null || check(guardOf(guard, places) as never)) enqueue(actionOf(action, places) as never);
        }
      });
    case 'raise':
    case 'raiseLater':
    case 'sendOther':
    case 'sendSelf':
      return messageAction(spec);
    default:
      return smallAction(spec);
  }
}

function messageAction({ kind, type, by: amount }: Extract<ActionSpec, { type: string }>): unknown {
  const event = { type, by: amount };
  const expression = ({ context }: Args): typeof event => ({ type, by: context.n % 4 });
  switch (kind) {
    case 'raise':
      return raise((amount % 2 === 0 ? event : expression) as never);
    case 'raiseLater':
      return raise(event as never, { delay: amount === 1 ? 'later' : amount * 3, id: `r${amount}` } as never);
    case 'sendOther':
      return sendTo(
        ({ system }) => system.get('other') as never,
        expression as never,
        (amount === 2 ? { delay: 'fixed' } : {}) as never,
      );
    default:
      return sendTo(({ self }) => self, event as never, {
        delay: (({ context }: Args) => context.n) as never,
        id: `s${amount}`,
      });
  }
}

function smallAction({ kind, by: amount }: { kind: string; by: number }): unknown {
  switch (kind) {
    case 'cancel':
      return amount % 2 === 0 ? cancel(`s${amount}`) : cancel((({ context }: Args) => `r${context.n % 5}`) as never);
    case 'stop':
      return stopChild('nobody');
    case 'ownParams':
      return {
        type: 'own',
        params: ({ context }: Args) => {
          refuseSeven(context.n + amount);
        },
      };
    case 'emit':
      return emit((({ context }: Args) => ({ type: 'seen', n: context.n })) as never);
    case 'log':
      return log((({ context }: Args) => {
        refuseSeven(context.n + amount);
        return 'logged';
      }) as never);
    default:
      return amount % 2 === 0 ? 'own' : () => undefined;
  }
}
