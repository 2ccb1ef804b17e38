/**
 * The rules of mapped objects as tables for a page of documentation: what each kernel and each choice answers, and what
 * is known of the shapes by which drivers map memory.
 *
 * @models S-30 S-33
 */
import { driverShapes } from './driverShapes.ts';
import { ioctls } from './ioctls.ts';
import { sizesOf } from './mapping.ts';
import { answerObjectQuestion, type ObjectReply } from './questions.ts';

/** Questions whose answers depend on the page size, for which the document shows all columns. */
const QUESTIONS = [
  'mmap perf ring 4096',
  'mmap perf ring 20480',
  'mmap perf ring 65536',
  'mmap perf ring 131072',
  'mmap perf ring 327680',
  'BPF ringbuf max_entries 4096',
  'BPF ringbuf max_entries 65536',
  'mmap BPF ringbuf 65536 consumer page 4096',
  'mmap BPF ringbuf 65536 producer offset 4096',
  'mmap BPF ringbuf 65536 producer offset 65536',
  'mmap BPF array 4096',
  'mmap BPF array 65536',
  'io_uring mmap SQ ring 4096',
  'io_uring mmap SQ ring 131072',
  'size of [vdso]',
  'size of [vvar]',
];

const COLUMNS = [
  ['4K kernel', sizesOf(4096, 4096, 'kernel-page')],
  ['64K kernel', sizesOf(65536, 65536, 'kernel-page')],
  ['64K process, `process-page`', sizesOf(65536, 4096, 'process-page')],
  ['64K process, `kernel-page`', sizesOf(65536, 4096, 'kernel-page')],
] as const;

const NAMES: Readonly<Record<number, string>> = { 1: 'EPERM', 22: 'EINVAL' };

function shown(reply: ObjectReply | null): string {
  if (reply === null) return 'not asked';
  if ('err' in reply) return NAMES[reply.err] ?? String(reply.err);
  return reply.ret === 0 ? 'yes' : String(reply.ret);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/**
 * What each kernel, and each choice for a 64K process on a 4K kernel, answers.
 *
 * @example
 * ```ts
 * objectTable().split('\n')[4]; // '| mmap perf ring 65536 | EINVAL | yes | yes | EINVAL |'
 * ```
 */
export function objectTable(): string {
  const rows = QUESTIONS.map((question) => [
    question,
    ...COLUMNS.map(([, sizes]) => shown(answerObjectQuestion(question, sizes))),
  ]);
  return table(['question', ...COLUMNS.map(([name]) => name)], rows);
}

/**
 * The shapes of drivers, one row each.
 *
 * @example
 * ```ts
 * shapeTable().includes('kernel/dma/direct.c:dma_direct_mmap'); // true
 * ```
 */
export function shapeTable(): string {
  const rows = Object.entries(driverShapes).map(([shape, { source, told, special, entries, mended, note }]) => [
    `\`${shape}\``,
    `\`${source}\``,
    told,
    special ? 'special' : 'counted',
    entries === 'at-mmap' ? 'mmap' : 'fault',
    mended,
    note,
  ]);
  return table(['shape', 'source', 'the core is told', 'entries', 'made by', 'can be mended in', 'note'], rows);
}

/**
 * The ioctls that the model knows, one row each.
 *
 * @example
 * ```ts
 * ioctlTable().split('\n').length === Object.keys(ioctls).length + 2; // true
 * ```
 */
export function ioctlTable(): string {
  const rows = Object.entries(ioctls).map(([name, { source, words, note }]) => [
    `\`${name}\``,
    `\`${source}\``,
    words.join(', '),
    note,
  ]);
  return table(['command', 'source', 'its words', 'what goes wrong'], rows);
}
