/**
 * The files of `/sys/kernel/mm/transparent_hugepage` as a table of rules: what each holds, what a reader of each page size is told, and
 * what a write does. Paths are relative to that directory; `SIZE` stands for the directory of one size.
 * Sources: mm/huge_memory.c, mm/khugepaged.c, mm/shmem.c (`_show` and `_store` of each attribute).
 *
 * @models S-17 S-23 S-24
 */
import type { ThpMode } from '../../arch/design.ts';
import { ERRNO } from '../abi/numbers.ts';
import type { ShmemSizeThp, ThpControls } from './controls.ts';
import { pmdBytesOf, pmdPagesOf, thpDirectory, type ThpSize, thpSizes } from './sizes.ts';
import { type ControlPolicy, fromReader, toReader } from './units.ts';

/** Who looks at a control. */
export interface ControlReader {
  /** Page size of its ABI, and of the kernel. */
  pageBytes: number;
  kernelPageBytes: number;
  policy: ControlPolicy;
}

/** The counters of the sizes, by order in kernel pages and by file name; what never happened is left out. */
export type CountsByOrder = Readonly<Record<number, Readonly<Record<string, number>>>>;

/** A file as text, or why it cannot be had. */
export type ControlText = { text: string } | { errno: number };
/** The controls after a write, or why it was refused. */
export type ControlChange = { controls: ThpControls } | { errno: number };

/** A file of words of which one is chosen; a file that counts PTEs of one PMD, or pages; and so on. */
type Rule = { path: string; says: string } & (
  | { kind: 'choice'; words: readonly string[]; get: Getter<string>; set: Setter<string> }
  | { kind: 'flag'; get: Getter<boolean>; set: Setter<boolean> }
  | {
      kind: 'number';
      unit: 'milliseconds' | 'pages' | 'ptes';
      least: number;
      get: Getter<number>;
      set: Setter<number>;
    }
  | { kind: 'constant'; get: (reader: ControlReader) => number }
  | { kind: 'counter'; get: Getter<number> }
  | { kind: 'sizeCounter'; of: 'any' | 'anon' | 'file' }
);
type Getter<V> = (controls: ThpControls, size: number, reader: ControlReader) => V;
type Setter<V> = (controls: ThpControls, value: V, size: number) => ThpControls;

type Field<V> = { [F in keyof ThpControls]: ThpControls[F] extends V ? F : never }[keyof ThpControls];
type KhugepagedField<V> = {
  [F in keyof ThpControls['khugepaged']]: ThpControls['khugepaged'][F] extends V ? F : never;
}[keyof ThpControls['khugepaged']];

function word(field: Field<string>, says: string, words: readonly string[], path: string): Rule {
  const set: Setter<string> = (controls, value) => ({ ...controls, [field]: value });
  return { path, says, kind: 'choice', words, get: (controls) => controls[field], set };
}

function flag(field: Field<boolean>, path: string, says: string): Rule {
  const set: Setter<boolean> = (controls, value) => ({ ...controls, [field]: value });
  return { path, says, kind: 'flag', get: (controls) => controls[field], set };
}

function number(
  path: string,
  unit: 'milliseconds' | 'pages' | 'ptes',
  field: KhugepagedField<number>,
  says: string,
): Rule {
  const set: Setter<number> = (controls, value) => ({
    ...controls,
    khugepaged: { ...controls.khugepaged, [field]: value },
  });
  const get: Getter<number> = ({ khugepaged }) => khugepaged[field];
  return { path: `khugepaged/${path}`, says, kind: 'number', unit, least: unit === 'pages' ? 1 : 0, get, set };
}

function stat(name: string, of: 'any' | 'anon' | 'file'): Rule {
  return { path: `SIZE/stats/${name}`, says: 'folios', kind: 'sizeCounter', of };
}

/** The mode of a size: what was set, else `inherit` for the PMD size of the reader, whose faults obey it so. */
function modeOf(controls: ThpControls, bytes: number, { pageBytes }: ControlReader): ThpMode {
  return controls.sizes[bytes] ?? (bytes === pmdBytesOf(pageBytes) ? 'inherit' : 'never');
}

