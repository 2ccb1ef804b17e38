/** What a pattern is, and the steps that many of them are made of. */
import type { z } from 'zod';
import { MAP } from '../../mm/abi/numbers.ts';
import { PROT } from '../../mm/pte.ts';
import type { RunSource, TraceFile } from '../../mm/runs.ts';
import type { TraceStep } from '../memoryTrace.ts';

/** Where a pattern has its memory, and for which page size. */
export interface PatternPlace {
  /** The page size that it is laid out for: what it maps is whole pages of it. */
  pageBytes: number;
  /** The first address of its range, whole pages of every size; up to {@link RANGE_BYTES} are its own. */
  base: number;
}

/** A pattern as the registry has it. */
export interface Pattern<N extends string = string, S extends z.ZodObject = z.ZodObject> {
  name: N;
  /** One sentence for the table of patterns. */
  says: string;
  /** Where it is from. */
  source: string;
  /** Its operands, each with a description; sizes may be written as 64K. */
  operands: S;
  /** What it does, the same at every call. */
  steps: (operands: z.output<S>, place: PatternPlace) => Iterable<TraceStep>;
  /** Files that it uses. */
  files?: (operands: z.output<S>) => TraceFile[];
  /** Why it cannot be a part of a mixture or sequence; absent: it can. */
  alone?: string;
  /** Its own program, where it is not the small one that all others run in. */
  trace?: (operands: z.output<S>, pageBytes: number, name: string) => RunSource;
  /** Children that it forks. */
  forks?: (operands: z.output<S>) => number;
}

/** The range of addresses that a pattern has to itself. */
export const RANGE_BYTES = 2 ** 40;
/** The range of the first pattern; those of a mixture follow. */
export const FIRST_RANGE = 2 ** 36;
/** All patterns reckon with pages of 4K where they touch one page after the other. */
export const TOUCH_BYTES = 4096;
/** The loop of a pattern, and what it calls: two pages of the program. */
const CODE_ADDRESS = 0x40_0000;
const CALLED_ADDRESS = 0x41_0000;

/**
 * A pattern with its operands checked against its steps.
 *
 * @example
 * ```ts
 * const operands = z.strictObject({ times: z.int() });
 * definePattern({ name: 'wait', says: '', source: '', operands, steps: ({ times }) => [loop(times)] }).name; // 'wait'
 * ```
 */
export function definePattern<N extends string, S extends z.ZodObject>(pattern: Pattern<N, S>): Pattern<N, S> {
  return pattern;
}

/**
 * An instruction of the loop; `count` tells the page of a loop longer than a page, 0 for most.
 *
 * @example
 * ```ts
 * loop(); // { access: 'X', addr: 0x400000, sizeBytes: 4 }
 * ```
 */
export function loop(count = 0): TraceStep {
  return { access: 'X', addr: CODE_ADDRESS + count * TOUCH_BYTES, sizeBytes: 4 };
}

/**
 * An instruction of a function of the library that the loop calls.
 *
 * @example
 * ```ts
 * called(); // { access: 'X', addr: 0x410000, sizeBytes: 4 }
 * ```
 */
export function called(): TraceStep {
  return { access: 'X', addr: CALLED_ADDRESS, sizeBytes: 4 };
}

/**
 * `bytes` in whole pages.
 *
 * @example
 * ```ts
 * wholePages(5000, 65536); // 65536
 * ```
 */
export function wholePages(bytes: number, pageBytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

/**
 * mmap of anonymous memory at a place that is free, as a C library asks for it: whole pages of the process.
 *
 * @example
 * ```ts
 * const call = mapAnonymous({ pageBytes: 65536, base: 2 ** 36 }, 5000);
 * 'lengthBytes' in call && call.lengthBytes; // 65536
 * ```
 */
export function mapAnonymous({ pageBytes, base }: PatternPlace, bytes: number): TraceStep {
  const flags = MAP.PRIVATE | MAP.ANONYMOUS;
  const lengthBytes = wholePages(bytes, pageBytes);
  return { op: 'mmap', addr: base, lengthBytes, prot: PROT.READ | PROT.WRITE, flags, file: null, offsetBytes: 0 };
}

/**
 * Writes to each 4K of a range in order: what makes it resident.
 *
 * @example
 * ```ts
 * [...writeOnce(65536, 8192)].length; // 4
 * ```
 */
export function* writeOnce(addr: number, bytes: number): Generator<TraceStep> {
  for (let at = 0; at < bytes; at += TOUCH_BYTES) {
    yield loop(1);
    yield { access: 'W', addr: addr + at, sizeBytes: 8 };
  }
}
