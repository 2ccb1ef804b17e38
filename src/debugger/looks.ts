/** States, differences, values and the events around: what there is to see at a moment. */
import { compileValue } from '../query/query.ts';
import { statesOf } from '../query/states.ts';
import { changesText } from '../report/changeText.ts';
import { recordHead, recordLine } from '../report/recordText.ts';
import { overviewText, stateText } from '../report/stateText.ts';
import { diff } from '../timeline/diff.ts';
import { type PlainState, plainState } from '../timeline/recordedRun.ts';
import { SnapshotPath } from '../timeline/snapshotPath.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { momentText } from './describe.ts';
import type { Saying } from './said.ts';
import type { Session } from './session.ts';
import { wholeValue, withSetting } from './values.ts';
import { actorIn, type ActorPath, countIn, momentIn, pathIn, usage, wordsOf } from './words.ts';

/** Differences of each actor. */
const DIFFERENCES_SHOWN = 20;
/** Events before and after the present one. */
const EVENTS_AROUND = 5;

function valueText(session: Session, { actor, path }: ActorPath): string {
  const value = new SnapshotPath(path).value(session.view.snapshot(actor, session.seq));
  return wholeValue(value, path);
}

function* state(session: Session, rest: string): Saying {
  const { view, seq } = session;
  if (rest !== '') {
    const place = pathIn(session, rest);
    if (place === null) throw actorMissing(session, rest);
    if (place.path !== '') {
      yield valueText(session, place);
      return;
    }
    {
      yield withSetting(
        stateText({ actor: place.actor, seq, ...plainState(view.snapshot(place.actor, seq)) }, { rows: session.rows }),
      );
      return;
    }
  }
  const states = [];
  for (const actor of session.actors) {
    states.push({ actor, seq, ...plainState(view.snapshot(actor, seq)) });
    yield null;
  }
  yield overviewText(states);
}

function actorMissing(session: Session, text: string): Error {
  try {
    actorIn(session, text.split('.')[0] ?? text);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return usage(`"${text}" is neither an actor nor a value in its state`, 'Try "state mm:200" or "state".');
}

function print(session: Session, rest: string): string {
  if (rest === '') throw usage('print needs a value', 'Try "print mm:200.rssAnonPages" or "print payload.va / 64K".');
  const place = pathIn(session, rest);
  if (place?.path === '') return wholeValue(plainState(session.view.snapshot(place.actor, session.seq)), '');
  if (place !== null) return valueText(session, place);
  // What looks like an actor and is none.
  if (/^[a-z][\w-]*:[^\s=<>!&|]+$/.test(rest)) throw actorMissing(session, rest);
  const { value, needsState } = compileValue(rest, session.names);
  return wholeValue(value(session.present, needsState ? statesOf(session.view) : null), rest);
}

function bare({ value, status, context }: PlainState): PlainState {
  return { value, status, context };
}

/** `diff`, `diff FROM`, `diff FROM TO`, each with an actor behind it for that one alone. */
function* differences(session: Session, rest: string): Saying {
  const words = wordsOf(rest);
  const named = words.findIndex((word) => session.actors.includes(word));
  const [actor] = named < 0 ? [] : words.splice(named, 1);
  if (words.length > 2)
    throw usage(`"${words[2] ?? ''}" is neither a moment nor an actor`, 'Try "diff 100 200 mm:200".');
  const { view, seq, startSeq, reader } = session;
  const from = words[0] === undefined ? Math.max(startSeq, seq - 1) : momentIn(session, words[0]);
  const to = words[1] === undefined ? seq : momentIn(session, words[1]);
  const [early, late] = [Math.min(from, to), Math.max(from, to)];
  let isSame = true;
  for (const id of actor === undefined ? session.actors : [actor]) {
    yield null;
    if (!reader.mayReceive(id, early + 1, late)) continue;
    const [before, after] = [view.snapshot(id, from), view.snapshot(id, to)];
    if (before === after) continue;
    const changes = diff(bare(plainState(before)), bare(plainState(after)));
    if (changes.length === 0) continue;
    isSame = false;
    yield `${id}\n${changesText(changes, { lines: DIFFERENCES_SHOWN, indent: '  ' })}`;
  }
  if (isSame) yield `no difference between seq ${from} and seq ${to}\n`;
}

function list(session: Session, rest: string): string {
  const around = rest === '' ? EVENTS_AROUND : countIn(rest, 'list');
  const { reader, seq } = session;
  const lines = Array.from(reader.range(Math.max(reader.firstSeq, seq - around), seq + around), (record) => {
    return `${record.seq === seq ? '=>' : '  '}${recordLine(record)}\n`;
  });
  return `  ${recordHead()}\n${lines.join('')}`;
}

function event(session: Session, rest: string): string {
  const record = rest === '' ? session.present : session.reader.read(momentIn(session, rest));
  return `${recordLine(record)}\n${JSON.stringify(record.payload, null, 2)}\n`;
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'where',
    aliases: ['frame'],
    says: 'tells the present moment again: the event, what it changed and what it sent',
    run: (session) => saysAtOnce(() => momentText(session)),
  },
  {
    name: 'event',
    usage: '[MOMENT]',
    says: 'shows all fields of the event, or of another',
    completes: ['moment'],
    run: (session, rest) => saysAtOnce(() => event(session, rest)),
  },
  {
    name: 'list',
    aliases: ['l'],
    usage: '[N]',
    says: 'lists the events around this one, N before and N after',
    run: (session, rest) => saysAtOnce(() => list(session, rest)),
  },
  {
    name: 'state',
    usage: '[ACTOR]',
    says: 'shows the state of an actor with its tables, or all actors a line each',
    completes: ['path'],
    run: state,
  },
  {
    name: 'print',
    aliases: ['p'],
    usage: 'ACTOR.PATH|EXPR',
    says: 'shows a value in a state, or what an expression gives for the event',
    completes: ['path'],
    run: (session, rest) => saysAtOnce(() => print(session, rest)),
  },
  {
    name: 'diff',
    usage: '[FROM [TO]] [ACTOR]',
    says: 'shows what differs in the states of two moments: by default, what the event changed',
    completes: ['actor'],
    run: differences,
  },
];

/** What there is to see at a moment. */
export const lookCommands: readonly Command[] = ROWS.map(commandOf);
