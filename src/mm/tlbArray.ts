/**
 * One set-associative array of translations with true LRU replacement: an L1 or L2 TLB, or a walk cache.
 *
 * Every use stamps its entry with a clock of the array; the least stamp of a set is its least recently used entry. So a hit
 * writes one number, and only a replacement looks for the victim.
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

/** Ways at most: the largest known fully associative array has 192 entries (Apple M1, L1I). */
export const WAYS_MAX = 256;
/** Entries in a copied chunk: small enough that a miss copies little, large enough that few chunks are listed. */
const CHUNK_ENTRIES = 48;
/** Places of the memory of where a key was last found; a power of two, a few times the entries of an L1. */
const HINTS = 256;
/** The key of an entry that holds nothing: it equals no key. */
const NO_KEY = Number.NaN;

/** Numbers of an entry, and where each is: key, frame, rights, and the stamp of its last use (0: it holds nothing). */
const ENTRY_NUMBERS = 4;
const FRAME = 1;
const RIGHTS = 2;
const STAMP = 3;

/**
 * The sets that are copied together, one array for all their entries. A plain array of doubles: its copy is one allocation
 * on the heap, where a typed array of this size would be one outside of it that the collector has to track.
 */
interface TlbChunk {
  owner: object;
  entries: number[];
}

/** A TLB array as plain data: the sets that hold anything, most recently used first, as [key, frame, rights] triples. */
export type TlbArrayPlain = { entries: number; ways: number; sets: [number, number[]][] };

