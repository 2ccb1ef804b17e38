/** malloc and free of many sizes by several threads, each with an arena of its own. */
import { z } from 'zod';
import { invariant } from '../../errors.ts';
import { MAP } from '../../mm/abi/numbers.ts';
import { PROT } from '../../mm/pte.ts';
import { SeededRandom } from '../../mm/seededRandom.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { bytes, percent, seed, times } from './operands.ts';
import { called, definePattern, loop, type PatternPlace, wholePages } from './pattern.ts';
import { Ptmalloc } from './ptmalloc.ts';

/** What a heap of an arena reserves (`arena.c:HEAP_MAX_SIZE`). */
const HEAP_BYTES = 64 * 2 ** 20;
/** What stands at the start of the first of an arena, `heap_info` and `malloc_state`, and of the others. */
const HEADER_BYTES = 0x8d0;
const INFO_BYTES = 0x30;
/** What is made writable of a heap beyond what is wanted (`DEFAULT_TOP_PAD`); later it grows page by page. */
const PAD_BYTES = 131_072;
/** Requests from this size on are mapped by themselves (`DEFAULT_MMAP_THRESHOLD`). */
const MAPPED_FROM_BYTES = 131_072;
const ARENAS_MAX = 64;
/** The range of the heaps; what is mapped by itself lies behind it. */
const HEAPS_BYTES = 2 ** 38;
/** Blocks at most that are alive at once, in bytes: a quarter of that. */
const LIVE_MAX = 2 ** 36;

const sizeClass = z.strictObject({
  leastBytes: bytes('the smallest request'),
  mostBytes: bytes('the largest request'),
  percent: percent('of the requests'),
});

const operands = z
  .strictObject({
    operations: times('calls of malloc, each behind a free of what was in its slot', 1),
    slots: z
      .int()
      .min(1)
      .max(2 ** 20)
      .meta({ description: 'blocks alive at most, for each arena' })
      .default(4096),
    arenas: z.int().min(1).max(ARENAS_MAX).meta({ description: 'threads that take turns' }).default(4),
    sizes: z
      .array(sizeClass)
      .min(1)
      .meta({ description: 'what is asked for: classes of sizes, 100 percent together' })
      .default([
        { leastBytes: 16, mostBytes: 512, percent: 94 },
        { leastBytes: 512, mostBytes: 20_000, percent: 6 },
      ]),
    foreignPercent: percent('of the blocks that are freed belong to another arena').default(10),
    seed,
  })
  .refine(
    ({ sizes }) => sizes.reduce((sum, one) => sum + one.percent, 0) === 100,
    'the classes of sizes are 100 percent together',
  )
  .refine(({ sizes }) => sizes.every((one) => one.leastBytes <= one.mostBytes), 'a class ends behind its start')
  .refine(
    ({ arenas, slots, sizes }) => arenas * slots * Math.max(...sizes.map(({ mostBytes }) => mostBytes)) <= LIVE_MAX,
    `slots of all arenas times the largest block are ${LIVE_MAX} bytes at most`,
  );

type Operands = z.output<typeof operands>;

interface Block {
  addr: number;
  /** Index of its arena; -1 for one that is mapped by itself. */
  arena: number;
  bytes: number;
}

type NewHeap = Generator<TraceStep, { start: number; end: number; most: number }, undefined>;

/** The heaps of the arenas, and what is mapped beside them. */
class Heaps {
  readonly #place: PatternPlace;
  readonly #arenas: Ptmalloc[] = [];
  #heaps = 0;
  readonly #mapped: { from: number; bytes: number }[] = [];
  #mappedEnd: number;

  constructor(place: PatternPlace) {
    this.#place = place;
    this.#mappedEnd = place.base + HEAPS_BYTES;
  }

  /** `_int_new_arena`. */
  *open(): Generator<TraceStep> {
    const { pageBytes } = this.#place;
    const another = (wanted: number): NewHeap => this.#newHeap(INFO_BYTES, wanted);
    const first = yield* this.#newHeap(HEADER_BYTES, 0);
    this.#arenas.push(new Ptmalloc({ ...first, pageBytes, padBytes: 0, another, move: (from, to) => moved(from, to) }));
  }

