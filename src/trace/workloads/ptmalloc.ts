/**
 * An arena of the C library's malloc, as steps of a trace: glibc 2.36, `malloc/malloc.c`. Which chunk is taken, what is split and
 * joined, when the heap grows and shrinks, and where the headers are that it writes; not its checks.
 */
import type { TraceStep } from '../memoryTrace.ts';
import { FreeChunks } from './freeChunks.ts';

/** Least chunk (MINSIZE), and what all sizes are multiples of. */
const LEAST = 32;
const GRAIN = 16;
/** Chunks up to this size have a bin of the thread's cache, of so many chunks (`tcache_bins`, `tcache_count`). */
const CACHED_BYTES = 1040;
const CACHED_CHUNKS = 7;
/** Chunks up to this size are not joined at once (`global_max_fast`). */
const FAST_BYTES = 128;
/** Requests from this size on join the fast chunks first. */
const LARGE_BYTES = 1024;
/** Freed and joined chunks from this size on make the allocator tidy up (`FASTBIN_CONSOLIDATION_THRESHOLD`). */
const TIDY_BYTES = 65_536;
/** What the heap grows by beside what is wanted, and above what it shrinks (`DEFAULT_TOP_PAD`, `DEFAULT_TRIM_THRESHOLD`). */
const PAD_BYTES = 131_072;

type Steps<T = void> = Generator<TraceStep, T, undefined>;

/** The memory that an arena lies in. */
export interface ArenaMemory {
  /** Where the first chunk may be. */
  start: number;
  /** One past what may be written to. */
  end: number;
  pageBytes: number;
  /** Moves the end, up or down. */
  move: (end: number, to: number) => Iterable<TraceStep>;
  /** What is beyond the end that is wanted when it moves up: as of the main arena unless given. */
  padBytes?: number;
  /** One past what the end may move up to; absent: it may go on. */
  most?: number;
  /** Another heap for so many bytes, where there is one: the arena goes on in it. */
  another?: (bytes: number) => Generator<TraceStep, { start: number; end: number; most: number }, undefined>;
}

function chunkBytes(bytes: number): number {
  return Math.max(LEAST, Math.ceil((bytes + 8) / GRAIN) * GRAIN);
}

/**
 * One arena, with the cache of one thread.
 *
 * @example
 * ```ts
 * const arena = new Ptmalloc({ start: 0x10000, end: 0x40000, pageBytes: 4096, move: () => [] });
 * const steps = arena.malloc(100);
 * let step = steps.next();
 * while (step.done !== true) step = steps.next();
 * step.value; // 0x10010
 * ```
 */
export class Ptmalloc {
  /** One past the heap. */
  end: number;
  #top: number;
  readonly #memory: ArenaMemory;
  readonly #free = new FreeChunks();
  /** Of chunks in use, those in the cache and the fast bins too. */
  readonly #sizes = new Map<number, number>();
  readonly #cache = new Map<number, number[]>();
  readonly #fast = new Map<number, number[]>();
  #lastRemainder = 0;
  #most: number;

  constructor(memory: ArenaMemory) {
    this.#memory = memory;
    this.#top = memory.start;
    this.end = memory.end;
    this.#most = memory.most ?? Number.MAX_SAFE_INTEGER;
  }

  /** Bytes between the start and the first that was never part of a chunk. */
  get usedBytes(): number {
    return this.#top - this.#memory.start;
  }

  /** `malloc`: comes back with the address. */
  *malloc(bytes: number): Steps<number> {
    const size = chunkBytes(bytes);
    const chunk = this.#cache.get(size)?.pop() ?? (yield* this.#find(size));
    return chunk + GRAIN;
  }

