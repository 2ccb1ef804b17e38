/** Why an event happened and what came of it, what changed a value last, and which events an expression holds for. */
import type { LogRecord } from '../log/record.ts';
import { countHits } from '../query/counts.ts';
import { compileQuery, type CompiledQuery } from '../query/query.ts';
import type { Hit } from '../query/run.ts';
import { formatCount } from '../report/format.ts';
import { changeLine } from '../report/changeText.ts';
import { recordHead, recordLine } from '../report/recordText.ts';
import { formatTable } from '../report/table.ts';
import { lookForLastChange } from '../timeline/lastChange.ts';
import { causeChain } from '../timeline/why.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { arrive, briefly } from './describe.ts';
import type { Saying } from './said.ts';
import { type Ground, hitsIn, type Looking, type Stretch, windowsOf } from './search.ts';
import type { Session } from './session.ts';
import { shortValue } from './values.ts';
import { countIn, momentIn, pathIn, usage, wordsOf } from './words.ts';

/** Events of a chain, of effects and of what is found, unless told otherwise. */
const CHAIN_SHOWN = 30;
const EFFECTS_SHOWN = 40;
const FOUND_SHOWN = 20;
const DEFAULT_DEPTH = 4;
const EVENTS_BETWEEN = 256;

/** The event that is asked about: the present one, or one that is named. */
function eventIn(session: Session, text: string): LogRecord {
  return text === '' ? session.present : session.reader.read(momentIn(session, text));
}

function why(session: Session, rest: string): string {
  const [text = '', most = String(CHAIN_SHOWN)] = wordsOf(rest);
  const { seq } = eventIn(session, text);
  const chain = causeChain(session.reader, seq, countIn(most, 'why 100'));
  const last = chain[chain.length - 1];
  const end = last !== undefined && last.cause >= 0 ? `and on from seq ${last.cause}` : 'from outside';
  return `${recordHead()}\n${chain.map((record) => `${recordLine(record)}\n`).join('')}${end}\n`;
}

function* effects(session: Session, rest: string): Saying {
  const [text = '', deep = String(DEFAULT_DEPTH)] = wordsOf(rest);
  const depth = countIn(deep, 'effects 100');
  const begin = eventIn(session, text);
  const depths = new Map([[begin.seq, 0]]);
  let shown = 0;
  for (const record of session.reader.range(begin.seq + 1)) {
    if (record.seq % EVENTS_BETWEEN === 0) yield null;
    const above = depths.get(record.cause);
    if (above === undefined || above >= depth) continue;
    if (shown >= EFFECTS_SHOWN) {
      yield `and more than ${EFFECTS_SHOWN}: a smaller depth than ${depth} leaves some out\n`;
      return;
    }
    shown += 1;
    depths.set(record.seq, above + 1);
    yield `${String(above + 1).padStart(2)} ${'  '.repeat(above)}${recordLine(record)}\n`;
  }
  if (shown === 0) yield `nothing comes of seq ${begin.seq}\n`;
}

function* last(session: Session, rest: string): Saying {
  const place = pathIn(session, rest);
  if (place === null || place.path === '')
    throw usage('last needs a value in a state', 'Try "last mm:200.rssAnonPages".');
  const { actor, path } = place;
  const what = `${actor}.${path}`;
  const { seq, lookedFor } = session;
  // Asked again where the answer was this very event, it goes on from before that.
  const isAgain = lookedFor?.what === what && lookedFor.seq === seq;
  const from = isAgain ? seq - 1 : seq;
  if (from < session.startSeq) {
    yield `${what} is what it was at the beginning\n`;
    return;
  }
  for (const found of lookForLastChange(session.view, actor, path, from)) {
    if (found === null) {
      yield null;
      continue;
    }
    const { record, before, after } = found;
    const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    const text = arrive(session, record.seq);
    session.lookedFor = { what, seq: record.seq };
    {
      yield `${changeLine({ path: what, kind, before, after })}\n${text}`;
      return;
    }
  }
  yield `${what} is ${isAgain ? 'before that ' : ''}what it was at the beginning\n`;
}

/** The other events that made an event one that was looked for. */
function relatedText(session: Session, { with: related }: Hit): string {
  return related.map(({ role, record }) => `        ${role} ${briefly(session, record.seq)}\n`).join('');
}

