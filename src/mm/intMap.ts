/**
 * The one ordered map that the memory structures are made of: a persistent radix trie, 32 ways a level, from
 * non-negative integers to values. A version never changes once it is made; `edit()` gives a private version that
 * copies a node the first time it writes to it, so a batch of writes costs no more copies than nodes touched.
 */
import { invariant } from '../errors.ts';

const BITS_PER_LEVEL = 5;
const WAYS = 1 << BITS_PER_LEVEL;

/** Keys stop here: a page number, a frame number or a byte address of Arm's widest 52-bit space always fits. */
const MAX_KEY = 2 ** 52;

/** 32 ** 10 is 2 ** 50, so eleven levels (heights 0 to 10) reach every key below MAX_KEY. */
const MAX_HEIGHT = 10;

/** Number of keys below one slot of a node at each height. */
const KEYS_PER_SLOT: readonly number[] = Array.from({ length: MAX_HEIGHT + 2 }, (_, height) => WAYS ** height);

/** JavaScript shifts work on 32 bits, so a key is cut at 30 bits: six whole levels. */
const LOW_KEYS = 2 ** 30;
const LOW_LEVELS = 6;

interface TrieNode<V> {
  /** The edit that may write to this node; any other must copy it first. */
  owner: object | null;
  /** Occupied slots. */
  count: number;
  /** Nodes below, by slot; empty at height 0. */
  children: (TrieNode<V> | undefined)[];
  /** Values by slot, at height 0; empty above. */
  values: (V | undefined)[];
}

const NO_SLOTS: never[] = [];

/** Copied for every new node: many times quicker than to build one. */
const EMPTY_SLOTS: readonly undefined[] = Array.from({ length: WAYS });

function newNode<V>(owner: object | null, height: number): TrieNode<V> {
  const isLeaf = height === 0;
  return {
    owner,
    count: 0,
    children: isLeaf ? NO_SLOTS : EMPTY_SLOTS.slice(),
    values: isLeaf ? EMPTY_SLOTS.slice() : NO_SLOTS,
  };
}

function slotOf(key: number, height: number): number {
  return height < LOW_LEVELS
    ? ((key & (LOW_KEYS - 1)) >>> (BITS_PER_LEVEL * height)) & (WAYS - 1)
    : (Math.floor(key / LOW_KEYS) >>> (BITS_PER_LEVEL * (height - LOW_LEVELS))) & (WAYS - 1);
}

function checkKey(key: number): void {
  invariant(Number.isSafeInteger(key) && key >= 0 && key < MAX_KEY, 'a key is an integer from 0 to 2^52 - 1');
}

/** Smallest key >= `from` below `node`, or -1. */
function keyAtOrAfter<V>(node: TrieNode<V>, height: number, base: number, from: number): number {
  const step = KEYS_PER_SLOT[height];
  const first = from <= base ? 0 : Math.floor((from - base) / step);
  if (height === 0) {
    const { values } = node;
    for (let slot = first; slot < WAYS; slot++) if (values[slot] !== undefined) return base + slot;
    return -1;
  }
  const { children } = node;
  for (let slot = first; slot < WAYS; slot++) {
    const child = children[slot];
    if (child === undefined) continue;
    const found = keyAtOrAfter(child, height - 1, base + slot * step, from);
    if (found >= 0) return found;
  }
  return -1;
}

/** Greatest key <= `upTo` below `node`, or -1. */
function keyAtOrBefore<V>(node: TrieNode<V>, height: number, base: number, upTo: number): number {
  if (upTo < base) return -1;
  const step = KEYS_PER_SLOT[height];
  const last = Math.min(WAYS - 1, Math.floor((upTo - base) / step));
  if (height === 0) {
    const { values } = node;
    for (let slot = last; slot >= 0; slot--) if (values[slot] !== undefined) return base + slot;
    return -1;
  }
  const { children } = node;
  for (let slot = last; slot >= 0; slot--) {
    const child = children[slot];
    if (child === undefined) continue;
    const found = keyAtOrBefore(child, height - 1, base + slot * step, upTo);
    if (found >= 0) return found;
  }
  return -1;
}