/** The table: files of the directory, of one size, and of khugepaged. */
export const thpRules: readonly Rule[] = [
  word('defrag', 'how hard a fault tries', ['always', 'defer', 'defer+madvise', 'madvise', 'never'], 'defrag'),
  word('enabled', 'what sizes that inherit follow', ['always', 'madvise', 'never'], 'enabled'),
  { path: 'hpage_pmd_size', says: 'bytes', kind: 'constant', get: ({ pageBytes }) => pmdBytesOf(pageBytes) },
  word(
    'shmemEnabled',
    'when shmem uses the PMD size',
    ['always', 'within_size', 'advise', 'never', 'deny', 'force'],
    'shmem_enabled',
  ),
  flag('shrinkUnderused', 'shrink_underused', 'huge pages that are mostly zero are split under pressure'),
  flag('useZeroPage', 'use_zero_page', 'a read fault maps the huge zero page'),
  {
    path: 'SIZE/enabled',
    says: 'when anonymous memory uses the size',
    kind: 'choice',
    words: ['always', 'inherit', 'madvise', 'never'],
    get: modeOf,
    set: (controls, mode, bytes) => ({ ...controls, sizes: { ...controls.sizes, [bytes]: mode as ThpMode } }),
  },
  {
    path: 'SIZE/shmem_enabled',
    says: 'when shmem uses the size',
    kind: 'choice',
    words: ['always', 'inherit', 'within_size', 'advise', 'never'],
    get: (controls, bytes, { pageBytes }) =>
      controls.shmemSizes[bytes] ?? (bytes === pmdBytesOf(pageBytes) ? 'inherit' : 'never'),
    set: (controls, mode, bytes) => {
      return { ...controls, shmemSizes: { ...controls.shmemSizes, [bytes]: mode as ShmemSizeThp } };
    },
  },
  stat('anon_fault_alloc', 'anon'),
  stat('anon_fault_fallback', 'anon'),
  stat('anon_fault_fallback_charge', 'anon'),
  stat('nr_anon', 'anon'),
  stat('nr_anon_partially_mapped', 'anon'),
  stat('shmem_alloc', 'file'),
  stat('shmem_fallback', 'file'),
  stat('shmem_fallback_charge', 'file'),
  stat('split', 'any'),
  stat('split_deferred', 'anon'),
  stat('split_failed', 'any'),
  stat('swpout', 'any'),
  stat('swpout_fallback', 'any'),
  number('alloc_sleep_millisecs', 'milliseconds', 'allocSleepMilliseconds', 'rest after a failed allocation'),
  {
    path: 'khugepaged/defrag',
    says: 'khugepaged may compact',
    kind: 'flag',
    get: ({ khugepaged }) => khugepaged.defrag,
    set: (controls, defrag) => ({ ...controls, khugepaged: { ...controls.khugepaged, defrag } }),
  },
  {
    path: 'khugepaged/full_scans',
    says: 'rounds over all processes',
    kind: 'counter',
    get: ({ khugepaged }) => khugepaged.fullScans,
  },
  number('max_ptes_none', 'ptes', 'maxPtesNone', 'empty or zero entries of a PMD at most'),
  number('max_ptes_shared', 'ptes', 'maxPtesShared', 'shared entries at most'),
  number('max_ptes_swap', 'ptes', 'maxPtesSwap', 'entries in swap at most'),
  {
    path: 'khugepaged/pages_collapsed',
    says: 'huge pages made',
    kind: 'counter',
    get: ({ khugepaged }) => khugepaged.pagesCollapsed,
  },
  number('pages_to_scan', 'pages', 'pagesToScan', 'pages in one go'),
  number('scan_sleep_millisecs', 'milliseconds', 'scanSleepMilliseconds', 'rest between two goes'),
];

/** Whether a size has the file: orders beyond the page cache have nothing of shmem, order 1 nothing of anonymous memory. */
function isOfSize(rule: Rule, size: ThpSize): boolean {
  if (rule.path === 'SIZE/enabled') return size.anon;
  if (rule.path === 'SIZE/shmem_enabled') return size.file;
  return rule.kind !== 'sizeCounter' || rule.of === 'any' || size[rule.of];
}

/** Whose files a reader sees: those of a kernel of its page size, or of the kernel that runs. */
function viewOf(reader: ControlReader): ControlReader {
  return reader.policy === 'translate' ? reader : { ...reader, pageBytes: reader.kernelPageBytes };
}

/** A file that tells of the geometry of one page size; under `defeature` there is none for processes of another. */
function tellsGeometry(rule: Rule): boolean {
  return (
    rule.path.startsWith('SIZE/') ||
    rule.kind === 'constant' ||
    (rule.kind === 'number' && rule.unit !== 'milliseconds')
  );
}

function isHidden(rule: Rule, { policy, pageBytes, kernelPageBytes }: ControlReader): boolean {
  return policy === 'defeature' && pageBytes !== kernelPageBytes && tellsGeometry(rule);
}

/** The rule of a path and the size that it names. */
function find(path: string, reader: ControlReader): { rule: Rule; bytes: number } | null {
  const view = viewOf(reader);
  for (const size of thpSizes(view.pageBytes)) {
    const directory = `${thpDirectory(size.bytes)}/`;
    if (!path.startsWith(directory)) continue;
    const rule = thpRules.find((each) => each.path === `SIZE/${path.slice(directory.length)}`);
    return rule === undefined || !isOfSize(rule, size) || isHidden(rule, reader) ? null : { rule, bytes: size.bytes };
  }
  const rule = thpRules.find((each) => each.path === path && !path.startsWith('SIZE/'));
  return rule === undefined || isHidden(rule, reader) ? null : { rule, bytes: 0 };
}

