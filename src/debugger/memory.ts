/** Memory as tables: page tables side by side, TLBs, physical memory, page caches and areas. */
import { kindOf } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import { type MmuTables, type PageGroup, pageTablesOf } from '../inspector/engine/memory/pageTables.ts';
import { type PhysicalView, physicalOf } from '../inspector/engine/memory/physical.ts';
import { formatBytes, formatCount, formatHex, formatPageSize } from '../report/format.ts';
import { flagsText, structureTables } from '../report/structureTables.ts';
import { formatTable } from '../report/table.ts';
import { plainState } from '../timeline/recordedRun.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import type { Session } from './session.ts';
import { withSetting } from './values.ts';
import { actorIn, usage, wordsOf } from './words.ts';

/** Page blocks on one line of the map. */
const BLOCKS_ON_LINE = 64;
/** Marks of the kinds of folio on the map of page blocks, in the order of the kinds. */
const KIND_MARKS = 'abcdefghijklmnopqrstuvwxyz';
/** Kinds that have memory of a process: `tables 200` is about `mmu:200`. */
const OF_PROCESS = new Set(['process', 'mm', 'mmu']);

type Kind = 'mmu' | 'mm' | 'tlb' | 'file' | 'zone';

/**
 * The actor of a kind that a word means: an id, or what stands behind the kind in one. Without a word it is the one there is, or the
 * one of the process that the present event is about.
 */
function actorOf(session: Session, kind: Kind, word: string | undefined): string {
  const all = session.actors.filter((actor) => kindOf(actor) === kind);
  if (word !== undefined) {
    const exact = all.find((actor) => actor === word || actor === `${kind}:${word}`);
    if (exact !== undefined) return exact;
    const fits = all.filter((actor) => actor.includes(word));
    if (fits.length === 1 && fits[0] !== undefined) return fits[0];
    if (fits.length > 1) throw usage(`"${word}" fits ${fits.join(', ')}`, 'Say more of the name.');
    return actorIn(session, word.includes(':') ? word : `${kind}:${word}`);
  }
  if (all.length === 1 && all[0] !== undefined) return all[0];
  const to = session.record?.to ?? '';
  const [toKind = '', pid = ''] = to.split(':');
  const own = all.find((actor) => actor === to || (OF_PROCESS.has(toKind) && actor === `${kind}:${pid}`));
  if (own !== undefined) return own;
  throw usage(
    `there is more than one ${kind}: ${all.join(', ')}`,
    `Say which, as in "${NAME_OF[kind]} ${all[0] ?? ''}".`,
  );
}

const NAME_OF: Readonly<Record<Kind, string>> = { mmu: 'tables', mm: 'vmas', tlb: 'tlb', file: 'cache', zone: 'zone' };

function contextOf(session: Session, actor: string): Record<string, unknown> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  return session.view.snapshot(actor, session.seq).context as Record<string, unknown>;
}

/** A stand-in keeps its memory in a way of its own. */
function need(actor: string, context: Record<string, unknown>, fields: readonly string[]): void {
  const missing = fields.find((field) => !Object.hasOwn(context, field));
  if (missing === undefined) return;
  throw new GranuleError('USAGE', `${actor} keeps no ${missing}`, 'debug', `Try "state ${actor}".`);
}

/** The tables of a structure of an actor's context, as `state` has them. */
function structures(session: Session, kind: Kind, word: string | undefined, fields: readonly string[]): string {
  const actor = actorOf(session, kind, word);
  need(actor, contextOf(session, actor), fields);
  const { context } = plainState(session.view.snapshot(actor, session.seq));
  const tables = structureTables(kind, context, session.rows);
  return withSetting(tables.map(({ title, text }) => `${actor}, ${title}\n${text}`).join('\n'));
}

function groupRow({ va, pfn, linux, native, reason }: PageGroup): string[] {
  const entries = linux.filter((flags) => flags >= 0);
  const kinds = [...new Set(entries)].map(flagsText);
  const frame = pfn < 0 ? '' : formatHex(pfn);
  const filled = entries.length === linux.length ? 'all' : formatCount(entries.length);
  return [formatHex(va), filled, frame, kinds.join(' | '), native < 0 ? reason || '-' : flagsText(native)];
}

function tables(session: Session, rest: string): string {
  const [word, from = '0'] = wordsOf(rest);
  const start = Number(from);
  if (!Number.isSafeInteger(start) || start < 0) throw usage(`"${from}" is no address`, 'Try "tables 200 0x400000".');
  const actor = actorOf(session, 'mmu', word);
  const context = contextOf(session, actor);
  need(actor, context, ['linux', 'native', 'fallback']);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields of an MMU, which are there
  const view = pageTablesOf(context as unknown as MmuTables, start);
  const { linuxPageBytes, nativePageBytes, fallback, entries, nativeEntries, groups, nextVa } = view;
  const shown = groups.slice(0, session.rows);
  const native =
    nativePageBytes === 0
      ? 'no native table'
      : `native table: pages of ${formatPageSize(nativePageBytes)}, ${formatCount(nativeEntries)} entries`;
  const next = groups[session.rows]?.va ?? nextVa;
  return [
    `${actor}, Linux table: pages of ${formatPageSize(linuxPageBytes)}, ${formatCount(entries)} entries; ${native}\n`,
    fallback === '' ? '' : `fell back to the Linux table: ${fallback}\n`,
    formatTable([['group', 'entries', 'frame', 'Linux', 'native'], ...shown.map(groupRow)], {
      indent: '  ',
      align: ['right', 'right', 'right', 'left', 'left'],
    }),
    next === 0 ? '' : `  and on from ${formatHex(next)}\n`,
  ].join('');
}

