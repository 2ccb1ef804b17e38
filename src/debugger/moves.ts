/** Moves by events: one, one of the same actor, to the effect of one, and the same backwards. */
import { OUTSIDE } from '../log/record.ts';
import { EventSource } from '../query/source.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { arrive, momentText } from './describe.ts';
import { beginOf, effectOf } from './effect.ts';
import type { Saying } from './said.ts';
import type { Session } from './session.ts';
import { actorIn, countIn, wordsOf } from './words.ts';

/** Events that are looked at between two places where one may stop. */
const EVENTS_BETWEEN = 256;

/** Told where there is nothing left in a direction. */
function atEdge(session: Session, isBackwards: boolean): string {
  return isBackwards
    ? 'this is the beginning of the log\n'
    : `this is the end of the log: seq ${session.reader.lastSeq}\n`;
}

function step(session: Session, rest: string, isBackwards: boolean): string {
  const count = countIn(rest, isBackwards ? 'reverse-step' : 'step');
  const { reader, seq, startSeq } = session;
  const goal = isBackwards ? Math.max(startSeq, seq - count) : Math.min(reader.lastSeq, seq + count);
  if (goal === seq) return atEdge(session, isBackwards);
  return arrive(session, goal);
}

/** `next 3`, `next mm:200`, `next mm:200 3`. */
function* next(session: Session, rest: string, isBackwards: boolean): Saying {
  const words = wordsOf(rest);
  const named = words[0] !== undefined && !/^\d+$/.test(words[0]) ? actorIn(session, words[0]) : null;
  const count = countIn(words[named === null ? 0 : 1] ?? '', 'next');
  const { reader, seq, record } = session;
  const actor = named ?? record?.to ?? null;
  if (actor === null) {
    yield step(session, rest, isBackwards);
    return;
  }
  const way = isBackwards
    ? { from: reader.firstSeq, to: seq - 1, isBackwards }
    : { from: seq + 1, to: reader.lastSeq, isBackwards };
  let left = count;
  let found = seq;
  let looked = 0;
  for (const event of new EventSource(reader, { types: null, actors: [actor] }).events(way)) {
    if (event.to === actor) {
      found = event.seq;
      left -= 1;
      if (left === 0) break;
    }
    if (++looked % EVENTS_BETWEEN === 0) yield null;
  }
  const edge = left === 0 ? '' : `${actor} received ${isBackwards ? 'nothing before that' : 'nothing after that'}\n`;
  yield found === seq ? edge : `${arrive(session, found)}${edge}`;
}

function* finish(session: Session, rest: string): Saying {
  for (let left = countIn(rest, 'finish'); left > 0; left--) {
    const begin = session.present;
    const { record, isLast } = yield* effectOf(session, begin);
    if (record.seq === begin.seq) {
      yield `nothing comes of seq ${begin.seq}\n`;
      return;
    }
    if (isLast)
      yield `${begin.to} never is again as it was before seq ${begin.seq}; this is the last that comes of it\n`;
    session.moveTo(record.seq);
  }
  yield momentText(session);
}

function* reverseFinish(session: Session, rest: string): Saying {
  for (let left = countIn(rest, 'reverse-finish'); left > 0; left--) {
    const { present } = session;
    const begin = yield* beginOf(session, present);
    const seq = begin?.seq ?? present.cause;
    if (seq === OUTSIDE) {
      yield 'this event came from outside: nothing caused it\n';
      return;
    }
    session.moveTo(seq);
  }
  yield momentText(session);
}

/** Along the causes: up to what caused an event, down to the first event that it caused. */
function up(session: Session, rest: string): string {
  let { seq } = session.present;
  for (let left = countIn(rest, 'up'); left > 0; left--) {
    const { cause } = session.reader.read(seq);
    if (cause === OUTSIDE)
      return seq === session.seq ? 'this event came from outside: nothing caused it\n' : arrive(session, seq);
    seq = cause;
  }
  return arrive(session, seq);
}

function* down(session: Session, rest: string): Saying {
  let { seq } = session.present;
  for (let left = countIn(rest, 'down'); left > 0; left--) {
    let found: number | null = null;
    for (const record of session.reader.range(seq + 1)) {
      if (record.cause === seq) found = record.seq;
      if (found !== null) break;
      if (record.seq % EVENTS_BETWEEN === 0) yield null;
    }
    if (found === null) {
      yield `nothing comes of seq ${seq}\n`;
      break;
    }
    seq = found;
  }
  if (seq !== session.seq) yield arrive(session, seq);
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'step',
    aliases: ['s'],
    usage: '[N]',
    says: 'goes on by one event, or by N',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => step(session, rest, false)),
  },
  {
    name: 'reverse-step',
    aliases: ['rs'],
    usage: '[N]',
    says: 'goes back by one event, or by N',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => step(session, rest, true)),
  },
  {
    name: 'next',
    aliases: ['n'],
    usage: '[ACTOR] [N]',
    says: 'goes on to the next event of the same actor, or of ACTOR',
    repeats: true,
    completes: ['actor'],
    run: (session, rest) => next(session, rest, false),
  },
  {
    name: 'reverse-next',
    aliases: ['rn'],
    usage: '[ACTOR] [N]',
    says: 'goes back to the event before of the same actor, or of ACTOR',
    repeats: true,
    completes: ['actor'],
    run: (session, rest) => next(session, rest, true),
  },
  {
    name: 'finish',
    aliases: ['fin'],
    usage: '[N]',
    says: 'goes on to the effect: to what the receiver sends once it is done with the event',
    run: finish,
  },
  {
    name: 'reverse-finish',
    aliases: ['rfin'],
    usage: '[N]',
    says: 'goes back to the event whose effect this one is, or else to its cause',
    run: reverseFinish,
  },
  {
    name: 'up',
    usage: '[N]',
    says: 'goes to the event that caused this one',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => up(session, rest)),
  },
  {
    name: 'down',
    usage: '[N]',
    says: 'goes to the first event that this one caused',
    repeats: true,
    run: down,
  },
];

/** Moves by events. */
export const moveCommands: readonly Command[] = ROWS.map(commandOf);
