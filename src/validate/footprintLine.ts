/** One line of the footprint answers: a workload, the kernel that ran it, and what its counters said. */
import { z } from 'zod';
import { GRANULES } from '../arch/granule.ts';
import { parseSize } from '../topology/schema.ts';
import { type AnswerLine, malformedAnswer, misfit } from './ndjson.node.ts';
import { treeOf } from './footprintTrees.node.ts';
import type { Workload } from '../trace/workloads/foot/footSteps.ts';

/** Counters that a line may hold, in the order of its fields: a count of faults, and differences in kB. */
export const FOOTPRINT_FIELDS = ['minflt', 'dRssAnonKB', 'dRssFileKB', 'dVmPteKB', 'dCachedKB'] as const;

/** A counter of a line. */
export type FootprintField = (typeof FOOTPRINT_FIELDS)[number];

/** What counters said. */
export type FootprintCounters = Record<FootprintField, number>;

/** A line that is compared. */
export interface FootprintLine {
  file: string;
  /** From 1. */
  line: number;
  /** The workload as the line has it: `sparse mb=64 stride=65536`. */
  title: string;
  workload: Workload;
  /** Page size of the kernel that answered. */
  pageBytes: number;
  /** Transparent huge page sizes beside the page size that were `always`; none for `never`. */
  thpAlwaysBytes: number[];
  answer: Partial<FootprintCounters>;
}

/** A line that is passed over, with the reason. */
export interface SkippedLine {
  file: string;
  line: number;
  workload: string;
  reason: string;
}

const whole = z.int().nonnegative();
const positive = z.int().positive();
const MEGABYTE = 2 ** 20;
const mb = positive.transform((megabytes) => megabytes * MEGABYTE);
const flag = z.union([z.literal(0), z.literal(1)]);
const counter = z.int().optional();

const counters = Object.fromEntries(FOOTPRINT_FIELDS.map((field) => [field, counter])) as Record<
  FootprintField,
  typeof counter
>;

const common = {
  page: z.literal(GRANULES).optional(),
  kernel: z.string().optional(),
  mthp: z.string().default('never'),
  ...counters,
};

const lineSchema = z.discriminatedUnion('workload', [
  z.object({ workload: z.literal('seq'), mb, ...common }),
  z.object({ workload: z.literal('sparse'), mb, stride: positive, ...common }),
  z.object({ workload: z.enum(['rand', 'randread']), mb, touches: whole, ...common }),
  z.object({ workload: z.literal('cow'), mb, stride: positive, ...common }),
  z.object({ workload: z.literal('dontneed'), mb, stride: positive, len: whole, ...common }),
  z.object({ workload: z.literal('fmap'), bytes: positive, stride: positive, warm: flag, ...common }),
  z.object({ workload: z.literal('fmapw'), bytes: positive, stride: positive, ...common }),
  z.object({ workload: z.literal('tree'), files: whole, bytes: whole, ...common }),
]);

type Parsed = z.output<typeof lineSchema>;

/** Workloads that are not measured, and why. */
const NOT_MEASURED: Record<string, string> = {
  heap: 'needs a recorded trace of the allocator',
  limits: 'is a list of limits, not a footprint',
};

/** The names of the files that hold so many bytes, as the answers' disk image has them. */
const FILE_NAMES: Record<number, string> = { 4_194_304: '/data/big4m', 1_048_576: '/data/big1m' };

