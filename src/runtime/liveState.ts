/** The state of a hosted actor as its interpreter works on it. */

import { invariant } from '../errors.ts';
import type { CompiledMachine, CompiledState, Configuration, TurnResult } from './compiledMachine.ts';
import type { ActorSnapshot } from './xstateInternals.ts';

/** An actor's state at some moment, to come back to: what is in it never changes. */
export interface StateMark {
  readonly snapshot: ActorSnapshot;
  readonly isCurrent: boolean;
  /** Null where XState runs every turn. */
  readonly configuration: Configuration | null;
  readonly context: unknown;
}

/**
 * An actor's state between two messages. Its snapshot is made when somebody asks for it: most messages are handled without.
 *
 * @example
 * ```ts
 * const adapted = adaptMachine(createMachine({ initial: 'idle', states: { idle: {} } }));
 * const { snapshot } = adapted.initial(undefined, createActorEnv('a'));
 * new LiveState(adapted.compiled, snapshot).snapshot === snapshot; // true
 * ```
 */
export class LiveState implements CompiledState {
  readonly #compiled: CompiledMachine | null;
  #snapshot: ActorSnapshot;
  #isCurrent = true;
  #configuration: Configuration | null;
  #context: unknown;

  constructor(compiled: CompiledMachine | null, snapshot: ActorSnapshot) {
    this.#compiled = compiled;
    this.#snapshot = snapshot;
    this.#configuration = this.#compiled?.configurationOf(snapshot) ?? null;
    this.#context = snapshot.context;
  }

  /** Whether the actor still handles messages; only XState ends one. */
  get isActive(): boolean {
    return this.#snapshot.status === 'active';
  }

  get context(): unknown {
    return this.#context;
  }

  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  get configuration(): Configuration {
    invariant(this.#configuration !== null, 'a compiled machine has a configuration');
    return this.#configuration;
  }

  get base(): ActorSnapshot {
    return this.#snapshot;
  }

  get snapshot(): ActorSnapshot {
    if (!this.#isCurrent && this.#compiled !== null) {
      this.#snapshot = this.#compiled.snapshotOf(this.#snapshot, this.configuration, this.#context);
      this.#isCurrent = true;
    }
    return this.#snapshot;
  }

  set snapshot(snapshot: ActorSnapshot) {
    this.#snapshot = snapshot;
    this.#isCurrent = true;
    this.#configuration = this.#compiled?.configurationOf(snapshot) ?? null;
    this.#context = snapshot.context;
  }

  /** The state as it is now; no snapshot is made for it. */
  mark(): StateMark {
    const [snapshot, isCurrent] = [this.#snapshot, this.#isCurrent];
    return { snapshot, isCurrent, configuration: this.#configuration, context: this.#context };
  }

  /** Goes to a state that this actor, or another of its machine, was in. */
  goTo({ snapshot, isCurrent, configuration, context }: StateMark): void {
    this.#snapshot = snapshot;
    this.#isCurrent = isCurrent;
    this.#configuration = configuration;
    this.#context = context;
  }

  /** Takes in what a compiled turn gave. */
  take({ configuration, context, changes }: TurnResult): void {
    if (changes === 0) return;
    this.#configuration = configuration;
    this.#context = context;
    this.#isCurrent = false;
  }
}
