/** The state of an actor as a tree whose levels are made when they are opened: states can be larger than a page can show. */
import { ADDRESS_FIELD } from '../../report/recordText.ts';
import { formatCount, formatHex } from '../../report/format.ts';
import { isPageTable } from '../../timeline/pageTableDiff.ts';
import { isIntMap, isSetList, NAMING_FIELDS, valueAt } from '../../timeline/statePath.ts';
import { describePath, sameValue } from '../../timeline/values.ts';
import type { OpenRun } from './openRun.ts';
import { type PlainState, plainStateOf } from './plainStates.ts';
import type { Args, ChangeFound, TreeLevel, TreeMark, TreeNode } from './requests.ts';
import { lastChange } from '../../timeline/lastChange.ts';
import { rowOf } from './events.ts';

/** Characters of a value on one line. */
const LINE_CHARACTERS = 120;
/** Rows of a level unless more are asked for. */
const ROWS = 200;

/** One value inside another. */
interface Child {
  readonly label: string;
  readonly path: string;
  readonly value: unknown;
}

/**
 * A value on one line.
 *
 * @param path where it lies: addresses are written in hex
 * @example
 * ```ts
 * valueLine(4096, 'context.brk'); // '0x1000'
 * valueLine([1, 2], 'context.list'); // '[1,2]'
 * ```
 */
export function valueLine(value: unknown, path: string): string {
  if (typeof value === 'number') {
    const field = /(\w+)(?:\[\d+\])?$/.exec(path)?.[1] ?? '';
    return ADDRESS_FIELD.test(field) ? formatHex(value) : formatCount(value);
  }
  if (typeof value === 'string') return value === '' ? '""' : value;
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= LINE_CHARACTERS ? text : `${text.slice(0, LINE_CHARACTERS)}…`;
}

/** How much of a value with others inside is still printed in full. */
const SHORT_CHARACTERS = 32;

/**
 * What there is of a value with others inside, on one line; all of it where that is short.
 *
 * @example
 * ```ts
 * summaryLine([1, 2], 'context.list'); // '[1,2]'
 * summaryLine(Array.from({ length: 37 }, (_, at) => at), 'context.list'); // '[37 items]'
 * summaryLine({ name: 'git', path: '/usr/bin/git', bytes: 4194304 }, 'context.file'); // '{3 fields}'
 * ```
 */
export function summaryLine(value: unknown, path: string): string {
  const inside = sizeOf(value);
  if (inside === 0) return isIntMap(value) ? '{}' : valueLine(value, path);
  const counted = (one: string, many: string): string => `${formatCount(inside)} ${inside === 1 ? one : many}`;
  if (isPageTable(value)) return `{page table: ${formatCount(value.runs.length / 4)} stretches}`;
  if (isIntMap(value)) return `{${counted('entry', 'entries')}}`;
  const text = inside <= SHORT_CHARACTERS / 2 ? (JSON.stringify(value) ?? '') : '';
  if (text !== '' && text.length <= SHORT_CHARACTERS) return text;
  return Array.isArray(value) ? `[${counted('item', 'items')}]` : `{${counted('field', 'fields')}}`;
}

function joined(path: string, key: string): string {
  const step = describePath([key]);
  return path === '' || step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
}

function namedChild(path: string, field: string, name: string | number, value: unknown): Child {
  const isAddress = typeof name === 'number' && /va$/i.test(field);
  const label = `[${field}=${isAddress ? formatHex(name) : String(name)}]`;
  return { label, path: `${path}${label}`, value };
}

function listChildren(path: string, list: readonly unknown[]): Child[] {
  if (list.length > 0 && isSetList(list)) return list.map(([set, value]) => namedChild(path, 'set', set, value));
  const [first] = list;
  const field =
    typeof first === 'object' && first !== null ? NAMING_FIELDS.find((name) => Object.hasOwn(first, name)) : undefined;
  if (field !== undefined) {
    return list.map((value) => namedChild(path, field, (value as Record<string, number>)[field] ?? 0, value));
  }
  return list.map((value, at) => ({ label: `[${at}]`, path: `${path}[${at}]`, value }));
}