function workloadOf(parsed: Parsed, at: AnswerLine): Workload {
  switch (parsed.workload) {
    case 'seq':
      return { kind: 'seq', lengthBytes: parsed.mb };
    case 'sparse':
    case 'cow':
      return { kind: parsed.workload, lengthBytes: parsed.mb, strideBytes: parsed.stride };
    case 'rand':
    case 'randread':
      return { kind: parsed.workload, lengthBytes: parsed.mb, touches: parsed.touches };
    case 'dontneed':
      return { kind: 'dontneed', lengthBytes: parsed.mb, strideBytes: parsed.stride, adviseBytes: parsed.len };
    case 'tree': {
      const tree = treeOf(parsed.files, parsed.bytes);
      if (tree === null)
        throw malformedAnswer(at, `no list of the sizes of ${parsed.files} files of ${parsed.bytes} bytes`);
      return { kind: 'tree', tree };
    }
    default: {
      const file = { path: FILE_NAMES[parsed.bytes] ?? '/data/file', sizeBytes: parsed.bytes };
      if (parsed.workload === 'fmapw') return { kind: 'fmapw', file, strideBytes: parsed.stride };
      return { kind: 'fmap', file, strideBytes: parsed.stride, warm: parsed.warm === 1 };
    }
  }
}

/** `4K`, or `4K+mthp64` for a kernel with 64K transparent huge pages always on. */
const KERNEL = /^(4|16|64)K(?:\+mthp(\d+))?$/;

function kernelOf(parsed: Parsed, at: AnswerLine): Pick<FootprintLine, 'pageBytes' | 'thpAlwaysBytes'> {
  const { page, kernel, mthp } = parsed;
  const named = kernel === undefined ? null : KERNEL.exec(kernel);
  if (kernel !== undefined && named === null) throw malformedAnswer(at, `kernel: "${kernel}" is no kernel; 4K is`);
  const namedBytes = named === null ? undefined : Number(named[1]) * 1024;
  const pageBytes = page ?? namedBytes;
  if (pageBytes === undefined) throw malformedAnswer(at, 'neither page nor kernel says which kernel answered');
  if (namedBytes !== undefined && namedBytes !== pageBytes) {
    throw malformedAnswer(at, `kernel ${kernel} has no pages of ${pageBytes} bytes`);
  }
  const sizes = named?.[2] === undefined ? [] : [Number(named[2]) * 1024];
  if (mthp !== 'never') {
    const bytes = parseSize(mthp);
    if (bytes === null || bytes === 0) throw malformedAnswer(at, `mthp: "${mthp}" is neither never nor a size`);
    if (!sizes.includes(bytes)) sizes.push(bytes);
  }
  return { pageBytes, thpAlwaysBytes: sizes };
}

function titleOf(value: Record<string, unknown>): string {
  const numbers = Object.entries(value).filter(
    ([name]) => !['workload', 'page', 'kernel', 'mthp', 'majflt', 'minflt'].includes(name) && !/^d[A-Z]/.test(name),
  );
  return [String(value['workload']), ...numbers.map(([name, number]) => `${name}=${String(number)}`)].join(' ');
}

/**
 * Reads one line; what is not measured comes back as such.
 *
 * @throws GranuleError ANSWERS_MALFORMED with file, line and field
 * @example
 * ```ts
 * const value = { workload: 'seq', mb: 16, page: 4096, mthp: '64K', minflt: 260 };
 * const line = parseFootprintLine({ file: 'x', line: 1, value });
 * 'thpAlwaysBytes' in line && line.thpAlwaysBytes; // [65536]
 * ```
 */
export function parseFootprintLine(at: AnswerLine): FootprintLine | SkippedLine {
  const { file, line, value } = at;
  const named = z.object({ workload: z.string() }).safeParse(value);
  if (!named.success) throw malformedAnswer(at, 'it names no workload');
  const { workload } = named.data;
  const reason = NOT_MEASURED[workload];
  if (reason !== undefined) return { file, line, workload, reason };
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) throw misfit(at, parsed.error);
  const answer: Partial<FootprintCounters> = {};
  for (const field of FOOTPRINT_FIELDS) {
    const number = parsed.data[field];
    if (number !== undefined) answer[field] = number;
  }
  const title = titleOf(value as Record<string, unknown>);
  return { file, line, title, workload: workloadOf(parsed.data, at), ...kernelOf(parsed.data, at), answer };
}
