/** One line of the answers about whole programs: a command, the kernel that ran it, and what wait4 told of it. */
import { z } from 'zod';
import { GRANULES } from '../../arch/granule.ts';
import { parseSize } from '../../topology/schema.ts';
import { type AnswerLine, malformedAnswer, misfit } from '../ndjson.node.ts';

/** Fields that are compared. */
export const PROGRAM_FIELDS = ['minflt', 'maxRssKB'] as const;
/** Fields that are shown beside: they depend on readahead, and on what else the disk image holds. */
export const SHOWN_FIELDS = ['majflt', 'dCachedKB'] as const;

/** A field that is compared. */
export type ProgramField = (typeof PROGRAM_FIELDS)[number];
/** Any field. */
export type ProgramFigure = ProgramField | (typeof SHOWN_FIELDS)[number];
/** What a kernel, or the model, said. */
export type ProgramFigures = Partial<Record<ProgramFigure, number>>;

/** A line. */
export interface ProgramLine {
  file: string;
  /** From 1. */
  line: number;
  /** The command as the line has it. */
  program: string;
  pageBytes: number;
  thpAlwaysBytes: number[];
  cache: 'cold' | 'warm';
  answer: ProgramFigures;
}

const count = z.int().nonnegative().optional();

const lineSchema = z.object({
  kernel: z.string().optional(),
  page: z.literal(GRANULES).optional(),
  mthp: z.string().default('never'),
  cache: z.enum(['cold', 'warm']),
  program: z.string().min(1),
  minflt: count,
  majflt: count,
  maxRssKB: count,
  dCachedKB: z.int().optional(),
});

/** `4K`, or `4K+mthp64` for a kernel with 64K transparent huge pages always on. */
const KERNEL = /^(4|16|64)K(?:\+mthp(\d+))?$/;

/**
 * Reads one line.
 *
 * @throws GranuleError ANSWERS_MALFORMED with file, line and field
 * @example
 * ```ts
 * const value = { kernel: '4K', mthp: '64K', cache: 'warm', program: '/usr/bin/sqlite3 -version', minflt: 141 };
 * parseProgramLine({ file: 'x', line: 1, value }).thpAlwaysBytes; // [65536]
 * ```
 */
export function parseProgramLine(at: AnswerLine): ProgramLine {
  const parsed = lineSchema.safeParse(at.value);
  if (!parsed.success) throw misfit(at, parsed.error);
  const { kernel = '', page, mthp, cache, program } = parsed.data;
  const named = KERNEL.exec(kernel);
  const pageBytes = page ?? (named === null ? undefined : Number(named[1]) * 1024);
  if (pageBytes === undefined) throw malformedAnswer(at, `kernel: "${kernel}" is no kernel; 4K is`);
  const sizes = named?.[2] === undefined ? [] : [Number(named[2]) * 1024];
  if (mthp !== 'never') {
    const bytes = parseSize(mthp);
    if (bytes === null || bytes === 0) throw malformedAnswer(at, `mthp: "${mthp}" is neither never nor a size`);
    if (!sizes.includes(bytes)) sizes.push(bytes);
  }
  const answer: ProgramFigures = {};
  for (const field of [...PROGRAM_FIELDS, ...SHOWN_FIELDS]) {
    const number = parsed.data[field];
    if (number !== undefined) answer[field] = number;
  }
  return { file: at.file, line: at.line, program, pageBytes, thpAlwaysBytes: sizes, cache, answer };
}
