/**
 * One set-associative array of translations with true LRU replacement: an L1 or L2 TLB, or a walk cache.
 *
 * Every use stamps its entry with a clock of the array; the least stamp of a set is its least recently used entry. So a hit
 * writes one number, and only a replacement looks for the victim.
 *
 * An array is written in place. What an entry held before its first write in an epoch of the journal goes to the journal, from
 * which the versions before are made.
 */
import { invariant } from '../errors.ts';
import { TlbJournal } from './tlbJournal.ts';
import { NO_KEY, TlbMemory } from './tlbMemory.ts';

/** The translation may be used for loads. */
export const MAY_READ = 1;
/** The translation may be used for stores: writable, and its dirty bit is already set in the table. */
export const MAY_WRITE = 2;
/** The translation may be used for fetches. */
export const MAY_FETCH = 4;

/** Ways at most: the largest known fully associative array has 192 entries (Apple M1, L1I). */
export const WAYS_MAX = 256;
/** From so many ways on, a set is not searched before its index says that the key can be there. */
const INDEXED_WAYS = 16;
/** log2 of the places of the index of a fully associative array: several times the entries of any. */
const INDEX_BITS = 10;
/** Fibonacci hashing (Knuth, TAOCP 3, 6.4): pages that lie at even distances spread over all places. */
const GOLDEN = 0x9e3779b1;

/** A TLB array as plain data: the sets that hold anything, most recently used first, as [key, frame, rights] triples. */
export type TlbArrayPlain = { entries: number; ways: number; sets: [number, number[]][] };

/** Where a key is looked up in the index. Keys reach beyond 32 bits; their low bits tell pages apart. */
function hashOf(key: number): number {
  return Math.imul(key | 0, GOLDEN) >>> (32 - INDEX_BITS);
}

/**
 * A set-associative array with true LRU in every set; fully associative when `ways` equals `entries`.
 *
 * @example
 * ```ts
 * const array = new TlbArray(4, 4);
 * array.insert(7, 0, 700, MAY_READ);
 * array.find(7, 0) >= 0; // true
 * array.find(8, 0) >= 0; // false
 * ```
 */
export class TlbArray {
  readonly entries: number;
  readonly ways: number;
  readonly sets: number;
  /** The bits of a page number that choose its set; -1 where the sets are no power of two. */
  private readonly setMask: number;
  /** The place of its first entry among all entries of the TLB. */
  readonly base: number;
  readonly keys: Float64Array;
  readonly stamps: Float64Array;
  private readonly frames: Float64Array;
  private readonly allowed: Uint8Array;
  /** The mark of the journal under which each entry was noted last. */
  private readonly saved: Uint32Array;
  /** For a fully associative array: how many keys have each hash, and the entry that one of them was last seen at. */
  private readonly counts: Uint8Array | null;
  private readonly hints: Uint8Array | null;
  private readonly journal: TlbJournal;
  /** The stamp of the newest use. */
  clock = 0;

  /** An array that holds nothing. `entries` is a multiple of `ways`. */
  constructor(
    entries: number,
    ways: number,
    journal: TlbJournal = new TlbJournal(),
    base = 0,
    memory: TlbMemory = new TlbMemory(base + entries),
  ) {
    invariant(ways > 0 && ways <= WAYS_MAX, `ways are 1 to ${WAYS_MAX}, not ${ways}`);
    invariant(entries > 0 && entries % ways === 0, `${entries} entries fill sets of ${ways} ways`);
    this.entries = entries;
    this.ways = ways;
    this.sets = entries / ways;
    this.setMask = (this.sets & (this.sets - 1)) === 0 ? this.sets - 1 : -1;
    this.base = base;
    ({
      keys: this.keys,
      frames: this.frames,
      stamps: this.stamps,
      allowed: this.allowed,
      saved: this.saved,
    } = memory.part(base, base + entries));
    const isIndexed = ways === entries && ways >= INDEXED_WAYS;
    this.counts = isIndexed ? new Uint8Array(2 ** INDEX_BITS) : null;
    this.hints = isIndexed ? new Uint8Array(2 ** INDEX_BITS) : null;
    this.journal = journal;
  }

  /** The set of a page, by its number: the low bits, in all cores that are known. */
  setOf(page: number): number {
    // `&` takes the low 32 bits of any integer, and costs a tenth of `%`.
    return this.setMask >= 0 ? page & this.setMask : page % this.sets;
  }

  /** Takes over what another array of the same shape holds. */
  copyFrom(other: TlbArray): void {
    this.keys.set(other.keys);
    this.frames.set(other.frames);
    this.allowed.set(other.allowed);
    this.stamps.set(other.stamps);
    if (this.counts !== null && other.counts !== null) this.counts.set(other.counts);
    this.clock = other.clock;
  }

  /** Puts an entry back as the journal noted it. */
  restore(entry: number, key: number, frame: number, rights: number, stamp: number): void {
    this.replace(entry, key);
    this.frames[entry] = frame;
    this.allowed[entry] = rights;
    this.stamps[entry] = stamp;
  }

  /** Notes an entry in the journal before the first write to it. */
  private save(entry: number): void {
    const { journal, saved } = this;
    const whole = journal.mark + 1;
    if (saved[entry] >= whole) return;
    saved[entry] = whole;
    journal.noteEntry(this.base + entry, this.keys[entry], this.frames[entry], this.allowed[entry], this.stamps[entry]);
  }

