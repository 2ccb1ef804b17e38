/**
 * Small systems of threads over shared variables, as models. A thread does one operation at a time; an operation is on one shared
 * variable, which owns it: operations on two variables are independent, for they touch nothing in common but what the one thread
 * that does them has to itself. An operation that would touch another variable is refused, so that this cannot be got wrong.
 */
import { invariant } from '../../errors.ts';
import type { Fingerprint, Model, Property, PropertyKind } from '../model.ts';

/** The place of each thread in its program, then the cells. */
export type SharedState = readonly number[];

/** What can happen: a thread does its next operation. Its number. */
export type SharedAction = number;

/** What an operation may do. Cells are named `variable` or `variable.field`; a thread's own are named without it. */
export interface Turn {
  readonly get: (cell: string) => number;
  readonly set: (cell: string, value: number) => void;
  readonly own: (cell: string) => number;
  readonly setOwn: (cell: string, value: number) => void;
  /** Goes on at a label instead of at the next operation. */
  readonly to: (label: string) => void;
  /** Sleeps until another operation on the same variable wakes it; goes on behind this one then. */
  readonly sleep: () => void;
  /** Wakes a thread that sleeps on this variable; whether it did. */
  readonly wake: (thread: string) => boolean;
  /** 1 for the first thread, and so on. */
  readonly self: number;
  readonly nameOf: (thread: number) => string;
}

/** One operation of a thread. */
export interface Operation {
  readonly on: string;
  readonly says: string;
  readonly label?: string;
  readonly run: (turn: Turn) => void;
}

/** What a property sees. */
export interface Look {
  readonly get: (cell: string) => number;
  readonly isDone: (thread: string) => boolean;
  /** The operation that a thread is at; null at its end. */
  readonly at: (thread: string) => Operation | null;
}

/** A property over the cells; `reads`: the variables and threads that it looks at. */
export interface SharedProperty {
  readonly name: string;
  readonly kind: PropertyKind;
  readonly says: string;
  readonly reads?: readonly string[];
  readonly fault: (look: Look) => string | null;
}

/** A system of threads. */
export interface SharedSystem {
  readonly name: string;
  readonly cells: Readonly<Record<string, number>>;
  /** What each thread has to itself: `thread.cell`. */
  readonly own?: Readonly<Record<string, number>>;
  readonly threads: Readonly<Record<string, readonly Operation[]>>;
  readonly properties: readonly SharedProperty[];
  readonly progress?: (look: Look) => number;
}

const TWO_26 = 2 ** 26;

/** Two hashes of 26 and 27 bits side by side. */
function fingerprintOf(state: SharedState): Fingerprint {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (const value of state) {
    low = Math.imul(low ^ value, 0x01000193);
    low ^= low >>> 15;
    high = Math.imul(high + value, 0x85ebca6b);
    high ^= high >>> 13;
  }
  return (high >>> 5) * TWO_26 + (low >>> 6);
}

/** Whether a cell belongs to a variable. */
function isOf(cell: string, variable: string): boolean {
  return cell === variable || cell.startsWith(`${variable}.`);
}

/** Where everything of a system lies in its states. */
class Layout {
  readonly threads: readonly string[];
  readonly programs: readonly (readonly Operation[])[];
  readonly #places = new Map<string, number>();
  readonly initial: SharedState;
  /** Places of the cells that say who sleeps. */
  readonly asleep: readonly number[];

  constructor(system: SharedSystem) {
    this.threads = Object.keys(system.threads);
    this.programs = this.threads.map((thread) => system.threads[thread] ?? []);
    const variables = [...new Set(this.programs.flatMap((program) => program.map(({ on }) => on)))];
    const initial = this.threads.map(() => 0);
    const add = (cell: string, value: number): void => {
      this.#places.set(cell, initial.length);
      initial.push(value);
    };
    for (const [cell, value] of Object.entries(system.cells)) add(cell, value);
    for (const [cell, value] of Object.entries(system.own ?? {})) add(cell, value);
    this.asleep = variables.map((variable) => {
      add(`${variable}.asleep`, 0);
      return initial.length - 1;
    });
    this.initial = initial;
  }

  placeOf(cell: string): number {
    const place = this.#places.get(cell);
    invariant(place !== undefined, `there is a cell ${cell}`);
    return place;
  }

  operationOf(state: SharedState, thread: number): Operation | null {
    return this.programs[thread]?.[state[thread] ?? 0] ?? null;
  }