/** Calls `visit` for keys in [from, to); false once `visit` asked to stop. */
function visitRange<V>(
  node: TrieNode<V>,
  height: number,
  base: number,
  range: { from: number; to: number },
  visit: (key: number, value: V) => unknown,
): boolean {
  const step = KEYS_PER_SLOT[height];
  for (let slot = range.from <= base ? 0 : Math.floor((range.from - base) / step); slot < WAYS; slot++) {
    const key = base + slot * step;
    if (key >= range.to) return true;
    if (height === 0) {
      const value = node.values[slot];
      if (value !== undefined && visit(key, value) === false) return false;
      continue;
    }
    const child = node.children[slot];
    if (child !== undefined && !visitRange(child, height - 1, key, range, visit)) return false;
  }
  return true;
}

/** What can be asked of a map, sealed or in the middle of an edit. */
abstract class IntMapReader<V> {
  protected root: TrieNode<V>;
  protected height: number;
  protected count: number;

  constructor(root: TrieNode<V>, height: number, count: number) {
    this.root = root;
    this.height = height;
    this.count = count;
  }

  /** Number of keys. */
  get size(): number {
    return this.count;
  }

  /** The value of `key`, or undefined. */
  get(key: number): V | undefined {
    if (key < 0 || key >= KEYS_PER_SLOT[this.height + 1]) return undefined;
    let node = this.root;
    for (let height = this.height; height > 0; height--) {
      const child = node.children[slotOf(key, height)];
      if (child === undefined) return undefined;
      node = child;
    }
    return node.values[key & (WAYS - 1)];
  }

  has(key: number): boolean {
    return this.get(key) !== undefined;
  }

  /** The entry with the smallest key >= `from`, or null. */
  first(from = 0): { key: number; value: V } | null {
    const key = keyAtOrAfter(this.root, this.height, 0, from);
    const value = this.get(key);
    return value === undefined ? null : { key, value };
  }

  /** The entry with the greatest key <= `upTo`, or null. */
  last(upTo = MAX_KEY - 1): { key: number; value: V } | null {
    const key = keyAtOrBefore(this.root, this.height, 0, upTo);
    const value = this.get(key);
    return value === undefined ? null : { key, value };
  }

  /** The value of the smallest key >= `from`, or undefined. */
  valueAtOrAfter(from: number): V | undefined {
    const value = this.get(from);
    return value !== undefined ? value : this.get(keyAtOrAfter(this.root, this.height, 0, from));
  }

  /** The value of the greatest key <= `upTo`, or undefined. */
  valueAtOrBefore(upTo: number): V | undefined {
    const value = this.get(upTo);
    return value !== undefined ? value : this.get(keyAtOrBefore(this.root, this.height, 0, upTo));
  }

  /** Calls `visit` for every key in [from, to), ascending, until it returns false. The map must not be edited meanwhile. */
  forEach(from: number, to: number, visit: (key: number, value: V) => unknown): void {
    if (from < to) visitRange(this.root, this.height, 0, { from, to }, visit);
  }

  /** The entries with keys in [from, to), ascending. */
  *entries(from = 0, to = MAX_KEY): Generator<[number, V]> {
    for (let entry = this.first(from); entry !== null && entry.key < to; entry = this.first(entry.key + 1)) {
      yield [entry.key, entry.value];
    }
  }
}

/**
 * A persistent ordered map from integers (0 to 2^52 - 1) to values other than undefined. Reads and single writes cost
 * O(log n) and a write shares all but one path with the version it came from.
 *
 * @throws GranuleError INVARIANT for a key out of range or an undefined value
 * @example
 * ```ts
 * const one = IntMap.empty<string>().set(7, 'seven');
 * const two = one.set(9, 'nine');
 * one.size; // 1
 * two.first(8); // { key: 9, value: 'nine' }
 * ```
 */
export class IntMap<V> extends IntMapReader<V> {
  /** One value for all: what nobody has written to costs no memory. */
  static readonly #empty = new IntMap<never>(newNode<never>(null, 0), 0, 0);

  static empty<V>(): IntMap<V> {
    return IntMap.#empty;
  }

