/**
 * Looking at states: whatever is looked at twice is looked at once. A look asks for the states of some actors, one after the other,
 * and which it asks for next follows from those before; so what it has found is kept in a tree of what it asked for.
 */
import type { LawSight } from '../../topology/lawSight.ts';
import type { LocalState, LocalStates } from './localStates.ts';

/** Nodes of a tree at most: a look that reads every actor finds few states twice, and then remembering costs more than it saves. */
const NODES_MAX = 2_000_000;

/** Reads the states of actors, and says something of them. */
export type Look<T> = (sight: LawSight) => T;

/** Where a look asked for the state of an actor: what it did with each answer. */
interface Question<T> {
  readonly actor: number;
  readonly answers: Map<LocalState, Question<T> | Found<T>>;
}

interface Found<T> {
  readonly found: T;
}

function isFound<T>(node: Question<T> | Found<T>): node is Found<T> {
  return 'found' in node;
}

/**
 * A look that remembers.
 *
 * @example
 * ```ts
 * const lamp = createMachine({ initial: 'off', states: { off: {} } });
 * const locals = new LocalStates(hostActors([{ id: 'lamp', machine: lamp }]).actors, nothingIgnored);
 * const look = new Remembered(locals, (sight) => sight.snapshot('lamp').value);
 * look.at(locals.initial()); // 'off'
 * look.at(locals.initial()); // 'off'
 * look.looked; // 1
 * ```
 */
export class Remembered<T> {
  readonly #locals: LocalStates;
  readonly #look: Look<T>;
  #root: Question<T> | Found<T> | null = null;
  #nodes = 0;
  /** How often it was really looked. */
  looked = 0;

  constructor(locals: LocalStates, look: Look<T>) {
    this.#locals = locals;
    this.#look = look;
  }

  /** What is to be seen in a state. */
  at(states: readonly LocalState[]): T {
    let node: Question<T> | Found<T> | null | undefined = this.#root;
    while (node !== null && node !== undefined) {
      if (isFound(node)) return node.found;
      node = node.answers.get(states[node.actor]);
    }
    return this.#lookAt(states);
  }

  #lookAt(states: readonly LocalState[]): T {
    const asked: number[] = [];
    const found = this.#look(this.#sightOf(states, asked));
    this.looked++;
    if (this.#nodes > NODES_MAX) {
      this.#root = null;
      this.#nodes = 0;
    }
    this.#nodes += asked.length;
    this.#remember(states, asked, { found });
    return found;
  }

  #sightOf(states: readonly LocalState[], asked: number[]): LawSight {
    const locals = this.#locals;
    return {
      actors: locals.ids,
      snapshot: (id) => {
        const index = locals.placeOf(id);
        if (!asked.includes(index)) asked.push(index);
        return locals.snapshotOf(states[index]);
      },
    };
  }

  #remember(states: readonly LocalState[], asked: readonly number[], found: Found<T>): void {
    const [first] = asked;
    if (first === undefined) {
      this.#root = found;
      return;
    }
    if (this.#root === null || isFound(this.#root)) this.#root = { actor: first, answers: new Map() };
    let node: Question<T> = this.#root;
    for (let at = 0; at < asked.length; at++) {
      const answer = states[node.actor];
      if (at === asked.length - 1) {
        node.answers.set(answer, found);
        return;
      }
      let next = node.answers.get(answer);
      if (next === undefined || isFound(next)) {
        next = { actor: asked[at + 1], answers: new Map() };
        node.answers.set(answer, next);
      }
      node = next;
    }
  }
}