function zoneView(
  session: Session,
  block: number,
): { actor: string; view: PhysicalView; context: Record<string, unknown> } {
  const actor = actorOf(session, 'zone', undefined);
  need(actor, contextOf(session, actor), ['buddy', 'folios']);
  const { context } = plainState(session.view.snapshot(actor, session.seq));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields of a zone, which are there
  const view = physicalOf(context as unknown as Parameters<typeof physicalOf>[0], block);
  return { actor, view, context };
}

/** One mark a page block: `.` where all of it is free, else the kind of folio that has most of it. */
function blockMap({ blockKind, kinds, blockTypes, types, pageblockPages }: PhysicalView): string {
  const marks = Array.from(blockKind, (kind) => (kind === 0 ? '.' : (KIND_MARKS[kind - 1] ?? '?')));
  const lines: string[] = [];
  for (let at = 0; at < marks.length; at += BLOCKS_ON_LINE) {
    lines.push(`  ${String(at).padStart(6)}  ${marks.slice(at, at + BLOCKS_ON_LINE).join('')}\n`);
  }
  const legend = kinds.map((kind, at) => `${KIND_MARKS[at] ?? '?'} ${kind}`).join(', ');
  const ofType = types.map((type, at) => `${formatCount(blockTypes.filter((one) => one === at).length)} ${type}`);
  const title = `page blocks: ${formatCount(marks.length)} of ${formatCount(pageblockPages)} pages, ${ofType.join(', ')}`;
  return `${title}; . free, ${legend}\n${lines.join('')}`;
}

function zone(session: Session, rest: string): string {
  if (rest !== '') return blockText(session, rest);
  const { actor, view, context } = zoneView(session, -1);
  const found = structureTables('zone', context, session.rows);
  const parts = found.map(({ title, text }) => `${actor}, ${title}\n${text}`);
  return `${parts.join('\n')}\n${blockMap(view)}`;
}

function blockText(session: Session, rest: string): string {
  const { view } = zoneView(session, /^\d+$/.test(rest) ? Number(rest) : -1);
  const { block, blockFree, pageblockPages } = view;
  if (block === null) throw usage(`there is no page block ${rest}`, `Give 0 to ${blockFree.length - 1}.`);
  const rows = block.stretches.slice(0, session.rows).map(({ pfn, order, kind, owner, pins }) => {
    return [formatHex(pfn), String(order), kind === '' ? 'free' : kind, owner, pins === 0 ? '' : formatCount(pins)];
  });
  const left = block.stretches.length - rows.length;
  const title = `page block ${block.number}: ${formatCount(blockFree[block.number] ?? 0)} of ${formatCount(pageblockPages)} pages free`;
  const table = formatTable([['frame', 'order', 'kind', 'owner', 'pins'], ...rows], {
    indent: '  ',
    align: ['right', 'right', 'left', 'left', 'right'],
  });
  return `${title}\n${table}${left === 0 ? '' : `  and ${formatCount(left)} more ("set rows N" shows more)\n`}`;
}

/** Folios in use by order, free blocks beside them. */
function folios(session: Session): string {
  const { actor, view, context } = zoneView(session, -1);
  const { usedByOrder, freeByOrder } = view;
  const rows = usedByOrder.map((used, order) => {
    const bytes = 2 ** order * session.view.run.meta.topology.kernelPageSize;
    return [String(order), formatBytes(bytes), formatCount(used), formatCount(freeByOrder[order] ?? 0)];
  });
  const owners = structureTables('zone', context, session.rows).find(({ field }) => field === 'folios');
  const table = formatTable([['order', 'size', 'folios', 'free blocks'], ...rows], {
    indent: '  ',
    align: ['right', 'right', 'right', 'right'],
  });
  return `${actor}, folios by order\n${table}\n${owners === undefined ? '' : `${owners.title}\n${owners.text}`}`;
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'tlb',
    usage: '[CPU]',
    says: 'shows the TLBs of a CPU, level by level',
    completes: ['actor'],
    run: (session, rest) => saysAtOnce(() => structures(session, 'tlb', wordsOf(rest)[0], ['tlb'])),
  },
  {
    name: 'tables',
    usage: '[PID [ADDRESS]]',
    says: 'shows the Linux table of a process beside its native one, group by group, from an address on',
    completes: ['actor'],
    run: (session, rest) => saysAtOnce(() => tables(session, rest)),
  },
  {
    name: 'vmas',
    usage: '[PID]',
    says: 'shows the areas of a process',
    completes: ['actor'],
    run: (session, rest) => saysAtOnce(() => structures(session, 'mm', wordsOf(rest)[0], ['vmas'])),
  },
  {
    name: 'cache',
    usage: '[FILE]',
    says: 'shows the page cache of a file; a part of its name will do',
    completes: ['actor'],
    run: (session, rest) => saysAtOnce(() => structures(session, 'file', wordsOf(rest)[0], ['cache'])),
  },
  {
    name: 'zone',
    usage: '[BLOCK]',
    says: 'shows free memory, folios by owner and the map of page blocks, or one page block',
    run: (session, rest) => saysAtOnce(() => zone(session, rest)),
  },
  {
    name: 'folios',
    says: 'shows folios and free blocks by order, and who has them',
    run: (session) => saysAtOnce(() => folios(session)),
  },
];

/** Memory as tables. */
export const memoryCommands: readonly Command[] = ROWS.map(commandOf);
