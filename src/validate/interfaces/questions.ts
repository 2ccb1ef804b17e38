/**
 * The grammar of the fixed questions: what their texts ask, whatever offsets, lengths, sizes and advice stand in them. A text is
 * one row of the table below with its holes filled; nothing here knows any single question.
 */
import { ADVICE, MPOL } from '../../mm/abi/numbers.ts';
import { answerObjectQuestion } from '../../mm/objects/questions.ts';
import { softLimit } from '../../mm/procfs/settings.ts';

/** A range of bytes in the first area, as `0..64K` has it. */
export interface AdvisedBytes {
  action: string;
  fromBytes: number;
  toBytes: number;
  /** Of mprotect. */
  prot: number;
}

/** The areas whose pagemap is asked for. */
export type AreaName = 'anon' | 'file private' | 'file shared' | 'mlocked' | 'huge' | 'prot none';

/** A call on one mebibyte of anonymous memory, `offsetBytes` from its start. */
export type RangeCall =
  | 'mbind'
  | 'move_pages'
  | 'remap_file_pages'
  | 'mlock'
  | 'mlock2'
  | 'munlock'
  | 'mprotect'
  | 'madvise'
  | 'process_madvise'
  | 'msync'
  | 'mincore'
  | 'UFFDIO_REGISTER'
  | 'UFFDIO_UNREGISTER'
  | 'UFFDIO_ZEROPAGE'
  | 'UFFDIO_COPY'
  | 'UFFDIO_WAKE';

/** A question, understood. */
export type Question =
  | { kind: 'sysconf' | 'auxval' | 'file'; name: string }
  | { kind: 'rlimit'; name: string; hard: boolean }
  | { kind: 'pipe'; setBytes: number | null }
  | { kind: 'areaSize' | 'areaAligned'; area: string }
  | { kind: 'range'; call: RangeCall; offsetBytes: number; lengthBytes: number; argument: number }
  | { kind: 'uffdApi' }
  /** Objects that the kernel shares with user space; `src/mm/objects/questions.ts` reads their texts. */
  | { kind: 'object' }
  | { kind: 'shmat'; rounded: boolean; offsetBytes: number }
  | { kind: 'memfdFallocate'; punches: boolean; offsetBytes: number; lengthBytes: number }
  | { kind: 'memfdAccess'; fileBytes: number; access: 'load' | 'store'; at: number }
  | { kind: 'truncatedAccess'; fileBytes: number; access: 'load' | 'store'; at: number }
  | { kind: 'smaps'; child: boolean; after: AdvisedBytes[] }
  | { kind: 'pagemap'; area: AreaName; child: boolean; after: AdvisedBytes[] };

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function numberOf(text: string): number {
  const match = /^(\d+)([KMG]?)$/i.exec(text);
  return match === null ? Number(text) : Number(match[1]) * UNITS[match[2].toUpperCase()];
}

/** Ways to write a protection, in mprotect's questions. */
const PROTECTIONS: Readonly<Record<string, number>> = {
  none: 0,
  read: 1,
  r: 1,
  write: 2,
  rw: 3,
  exec: 4,
  x: 4,
  rx: 5,
  wx: 6,
  rwx: 7,
};

/** What a number is written as. */
const N = '(\\d+[KMG]?|0x[0-9a-f]+)';
const RANGE = `\\+${N} len ${N}`;

/** Pieces of advice in the text of an "after": each `NAME a..b`, joined by `and` or commas. */
function adviceOf(text: string | undefined): AdvisedBytes[] | null {
  if (text === undefined || text === '') return [];
  const found: AdvisedBytes[] = [];
  for (const part of text.split(/ and |, /)) {
    const match = new RegExp(`^(?:madvise )?(?:MADV_)?([a-zA-Z_]+) ${N}\\.\\.${N}(?: (\\w+))?$`).exec(part);
    if (match === null) return null;
    const action = match[1].toUpperCase();
    const prot = PROTECTIONS[match[4] ?? ''] as number | undefined;
    if ((action === 'MPROTECT') !== (prot !== undefined)) return null;
    if (!(action in ADVICE) && !AFTER_CALLS.includes(action)) return null;
    found.push({ action, fromBytes: numberOf(match[2]), toBytes: numberOf(match[3]), prot: prot ?? 0 });
  }
  return found;
}

/** Calls beside advice that an "after" may name. */
const AFTER_CALLS: readonly string[] = ['MUNMAP', 'MLOCK', 'MUNLOCK', 'MPROTECT'];

type Row = [pattern: RegExp, make: (groups: readonly string[]) => Question | null];

function row(pattern: string, make: (groups: readonly string[]) => Question | null): Row {
  return [new RegExp(`^${pattern}$`), make];
}

function range(call: RangeCall, offset: string, length = '4096', argument = 0): Question {
  return { kind: 'range', call, offsetBytes: numberOf(offset), lengthBytes: numberOf(length), argument };
}

function advised(call: 'madvise' | 'process_madvise', name: string, offset: string, length: string): Question | null {
  const advice = ADVICE[name.replace(/^MADV_/, '') as keyof typeof ADVICE] as number | undefined;
  return advice === undefined ? null : range(call, offset, length, advice);
}

function bound([name, offset, length, policy]: readonly string[]): Question | null {
  const mode = MPOL[policy.replace(/^MPOL_/, '') as keyof typeof MPOL] as number | undefined;
  return mode === undefined ? null : range(name as 'mbind', offset, length, mode);
}

function protects([offset, length, name]: readonly string[]): Question | null {
  const prot = PROTECTIONS[name] as number | undefined;
  return prot === undefined ? null : range('mprotect', offset, length, prot);
}