  /** `new_heap`: all of it is reserved, and its first part made writable. */
  *#newHeap(headerBytes: number, wanted: number): NewHeap {
    const { base, pageBytes } = this.#place;
    const start = base + this.#heaps * HEAP_BYTES;
    this.#heaps += 1;
    invariant(this.#heaps * HEAP_BYTES <= HEAPS_BYTES, 'the heaps of the pattern lie in their range');
    const flags = MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE;
    const end = start + wholePages(headerBytes + wanted + PAD_BYTES, pageBytes);
    yield { op: 'mmap', addr: start, lengthBytes: HEAP_BYTES, prot: PROT.NONE, flags, file: null, offsetBytes: 0 };
    yield { op: 'mprotect', addr: start, lengthBytes: end - start, prot: PROT.READ | PROT.WRITE };
    yield { access: 'W', addr: start, sizeBytes: headerBytes };
    return { start: start + headerBytes, end, most: start + HEAP_BYTES };
  }

  *malloc(arena: number, size: number): Generator<TraceStep, Block> {
    const from = this.#arenas[arena];
    invariant(from !== undefined, `arena ${arena} is open`);
    if (size < MAPPED_FROM_BYTES) return { addr: yield* from.malloc(size), arena, bytes: size };
    const lengthBytes = wholePages(size + 16, this.#place.pageBytes);
    const again = this.#mapped.findIndex((gap) => gap.bytes >= lengthBytes);
    let addr = this.#mappedEnd;
    if (again >= 0) {
      const gap = this.#mapped[again];
      addr = gap.from;
      if (gap.bytes === lengthBytes) this.#mapped.splice(again, 1);
      else this.#mapped[again] = { from: gap.from + lengthBytes, bytes: gap.bytes - lengthBytes };
    } else this.#mappedEnd += lengthBytes;
    const flags = MAP.PRIVATE | MAP.ANONYMOUS;
    yield { op: 'mmap', addr, lengthBytes, prot: PROT.READ | PROT.WRITE, flags, file: null, offsetBytes: 0 };
    yield { access: 'W', addr, sizeBytes: 16 };
    return { addr: addr + 16, arena: -1, bytes: size };
  }

  *free({ addr, arena, bytes: size }: Block): Generator<TraceStep> {
    const owner = this.#arenas[arena];
    if (owner !== undefined) {
      yield* owner.free(addr);
      return;
    }
    const lengthBytes = wholePages(size + 16, this.#place.pageBytes);
    yield { op: 'munmap', addr: addr - 16, lengthBytes };
    this.#mapped.push({ from: addr - 16, bytes: lengthBytes });
  }
}

/** `grow_heap` and `shrink_heap`: pages that are given back stay reserved. */
function* moved(from: number, to: number): Generator<TraceStep> {
  if (to > from) yield { op: 'mprotect', addr: from, lengthBytes: to - from, prot: PROT.READ | PROT.WRITE };
  else yield { op: 'madvise', addr: to, lengthBytes: from - to, advice: 4 };
}

function sizeOf({ sizes }: Operands, draw: SeededRandom): number {
  let at = draw.below(100);
  for (const { leastBytes, mostBytes, percent: share } of sizes) {
    if (at < share) return leastBytes + draw.below(mostBytes - leastBytes + 1);
    at -= share;
  }
  return sizes[0]?.leastBytes ?? 1;
}

function* steps(given: Operands, place: PatternPlace): Generator<TraceStep> {
  const draw = new SeededRandom(given.seed);
  const heaps = new Heaps(place);
  const slots = Array.from({ length: given.arenas * given.slots }, (): Block | null => null);
  for (let arena = 0; arena < given.arenas; arena += 1) yield* heaps.open();
  for (let at = 0; at < given.operations; at += 1) {
    const arena = at % given.arenas;
    const isForeign = given.arenas > 1 && draw.below(100) < given.foreignPercent;
    const freedBy = isForeign ? (arena + 1 + draw.below(given.arenas - 1)) % given.arenas : arena;
    const slot = freedBy * given.slots + draw.below(given.slots);
    yield called();
    const held = slots[slot];
    if (held !== null) yield* heaps.free(held);
    const block: Block = yield* heaps.malloc(arena, sizeOf(given, draw));
    slots[slot] = block;
    yield loop();
    yield { access: 'W', addr: block.addr, sizeBytes: block.bytes };
  }
}

/** A process that allocates: what is left between live blocks is what a larger page makes resident in vain. */
export const allocator = definePattern({
  name: 'allocator',
  says: 'malloc and free of a mix of sizes, in arenas of glibc that take turns, each block filled',
  source: 'glibc 2.36, malloc/malloc.c and malloc/arena.c; the sizes are those of `heap`',
  operands,
  steps,
});
