/** Reads a file of fixed questions: for each text the answers of kernels, by page size and size of mTHP. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import { parseSize } from '../../topology/schema.ts';
import type { InterfaceAnswer } from './answer.ts';

/** A kernel that answered: `64K`, or `4K+mthp64` with folios of 64 kB always on. */
export interface Column {
  name: string;
  pageBytes: number;
  /** Sizes of transparent huge pages that are `always`, in bytes. */
  thpAlwaysBytes: readonly number[];
}

/** A question with the answers to it. */
export interface FileQuestion {
  text: string;
  answers: ReadonlyMap<string, InterfaceAnswer>;
}

/** A file of questions. */
export interface InterfacesFile {
  columns: readonly Column[];
  /** In the order of the file. */
  questions: readonly FileQuestion[];
}

const whole = z.int();
const answer = z.union([
  z.strictObject({ ret: whole, status: whole.optional() }),
  z.strictObject({ err: whole, status: whole.optional() }),
  z.strictObject({ signal: whole, code: whole }),
  z.strictObject({ text: z.string() }),
  z.strictObject({ textBytes: whole }),
]);
const fileSchema = z.record(z.string(), z.record(z.string(), answer));

const COLUMN = /^(\d+K)((?:\+mthp\d+)*)$/;

/**
 * The kernel that a column's name says.
 *
 * @returns null where it says none
 * @example
 * ```ts
 * columnOf('4K+mthp64'); // { name: '4K+mthp64', pageBytes: 4096, thpAlwaysBytes: [65536] }
 * columnOf('riscv'); // null
 * ```
 */
export function columnOf(name: string): Column | null {
  const match = COLUMN.exec(name);
  const pageBytes = match === null ? null : parseSize(match[1]);
  if (match === null || pageBytes === null || ![4096, 16384, 65536].includes(pageBytes)) return null;
  const sizes = [...match[2].matchAll(/\+mthp(\d+)/g)].map(([, kilobytes]) => Number(kilobytes) * 1024);
  return { name, pageBytes, thpAlwaysBytes: sizes };
}

/**
 * Checks what a file holds.
 *
 * @throws GranuleError ANSWERS_MALFORMED with the file and the question
 * @example
 * ```ts
 * const { columns } = parseInterfaces({ 'mmap perf ring 4096': { '4K': { ret: 0 } } }, 'x.json');
 * columns.map(({ pageBytes }) => pageBytes); // [4096]
 * ```
 */
export function parseInterfaces(data: unknown, file: string): InterfacesFile {
  const parsed = fileSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join(': ') ?? '';
    throw new GranuleError('ANSWERS_MALFORMED', issue?.message ?? 'no questions', `${file}: ${where}`);
  }
  const columns = new Map<string, Column>();
  const questions = Object.entries(parsed.data).map(([text, answers]): FileQuestion => {
    for (const name of Object.keys(answers)) {
      const column = columnOf(name);
      if (column === null) {
        throw new GranuleError(
          'ANSWERS_MALFORMED',
          `"${name}" is no kernel; write 64K or 4K+mthp64`,
          `${file}: ${text}`,
        );
      }
      columns.set(name, column);
    }
    return { text, answers: new Map(Object.entries(answers)) };
  });
  const order = (a: Column, b: Column): number =>
    a.thpAlwaysBytes.length - b.thpAlwaysBytes.length || a.pageBytes - b.pageBytes;
  return { columns: [...columns.values()].sort(order), questions };
}

/**
 * Reads a file.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, ANSWERS_MALFORMED
 * @example
 * ```ts
 * readInterfaces('fixtures/oracle/interfaces.json').questions.length > 100; // true
 * ```
 */
export function readInterfaces(file: string): InterfacesFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing) throw new GranuleError('FILE_NOT_FOUND', 'no such file', file);
    throw new GranuleError('FILE_UNREADABLE', error instanceof Error ? error.message : 'it cannot be read', file);
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new GranuleError('ANSWERS_MALFORMED', 'not JSON', file);
  }
  return parseInterfaces(data, file);
}
