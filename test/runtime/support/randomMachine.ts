/* oxlint-disable typescript/no-unsafe-type-assertion -- machines are put together from data, which XState's types cannot follow */
/** Random statecharts, mostly of the kind that is compiled. */
import fc from 'fast-check';
import { type AnyStateMachine, and, assign, createMachine } from 'xstate';
import { internalsOf } from '../../../src/runtime/xstateInternals.ts';
import type { AnyEvent } from './actors.ts';
import {
  actionArb,
  actionOf,
  type ActionSpec,
  type Counts,
  guardArb,
  guardOf,
  type GuardSpec,
  implementations,
  OUTER_TYPES,
  RAISED_TYPES,
} from './randomParts.ts';

/** Where a transition goes: nowhere; a state anywhere, below or beside its own; itself. */
interface TargetSpec {
  kind: 'none' | 'any' | 'child' | 'sibling' | 'self';
  pick: number;
}

interface TransitionSpec {
  target: TargetSpec;
  guard: GuardSpec | null;
  actions: ActionSpec[];
  reenter: boolean;
}

/** A state; one without children is atomic. */
interface NodeSpec {
  children: NodeSpec[];
  special: 'none' | 'final' | 'parallel' | 'history';
  initial: number;
  initialActions: ActionSpec[];
  entry: ActionSpec[];
  exit: ActionSpec[];
  on: { type: string; transitions: TransitionSpec[] }[];
  always: TransitionSpec[];
  after: { delay: string; transition: TransitionSpec }[];
  tags: string[];
}

/** A machine with what may be sent to it. */
export interface RandomMachine {
  root: NodeSpec;
  steps: { pick: number; by: number }[];
}

const NEEDS_FUEL: ReadonlySet<string> = new Set([...RAISED_TYPES, '*', 'a.*']);
const REFILL = 'REFILL';
const FUEL = 6;

const few = fc.array(actionArb, { maxLength: 3 });

const transitionArb: fc.Arbitrary<TransitionSpec> = fc.record({
  target: fc.record({ kind: fc.constantFrom('none', 'any', 'any', 'child', 'sibling', 'self'), pick: fc.nat(20) }),
  guard: fc.option(guardArb, { freq: 2 }),
  actions: few,
  reenter: fc.boolean(),
});

const onArb = fc.array(
  fc.record({
    type: fc.constantFrom(...OUTER_TYPES, ...OUTER_TYPES, ...RAISED_TYPES, 'a.*', '*'),
    // None: a forbidden transition.
    transitions: fc.array(transitionArb, { maxLength: 2 }),
  }),
  { maxLength: 4 },
);

const nodeArb: fc.Arbitrary<NodeSpec> = fc.letrec<{ node: NodeSpec }>((tie) => ({
  node: fc.record({
    children: fc.oneof(
      { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
      { weight: 1, arbitrary: fc.constant<NodeSpec[]>([]) },
      { weight: 3, arbitrary: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) },
    ),
    special: fc.oneof(
      { weight: 24, arbitrary: fc.constant('none' as const) },
      { weight: 1, arbitrary: fc.constantFrom('final', 'final', 'parallel', 'history' as const) },
    ),
    initial: fc.nat(5),
    initialActions: fc.array(actionArb, { maxLength: 1 }),
    entry: few,
    exit: few,
    on: onArb,
    always: fc.oneof(
      { weight: 4, arbitrary: fc.constant<TransitionSpec[]>([]) },
      { weight: 1, arbitrary: fc.array(transitionArb, { minLength: 1, maxLength: 2 }) },
    ),
    after: fc.array(fc.record({ delay: fc.constantFrom('10', 'later'), transition: transitionArb }), { maxLength: 1 }),
    tags: fc.subarray(['hot', 'cold']),
  }),
})).node;

/** Machines of up to four levels, and up to a dozen events. */
export const machineArb: fc.Arbitrary<RandomMachine> = fc.record({
  root: nodeArb,
  steps: fc.array(fc.record({ pick: fc.nat(40), by: fc.integer({ min: 0, max: 4 }) }), { minLength: 1, maxLength: 12 }),
});

/** The first of its siblings is never history: its parent has to begin in something. */
function isHistory(spec: NodeSpec, id: string): boolean {
  return spec.special === 'history' && id.includes('.') && !id.endsWith('.k0');
}

/** Makes the definitions of the states of one machine. */
class Definer {
  readonly #places: string[] = [];

  constructor(root: NodeSpec) {
    this.#list(root, 'm');
  }