  /** The inverse of `toPlain`. */
  static fromPlain<V>(plain: { keys: readonly number[]; values: readonly V[] }): IntMap<V> {
    invariant(plain.keys.length === plain.values.length, 'every key of a plain map has its value');
    const edit = IntMap.empty<V>().edit();
    plain.keys.forEach((key, index) => edit.set(key, plain.values[index]));
    return edit.done();
  }

  set(key: number, value: V): IntMap<V> {
    return this.edit().set(key, value).done();
  }

  delete(key: number): IntMap<V> {
    if (!this.has(key)) return this;
    const edit = this.edit();
    edit.delete(key);
    return edit.done();
  }

  /** A private version to write to; this one stays as it is. */
  edit(): IntMapEdit<V> {
    return new IntMapEdit<V>(this.root, this.height, this.count);
  }

  /** Keys ascending, and their values. */
  toPlain(): { keys: number[]; values: V[] } {
    const plain: { keys: number[]; values: V[] } = { keys: [], values: [] };
    this.forEach(0, MAX_KEY, (key, value) => {
      plain.keys.push(key);
      plain.values.push(value);
    });
    return plain;
  }
}

/**
 * A private version of an IntMap. `done()` seals it; writing after that is a fault.
 *
 * @throws GranuleError INVARIANT on a write after `done()`
 * @example
 * ```ts
 * const edit = IntMap.empty<number>().edit();
 * for (let key = 0; key < 100; key++) edit.set(key, key * key);
 * edit.done().get(9); // 81
 * ```
 */
export class IntMapEdit<V> extends IntMapReader<V> {
  private owner: object | null = {};

  set(key: number, value: V): this {
    checkKey(key);
    invariant(value !== undefined, 'undefined stands for "no value" and cannot be stored');
    while (key >= KEYS_PER_SLOT[this.height + 1]) this.grow();
    let node = this.owned(this.root);
    this.root = node;
    for (let height = this.height; height > 0; height--) {
      const slot = slotOf(key, height);
      const child = node.children[slot];
      if (child === undefined) node.count++;
      const next = child === undefined ? newNode<V>(this.owner, height - 1) : this.owned(child);
      node.children[slot] = next;
      node = next;
    }
    const slot = key & (WAYS - 1);
    if (node.values[slot] === undefined) {
      node.count++;
      this.count++;
    }
    node.values[slot] = value;
    return this;
  }

  /** False when there was nothing to delete. */
  delete(key: number): boolean {
    checkKey(key);
    if (!this.has(key)) return false;
    this.root = this.without(this.root, this.height, key);
    this.count--;
    if (this.count === 0) {
      this.root = newNode<V>(this.owner, 0);
      this.height = 0;
    }
    while (this.height > 0 && this.root.count === 1 && this.root.children[0] !== undefined) {
      this.root = this.root.children[0];
      this.height--;
    }
    return true;
  }

  done(): IntMap<V> {
    invariant(this.owner !== null, 'an edit is sealed once');
    this.owner = null;
    return new IntMap<V>(this.root, this.height, this.count);
  }

  private owned(node: TrieNode<V>): TrieNode<V> {
    invariant(this.owner !== null, 'nothing is written after done()');
    if (node.owner === this.owner) return node;
    const { count, children, values } = node;
    const isLeaf = children.length === 0;
    return {
      owner: this.owner,
      count,
      children: isLeaf ? NO_SLOTS : children.slice(),
      values: isLeaf ? values.slice() : NO_SLOTS,
    };
  }

  private grow(): void {
    const root = newNode<V>(this.owner, this.height + 1);
    if (this.root.count > 0) {
      root.children[0] = this.root;
      root.count = 1;
    }
    this.root = root;
    this.height++;
  }

  /** `node` without `key`, which it holds. */
  private without(shared: TrieNode<V>, height: number, key: number): TrieNode<V> {
    const node = this.owned(shared);
    const slot = slotOf(key, height);
    if (height === 0) {
      node.values[slot] = undefined;
      node.count--;
      return node;
    }
    const child = node.children[slot];
    const left = child === undefined ? undefined : this.without(child, height - 1, key);
    const isKept = left !== undefined && left.count > 0;
    node.children[slot] = isKept ? left : undefined;
    if (!isKept) node.count--;
    return node;
  }
}