  /** `free`. */
  *free(addr: number): Steps {
    const chunk = addr - GRAIN;
    const size = this.#sizes.get(chunk) ?? 0;
    // The links of the list that it goes to stand in the chunk itself.
    yield { access: 'W', addr, sizeBytes: 16 };
    if (this.#isCached(chunk, size)) return;
    if (size <= FAST_BYTES) {
      const bin = this.#fast.get(size);
      if (bin === undefined) this.#fast.set(size, [chunk]);
      else bin.push(chunk);
      return;
    }
    const joined = yield* this.#join(chunk, size);
    if (joined < TIDY_BYTES) return;
    yield* this.#consolidate();
    if (this.end - this.#top >= PAD_BYTES) yield* this.#trim();
  }

  #isCached(chunk: number, size: number): boolean {
    if (size > CACHED_BYTES) return false;
    const bin = this.#cache.get(size);
    if (bin === undefined) this.#cache.set(size, [chunk]);
    else if (bin.length >= CACHED_CHUNKS) return false;
    else bin.push(chunk);
    return true;
  }

  /** `_int_malloc`. */
  *#find(size: number): Steps<number> {
    const fast = size <= FAST_BYTES ? this.#fast.get(size) : undefined;
    const first = fast?.pop();
    if (first !== undefined) {
      for (let more = fast?.at(-1); more !== undefined && this.#isCached(more, size); more = fast?.at(-1)) fast?.pop();
      return first;
    }
    if (size < LARGE_BYTES && this.#free.count(size) > 0) {
      const chunk = this.#takeWhole(size);
      while (this.#free.count(size) > 0 && (this.#cache.get(size)?.length ?? 0) < CACHED_CHUNKS) {
        this.#isCached(this.#takeWhole(size), size);
      }
      return chunk;
    }
    if (size >= LARGE_BYTES) yield* this.#consolidate();
    for (;;) {
      const sorted = yield* this.#sort(size);
      if (sorted !== null) return sorted;
      const fit = this.#free.bestFit(size);
      if (fit > 0) return yield* this.#split(this.#free.take(fit, size), fit, size);
      if (this.end - this.#top >= size + LEAST) return yield* this.#fromTop(size);
      if (![...this.#fast.values()].some((bin) => bin.length > 0)) break;
      yield* this.#consolidate();
    }
    yield* this.#grow(size);
    return yield* this.#fromTop(size);
  }

  #takeWhole(size: number): number {
    const chunk = this.#free.take(size, size);
    this.#sizes.set(chunk, size);
    return chunk;
  }

  /** Goes through the unsorted chunks: what fits exactly is taken or cached, the others go to their bins. */
  *#sort(size: number): Steps<number | null> {
    const { unsorted, sizes } = this.#free;
    let isCached = false;
    for (let chunk = unsorted[0]; chunk !== undefined; chunk = unsorted[0]) {
      const has = sizes.get(chunk) ?? 0;
      const isRemainder = unsorted.length === 1 && chunk === this.#lastRemainder;
      if (size < LARGE_BYTES && isRemainder && has > size + LEAST) {
        this.#free.forget(chunk);
        return yield* this.#split(chunk, has, size);
      }
      if (has !== size) {
        unsorted.shift();
        this.#free.file(chunk);
        continue;
      }
      this.#free.forget(chunk);
      this.#sizes.set(chunk, size);
      if (!this.#isCached(chunk, size)) return chunk;
      isCached = true;
    }
    return isCached ? (this.#cache.get(size)?.pop() ?? null) : null;
  }

  *#split(chunk: number, has: number, size: number): Steps<number> {
    const left = has - size;
    if (left < LEAST) {
      this.#sizes.set(chunk, has);
      return chunk;
    }
    this.#sizes.set(chunk, size);
    yield* this.#release(chunk + size, left);
    if (size < LARGE_BYTES) this.#lastRemainder = chunk + size;
    yield { access: 'W', addr: chunk + 8, sizeBytes: 8 };
    return chunk;
  }

  /** A chunk is free: its size stands at its start and at its end. */
  *#release(chunk: number, size: number): Steps {
    this.#free.add(chunk, size);
    yield { access: 'W', addr: chunk + 8, sizeBytes: 24 };
    yield { access: 'W', addr: chunk + size, sizeBytes: 8 };
  }

  *#fromTop(size: number): Steps<number> {
    const chunk = this.#top;
    this.#sizes.set(chunk, size);
    this.#top += size;
    yield { access: 'W', addr: chunk + 8, sizeBytes: 8 };
    yield { access: 'W', addr: this.#top + 8, sizeBytes: 8 };
    return chunk;
  }

  /** Joins a chunk with its free neighbours, or with the top; comes back with the size that it is then part of. */
  *#join(freed: number, freedBytes: number): Steps<number> {
    this.#sizes.delete(freed);
    let chunk = freed;
    let size = freedBytes;
    const before = this.#free.starts.get(chunk);
    if (before !== undefined) {
      size += this.#free.sizes.get(before) ?? 0;
      this.#free.forget(before);
      chunk = before;
    }
    const next = chunk + size;
    if (next === this.#top) {
      this.#top = chunk;
      yield { access: 'W', addr: chunk + 8, sizeBytes: 8 };
      return this.end - chunk;
    }
    const after = this.#free.sizes.get(next);
    if (after !== undefined) {
      this.#free.forget(next);
      size += after;
    }
    yield* this.#release(chunk, size);
    return size;
  }

  /** `malloc_consolidate`: the fast chunks are joined. */
  *#consolidate(): Steps {
    for (const [size, bin] of [...this.#fast].sort(([a], [b]) => a - b)) {
      for (let chunk = bin.pop(); chunk !== undefined; chunk = bin.pop()) yield* this.#join(chunk, size);
    }
  }

  /** `sysmalloc`: more heap than is wanted. */
  *#grow(size: number): Steps {
    const { pageBytes, move, padBytes = PAD_BYTES, another } = this.#memory;
    const wanted = size + padBytes + LEAST - (this.end - this.#top);
    const to = this.end + Math.ceil(wanted / pageBytes) * pageBytes;
    if (to > this.#most && another !== undefined) {
      yield* this.#goOn(yield* another(size + LEAST));
      return;
    }
    yield* move(this.end, to);
    this.end = to;
    yield { access: 'W', addr: this.#top + 8, sizeBytes: 8 };
  }

  /** The top is in another heap; what was left of it comes free, but for the two headers behind it that never do. */
  *#goOn({ start, end, most }: { start: number; end: number; most: number }): Steps {
    const [left, leftBytes] = [this.#top, Math.floor((this.end - this.#top - LEAST) / GRAIN) * GRAIN];
    this.#top = start;
    this.end = end;
    this.#most = most;
    yield { access: 'W', addr: start + 8, sizeBytes: 8 };
    yield { access: 'W', addr: left + Math.max(0, leftBytes) + 8, sizeBytes: 24 };
    if (leftBytes < LEAST) return;
    this.#sizes.set(left, leftBytes);
    yield* this.free(left + GRAIN);
  }

  /** `systrim`: whole pages above what is kept go back. */
  *#trim(): Steps {
    const { pageBytes, move } = this.#memory;
    const spare = this.end - this.#top - LEAST - 1 - PAD_BYTES;
    const extra = Math.floor(spare / pageBytes) * pageBytes;
    if (extra <= 0) return;
    yield* move(this.end, this.end - extra);
    this.end -= extra;
    yield { access: 'W', addr: this.#top + 8, sizeBytes: 8 };
  }
}
