/** A persistent map from paths, which a radix trie of their hashes carries. */
import { IntMap } from './intMap.ts';

type Bucket<V> = readonly (readonly [string, V])[];

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a, 32 bits. */
function hashOf(path: string): number {
  let hash = OFFSET_BASIS;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ path.charCodeAt(at), PRIME);
  return hash >>> 0;
}

/**
 * A persistent map from strings to values other than undefined. Paths whose hashes collide share a short list.
 *
 * @example
 * ```ts
 * const map = PathMap.empty<number>().with('/bin/true', 7);
 * map.get('/bin/true'); // 7
 * map.without('/bin/true').get('/bin/true'); // undefined
 * ```
 */
export class PathMap<V> {
  readonly #buckets: IntMap<Bucket<V>>;

  constructor(buckets: IntMap<Bucket<V>>) {
    this.#buckets = buckets;
  }

  static empty<V>(): PathMap<V> {
    return new PathMap<V>(IntMap.empty());
  }

  get(path: string): V | undefined {
    return this.#buckets.get(hashOf(path))?.find(([known]) => known === path)?.[1];
  }

  /** The map with another value of a path. */
  with(path: string, value: V): PathMap<V> {
    const hash = hashOf(path);
    return new PathMap(this.#buckets.set(hash, [...this.#others(hash, path), [path, value]]));
  }

  /** The map without a path. */
  without(path: string): PathMap<V> {
    const hash = hashOf(path);
    const others = this.#others(hash, path);
    return new PathMap(others.length === 0 ? this.#buckets.delete(hash) : this.#buckets.set(hash, others));
  }

  #others(hash: number, path: string): Bucket<V> {
    return this.#buckets.get(hash)?.filter(([known]) => known !== path) ?? [];
  }
}