  #list(node: NodeSpec, id: string): void {
    this.#places.push(id);
    if (isHistory(node, id)) return;
    for (const [index, child] of node.children.entries()) this.#list(child, `${id}.k${index}`);
  }

  /** `siblings` is the number of states beside it, itself included. */
  node(spec: NodeSpec, id: string, siblings: number): Record<string, unknown> {
    if (isHistory(spec, id)) return { type: 'history', history: spec.initial % 2 ? 'deep' : 'shallow' };
    const isFinal = spec.special === 'final' && spec.children.length === 0 && siblings > 0;
    const children = spec.children.map((child, index): [string, Record<string, unknown>] => [
      `k${index}`,
      this.node(child, `${id}.k${index}`, spec.children.length),
    ]);
    const regular = children.filter(([, child]) => child['type'] !== 'history').map(([key]) => key);
    const initial = regular[spec.initial % Math.max(1, regular.length)];
    const isCompound = initial !== undefined && spec.special !== 'parallel';
    const transition = (type: string) => (each: TransitionSpec) => this.#transition(each, type, id, spec, siblings);
    const on = spec.on.map(({ type, transitions }) => [
      type,
      transitions.length === 0 ? {} : transitions.map(transition(type)),
    ]);
    const refill = { actions: assign<Counts, never, undefined, never, never>({ fuel: FUEL }) };
    return {
      ...(isFinal ? { type: 'final' } : {}),
      ...(initial !== undefined && spec.special === 'parallel' ? { type: 'parallel' } : {}),
      ...(isCompound ? { initial: { target: initial, actions: this.#actions(spec.initialActions) } } : {}),
      ...(initial === undefined ? {} : { states: Object.fromEntries(children) as unknown }),
      entry: this.#actions(spec.entry),
      exit: this.#actions(spec.exit),
      tags: spec.tags,
      ...(isFinal ? {} : { on: { ...Object.fromEntries(on), ...(siblings === 0 ? { [REFILL]: refill } : {}) } }),
      ...(isFinal ? {} : { always: spec.always.map(transition('')) }),
      ...(isFinal
        ? {}
        : { after: Object.fromEntries(spec.after.map((each) => [each.delay, transition('NEXT')(each.transition)])) }),
    };
  }

  #actions(specs: readonly ActionSpec[]): unknown[] {
    return specs.map((spec) => actionOf(spec, this.#places));
  }

  #transition(spec: TransitionSpec, type: string, id: string, source: NodeSpec, siblings: number): unknown {
    // An `always` that changes nothing is taken once, and goes on nowhere.
    const isIdle = spec.target.kind === 'none' && spec.actions.length === 0;
    const needsFuel = type === '' ? !isIdle : NEEDS_FUEL.has(type);
    const own = spec.guard === null ? undefined : guardOf(spec.guard, this.#places);
    const hasFuel = ({ context }: { context: Counts }): boolean => context.fuel > 0;
    const guard = needsFuel ? (own === undefined ? hasFuel : and([hasFuel, own] as never[])) : own;
    const burn = assign<Counts, never, undefined, never, never>({ fuel: ({ context }) => context.fuel - 1 });
    const target = this.#target(spec.target, id, source, siblings);
    return {
      ...(target === undefined ? {} : { target }),
      ...(guard === undefined ? {} : { guard }),
      actions: [...(needsFuel ? [burn] : []), ...this.#actions(spec.actions)],
      ...(spec.reenter ? { reenter: true } : {}),
    };
  }

  #target({ kind, pick }: TargetSpec, id: string, source: NodeSpec, siblings: number): string | undefined {
    switch (kind) {
      case 'any':
        return `#${this.#places[pick % this.#places.length] ?? 'm'}`;
      case 'child':
        return source.children.length === 0 ? undefined : `.k${pick % source.children.length}`;
      case 'sibling':
        return siblings === 0 ? undefined : `k${pick % siblings}`;
      case 'self':
        return `#${id}`;
      default:
        return undefined;
    }
  }
}

/** XState's machine of a description. */
export function machineOf({ root }: RandomMachine): AnyStateMachine {
  const definition = {
    ...new Definer(root).node({ ...root, special: root.special === 'parallel' ? 'parallel' : 'none' }, 'm', 0),
    id: 'm',
    context: (): Counts => ({ n: 0, fuel: FUEL, trail: [] }),
  };
  return createMachine(definition as never, implementations as never);
}

/** The events of a description: among those that the machine knows, timers included. */
export function eventsOf(machine: AnyStateMachine, { steps }: RandomMachine): AnyEvent[] {
  const named = [...internalsOf(machine).idMap.values()].flatMap((node) => [...node.transitions.keys()]);
  const timers = named.filter((type) => type.startsWith('xstate.after.'));
  const types = [...OUTER_TYPES, ...OUTER_TYPES, ...RAISED_TYPES, 'unknown', REFILL, ...timers];
  return steps.map(({ pick, by }) => ({ type: types[pick % types.length] ?? 'NEXT', by }));
}
