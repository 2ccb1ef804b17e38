/** What is there, help, settings, leaving, and what other commands of granule go on with. */
import { formatCount } from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { openMeta } from '../topology/meta.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import { pointsText } from './conditions.ts';
import type { Saying } from './said.ts';
import type { Session } from './session.ts';
import { countIn, usage, wordsOf } from './words.ts';

function logText(session: Session): string {
  const { reader, name, points, bookmarks, notes } = session;
  const { topology } = openMeta(reader.meta);
  const end = reader.directory.segments.at(-1)?.maxTimeCycles ?? 0;
  const rows = [
    ['log', name],
    ['topology', topology.name],
    ['events', `${formatCount(reader.records)}: seq ${reader.firstSeq} to ${reader.lastSeq}`],
    ['virtual time', `${formatCount(end)} cycles`],
    [
      'here',
      session.record === null
        ? 'before the first event'
        : `seq ${session.seq}, ${formatCount(session.record.timeCycles)} cycles`,
    ],
    ['set', `${points.all.length} breakpoints and watches, ${bookmarks.size} bookmarks, ${notes.length} notes`],
  ];
  if (!session.hasStates) rows.push(['states', 'cannot be had: the traces of the run are missing']);
  return formatTable(rows, { header: false, align: ['left', 'left'] });
}

function namesText(names: readonly { id: string; count: number }[], head: string): string {
  const rows = [...names]
    .sort((left, right) => right.count - left.count)
    .map(({ id, count }) => [id, formatCount(count)]);
  return formatTable([[head, 'events'], ...rows]);
}

const TOPICS: Readonly<Record<string, (session: Session) => string>> = {
  log: logText,
  points: pointsText,
  breakpoints: pointsText,
  actors: ({ reader }) => namesText(reader.actors(), 'received by'),
  types: ({ reader }) => namesText(reader.types(), 'message'),
};

function info(session: Session, rest: string): string {
  const topic = TOPICS[rest === '' ? 'log' : rest];
  if (topic === undefined) throw usage(`info knows nothing of "${rest}"`, `It has ${Object.keys(TOPICS).join(', ')}.`);
  return topic(session);
}

function set(session: Session, rest: string): string {
  const [what, value = ''] = wordsOf(rest);
  if (what === undefined) return `changes ${session.showsChanges ? 'on' : 'off'}\nrows ${session.rows}\n`;
  if (what === 'changes' && (value === 'on' || value === 'off')) session.showsChanges = value === 'on';
  else if (what === 'rows') session.rows = countIn(value === '' ? '0' : value, 'set rows');
  else throw usage(`"${rest}" is no setting`, 'Try "set changes off" or "set rows 100".');
  return '';
}

/** Another command of granule goes on with the log that is debugged, here. */
function* fork(session: Session, rest: string): Saying {
  const at = session.seq === session.startSeq ? 'start' : String(session.seq);
  yield { command: 'fork', args: [session.name, '--at', at, ...wordsOf(rest)] };
}

function* exported(session: Session, rest: string): Saying {
  if (rest === '') throw usage('export needs a format', 'Try "export --to perfetto --out run.pftrace".');
  yield { command: 'export', args: [session.name, ...wordsOf(rest)] };
}

function* quit(): Saying {
  yield { command: 'quit', args: [] };
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'info',
    aliases: ['i'],
    usage: '[log|points|actors|types]',
    says: 'tells of the log and of what is set, of its actors or its messages',
    run: (session, rest) => saysAtOnce(() => info(session, rest)),
  },
  {
    name: 'set',
    usage: '[changes on|off | rows N]',
    says: 'says whether moves tell what the event changed, and how many rows tables have',
    run: (session, rest) => saysAtOnce(() => set(session, rest)),
  },
  {
    name: 'fork',
    usage: '[OPTION...]',
    says: 'lets the run go on differently from here: granule fork LOG --at SEQ with these options',
    run: fork,
  },
  {
    name: 'export',
    usage: 'OPTION...',
    says: 'writes the log for other programs: granule export LOG with these options',
    run: exported,
  },
  { name: 'quit', aliases: ['q', 'exit'], says: 'leaves', run: quit },
];

/** What is around the run. */
export const aroundCommands: readonly Command[] = ROWS.map(commandOf);
