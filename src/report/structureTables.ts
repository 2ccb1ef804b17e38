/** Tables of the structures in a context: VMAs, page tables, TLB arrays, page cache, buddy lists and folios. */
import type { ActorKind } from '../../machines/index.ts';
import type { Buddy } from '../mm/buddy.ts';
import type { Folio } from '../mm/frames.ts';
import type { CachedFolio } from '../mm/pageCache.ts';
import type { PageTablePlain } from '../mm/pageTable.ts';
import { PTE } from '../mm/pte.ts';
import { type TlbPlain } from '../mm/tlb.ts';
import { ASID_STRIDE, asidOfKey, firstPageOfGroup, isGroupKey } from '../mm/tlbKeys.ts';
import type { TlbArrayPlain } from '../mm/tlbArray.ts';
import type { VmaSetPlain } from '../mm/vmaSet.ts';
import { formatBytes, formatCount, formatHex, formatPageSize, formatProtection } from './format.ts';
import { formatTable } from './table.ts';

/** A structure of a context, shown as a table. */
export interface StructureTable {
  /** The field of the context. */
  field: string;
  title: string;
  text: string;
}

type Context = Readonly<Record<string, unknown>>;
type BuddyPlain = ReturnType<Buddy['toPlain']>;

/** The structures that contexts hold, in plain form; each kind of actor has its own of them. */
interface Structures {
  vmas: VmaSetPlain;
  linux: PageTablePlain;
  native: PageTablePlain | null;
  tlb: TlbPlain;
  cache: { pageBytes: number; folios: CachedFolio[] };
  buddy: BuddyPlain;
  folios: Folio[];
}

type Rows = readonly (readonly string[])[];

/**
 * The tables for a kind of actor, from the plain form of its context.
 *
 * @param rows rows of each table at most
 * @example
 * ```ts
 * structureTables('mm', { vmas: { pageBytes: 4096, vmas: [] } }, 10)[0]?.title; // 'VMAs: 0, pages of 4K'
 * structureTables('disk', { reads: 3 }, 10); // []
 * ```
 */
export function structureTables(kind: ActorKind, context: Context, rows: number): StructureTable[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind of actor says what its context's plain form holds
  const plain = context as unknown as Structures;
  if (kind === 'mm') return [vmaTable(plain.vmas, rows)];
  if (kind === 'mmu') {
    const linux = pageTable('linux', 'Linux table', plain.linux, rows);
    return plain.native === null ? [linux] : [linux, pageTable('native', 'native table', plain.native, rows)];
  }
  if (kind === 'tlb') return [tlbTable(plain.tlb, rows)];
  if (kind === 'file') return [cacheTable(plain.cache, rows)];
  return kind === 'zone' ? [buddyTable(plain.buddy), folioTable(plain.folios)] : [];
}

/** The first rows under a head, and how many were left out. */
function limited(head: readonly string[], body: Rows, rows: number, align?: ('left' | 'right')[]): string {
  const shown = body.slice(0, rows);
  const table = formatTable([head, ...shown], { indent: '  ', ...(align === undefined ? {} : { align }) });
  const left = body.length - shown.length;
  return left === 0 ? table : `${table}  and ${formatCount(left)} more (--rows N shows more)\n`;
}

function vmaTable({ pageBytes, vmas }: VmaSetPlain, rows: number): StructureTable {
  const body = vmas.map(({ startVa, endVa, prot, flags, file, offsetBytes, name }) => [
    `${startVa.toString(16)}-${endVa.toString(16)}`,
    `${formatProtection(prot)}${(flags & 8) === 0 ? 'p' : 's'}`,
    formatBytes(endVa - startVa),
    file === null ? '' : formatHex(offsetBytes),
    file ?? name ?? '',
  ]);
  const title = `VMAs: ${formatCount(vmas.length)}, pages of ${formatPageSize(pageBytes)}`;
  const align: ('left' | 'right')[] = ['left', 'left', 'right', 'right', 'left'];
  return { field: 'vmas', title, text: limited(['range', 'prot', 'size', 'offset', 'file'], body, rows, align) };
}

const FLAG_NAMES = Object.entries(PTE).map(([name, bit]) => ({ name, bit }));

/**
 * The names of the flags of a page-table entry.
 *
 * @example
 * ```ts
 * flagsText(PTE.VALID | PTE.YOUNG); // 'VALID YOUNG'
 * ```
 */
export function flagsText(flags: number): string {
  // The two have one bit, which means the one or the other.
  const other = (flags & PTE.SPECIAL) === 0 ? 'DEVICE' : 'LARGE';
  return FLAG_NAMES.filter(({ name, bit }) => (flags & bit) !== 0 && name !== other)
    .map(({ name }) => name)
    .join(' ');
}