  /** Writes a key over another, in the index too. */
  private replace(entry: number, key: number): void {
    const { counts, hints, keys } = this;
    if (counts !== null && hints !== null) {
      const before = keys[entry];
      // Only NaN, the key of an empty entry, differs from itself.
      if (before === before) counts[hashOf(before)]--;
      if (key === key) {
        const hash = hashOf(key);
        counts[hash]++;
        hints[hash] = entry;
      }
    }
    keys[entry] = key;
  }

  /** The entry that holds a key, -1 where none does; the order stays as it is. */
  entryOf(key: number, set: number): number {
    const { counts, hints, keys } = this;
    if (counts !== null && hints !== null) {
      const hash = hashOf(key);
      if (counts[hash] === 0) return -1;
      if (keys[hints[hash]] === key) return hints[hash];
      for (let entry = 0; entry < keys.length; entry++) {
        if (keys[entry] !== key) continue;
        hints[hash] = entry;
        return entry;
      }
      return -1;
    }
    const first = set * this.ways;
    const end = first + this.ways;
    for (let entry = first; entry < end; entry++) if (keys[entry] === key) return entry;
    return -1;
  }

  /**
   * Looks a key up and makes it the most recently used of its set.
   *
   * @returns the entry, for `frame` and `rights`, or -1
   */
  find(key: number, set: number): number {
    const entry = this.entryOf(key, set);
    if (entry >= 0) this.stamp(entry, ++this.clock);
    return entry;
  }

  /** Makes an entry used at a moment of the array's clock. */
  stamp(entry: number, clock: number): void {
    const { journal, saved, stamps } = this;
    if (saved[entry] < journal.mark) {
      saved[entry] = journal.mark;
      journal.noteStamp(this.base + entry, stamps[entry]);
    }
    stamps[entry] = clock;
  }

  /** Whether a key is there; the order stays as it is. */
  has(key: number, set: number): boolean {
    return this.entryOf(key, set) >= 0;
  }

  /** The frame of an entry that `find` gave. */
  frame(entry: number): number {
    return this.frames[entry];
  }

  /** The rights of an entry that `find` gave. */
  rights(entry: number): number {
    return this.allowed[entry];
  }

  /** Puts a translation in as the most recently used, over the least recently used where the set is full. */
  insert(key: number, set: number, frame: number, rights: number): void {
    const { stamps } = this;
    const first = set * this.ways;
    const end = first + this.ways;
    let victim = first;
    let least = stamps[first];
    for (let entry = first + 1; entry < end; entry++) {
      const stamp = stamps[entry];
      if (stamp >= least) continue;
      least = stamp;
      victim = entry;
    }
    this.insertAt(victim, key, frame, rights, ++this.clock);
  }

  /** Puts a translation in over a given entry, used at a moment of the array's clock. */
  insertAt(entry: number, key: number, frame: number, rights: number, clock: number): void {
    this.save(entry);
    this.replace(entry, key);
    this.frames[entry] = frame;
    this.allowed[entry] = rights;
    this.stamps[entry] = clock;
  }

  /** Changes frame and rights of a key that is there, without touching the order; false where it is not. */
  update(key: number, set: number, frame: number, rights: number): boolean {
    const entry = this.entryOf(key, set);
    if (entry < 0) return false;
    if (this.frames[entry] === frame && this.allowed[entry] === rights) return true;
    this.save(entry);
    this.frames[entry] = frame;
    this.allowed[entry] = rights;
    return true;
  }

  private clear(entry: number): void {
    this.insertAt(entry, NO_KEY, 0, 0, 0);
  }

  /** Removes a key; true where it was there. */
  remove(key: number, set: number): boolean {
    const entry = this.entryOf(key, set);
    if (entry >= 0) this.clear(entry);
    return entry >= 0;
  }

  /** Removes every key that `matches`, in all sets; returns how many. */
  removeAll(matches: (key: number) => boolean): number {
    let removed = 0;
    for (let entry = 0; entry < this.entries; entry++) {
      if (this.stamps[entry] === 0 || !matches(this.keys[entry])) continue;
      this.clear(entry);
      removed++;
    }
    return removed;
  }

  /** Translations held. */
  get count(): number {
    return this.stamps.reduce((count, stamp) => (stamp > 0 ? count + 1 : count), 0);
  }

  /** Calls back for every translation, in no order that means anything: cheaper than `forEach`. */
  forEachUnordered(visit: (key: number, frame: number, rights: number) => void): void {
    for (let entry = 0; entry < this.entries; entry++) {
      if (this.stamps[entry] > 0) visit(this.keys[entry], this.frames[entry], this.allowed[entry]);
    }
  }

  /** Calls back for every translation, set by set, the most recently used first. */
  forEach(visit: (key: number, frame: number, rights: number, set: number) => void): void {
    for (let set = 0; set < this.sets; set++) {
      const held: number[] = [];
      for (let entry = set * this.ways; entry < (set + 1) * this.ways; entry++) {
        if (this.stamps[entry] > 0) held.push(entry);
      }
      held.sort((a, b) => this.stamps[b] - this.stamps[a]);
      for (const entry of held) visit(this.keys[entry], this.frames[entry], this.allowed[entry], set);
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

  /** Takes in what `toPlain` described, into an array of that shape that holds nothing. */
  fill(plain: TlbArrayPlain): void {
    for (const [set, triples] of plain.sets) {
      for (let at = triples.length - 3; at >= 0; at -= 3)
        this.insert(triples[at], set, triples[at + 1], triples[at + 2]);
    }
  }
}
