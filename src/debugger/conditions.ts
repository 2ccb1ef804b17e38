/** Breakpoints and watches: set, listed, and gone on to in either direction. */
import { formatCount } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { compileQuery, type CompiledQuery, compileValue } from '../query/query.ts';
import { statesOf } from '../query/states.ts';
import type { LogRecord } from '../log/record.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { arrive } from './describe.ts';
import type { Point } from './points.ts';
import type { Saying } from './said.ts';
import { nearest, type Stop } from './search.ts';
import type { Session } from './session.ts';
import { shortValue } from './values.ts';
import { countIn, pathIn, usage, wordsOf } from './words.ts';

/** What comes behind `if`, and what before it; quotes may hold the word. */
function splitIf(text: string): { what: string; condition: string | null } {
  const bare = text.replaceAll(/'[^']*'|"[^"]*"/g, (quoted) => '_'.repeat(quoted.length));
  const found = /\sif\s/.exec(bare);
  if (found === null) return { what: text, condition: null };
  return { what: text.slice(0, found.index).trim(), condition: text.slice(found.index + found[0].length).trim() };
}

/** Refuses what counts or chooses: it says nothing of one event. */
function stopping(text: string, session: Session): CompiledQuery {
  const query = compileQuery(text, session.names);
  if (query.query.countBy === null && query.query.selection === null) return query;
  throw usage('count, first, last and nth choose among events, and stop at none', 'Use find with them.');
}

function setBreak(session: Session, rest: string): string {
  if (rest === '') return pointsText(session);
  const { what, condition } = splitIf(rest);
  const query = stopping(condition === null ? what : `(${what}) && (${condition})`, session);
  const point = session.points.add({ kind: 'break', text: rest, query, value: null });
  return `breakpoint ${point.number}: ${rest}\n`;
}

function setWatch(session: Session, rest: string): string {
  if (rest === '') return pointsText(session);
  const { what, condition } = splitIf(rest);
  const place = pathIn(session, what);
  if (place?.path === '') throw usage(`the whole state of ${place.actor} is too much to watch`, 'Name a field of it.');
  const watched = place === null ? what : `state('${place.actor}').${place.path}`;
  const changed = `changed(${watched})`;
  const query = stopping(condition === null ? changed : `${changed} && (${condition})`, session);
  const value = compileValue(watched, session.names);
  const point = session.points.add({ kind: 'watch', text: rest, query, value });
  return `watch ${point.number}: ${rest}\n`;
}

/**
 * Breakpoints and watches as a table.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * pointsText(new Session({ reader: made.log, traces: made.traces, name: 'one' })); // 'no breakpoint and no watch is set\n'
 * ```
 */
export function pointsText({ points }: Session): string {
  const rows = points.all.map(({ number, kind, isOn, hits, text }) => [
    String(number),
    kind,
    isOn ? 'on' : 'off',
    formatCount(hits),
    text,
  ]);
  if (rows.length === 0) return 'no breakpoint and no watch is set\n';
  const align = ['right', 'left', 'left', 'right', 'left'] as const;
  return formatTable([['number', 'kind', 'is', 'stops', 'condition'], ...rows], { align });
}

function numbersIn(session: Session, rest: string, command: string): Point[] {
  const words = wordsOf(rest);
  if (words.length === 0 || words[0] === 'all') return [...session.points.all];
  return words.map((word) => session.points.get(countIn(word, command)));
}

function remove(session: Session, rest: string): string {
  const doomed = numbersIn(session, rest, 'delete');
  for (const { number } of doomed) session.points.delete(number);
  return doomed.length === 0 ? 'no breakpoint and no watch is set\n' : '';
}

function turn(session: Session, rest: string, isOn: boolean): string {
  for (const point of numbersIn(session, rest, isOn ? 'enable' : 'disable')) point.isOn = isOn;
  return '';
}

