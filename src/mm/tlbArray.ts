/**
 * One set-associative array of translations with true LRU replacement: an L1 or L2 TLB, or a walk cache.
 *
 * Persistent with transients: `edit()` gives a version that shares all chunks and copies one only when it first writes
 * to it, so a version that somebody kept never changes.
 */
import { invariant } from '../errors.ts';

/** The translation may be used for loads. */
export const MAY_READ = 1;
/** The translation may be used for stores: writable, and its dirty bit is already set in the table. */
export const MAY_WRITE = 2;
/** The translation may be used for fetches. */
export const MAY_FETCH = 4;

/** An order is kept in bytes, so a set has at most 256 ways. The largest known is 192 (Apple M1, L1I). */
export const WAYS_MAX = 256;
/** Entries in a copied chunk: small enough that a miss copies little, large enough that few chunks are listed. */
const CHUNK_ENTRIES = 96;

/** The sets that are copied together. `order` lists each set's slots, the most recently used first. */
export interface TlbChunk {
  owner: object;
  keys: Float64Array;
  frames: Float64Array;
  rights: Uint8Array;
  order: Uint8Array;
  used: Uint16Array;
}

/** A TLB array as plain data: the sets that hold anything, most recently used first, as [key, frame, rights] triples. */
export type TlbArrayPlain = { entries: number; ways: number; sets: [number, number[]][] };

function copyOf(chunk: TlbChunk, owner: object): TlbChunk {
  return {
    owner,
    keys: chunk.keys.slice(),
    frames: chunk.frames.slice(),
    rights: chunk.rights.slice(),
    order: chunk.order.slice(),
    used: chunk.used.slice(),
  };
}

/**
 * A set-associative array with true LRU in every set; fully associative when `ways` equals `entries`.
 *
 * @example
 * ```ts
 * const array = TlbArray.empty(4, 4);
 * array.insert(7, 0, 700, MAY_READ);
 * array.find(7, 0) >= 0; // true
 * array.find(8, 0) >= 0; // false
 * ```
 */
export class TlbArray {
  readonly entries: number;
  readonly ways: number;
  readonly sets: number;
  private readonly setsPerChunk: number;
  private chunks: TlbChunk[];
  private owner: object;

  private constructor(entries: number, ways: number, chunks: TlbChunk[], owner: object) {
    this.entries = entries;
    this.ways = ways;
    this.sets = entries / ways;
    this.setsPerChunk = Math.max(1, Math.floor(CHUNK_ENTRIES / ways));
    this.chunks = chunks;
    this.owner = owner;
  }

  /** An array that holds nothing. `entries` is a multiple of `ways`. */
  static empty(entries: number, ways: number): TlbArray {
    invariant(ways > 0 && ways <= WAYS_MAX, `ways are 1 to ${WAYS_MAX}, not ${ways}`);
    invariant(entries > 0 && entries % ways === 0, `${entries} entries fill sets of ${ways} ways`);
    const owner = {};
    const array = new TlbArray(entries, ways, [], owner);
    for (let set = 0; set < array.sets; set += array.setsPerChunk) {
      const sets = Math.min(array.setsPerChunk, array.sets - set);
      const order = new Uint8Array(sets * ways);
      for (let at = 0; at < order.length; at++) order[at] = at % ways;
      array.chunks.push({
        owner,
        keys: new Float64Array(sets * ways),
        frames: new Float64Array(sets * ways),
        rights: new Uint8Array(sets * ways),
        order,
        used: new Uint16Array(sets),
      });
    }
    return array;
  }

  /** A version of its own: what is written to it does not show in this one. */
  edit(): TlbArray {
    const version = new TlbArray(this.entries, this.ways, this.chunks.slice(), {});
    // This version may still be kept by somebody: from now on it, too, copies before it writes.
    this.owner = {};
    return version;
  }

  /** The chunk of a set, private to this version. Its `setBase` is `slotBase(set)`. */
  writable(set: number): TlbChunk {
    const at = Math.floor(set / this.setsPerChunk);
    let chunk = this.chunks[at] as TlbChunk;
    if (chunk.owner !== this.owner) {
      chunk = copyOf(chunk, this.owner);
      this.chunks[at] = chunk;
    }
    return chunk;
  }

  private slotBase(set: number): number {
    return (set % this.setsPerChunk) * this.ways;
  }

  /**
   * Looks a key up and makes it the most recently used of its set.
   * @returns the slot in the chunk of the set, or -1
   */
  find(key: number, set: number): number {
    const base = this.slotBase(set);
    const read = this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk;
    const used = read.used[set % this.setsPerChunk] as number;
    for (let place = 0; place < used; place++) {
      const slot = base + (read.order[base + place] as number);
      if (read.keys[slot] !== key) continue;
      if (place > 0) {
        const order = this.writable(set).order;
        const way = order[base + place] as number;
        order.copyWithin(base + 1, base, base + place);
        order[base] = way;
      }
      return slot;
    }
    return -1;
  }

