/** The workload `heap` of the footprint answers: random sizes from malloc, each filled, and freed again. */
import type { TraceStep } from '../../memoryTrace.ts';
import { Ptmalloc } from '../ptmalloc.ts';
import { heapStart, TEXT_START } from './footImage.ts';
import { randomNumbers } from './footRandom.ts';

/** What is alive at most: a table of so many pointers, itself on the heap. */
const SLOTS = 4096;
const POINTER_BYTES = 8;
/** What a static program has at the start of its heap: its thread's own data. Behind it malloc begins. */
const THREAD_BYTES = 0xcd0;
/** malloc's cache of the thread, and what fopen takes: the stream and its buffer, which fclose gives back. */
const FIRST_CHUNKS = { cache: 0x280, stream: 0x1d8, buffer: 0x400 };

/** The steps before and between the two readings. */
export interface HeapSteps {
  before: Iterable<TraceStep>;
  measured: Iterable<TraceStep>;
}

/** The program, its heap as it is from one half to the other. */
class HeapProgram {
  readonly #ops: number;
  readonly #arena: Ptmalloc;
  #table = 0;

  constructor(ops: number, pageBytes: number, heapEnd: number) {
    this.#ops = ops;
    this.#arena = new Ptmalloc({
      start: heapStart(pageBytes) + THREAD_BYTES,
      end: heapEnd,
      pageBytes,
      move: (_end, to) => [{ op: 'brk', addr: to }],
    });
  }

  *before(): Generator<TraceStep> {
    yield* this.#arena.malloc(FIRST_CHUNKS.cache);
    // calloc writes nothing to memory that is fresh from the kernel.
    this.#table = yield* this.#arena.malloc(SLOTS * POINTER_BYTES);
    const stream = yield* this.#arena.malloc(FIRST_CHUNKS.stream);
    const buffer = yield* this.#arena.malloc(FIRST_CHUNKS.buffer);
    yield { access: 'W', addr: buffer, sizeBytes: FIRST_CHUNKS.buffer };
    yield* this.#arena.free(buffer);
    yield* this.#arena.free(stream);
  }

  *measured(): Generator<TraceStep> {
    const draw = randomNumbers();
    const next = (): number => draw.next().value;
    const slots = Array.from({ length: SLOTS }, () => 0);
    for (let op = 0; op < this.#ops; op += 1) {
      const slot = next() % SLOTS;
      yield { access: 'X', addr: TEXT_START, sizeBytes: 4 };
      const held = slots[slot];
      if (held !== 0) yield* this.#arena.free(held);
      const bytes = 16 + (next() % (op % 16 === 0 ? 20_000 : 512));
      const addr = yield* this.#arena.malloc(bytes);
      slots[slot] = addr;
      yield { access: 'W', addr: this.#table + slot * POINTER_BYTES, sizeBytes: POINTER_BYTES };
      yield { access: 'W', addr, sizeBytes: bytes };
    }
  }
}

/**
 * The steps of so many operations. What is measured goes on with the heap as it was before: both are gone through once, in order.
 *
 * @example
 * ```ts
 * const { before, measured } = heapSteps(1, 4096, 0x500000);
 * [...before].length > 0 && [...measured].length > 0; // true
 * ```
 */
export function heapSteps(ops: number, pageBytes: number, heapEnd: number): HeapSteps {
  const program = new HeapProgram(ops, pageBytes, heapEnd);
  return { before: program.before(), measured: program.measured() };
}
