/**
 * The heap of `jvm-heap`: which object lies where, and what a collection reads and writes.
 *
 * The spaces lie as those of HotSpot's parallel collector do: the old generation below, then eden and the two survivor
 * spaces; the card table by itself behind them. A collection of the young generation looks at the whole card table, at the heap of each
 * dirty card, and copies what lives; objects of the tenuring age, and what a survivor space has no room for, become old. When
 * the old generation may not hold all that could come, its live objects are first moved to its start.
 */
import { MAP } from '../../mm/abi/numbers.ts';
import { PROT } from '../../mm/pte.ts';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import type { JvmHeapOperands } from './jvmHeap.ts';
import { type PatternPlace, TOUCH_BYTES, wholePages } from './pattern.ts';

interface Space {
  start: number;
  end: number;
  top: number;
  objects: JavaObject[];
}

interface JavaObject {
  addr: number;
  bytes: number;
  age: number;
}

type Steps<T = void> = Generator<TraceStep, T, undefined>;

/** Objects are whole words of so many bytes, and the least has two. */
const WORD_BYTES = 8;
/** Of the objects that die in the old generation, by the time that it is compacted. */
const OLD_DYING_PERCENT = 50;
/** Recent objects that a program goes back to. */
const NEAR_OBJECTS = 256;

function space(start: number, bytes: number): Space {
  return { start, end: start + bytes, top: start, objects: [] };
}

/**
 * One heap, as it is at each moment.
 *
 * @example
 * ```ts
 * const given = jvmHeap.operands.parse({ objectBytes: 64 });
 * const heap = new JavaHeap(given, { pageBytes: 4096, base: 2 ** 36 });
 * [...heap.reserve()].length; // 7
 * ```
 */
export class JavaHeap {
  readonly #given: JvmHeapOperands;
  readonly #draw: SeededRandom;
  readonly #old: Space;
  readonly #eden: Space;
  #from: Space;
  #to: Space;
  readonly #cards: { start: number; bytes: number };
  readonly #dirty = new Set<number>();
  #allocations = 0;
  youngCollections = 0;
  oldCollections = 0;

