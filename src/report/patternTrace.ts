/** Made-up traces of one pattern of access over a large area: what no TLB, or any TLB, can follow. */
import { PROT } from '../mm/pte.ts';
import type { ImageSegment, RunSource } from '../mm/runs.ts';
import { SeededRandom } from '../runtime/random.ts';
import { type TraceStep, traceFromSteps } from '../trace/memoryTrace.ts';

/** Where the next access goes: anywhere, to the next words, or a fixed way on that visits page after page. */
export const PATTERNS = ['random', 'sequential', 'strided'] as const;
/** One of them. */
export type Pattern = (typeof PATTERNS)[number];

/** The size of a pattern's trace. */
export interface PatternSize {
  /** The area that is accessed: whole pages of 4K. */
  bytes: number;
  /** Accesses to it, after each of its pages has been written to once. */
  accesses: number;
  /** Of the random pattern. */
  seed: number;
}

/**
 * The call that stands between the first writes, which fault, and the accesses, and once more behind those: `other` calls
 * that touch nothing, for whoever measures the accesses alone.
 */
export const PATTERN_MARK = 'pattern';

const PAGE_BYTES = 4096;
const CODE_ADDRESS = 0x40_0000;
const CODE_PAGES = 4;
const DATA_ADDRESS = 0x4000_0000;
/** The word that a sequential program goes on by. */
const WORD_BYTES = 8;
/** A prime number of pages and a cache line: neighbours share no page, no set of a TLB and no table. */
const STRIDE_BYTES = 1597 * PAGE_BYTES + 64;

function* offsets(pattern: Pattern, { bytes, accesses, seed }: PatternSize): Generator<number> {
  const random = new SeededRandom(seed);
  for (let at = 0; at < accesses; at++) {
    if (pattern === 'random') yield random.below(bytes / WORD_BYTES) * WORD_BYTES;
    else yield (at * (pattern === 'sequential' ? WORD_BYTES : STRIDE_BYTES)) % bytes;
  }
}

function* steps(pattern: Pattern, size: PatternSize): Generator<TraceStep> {
  let fetched = 0;
  // Each access has a fetch before it, on another page than the last: so each is a fetch run and a data run.
  const fetch = (): TraceStep => ({ access: 'X', addr: CODE_ADDRESS + (fetched++ % CODE_PAGES) * PAGE_BYTES });
  for (let offset = 0; offset < size.bytes; offset += PAGE_BYTES) {
    yield fetch();
    yield { access: 'W', addr: DATA_ADDRESS + offset };
  }
  yield { op: 'other', name: PATTERN_MARK };
  for (const offset of offsets(pattern, size)) {
    yield fetch();
    yield { access: 'R', addr: DATA_ADDRESS + offset };
  }
  yield { op: 'other', name: PATTERN_MARK };
}

/**
 * A program that writes to each page of an area in order, and then reads it in a pattern, an instruction fetched before
 * every access.
 *
 * @example
 * ```ts
 * patternTrace('random', { bytes: 65536, accesses: 100, seed: 1 }).references; // 232
 * ```
 */
export function patternTrace(pattern: Pattern, size: PatternSize): RunSource {
  const anonymous = { kind: 'other' as const, file: null, offsetBytes: 0 };
  const image: ImageSegment[] = [
    { ...anonymous, addr: CODE_ADDRESS, lengthBytes: CODE_PAGES * PAGE_BYTES, prot: PROT.READ | PROT.EXEC },
    { ...anonymous, addr: DATA_ADDRESS, lengthBytes: size.bytes, prot: PROT.READ | PROT.WRITE },
  ];
  const { bytes, accesses, seed } = size;
  const command = `make-trace ${pattern} --bytes ${bytes} --accesses ${accesses} --seed ${seed}`;
  return traceFromSteps(steps(pattern, size), { name: `${pattern}-${bytes}`, command, image, files: [] });
}