/** Goes to the next event that an expression holds for; with `all`, `first`, `last`, `nth` and `count` it lists, and stays. */
function* find(session: Session, rest: string, isBackwards: boolean): Saying {
  const isAll = /^all\s/.test(rest);
  const text = isAll ? rest.replace(/^all\s+/, '') : rest;
  if (text === '') throw usage('find needs an expression', 'Try "find FAULT && to == \'mm:*\'".');
  const query = compileQuery(text, session.names);
  const { reader, seq } = session;
  const ground = { reader, view: query.needsState ? session.view : null };
  const whole = { from: reader.firstSeq, to: reader.lastSeq, isBackwards };
  if (query.query.countBy !== null) yield* counted(ground, query, whole);
  else if (isAll || query.query.selection !== null) yield* listed(session, hitsIn(ground, query, whole));
  else {
    const stretch = isBackwards ? { ...whole, to: seq - 1 } : { ...whole, from: seq + 1 };
    for (const hit of hitsIn(ground, query, stretch)) {
      if (hit === null) yield null;
      else {
        yield `${arrive(session, hit.seq)}${relatedText(session, hit)}`;
        return;
      }
    }
    yield `nothing ${isBackwards ? 'before' : 'after'} seq ${seq}\n`;
  }
}

function* listed(session: Session, hits: Looking<Hit>): Saying {
  let shown = 0;
  for (const hit of hits) {
    if (hit === null) yield null;
    else if (shown === FOUND_SHOWN) {
      yield `and more than ${FOUND_SHOWN}: "first ${FOUND_SHOWN * 10} ..." lists more\n`;
      return;
    } else {
      shown += 1;
      yield `${recordLine(hit.record)}\n${relatedText(session, hit)}`;
    }
  }
  if (shown === 0) yield 'nothing in the whole log\n';
}

/** Counts window by window, so that it can be stopped. */
function* counted({ reader, view }: Ground, query: CompiledQuery, whole: Stretch): Saying {
  const counts = new Map<string, { texts: readonly string[]; count: number }>();
  for (const { from, to } of windowsOf({ ...whole, isBackwards: false })) {
    for (const { by, count } of countHits(reader, view, query, { from, to })) {
      const texts = by.map(({ value }) => shortValue(value ?? undefined));
      const key = JSON.stringify(texts);
      counts.set(key, { texts, count: count + (counts.get(key)?.count ?? 0) });
    }
    yield null;
  }
  const names = (query.query.countBy ?? []).map(({ text }) => text);
  if (names.length === 0) {
    yield `${formatCount(counts.get('[]')?.count ?? 0)}\n`;
    return;
  }
  const rows = [...counts.values()].sort((left, right) => right.count - left.count);
  const align = ['right', ...names.map(() => 'left' as const)] as const;
  yield formatTable([['events', ...names], ...rows.map(({ texts, count }) => [formatCount(count), ...texts])], {
    align,
  });
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'why',
    usage: '[MOMENT [N]]',
    says: 'shows the chain of causes of the event, or of another, N events of it',
    completes: ['moment'],
    run: (session, rest) => saysAtOnce(() => why(session, rest)),
  },
  {
    name: 'effects',
    usage: '[MOMENT [DEPTH]]',
    says: 'shows what came of the event, or of another, DEPTH messages deep',
    completes: ['moment'],
    run: effects,
  },
  {
    name: 'last',
    usage: 'ACTOR.PATH',
    says: 'goes back to the event that changed a value last; again, to the change before',
    repeats: true,
    completes: ['path'],
    run: last,
  },
  {
    name: 'find',
    aliases: ['f'],
    usage: '[all] EXPR',
    says: 'goes on to the next event that an expression holds for; with all, first, last, nth or count it lists them',
    repeats: true,
    completes: ['query'],
    run: (session, rest) => find(session, rest, false),
  },
  {
    name: 'reverse-find',
    aliases: ['rf'],
    usage: '[all] EXPR',
    says: 'goes back to the event before that an expression holds for; with all it lists them, last first',
    repeats: true,
    completes: ['query'],
    run: (session, rest) => find(session, rest, true),
  },
];

/** Causes, effects, changes and searches. */
export const causeCommands: readonly Command[] = ROWS.map(commandOf);