/**
 * The names in the directory, sorted as `scandir` does.
 *
 * @example
 * ```ts
 * const reader = { pageBytes: 4096, kernelPageBytes: 4096, policy: 'translate' as const };
 * listThp(reader).length; // 16
 * ```
 */
export function listThp(reader: ControlReader): string[] {
  const view = viewOf(reader);
  const visible = thpRules.filter((rule) => !isHidden(rule, reader));
  const plain = visible.filter(({ path }) => !path.startsWith('SIZE/')).map(({ path }) => path.split('/', 1)[0] ?? '');
  const hasSizes = visible.some(({ path }) => path.startsWith('SIZE/'));
  const sizes = hasSizes ? thpSizes(view.pageBytes).map(({ bytes }) => thpDirectory(bytes)) : [];
  return [...new Set([...plain, ...sizes])].sort();
}

/**
 * What a reader of a file is told.
 *
 * @example
 * ```ts
 * const controls = bootControls(4096, { enabled: 'madvise', sizes: {} });
 * const reader = { pageBytes: 65536, kernelPageBytes: 4096, policy: 'translate' as const };
 * readThp(controls, 'hpage_pmd_size', reader); // { text: '536870912\n' }
 * readThp(controls, 'enabled', reader); // { text: 'always [madvise] never\n' }
 * readThp(controls, 'hpage_pmd_size', { ...reader, policy: 'defeature' }); // { errno: 2 }
 * ```
 */
export function readThp(
  controls: ThpControls,
  path: string,
  reader: ControlReader,
  counts: CountsByOrder = {},
): ControlText {
  const found = find(path, reader);
  if (found === null) return { errno: ERRNO.ENOENT };
  const { rule, bytes } = found;
  const view = viewOf(reader);
  switch (rule.kind) {
    case 'choice': {
      const chosen = rule.get(controls, bytes, view);
      return { text: `${rule.words.map((word) => (word === chosen ? `[${word}]` : word)).join(' ')}\n` };
    }
    case 'flag':
      return { text: `${Number(rule.get(controls, bytes, view))}\n` };
    case 'number':
      return { text: `${toReader(rule.get(controls, bytes, view), rule.unit, reader)}\n` };
    case 'constant':
      return { text: `${rule.get(view)}\n` };
    case 'counter':
      return { text: `${rule.get(controls, bytes, view)}\n` };
    default: {
      const name = rule.path.slice('SIZE/stats/'.length);
      return { text: `${counts[Math.log2(bytes / reader.kernelPageBytes)]?.[name] ?? 0}\n` };
    }
  }
}

const WORD_MAX = 2 ** 32 - 1;

/** `kstrtouint` of a decimal number, as sysfs gets it; null where it is none. */
function numberIn(text: string): number | null {
  const digits = /^\+?(\d{1,10})\n?$/.exec(text)?.[1];
  const value = digits === undefined ? Number.NaN : Number(digits);
  return value <= WORD_MAX ? value : null;
}

/**
 * What a write to a file does.
 *
 * @example
 * ```ts
 * const controls = bootControls(4096, { enabled: 'madvise', sizes: {} });
 * const reader = { pageBytes: 4096, kernelPageBytes: 4096, policy: 'translate' as const };
 * const change = writeThp(controls, 'hugepages-64kB/enabled', 'always\n', reader);
 * 'controls' in change && change.controls.sizes; // { 65536: 'always' }
 * writeThp(controls, 'khugepaged/max_ptes_none', '512', reader); // { errno: 22 }
 * writeThp(controls, 'hpage_pmd_size', '1', reader); // { errno: 13 }
 * ```
 */
export function writeThp(controls: ThpControls, path: string, text: string, reader: ControlReader): ControlChange {
  const found = find(path, reader);
  if (found === null) return { errno: ERRNO.ENOENT };
  const { rule, bytes } = found;
  if (rule.kind === 'choice') {
    const word = text.endsWith('\n') ? text.slice(0, -1) : text;
    return rule.words.includes(word) ? { controls: rule.set(controls, word, bytes) } : { errno: ERRNO.EINVAL };
  }
  if (rule.kind !== 'flag' && rule.kind !== 'number') return { errno: ERRNO.EACCES };
  const value = numberIn(text);
  if (value === null) return { errno: ERRNO.EINVAL };
  if (rule.kind === 'flag') {
    return value > 1 ? { errno: ERRNO.EINVAL } : { controls: rule.set(controls, value === 1, bytes) };
  }
  const isTooMany = rule.unit === 'ptes' && value > pmdPagesOf(viewOf(reader).pageBytes) - 1;
  if (value < rule.least || isTooMany) return { errno: ERRNO.EINVAL };
  return { controls: rule.set(controls, fromReader(value, rule.unit, reader), bytes) };
}