function seen(kind: 'smaps' | 'pagemap', area: AreaName, child: boolean, after: string | undefined): Question | null {
  const advice = adviceOf(after);
  if (advice === null) return null;
  return kind === 'smaps' ? { kind, child, after: advice } : { kind, area, child, after: advice };
}

/** What the model can say of sysconf(3). */
const SYSCONF =
  '_SC_(?:PAGE_?SIZE|(?:AV)?PHYS_PAGES|MINSIGSTKSZ|NPROCESSORS_(?:CONF|ONLN)|CLK_TCK|OPEN_MAX|IOV_MAX|ARG_MAX)';

const rows: readonly Row[] = [
  row(`sysconf\\((${SYSCONF})\\)`, ([name]) => ({ kind: 'sysconf', name })),
  row('getauxval\\((AT_PAGESZ|AT_MINSIGSTKSZ|AT_CLKTCK)\\)', ([name]) => ({ kind: 'auxval', name })),
  row('RLIMIT_(\\w+) (soft|hard)', ([name, which]) =>
    softLimit(name) === null ? null : { kind: 'rlimit', name, hard: which === 'hard' },
  ),
  row('F_GETPIPE_SZ(?: default)?', () => ({ kind: 'pipe', setBytes: null })),
  row(`F_SETPIPE_SZ ${N}`, ([size]) => ({ kind: 'pipe', setBytes: numberOf(size) })),
  row('size of (\\[(?:heap|stack)\\])', ([area]) => ({ kind: 'areaSize', area })),
  row('(\\[(?:heap|stack)\\]) aligned to page', ([area]) => ({ kind: 'areaAligned', area })),
  row(`(mbind) ${RANGE} (\\w+)`, bound),
  row(`move_pages \\+${N}`, ([offset]) => range('move_pages', offset)),
  row(`remap_file_pages \\+${N}(?: len ${N})?`, ([offset, length = '65536']) =>
    range('remap_file_pages', offset, length),
  ),
  row(`(mlock2|mlock|munlock|msync|mincore) ${RANGE}`, ([call, offset, length]) =>
    range(call as 'mlock', offset, length),
  ),
  row(`mprotect ${RANGE} (\\w+)`, protects),
  row(`madvise (\\w+) ${RANGE}`, ([name, offset, length]) => advised('madvise', name, offset, length)),
  row(`process_madvise (\\w+) ${RANGE}`, ([name, offset, length]) => advised('process_madvise', name, offset, length)),
  row('UFFDIO_API', () => ({ kind: 'uffdApi' })),
  row(`(UFFDIO_(?:REGISTER|UNREGISTER|ZEROPAGE|COPY|WAKE)) ${RANGE}`, ([call, offset, length]) =>
    range(call as 'UFFDIO_WAKE', offset, length),
  ),
  row(`shmat (fixed|SHM_RND) \\+${N}`, ([how, offset]) => ({
    kind: 'shmat',
    rounded: how === 'SHM_RND',
    offsetBytes: numberOf(offset),
  })),
  row(`memfd fallocate( punch)? \\+${N} len ${N}`, ([punch, offset, length]) => ({
    kind: 'memfdFallocate',
    punches: punch !== undefined,
    offsetBytes: numberOf(offset),
    lengthBytes: numberOf(length),
  })),
  row(`(memfd|after ftruncate) ${N}: (load|store) ${N}`, ([which, size, access, at]) => ({
    kind: which === 'memfd' ? 'memfdAccess' : 'truncatedAccess',
    fileBytes: numberOf(size),
    access: access as 'load',
    at: numberOf(at),
  })),
  row('smaps(?: (in child)(?: after writes)?)?(?: after (.+))?', ([child, after]) =>
    seen('smaps', 'anon', child !== undefined, after),
  ),
  row(
    'pagemap (anon|file private|file shared|mlocked|huge|prot none)(?: \\([^)]*\\))?(?: (in child)(?: after writes)?)?(?: after (.+))?',
    ([area, child, after]) => seen('pagemap', area as AreaName, child !== undefined, after),
  ),
];

/** Files of /proc/sys and /sys that are asked for by their last name; a name that ends in a slash is a listing. */
const FILES: ReadonlySet<string> = new Set([
  'hpage_pmd_size',
  'transparent_hugepage/',
  'hugepages/',
  'mmap_min_addr',
  'max_map_count',
  'min_free_kbytes',
  'shmmax',
  'shmall',
  'shmmni',
  'overcommit_memory',
  'overcommit_ratio',
  'swappiness',
  'pipe-max-size',
  'pipe-user-pages-soft',
  'pipe-user-pages-hard',
  'perf_event_mlock_kb',
]);

/** Page sizes on which every object can be made: a question about one is told by its text alone. */
const SMALLEST = { abiPageBytes: 4096, objectPageBytes: 4096 };

/**
 * What a question asks; null where no row of the grammar fits.
 *
 * @example
 * ```ts
 * understand('mprotect +512 len 4096 read');
 * // { kind: 'range', call: 'mprotect', offsetBytes: 512, lengthBytes: 4096, argument: 1 }
 * understand('what time is it'); // null
 * ```
 */
export function understand(text: string): Question | null {
  if (FILES.has(text)) return { kind: 'file', name: text };
  for (const [pattern, make] of rows) {
    const match = pattern.exec(text);
    // A group that is not there is undefined, and has its default then.
    if (match !== null) return make(match.slice(1));
  }
  return answerObjectQuestion(text, SMALLEST) === null ? null : { kind: 'object' };
}
