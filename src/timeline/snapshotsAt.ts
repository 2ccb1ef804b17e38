/** The snapshots of all actors at one moment, each made when it is asked for: of many actors most are never looked at. */
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';

/** What knows the actors there are. */
export interface ActorList {
  readonly actors: readonly string[];
  has(actor: string): boolean;
}

/**
 * A map from every actor to its snapshot that makes an entry when it is read.
 *
 * @example
 * ```ts
 * const known = { actors: ['zone'], has: (actor: string) => actor === 'zone' };
 * new SnapshotsAt(known, () => null).has('zone'); // true
 * ```
 */
export class SnapshotsAt implements ReadonlyMap<string, ActorSnapshot> {
  readonly #list: ActorList;
  readonly #make: (actor: string) => ActorSnapshot;

  constructor(list: ActorList, make: (actor: string) => ActorSnapshot) {
    this.#list = list;
    this.#make = make;
  }

  get size(): number {
    return this.#list.actors.length;
  }

  has(actor: string): boolean {
    return this.#list.has(actor);
  }

  get(actor: string): ActorSnapshot | undefined {
    return this.#list.has(actor) ? this.#make(actor) : undefined;
  }

  keys(): MapIterator<string> {
    return this.#list.actors.values();
  }

  *values(): MapIterator<ActorSnapshot> {
    for (const actor of this.#list.actors) yield this.#make(actor);
  }

  *entries(): MapIterator<[string, ActorSnapshot]> {
    for (const actor of this.#list.actors) yield [actor, this.#make(actor)];
  }

  [Symbol.iterator](): MapIterator<[string, ActorSnapshot]> {
    return this.entries();
  }

  forEach(work: (snapshot: ActorSnapshot, actor: string, map: ReadonlyMap<string, ActorSnapshot>) => void): void {
    for (const [actor, snapshot] of this) work(snapshot, actor, this);
  }
}