  /** Whether a key is there; the order stays as it is. */
  has(key: number, set: number): boolean {
    const base = this.slotBase(set);
    const chunk = this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk;
    const used = chunk.used[set % this.setsPerChunk] as number;
    for (let place = 0; place < used; place++) {
      if (chunk.keys[base + (chunk.order[base + place] as number)] === key) return true;
    }
    return false;
  }

  /** The frame in a slot that `find` gave. */
  frame(slot: number, set: number): number {
    return (this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk).frames[slot] as number;
  }

  /** The rights in a slot that `find` gave. */
  rights(slot: number, set: number): number {
    return (this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk).rights[slot] as number;
  }

  /** Puts a translation in as the most recently used, over the least recently used where the set is full. */
  insert(key: number, set: number, frame: number, rights: number): void {
    const chunk = this.writable(set);
    const base = this.slotBase(set);
    const inChunk = set % this.setsPerChunk;
    const used = chunk.used[inChunk] as number;
    const place = used < this.ways ? used : this.ways - 1;
    if (used < this.ways) chunk.used[inChunk] = used + 1;
    const way = chunk.order[base + place] as number;
    chunk.order.copyWithin(base + 1, base, base + place);
    chunk.order[base] = way;
    chunk.keys[base + way] = key;
    chunk.frames[base + way] = frame;
    chunk.rights[base + way] = rights;
  }

  /** Changes frame and rights of a key that is there, without touching the order; false where it is not. */
  update(key: number, set: number, frame: number, rights: number): boolean {
    if (!this.has(key, set)) return false;
    const chunk = this.writable(set);
    const base = this.slotBase(set);
    const used = chunk.used[set % this.setsPerChunk] as number;
    for (let place = 0; place < used; place++) {
      const slot = base + (chunk.order[base + place] as number);
      if (chunk.keys[slot] !== key) continue;
      chunk.frames[slot] = frame;
      chunk.rights[slot] = rights;
    }
    return true;
  }

  /** Removes a key; true where it was there. */
  remove(key: number, set: number): boolean {
    if (!this.has(key, set)) return false;
    return this.removeWhere(set, (held) => held === key) > 0;
  }

  /** Removes every key that `matches`, in all sets; returns how many. */
  removeAll(matches: (key: number) => boolean): number {
    let removed = 0;
    for (let set = 0; set < this.sets; set++) {
      const chunk = this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk;
      if ((chunk.used[set % this.setsPerChunk] as number) > 0) removed += this.removeWhere(set, matches);
    }
    return removed;
  }

  private removeWhere(set: number, matches: (key: number) => boolean): number {
    const base = this.slotBase(set);
    const inChunk = set % this.setsPerChunk;
    const read = this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk;
    const used = read.used[inChunk] as number;
    const kept: number[] = [];
    const free: number[] = [];
    for (let place = 0; place < this.ways; place++) {
      const way = read.order[base + place] as number;
      if (place < used && !matches(read.keys[base + way] as number)) kept.push(way);
      else free.push(way);
    }
    if (kept.length === used) return 0;
    const chunk = this.writable(set);
    // Freed ways go behind the kept ones in way order, so that the order is a function of the contents alone.
    free.sort((a, b) => a - b);
    for (const [place, way] of [...kept, ...free].entries()) chunk.order[base + place] = way;
    for (const way of free) {
      chunk.keys[base + way] = 0;
      chunk.frames[base + way] = 0;
      chunk.rights[base + way] = 0;
    }
    chunk.used[inChunk] = kept.length;
    return used - kept.length;
  }

  /** Translations held. */
  get count(): number {
    let count = 0;
    for (const chunk of this.chunks) for (const used of chunk.used) count += used;
    return count;
  }

  /** Calls back for every translation, set by set, the most recently used first. */
  forEach(visit: (key: number, frame: number, rights: number, set: number) => void): void {
    for (let set = 0; set < this.sets; set++) {
      const chunk = this.chunks[Math.floor(set / this.setsPerChunk)] as TlbChunk;
      const base = this.slotBase(set);
      const used = chunk.used[set % this.setsPerChunk] as number;
      for (let place = 0; place < used; place++) {
        const slot = base + (chunk.order[base + place] as number);
        visit(chunk.keys[slot] as number, chunk.frames[slot] as number, chunk.rights[slot] as number, set);
      }
    }
  }

  /** Plain data: the contents and their order, which is all that behaviour depends on. */
  toPlain(): TlbArrayPlain {
    const sets: [number, number[]][] = [];
    this.forEach((key, frame, rights, set) => {
      const last = sets.at(-1);
      if (last?.[0] === set) last[1].push(key, frame, rights);
      else sets.push([set, [key, frame, rights]]);
    });
    return { entries: this.entries, ways: this.ways, sets };
  }

  /** The array that `toPlain` described. */
  static fromPlain(plain: TlbArrayPlain): TlbArray {
    const array = TlbArray.empty(plain.entries, plain.ways);
    for (const [set, triples] of plain.sets) {
      for (let at = triples.length - 3; at >= 0; at -= 3) {
        array.insert(triples[at] as number, set, triples[at + 1] as number, triples[at + 2] as number);
      }
    }
    return array;
  }
}