/** Stretches of a page table, by the address of their first page. */
function tableChildren(
  path: string,
  { granuleBytes, runs }: { granuleBytes: number; runs: readonly number[] },
): Child[] {
  const children: Child[] = [];
  for (let at = 0; at + 3 < runs.length; at += 4) {
    const [page = 0, pfn = 0, entries = 0, flags = 0] = runs.slice(at, at + 4);
    children.push(namedChild(path, 'va', page * granuleBytes, { pfn, entries, flags }));
  }
  return children;
}

/** What lies inside a value, named as paths name it. */
function childrenOf(path: string, value: unknown): Child[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isPageTable(value)) {
    const { runs: _runs, ...rest } = value;
    return [...childrenOf(path, rest), ...tableChildren(path, value)];
  }
  if (isIntMap(value)) return value.keys.map((key, at) => namedChild(path, 'key', key, value.values[at]));
  if (Array.isArray(value)) return listChildren(path, value);
  return Object.entries(value).map(([key, inner]) => ({
    label: key,
    path: joined(path, key),
    value: inner as unknown,
  }));
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (isPageTable(value)) return value.runs.length / 4 + Object.keys(value).length - 1;
  if (isIntMap(value)) return value.keys.length;
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

function markOf(before: unknown, after: unknown): TreeMark {
  if (before === undefined) return 'added';
  if (sameValue(before, after)) return 'same';
  return typeof after === 'object' && after !== null ? 'inside' : 'changed';
}

function nodeOf({ label, path, value }: Child, earlier: unknown): TreeNode {
  // An entry of a page table is looked up page by page: its earlier form is one entry, not a stretch.
  const isStretch = /\[va=[^\]]+\]$/.test(path);
  const before = isStretch ? value : valueAt(earlier, path);
  const mark = markOf(before, value);
  const children = isStretch ? 0 : sizeOf(value);
  const text = isStretch ? valueLine(value, path) : summaryLine(value, path);
  const node = { label, path, text, mark, children };
  return mark === 'changed' || mark === 'inside' ? { ...node, before: summaryLine(before, path) } : node;
}

/**
 * The rows below a path of an actor's state after an event, each held against what it was at an earlier moment.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING; USAGE where `path` is none
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * treeLevel(run, { run: 'A', actor: 'process:1', seq: 0, path: '' }).nodes[0]?.mark; // 'inside'
 * ```
 */
export function treeLevel(run: OpenRun, asked: Args<'tree'>, other: OpenRun = run): TreeLevel {
  const { actor, seq, path, count = ROWS } = asked;
  if (!run.hasStates) return { actor, seq, path, nodes: [], more: 0 };
  const against = asked.against ?? Math.max(seq - 1, run.reader.firstSeq - 1);
  const later = plainAt(run, actor, seq);
  const isItself = other === run && against === seq;
  const earlier = isItself ? later : other.hasStates && other.view.run.has(actor) ? plainAt(other, actor, against) : {};
  const children = childrenOf(path, path === '' ? later : valueAt(later, path));
  const nodes = children.slice(0, count).map((child) => nodeOf(child, earlier));
  return { actor, seq, path, nodes, more: Math.max(0, children.length - count) };
}

/** A state as paths see it. */
function plainAt({ view }: OpenRun, actor: string, seq: number): PlainState {
  return plainStateOf(view.snapshot(actor, seq));
}

/**
 * The event that gave a value its last change at or before a seq; null where it is as it was at the beginning.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING; USAGE where `path` is none
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * changeFound(run, { run: 'A', actor: 'process:1', path: 'value', seq: 0 })?.event.type; // 'START'
 * ```
 */
export function changeFound(run: OpenRun, { actor, path, seq }: Args<'lastChange'>): ChangeFound | null {
  const found = lastChange(run.reader, run.traces, actor, path, seq);
  if (found === null) return null;
  const { record, before, after } = found;
  return { event: rowOf(record), before: valueLine(before, path), after: valueLine(after, path) };
}