  /** The threads that can do something. */
  ready(state: SharedState): number[] {
    const ready: number[] = [];
    let asleep = 0;
    for (const place of this.asleep) asleep |= state[place] ?? 0;
    for (let thread = 0; thread < this.threads.length; thread++) {
      if ((asleep & (1 << thread)) === 0 && this.operationOf(state, thread) !== null) ready.push(thread);
    }
    return ready;
  }

  look(state: SharedState): Look {
    const at = (thread: string): Operation | null => this.operationOf(state, this.threads.indexOf(thread));
    return { get: (cell) => state[this.placeOf(cell)] ?? 0, isDone: (thread) => at(thread) === null, at };
  }

  after(state: SharedState, thread: number): SharedState {
    const draft = [...state];
    const operation = this.operationOf(state, thread);
    invariant(operation !== null, 'a thread at its end does nothing');
    draft[thread] = (draft[thread] ?? 0) + 1;
    operation.run(this.#turn(draft, thread, operation));
    return draft;
  }

  #turn(draft: number[], thread: number, { on }: Operation): Turn {
    const shared = (cell: string): number => {
      invariant(isOf(cell, on), `an operation on ${on} leaves ${cell} alone`);
      return this.placeOf(cell);
    };
    const own = (cell: string): number => this.placeOf(`${this.threads[thread] ?? ''}.${cell}`);
    const asleep = this.placeOf(`${on}.asleep`);
    return {
      get: (cell) => draft[shared(cell)] ?? 0,
      set: (cell, value) => void (draft[shared(cell)] = value),
      own: (cell) => draft[own(cell)] ?? 0,
      setOwn: (cell, value) => void (draft[own(cell)] = value),
      to: (label) => {
        const place = this.programs[thread]?.findIndex((operation) => operation.label === label) ?? -1;
        invariant(place >= 0, `there is a label ${label}`);
        draft[thread] = place;
      },
      sleep: () => void (draft[asleep] = (draft[asleep] ?? 0) | (1 << thread)),
      wake: (name) => {
        const bit = 1 << this.threads.indexOf(name);
        const sleeps = ((draft[asleep] ?? 0) & bit) !== 0;
        draft[asleep] = (draft[asleep] ?? 0) & ~bit;
        return sleeps;
      },
      self: thread + 1,
      nameOf: (number) => this.threads[number - 1] ?? '',
    };
  }
}

/**
 * The model of a system of threads. Keys are `thread#operation`.
 *
 * @example
 * ```ts
 * const system = sharedModel({
 *   name: 'sets',
 *   cells: { x: 0 },
 *   threads: { a: [{ on: 'x', says: 'sets x', run: (turn) => turn.set('x', 1) }] },
 *   properties: [],
 * });
 * exploreAll(system).states; // 2
 * followPath(system, { initial: 0, keys: ['a#0'] }).steps[0]?.described; // 'a sets x'
 * ```
 */
export function sharedModel(system: SharedSystem): Model<SharedState, SharedAction> {
  const layout = new Layout(system);
  // An action is the number of a thread and of its operation, so that its key needs no state.
  const stride = 1 + Math.max(0, ...layout.programs.map((program) => program.length));
  const threadOf = (action: SharedAction): number => Math.floor(action / stride);
  const operationOf = (action: SharedAction): Operation | undefined =>
    layout.programs[threadOf(action)]?.[action % stride];
  const keys = new Map<SharedAction, string>();
  for (const [thread, program] of layout.programs.entries()) {
    for (const index of program.keys()) keys.set(thread * stride + index, `${layout.threads[thread] ?? ''}#${index}`);
  }
  return {
    name: system.name,
    initial: () => [layout.initial],
    actions: (state) => layout.ready(state).map((thread) => thread * stride + (state[thread] ?? 0)),
    next: (state, action) => layout.after(state, threadOf(action)),
    fingerprint: fingerprintOf,
    keyOf: (action) => keys.get(action) ?? '',
    ownerOf: (action) => operationOf(action)?.on ?? '',
    actorOf: (action) => layout.threads[threadOf(action)] ?? '',
    describe: (_state, action) => `${layout.threads[threadOf(action)] ?? ''} ${operationOf(action)?.says ?? ''}`,
    properties: system.properties.map((property) => lift(property, layout)),
    ...(system.progress === undefined
      ? {}
      : { progress: (state: SharedState) => system.progress?.(layout.look(state)) ?? 0 }),
  };
}

function lift({ reads, fault, ...said }: SharedProperty, layout: Layout): Property<SharedState> {
  const lifted = { ...said, fault: (state: SharedState) => fault(layout.look(state)) };
  return reads === undefined ? lifted : { ...lifted, reads: (owner) => reads.includes(owner) };
}