function emptyChunk(count: number, owner: object): TlbChunk {
  const entries: number[] = [];
  for (let at = 0; at < count; at++) entries.push(NO_KEY, 0, 0, 0);
  return { owner, entries };
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
  private readonly chunks: TlbChunk[];
  /** Where a key was found last: only a hint, never part of the state. Kept where all sets lie in one chunk. */
  private readonly hints: Uint8Array | null;
  private owner: object;
  private clock: number;

  private constructor(
    entries: number,
    ways: number,
    chunks: TlbChunk[],
    owner: object,
    clock: number,
    hints: Uint8Array | null,
  ) {
    this.entries = entries;
    this.ways = ways;
    this.sets = entries / ways;
    this.setsPerChunk = Math.max(1, Math.floor(CHUNK_ENTRIES / ways));
    this.chunks = chunks;
    this.owner = owner;
    this.clock = clock;
    this.hints = hints;
  }

  /** An array that holds nothing. `entries` is a multiple of `ways`. */
  static empty(entries: number, ways: number): TlbArray {
    invariant(ways > 0 && ways <= WAYS_MAX, `ways are 1 to ${WAYS_MAX}, not ${ways}`);
    invariant(entries > 0 && entries % ways === 0, `${entries} entries fill sets of ${ways} ways`);
    const owner = {};
    const sets = entries / ways;
    const setsPerChunk = Math.max(1, Math.floor(CHUNK_ENTRIES / ways));
    const chunks: TlbChunk[] = [];
    for (let set = 0; set < sets; set += setsPerChunk) {
      chunks.push(emptyChunk(Math.min(setsPerChunk, sets - set) * ways, owner));
    }
    return new TlbArray(entries, ways, chunks, owner, 0, chunks.length === 1 ? new Uint8Array(HINTS) : null);
  }

  /** A version of its own: what is written to it does not show in this one. */
  edit(): TlbArray {
    // This version may be kept by somebody: from now on it, too, copies before it writes. A wrong hint only costs a scan.
    this.owner = {};
    return new TlbArray(this.entries, this.ways, this.chunks.slice(), {}, this.clock, this.hints);
  }

  private chunkOf(set: number): TlbChunk {
    return this.chunks[this.hints === null ? Math.floor(set / this.setsPerChunk) : 0];
  }

  /** The entries of a set's chunk, private to this version. */
  private writable(set: number): number[] {
    const chunk = this.chunkOf(set);
    if (chunk.owner === this.owner) return chunk.entries;
    const owned = { owner: this.owner, entries: chunk.entries.slice() };
    this.chunks[this.hints === null ? Math.floor(set / this.setsPerChunk) : 0] = owned;
    return owned.entries;
  }

  /** Where a set begins in its chunk. */
  private baseOf(set: number): number {
    return (set % this.setsPerChunk) * this.ways * ENTRY_NUMBERS;
  }

  /** The place of a key's entry in the chunk of its set, -1 where it is not. */
  private placeOf(key: number, set: number): number {
    const { entries } = this.chunkOf(set);
    if (this.hints !== null) {
      const hinted = this.hints[key & (HINTS - 1)] * ENTRY_NUMBERS;
      if (entries[hinted] === key) return hinted;
    }
    const base = this.baseOf(set);
    for (let place = base; place < base + this.ways * ENTRY_NUMBERS; place += ENTRY_NUMBERS) {
      if (entries[place] !== key) continue;
      if (this.hints !== null) this.hints[key & (HINTS - 1)] = place / ENTRY_NUMBERS;
      return place;
    }
    return -1;
  }

  /**
   * Looks a key up and makes it the most recently used of its set.
   *
   * @returns a place for `frame` and `rights`, or -1
   */
  find(key: number, set: number): number {
    const place = this.placeOf(key, set);
    if (place >= 0) this.writable(set)[place + STAMP] = ++this.clock;
    return place;
  }

  /** Whether a key is there; the order stays as it is. */
  has(key: number, set: number): boolean {
    return this.placeOf(key, set) >= 0;
  }

  /** The frame at a place that `find` gave. */
  frame(place: number, set: number): number {
    return this.chunkOf(set).entries[place + FRAME];
  }

  /** The rights at a place that `find` gave. */
  rights(place: number, set: number): number {
    return this.chunkOf(set).entries[place + RIGHTS];
  }

  /** Puts a translation in as the most recently used, over the least recently used where the set is full. */
  insert(key: number, set: number, frame: number, rights: number): void {
    const entries = this.writable(set);
    const base = this.baseOf(set);
    let victim = base;
    for (let place = base; place < base + this.ways * ENTRY_NUMBERS; place += ENTRY_NUMBERS) {
      if (entries[place + STAMP] < entries[victim + STAMP]) victim = place;
    }
    entries[victim] = key;
    entries[victim + FRAME] = frame;
    entries[victim + RIGHTS] = rights;
    entries[victim + STAMP] = ++this.clock;
    if (this.hints !== null) this.hints[key & (HINTS - 1)] = victim / ENTRY_NUMBERS;
  }

  /** Changes frame and rights of a key that is there, without touching the order; false where it is not. */
  update(key: number, set: number, frame: number, rights: number): boolean {
    const place = this.placeOf(key, set);
    if (place < 0) return false;
    const { entries } = this.chunkOf(set);
    if (entries[place + FRAME] === frame && entries[place + RIGHTS] === rights) return true;
    const owned = this.writable(set);
    owned[place + FRAME] = frame;
    owned[place + RIGHTS] = rights;
    return true;
  }

  private clear(set: number, place: number): void {
    const entries = this.writable(set);
    entries.fill(0, place, place + ENTRY_NUMBERS);
    entries[place] = NO_KEY;
  }

  /** Removes a key; true where it was there. */
  remove(key: number, set: number): boolean {
    const place = this.placeOf(key, set);
    if (place >= 0) this.clear(set, place);
    return place >= 0;
  }

  /** Removes every key that `matches`, in all sets; returns how many. */
  removeAll(matches: (key: number) => boolean): number {
    let removed = 0;
    for (let set = 0; set < this.sets; set++) {
      const base = this.baseOf(set);
      for (let place = base; place < base + this.ways * ENTRY_NUMBERS; place += ENTRY_NUMBERS) {
        const { entries } = this.chunkOf(set);
        if (entries[place + STAMP] === 0 || !matches(entries[place])) continue;
        this.clear(set, place);
        removed++;
      }
    }
    return removed;
  }

  /** Translations held. */
  get count(): number {
    let count = 0;
    this.forEach(() => {
      count++;
    });
    return count;
  }

  /** Calls back for every translation, in no order that means anything: cheaper than `forEach`. */
  forEachUnordered(visit: (key: number, frame: number, rights: number) => void): void {
    for (const { entries } of this.chunks) {
      for (let place = 0; place < entries.length; place += ENTRY_NUMBERS) {
        if (entries[place + STAMP] > 0) visit(entries[place], entries[place + FRAME], entries[place + RIGHTS]);
      }
    }
  }

  /** Calls back for every translation, set by set, the most recently used first. */
  forEach(visit: (key: number, frame: number, rights: number, set: number) => void): void {
    for (let set = 0; set < this.sets; set++) {
      const { entries } = this.chunkOf(set);
      const base = this.baseOf(set);
      const places: number[] = [];
      for (let place = base; place < base + this.ways * ENTRY_NUMBERS; place += ENTRY_NUMBERS) {
        if (entries[place + STAMP] > 0) places.push(place);
      }
      places.sort((a, b) => entries[b + STAMP] - entries[a + STAMP]);
      for (const place of places) visit(entries[place], entries[place + FRAME], entries[place + RIGHTS], set);
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
      for (let at = triples.length - 3; at >= 0; at -= 3)
        array.insert(triples[at], set, triples[at + 1], triples[at + 2]);
    }
    return array;
  }
}