/** Why a move stopped: each point, and of a watch the value before and after. */
function reasons(session: Session, { record, by }: Stop<Point>): string {
  return by
    .map((point) => `${point.kind} ${point.number}: ${point.text}${valueText(session, point, record)}\n`)
    .join('');
}

function valueText(session: Session, { value }: Point, record: LogRecord): string {
  if (value === null || !session.hasStates) return '';
  const states = statesOf(session.view);
  // The state before an event is the one after the event before.
  const before = value.value({ ...record, seq: record.seq - 1 }, states);
  return `: ${shortValue(before)} -> ${shortValue(value.value(record, states))}`;
}

/** One stop further, or to the end of the log where nothing stops. */
function* goOn(session: Session, isBackwards: boolean): Generator<null, Stop<Point> | null> {
  const { reader, seq } = session;
  const view = session.hasStates ? session.view : null;
  const stretch = isBackwards
    ? { from: reader.firstSeq, to: seq - 1, isBackwards }
    : { from: seq + 1, to: reader.lastSeq, isBackwards };
  for (const stop of nearest({ reader, view }, session.points.on, stretch)) {
    if (stop === null) {
      yield null;
      continue;
    }
    for (const point of stop.by) point.hits += 1;
    return stop;
  }
  return null;
}

function* run(session: Session, rest: string, isBackwards: boolean): Saying {
  let stop: Stop<Point> | null = null;
  for (let left = countIn(rest, isBackwards ? 'reverse-continue' : 'continue'); left > 0; left--) {
    stop = yield* goOn(session, isBackwards);
    if (stop === null) break;
    session.moveTo(stop.record.seq);
  }
  if (stop !== null) {
    yield `${reasons(session, stop)}${arrive(session, stop.record.seq)}`;
    return;
  }
  const edge = isBackwards ? session.startSeq : session.reader.lastSeq;
  const where = isBackwards ? 'beginning' : 'end';
  yield `nothing stops before the ${where} of the log\n${arrive(session, edge)}`;
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'continue',
    aliases: ['c'],
    usage: '[N]',
    says: 'goes on to the next stop, or the Nth, of a breakpoint or watch; to the end where there is none',
    repeats: true,
    run: (session, rest) => run(session, rest, false),
  },
  {
    name: 'reverse-continue',
    aliases: ['rc'],
    usage: '[N]',
    says: 'goes back to the stop before, or the Nth; to the beginning where there is none',
    repeats: true,
    run: (session, rest) => run(session, rest, true),
  },
  {
    name: 'break',
    aliases: ['b'],
    usage: '[EXPR [if EXPR]]',
    says: 'stops moves at events that an expression holds for; alone it lists what is set',
    completes: ['query'],
    run: (session, rest) => saysAtOnce(() => setBreak(session, rest)),
  },
  {
    name: 'watch',
    aliases: ['w'],
    usage: '[ACTOR.PATH|EXPR [if EXPR]]',
    says: 'stops moves at events that change a value in a state; alone it lists what is set',
    completes: ['path'],
    run: (session, rest) => saysAtOnce(() => setWatch(session, rest)),
  },
  {
    name: 'delete',
    aliases: ['d'],
    usage: '[NUMBER...|all]',
    says: 'forgets breakpoints and watches',
    completes: ['point'],
    run: (session, rest) => saysAtOnce(() => remove(session, rest)),
  },
  {
    name: 'disable',
    usage: '[NUMBER...|all]',
    says: 'keeps breakpoints and watches, and lets moves pass them',
    completes: ['point'],
    run: (session, rest) => saysAtOnce(() => turn(session, rest, false)),
  },
  {
    name: 'enable',
    usage: '[NUMBER...|all]',
    says: 'lets breakpoints and watches stop moves again',
    completes: ['point'],
    run: (session, rest) => saysAtOnce(() => turn(session, rest, true)),
  },
];

/** Breakpoints, watches, and moves from stop to stop. */
export const conditionCommands: readonly Command[] = ROWS.map(commandOf);
