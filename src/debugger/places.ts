/** Going to a moment by name, the history of moments, bookmarks and notes. */
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { arrive, briefly, momentText } from './describe.ts';
import type { Session } from './session.ts';
import { countIn, momentIn, usage, wordsOf } from './words.ts';

/** Moments of the history that are listed. */
const LISTED = 20;
const NAME = /^[A-Za-z_][\w-]*$/;

function goto(session: Session, rest: string): string {
  if (rest === '')
    throw usage('goto needs a moment', 'Give a seq, +N, -N, start, end, a bookmark, or a time as 1.5ms.');
  // "goto time 2000000" reads as one says it.
  const text = rest.replace(/^time\s+(\d+)$/, '$1cycles').replace(/^time\s+/, '');
  return arrive(session, momentIn(session, text));
}

function historyText(session: Session): string {
  const { visited, place } = session.history;
  const from = Math.max(0, Math.min(place - LISTED / 2, visited.length - LISTED));
  const lines = visited.slice(from, from + LISTED).map((seq, at) => {
    return `${from + at === place ? '=>' : '  '} ${briefly(session, seq)}\n`;
  });
  return `${from === 0 ? '' : `${from} moments before\n`}${lines.join('')}`;
}

function history(session: Session, rest: string): string {
  const [word = '', count = ''] = wordsOf(rest);
  if (word === '') return historyText(session);
  const goes = word === 'back' ? () => session.goBack() : word === 'forward' ? () => session.goForward() : null;
  if (goes === null) throw usage(`history knows nothing of "${word}"`, 'Try history, history back or history forward.');
  let moved = 0;
  for (let left = countIn(count, 'history back'); left > 0 && goes(); left--) moved += 1;
  return moved === 0 ? `the history has nothing ${word === 'back' ? 'before' : 'after'} this\n` : momentText(session);
}

function bookmark(session: Session, rest: string): string {
  const [name, moment] = wordsOf(rest);
  const { bookmarks } = session;
  if (name === undefined) {
    const lines = [...bookmarks].map(([mark, seq]) => `${mark}: ${briefly(session, seq)}\n`);
    return lines.length === 0 ? 'no bookmark is set\n' : lines.join('');
  }
  if (!NAME.test(name) || name === 'start' || name === 'end') {
    throw usage(`"${name}" is no name of a bookmark`, 'Begin with a letter; start and end are taken.');
  }
  const seq = moment === undefined ? session.seq : momentIn(session, moment);
  bookmarks.set(name, seq);
  return `bookmark ${name}: ${briefly(session, seq)}\n`;
}

function note(session: Session, rest: string): string {
  if (rest === '') {
    const lines = session.notes.map(({ seq, text }) => `${String(seq).padStart(7)}  ${text}\n`);
    return lines.length === 0 ? 'there is no note\n' : lines.join('');
  }
  session.notes.push({ seq: session.seq, text: rest });
  session.notes.sort((left, right) => left.seq - right.seq);
  return `noted at seq ${session.seq}\n`;
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'goto',
    aliases: ['g'],
    usage: 'MOMENT',
    says: 'goes to a moment: a seq, +N, -N, start, end, a bookmark, or a time as 2000000cycles, 500us or 1.5ms',
    completes: ['moment'],
    run: (session, rest) => saysAtOnce(() => goto(session, rest)),
  },
  {
    name: 'history',
    usage: '[back|forward [N]]',
    says: 'lists the moments that one has been at, or goes back and forward among them',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => history(session, rest)),
  },
  {
    name: 'back',
    usage: '[N]',
    says: 'goes to where one was before: history back',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => history(session, `back ${rest}`)),
  },
  {
    name: 'forward',
    usage: '[N]',
    says: 'goes to where one went back from: history forward',
    repeats: true,
    run: (session, rest) => saysAtOnce(() => history(session, `forward ${rest}`)),
  },
  {
    name: 'bookmark',
    aliases: ['mark'],
    usage: '[NAME [MOMENT]]',
    says: 'gives this moment, or another, a name; alone it lists the names',
    completes: ['moment'],
    run: (session, rest) => saysAtOnce(() => bookmark(session, rest)),
  },
  {
    name: 'note',
    usage: '[TEXT]',
    says: 'says something of this moment; alone it lists what was said',
    run: (session, rest) => saysAtOnce(() => note(session, rest)),
  },
];

/** Moments by name. */
export const placeCommands: readonly Command[] = ROWS.map(commandOf);
