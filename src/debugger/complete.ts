/** What a line that is being typed may go on with. */
import { kindOf } from '../../machines/index.ts';
import { plainState } from '../timeline/recordedRun.ts';
import { SnapshotPath } from '../timeline/snapshotPath.ts';
import type { Completes } from './command.ts';
import { commandGroups, commandNamed } from './commands.ts';
import type { Session } from './session.ts';
import { pathIn } from './words.ts';

/** Words of expressions, beside the names of a log. */
const QUERY_WORDS =
  'seq timeCycles to from cause type payload value status context state( before( changed( became( preceded followed between within'.split(
    ' ',
  );

function actorsFor(session: Session): readonly string[] {
  return session.actors;
}

/** ACTOR.PATH up to the next field: the fields of the value that the text leads to. */
function pathsFor(session: Session, word: string): readonly string[] {
  const dot = word.lastIndexOf('.');
  const place = dot < 0 ? null : pathIn(session, word.slice(0, dot));
  if (place === null || !session.hasStates) return session.actors.map((actor) => `${actor}.`);
  const { actor, path } = place;
  const snapshot = session.view.snapshot(actor, session.seq);
  const value = path === '' ? plainState(snapshot).context : new SnapshotPath(path).value(snapshot);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const names = Object.keys(value).filter((name) => /^[A-Za-z_$][\w$-]*$/.test(name) && name !== 'resources');
  return [...names.map((name) => `${word.slice(0, dot)}.${name}`), ...session.actors.filter((one) => one !== actor)];
}

const CANDIDATES: Readonly<Record<Completes, (session: Session, word: string) => readonly string[]>> = {
  actor: actorsFor,
  path: pathsFor,
  moment: ({ bookmarks }) => ['start', 'end', ...bookmarks.keys()],
  query: (session) => [...(session.names.types ?? []), ...session.actors, ...QUERY_WORDS],
  point: ({ points }) => ['all', ...points.all.map(({ number }) => String(number))],
  command: () => commandGroups.flatMap(({ commands }) => commands.map(({ name }) => name)),
  type: ({ names }) => [...(names.types ?? [])],
};

/** Behind which word of a kind of actor something stands alone: `tlb 0` is about `tlb:0`. */
const KIND_OF_COMMAND: Readonly<Record<string, string>> = { tlb: 'tlb', tables: 'mmu', vmas: 'mm', cache: 'file' };

/**
 * What the last word of a line may be, in the form that line editors take: the words that fit, and the part that they replace.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * complete(session, 'reverse-s'); // [['reverse-step'], 'reverse-s']
 * complete(session, 'print mm:1.rssA')[0][0]; // 'mm:1.rssAnonPages'
 * ```
 */
export function complete(session: Session, line: string): [string[], string] {
  const start = line.trimStart();
  const behind = /^(\S+)\s+(.*)$/s.exec(start);
  if (behind === null) return fitting(CANDIDATES.command(session, start), start);
  const [, name = '', rest = ''] = behind;
  const word = /[^\s()!&|,]*$/.exec(rest)?.[0] ?? '';
  try {
    const { completes, name: full } = commandNamed(name);
    const kind = KIND_OF_COMMAND[full];
    if (kind !== undefined) {
      const own = session.actors.filter((actor) => kindOf(actor) === kind);
      return fitting([...own.map((actor) => actor.slice(kind.length + 1)), ...own], word);
    }
    const kinds = full === 'watch' ? (['path', 'query'] as const) : completes;
    return fitting(
      kinds.flatMap((one) => CANDIDATES[one](session, word)),
      word,
    );
  } catch {
    // An unfinished line need not make sense yet.
    return [[], word];
  }
}

function fitting(candidates: readonly string[], word: string): [string[], string] {
  return [[...new Set(candidates)].filter((candidate) => candidate.startsWith(word)), word];
}
