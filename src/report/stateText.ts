/** One actor's state as text: its plain fields, and tables of its VMAs, page tables, TLBs, folios or page cache. */
import { contextKind, shownFigures, type StandIn } from '../runtime/standIn.ts';
import { hasFigures } from '../../machines/index.ts';
import { formatCount, formatHex } from './format.ts';
import { ADDRESS_FIELD } from './recordText.ts';
import { structureTables } from './structureTables.ts';
import { formatTable } from './table.ts';
import { valueText } from './actorStates.ts';

/** Characters of a field that is shown as JSON. */
const JSON_CHARACTERS = 160;

/** How much to show. */
export interface StateTextOptions {
  /** Rows of each table at most. */
  rows: number;
}

/** A state in plain form. */
export interface PlainActorState {
  readonly actor: string;
  readonly seq: number;
  readonly value: unknown;
  readonly context: Readonly<Record<string, unknown>>;
  readonly standIn?: StandIn | undefined;
}

function scalar(value: unknown): string {
  if (typeof value === 'number') return formatCount(value);
  if (typeof value === 'string') return value === '' ? '""' : value;
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= JSON_CHARACTERS
    ? text
    : `${text.slice(0, JSON_CHARACTERS)}... (${formatCount(text.length)} characters)`;
}

/** An object of plain numbers is shown field by field, others in one piece. */
function fieldRows(name: string, value: unknown): string[][] {
  if (value === undefined || name === 'resources') return [];
  const isCounts =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((entry) => typeof entry === 'number') &&
    Object.keys(value).length > 0;
  if (typeof value === 'number' && ADDRESS_FIELD.test(name)) return [[name, formatHex(value)]];
  if (!isCounts) return [[name, scalar(value)]];
  return Object.entries(value).map(([field, entry]) => [`${name}.${field}`, scalar(entry)]);
}

/**
 * A state as text. Structures get tables of their own, everything else one line a field.
 *
 * @example
 * ```ts
 * const state = { actor: 'disk', seq: 4, value: 'idle', context: { reads: 3 } };
 * stateText(state, { rows: 10 }); // 'disk after seq 4: idle\n  reads  3\n'
 * ```
 */
export function stateText(state: PlainActorState, options: StateTextOptions): string {
  const { actor, seq, value, context } = state;
  const kind = contextKind(state);
  const tables = kind === null ? [] : structureTables(kind, context, options.rows);
  const shown = new Set(tables.map((table) => table.field));
  const rows = Object.entries(context)
    .filter(([field]) => !shown.has(field))
    .flatMap(([field, entry]) => fieldRows(field, entry));
  const fields = formatTable(rows, { align: ['left', 'left'], indent: '  ', header: false });
  const when = seq < 0 ? 'before the first event' : `after seq ${seq}`;
  const parts = tables.map(({ title, text }) => `\n${title}\n${text}`);
  const whose = state.standIn === undefined ? '' : ` (${state.standIn.by} in its place)`;
  return `${actor}${whose} ${when}: ${valueText(value)}\n${fields}${parts.join('')}`;
}

/** What tells one actor's state at a glance, by kind: names of fields of its context. */
const GIST: Readonly<Record<string, readonly string[]>> = {
  process: ['pageBytes', 'cpu', 'at', 'calls', 'signal'],
  mm: ['pageBytes', 'rssAnonPages', 'rssFilePages', 'minorFaults', 'majorFaults', 'fallbacks'],
  mmu: ['pageBytes', 'asid', 'operations', 'walks', 'flushes', 'fallback'],
  tlb: ['installed', 'walk', 'maintained'],
  file: ['sizeBytes', 'minOrderPages', 'hits', 'misses', 'droppedPages', 'rereadPages'],
  zone: ['totalPages', 'freePagesLeast', 'allocations', 'failures'],
  disk: ['reads', 'writes'],
  sched: ['switches', 'rollovers', 'queue'],
  abi: ['refused'],
};

function gistOf(state: PlainActorState): string {
  const { context, standIn } = state;
  const kind = contextKind(state);
  if (kind !== null) {
    const gist = (GIST[kind] ?? []).map((field) => `${field} ${scalar(context[field])}`).join(', ');
    return standIn === undefined ? gist : `${standIn.by}: ${gist}`;
  }
  if (standIn === undefined) return '';
  const figures = hasFigures(standIn.kind) ? shownFigures(state, standIn.kind) : null;
  const shown = Object.entries(figures ?? {}).filter(([, figure]) => typeof figure !== 'object');
  if (shown.length === 0) return standIn.by;
  return `${standIn.by}: ${shown.map(([name, figure]) => `${name} ${scalar(figure)}`).join(', ')}`;
}

/**
 * All actors of a moment, a line each.
 *
 * @example
 * ```ts
 * const disk = { actor: 'disk', seq: 4, value: 'idle', context: { reads: 3, writes: 0 } };
 * overviewText([disk]).split('\n')[2]; // 'disk   idle   reads 3, writes 0'
 * ```
 */
export function overviewText(states: readonly PlainActorState[]): string {
  const rows = states.map((state) => [state.actor, valueText(state.value), gistOf(state)]);
  return formatTable([['actor', 'state', ''], ...rows], { align: ['left', 'left', 'left'] });
}