  constructor(given: JvmHeapOperands, place: PatternPlace) {
    this.#given = given;
    this.#draw = new SeededRandom(given.seed);
    const { pageBytes, base } = place;
    const survivorBytes = wholePages(Math.floor(given.youngBytes / (given.survivorRatio + 2)), pageBytes);
    const edenBytes = wholePages(Math.max(pageBytes, given.youngBytes - 2 * survivorBytes), pageBytes);
    // It holds what a whole young generation may make old at once.
    const oldBytes = Math.max(wholePages(given.oldBytes, pageBytes), edenBytes + survivorBytes);
    this.#old = space(base, oldBytes);
    this.#eden = space(this.#old.end, edenBytes);
    this.#from = space(this.#eden.end, survivorBytes);
    this.#to = space(this.#from.end, survivorBytes);
    const cardTable = Math.ceil((this.#to.end - base) / given.cardBytes);
    this.#cards = { start: this.#to.end + pageBytes, bytes: wholePages(cardTable, pageBytes) };
  }

  /** The heap is reserved as a whole and then committed, space by space; so is the card table. */
  *reserve(): Steps {
    const { start, bytes } = this.#cards;
    const flags = MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE;
    const reserved = { op: 'mmap', prot: PROT.NONE, flags, file: null, offsetBytes: 0 } as const;
    yield { ...reserved, addr: this.#old.start, lengthBytes: this.#to.end - this.#old.start };
    yield { ...reserved, addr: start, lengthBytes: bytes };
    const ranges = [this.#old, this.#eden, this.#from, this.#to, { start, end: start + bytes }];
    const committed = { ...reserved, prot: PROT.READ | PROT.WRITE, flags: MAP.PRIVATE | MAP.ANONYMOUS | MAP.FIXED };
    for (const range of ranges) {
      yield { ...committed, addr: range.start, lengthBytes: range.end - range.start };
      if (!this.#given.preTouched) continue;
      for (let at = range.start; at < range.end; at += TOUCH_BYTES) yield { access: 'W', addr: at, sizeBytes: 4 };
    }
  }

  /** A new object; comes back with its size. */
  *allocate(): Steps<number> {
    const { objectBytes } = this.#given;
    const half = Math.floor(objectBytes / 2);
    const bytes = Math.max(16, Math.ceil((half + this.#draw.below(objectBytes)) / WORD_BYTES) * WORD_BYTES);
    if (this.#eden.top + bytes > this.#eden.end) yield* this.#collectYoung();
    const object = yield* this.#put(this.#eden, bytes, 0);
    this.#allocations += 1;
    if (this.#allocations % this.#given.oldStoresEvery === 0) yield* this.#storeInOld();
    return object.bytes;
  }

  /** The program reads objects that it knows: new ones mostly, and old ones. */
  *use(): Steps {
    for (let load = 0; load < this.#given.loadsPerAllocation; load += 1) {
      const isNear = this.#draw.below(4) > 0 || this.#old.objects.length === 0;
      const { objects } = isNear ? this.#eden : this.#old;
      const reach = isNear ? Math.min(objects.length, NEAR_OBJECTS) : objects.length;
      const object = objects[objects.length - 1 - this.#draw.below(Math.max(1, reach))];
      if (object !== undefined) yield { access: 'R', addr: object.addr, sizeBytes: WORD_BYTES };
    }
  }

  *#put(to: Space, bytes: number, age: number): Steps<JavaObject> {
    const object = { addr: to.top, bytes, age };
    to.top += bytes;
    to.objects.push(object);
    yield { access: 'W', addr: object.addr, sizeBytes: bytes };
    return object;
  }

  #cardOf(addr: number): number {
    return this.#cards.start + Math.floor((addr - this.#old.start) / this.#given.cardBytes);
  }

  /** A store of a reference, and the write barrier behind it. */
  *#storeInOld(): Steps {
    const { objects } = this.#old;
    if (objects.length === 0) return;
    const { addr } = objects[this.#draw.below(objects.length)];
    yield { access: 'W', addr, sizeBytes: WORD_BYTES };
    const card = this.#cardOf(addr);
    this.#dirty.add(card);
    yield { access: 'W', addr: card };
  }

  *#collectYoung(): Steps {
    const young = this.#eden.objects.length + this.#from.objects.length;
    const mostBytes = this.#eden.top - this.#eden.start + (this.#from.top - this.#from.start);
    if (young > 0 && this.#old.top + mostBytes > this.#old.end) yield* this.#compactOld(mostBytes);
    this.youngCollections += 1;
    yield* this.#scanCards();
    const { survivingPercent, dyingPercent } = this.#given;
    yield* this.#evacuate(this.#from, 100 - dyingPercent);
    yield* this.#evacuate(this.#eden, survivingPercent);
    [this.#from, this.#to] = [this.#to, this.#from];
  }

  /** Every card of the old generation is looked at, and the heap of those that are dirty. */
  *#scanCards(): Steps {
    const end = this.#cardOf(this.#old.top);
    for (let card = this.#cards.start; card < end; card += WORD_BYTES)
      yield { access: 'R', addr: card, sizeBytes: WORD_BYTES };
    for (const card of [...this.#dirty].sort((a, b) => a - b)) {
      const addr = this.#old.start + (card - this.#cards.start) * this.#given.cardBytes;
      yield { access: 'R', addr, sizeBytes: this.#given.cardBytes };
      yield { access: 'W', addr: card };
    }
    this.#dirty.clear();
  }

  /** Copies what lives of a space; the space is empty then. */
  *#evacuate(from: Space, livingPercent: number): Steps {
    for (const { addr, bytes, age } of from.objects) {
      if (this.#draw.below(100) >= livingPercent) continue;
      yield { access: 'R', addr, sizeBytes: bytes };
      const isOld = age + 1 >= this.#given.tenuringAge || this.#to.top + bytes > this.#to.end;
      yield* this.#put(isOld ? this.#old : this.#to, bytes, age + 1);
      // What is left behind says where the object went.
      yield { access: 'W', addr, sizeBytes: WORD_BYTES };
    }
    from.objects = [];
    from.top = from.start;
  }

  /** Slides what lives to the start of the old generation, until at most `roomBytes` short of its end. */
  *#compactOld(roomBytes: number): Steps {
    this.oldCollections += 1;
    const { objects } = this.#old;
    this.#old.objects = [];
    this.#old.top = this.#old.start;
    this.#dirty.clear();
    const limit = this.#old.end - roomBytes;
    for (const { addr, bytes, age } of objects) {
      // Marking reads every object that lives, and moving writes it.
      if (this.#draw.below(100) < OLD_DYING_PERCENT || this.#old.top + bytes > limit) continue;
      yield { access: 'R', addr, sizeBytes: bytes };
      if (this.#old.top === addr) {
        this.#old.objects.push({ addr, bytes, age });
        this.#old.top += bytes;
      } else yield* this.#put(this.#old, bytes, age);
    }
  }
}