function pageTable(field: string, name: string, plain: PageTablePlain, rows: number): StructureTable {
  const { granuleBytes, tables, runs } = plain;
  const body: string[][] = [];
  for (let at = 0; at + 3 < runs.length; at += 4) {
    const [page = 0, pfn = 0, nr = 0, flags = 0] = runs.slice(at, at + 4);
    const startVa = page * granuleBytes;
    const range = `${startVa.toString(16)}-${(startVa + nr * granuleBytes).toString(16)}`;
    body.push([range, formatCount(nr), formatHex(pfn), flagsText(flags)]);
  }
  const entries = runs.reduce((sum, value, at) => (at % 4 === 2 ? sum + value : sum), 0);
  const levels = tables.map((indexes) => formatCount(indexes.length)).join(' + ');
  const title =
    `${name}: pages of ${formatPageSize(granuleBytes)}, ${formatCount(entries)} entries, ` +
    `tables below the root by level ${levels === '' ? 'none' : levels}`;
  const align: ('left' | 'right')[] = ['left', 'right', 'right', 'left'];
  return { field, title, text: limited(['range', 'entries', 'first frame', 'flags'], body, rows, align) };
}

function arrayRows(array: TlbArrayPlain): string[][] {
  return array.sets.flatMap(([set, triples]) => {
    const entries: string[][] = [];
    for (let at = 0; at + 2 < triples.length; at += 3) {
      const [key = 0, frame = 0, rights = 0] = triples.slice(at, at + 3);
      if (key < 0 && !isGroupKey(key)) {
        entries.push([String(set), 'table', formatHex(-key - 1), '', '']);
        continue;
      }
      const page = isGroupKey(key) ? `${formatHex(firstPageOfGroup(key))} group` : formatHex(key % ASID_STRIDE);
      // MAY_READ, MAY_WRITE and MAY_FETCH have the bits of PROT_READ, PROT_WRITE and PROT_EXEC.
      entries.push([String(set), String(asidOfKey(key)), page, formatHex(frame), formatProtection(rights)]);
    }
    return entries;
  });
}

function tlbTable({ l1i, l1d, l2, walk }: TlbPlain, rows: number): StructureTable {
  const arrays: [string, TlbArrayPlain][] = [
    ['L1I', l1i],
    ['L1D', l1d],
    ['L2', l2],
  ];
  if (typeof walk !== 'string') arrays.push(['walk cache', walk]);
  const parts = arrays.map(([name, array]) => {
    const body = arrayRows(array);
    const head = `  ${name}: ${formatCount(body.length)} of ${formatCount(array.entries)} entries, ${array.ways} ways\n`;
    const table = limited(['set', 'asid', 'page', 'frame', 'rights'], body, rows);
    return body.length === 0 ? head : head + table;
  });
  const title = `TLBs, the most recently used of each set first${typeof walk === 'string' ? `; walk cache: ${walk}` : ''}`;
  return { field: 'tlb', title, text: parts.join('') };
}

function cacheTable(cache: { pageBytes: number; folios: CachedFolio[] }, rows: number): StructureTable {
  const body = cache.folios.map(({ index, pfn, order, dirty, uptodate }) => [
    formatCount(index),
    String(order),
    formatHex(pfn),
    `${dirty ? 'dirty ' : ''}${uptodate ? 'uptodate' : ''}`.trim(),
  ]);
  const pages = cache.folios.reduce((sum, { order }) => sum + 2 ** order, 0);
  const title = `page cache: ${formatCount(pages)} pages of ${formatPageSize(cache.pageBytes)} in ${formatCount(body.length)} folios`;
  const align: ('left' | 'right')[] = ['right', 'right', 'right', 'left'];
  return { field: 'cache', title, text: limited(['index', 'order', 'first frame', ''], body, rows, align) };
}

function buddyTable({ free, base, count }: BuddyPlain): StructureTable {
  const blocks = free.map((runs) => runs.reduce((sum, value, at) => (at % 2 === 1 ? sum + value : sum), 0));
  const frames = blocks.reduce((sum, number, order) => sum + number * 2 ** order, 0);
  const text = formatTable(
    [
      ['order', ...blocks.map((_, order) => String(order))],
      ['free blocks', ...blocks.map(formatCount)],
    ],
    { indent: '  ' },
  );
  const title = `buddy: ${formatCount(frames)} of ${formatCount(count)} frames free, from frame ${formatHex(base)}`;
  return { field: 'buddy', title, text };
}

/** Folios by owner and kind: one by one they would be far too many. */
function folioTable(folios: readonly Folio[]): StructureTable {
  const groups = new Map<string, { owner: string; kind: string; folios: number; frames: number; refs: number }>();
  for (const { owner, kind, order, refs } of folios) {
    const key = `${owner} ${kind}`;
    const group = groups.get(key) ?? { owner, kind, folios: 0, frames: 0, refs: 0 };
    groups.set(key, { ...group, folios: group.folios + 1, frames: group.frames + 2 ** order, refs: group.refs + refs });
  }
  const rows = [...groups.values()].sort((a, b) => b.frames - a.frames || (a.owner < b.owner ? -1 : 1));
  const body = rows.map(({ owner, kind, folios, frames, refs }) => [
    owner,
    kind,
    formatCount(folios),
    formatCount(frames),
    formatCount(refs),
  ]);
  const frames = rows.reduce((sum, row) => sum + row.frames, 0);
  const text = formatTable([['owner', 'kind', 'folios', 'frames', 'references'], ...body], {
    indent: '  ',
    align: ['left', 'left'],
  });
  return { field: 'folios', title: `folios: ${formatCount(frames)} frames in use`, text };
}
