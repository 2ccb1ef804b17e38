/** Reads what stands behind the name of a command: counts, moments, actors and paths into their states. */
import { defaultCosts } from '../arch/costs.ts';
import { GranuleError } from '../errors.ts';
import { didYouMean } from '../topology/faultPlans/near.ts';
import { openMeta } from '../topology/meta.ts';
import type { Session } from './session.ts';

/** Moments by name. */
const START = 'start';
const END = 'end';

const PER_SECOND: Readonly<Record<string, number>> = { ns: 1e9, us: 1e6, ms: 1e3, s: 1 };
const TIME = /^(\d+(?:\.\d+)?)(cycles?|c|ns|us|ms|s)$/;

/** A value in the state of an actor. */
export interface ActorPath {
  readonly actor: string;
  /** Begins with value, status or context. Empty for the whole state. */
  readonly path: string;
}

/**
 * A mistake in what was typed.
 *
 * @example
 * ```ts
 * usage('step takes a number', 'step 10').code; // 'USAGE'
 * ```
 */
export function usage(what: string, next: string): GranuleError {
  return new GranuleError('USAGE', what, 'debug', next);
}

/**
 * The words of a line; quotes hold one together, and are left away.
 *
 * @example
 * ```ts
 * wordsOf("note 'a b' c"); // ['note', 'a b', 'c']
 * ```
 */
export function wordsOf(line: string): string[] {
  const found = line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  return Array.from(found, ([, single, double, plain]) => single ?? double ?? plain ?? '');
}

/**
 * A number of times; one where nothing is said.
 *
 * @throws GranuleError USAGE
 * @example
 * ```ts
 * countIn('', 'step'); // 1
 * countIn('x', 'step'); // throws USAGE
 * ```
 */
export function countIn(text: string, command: string): number {
  if (text === '') return 1;
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw usage(`"${text}" is no number of times`, `Try "${command} 10".`);
}

/**
 * The moment that a text names: a seq, `+N` and `-N` from here, `start`, `end`, a bookmark, a virtual time with its unit, as
 * `2000000cycles` or `1.5ms`.
 *
 * @throws GranuleError USAGE; SEQ_OUT_OF_RANGE
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * momentIn(session, 'start'); // -1
 * momentIn(session, '+3'); // 2
 * momentIn(session, '0cycles') >= 0; // true
 * momentIn(session, 'nowhere'); // throws USAGE
 * ```
 */
export function momentIn(session: Session, text: string): number {
  const { reader, bookmarks, seq, startSeq } = session;
  const marked = bookmarks.get(text);
  if (marked !== undefined) return marked;
  if (text === START) return startSeq;
  if (text === END) return reader.lastSeq;
  const time = TIME.exec(text);
  if (time !== null) return reader.seqAtTime(cyclesOf(session, Number(time[1]), time[2] ?? ''));
  if (!/^[+-]?\d+$/.test(text)) {
    const near = didYouMean(text, [START, END, ...bookmarks.keys()]);
    throw usage(`"${text}" is no moment${near}`, 'Give a seq, +N, -N, start, end, a bookmark, or a time as 1.5ms.');
  }
  const asked = /^[+-]/.test(text) ? seq + Number(text) : Number(text);
  if (asked >= startSeq && asked <= reader.lastSeq) return asked;
  const held = reader.records === 0 ? 'no events' : `${reader.firstSeq} to ${reader.lastSeq}`;
  throw new GranuleError('SEQ_OUT_OF_RANGE', `there is no seq ${asked}`, `${session.name} holds ${held}`);
}

function cyclesOf({ reader }: Session, count: number, unit: string): number {
  const perSecond = PER_SECOND[unit];
  if (perSecond === undefined) return count;
  const { topology } = openMeta(reader.meta);
  return Math.floor((count * (topology.costs['cyclesPerSecond'] ?? defaultCosts.cyclesPerSecond)) / perSecond);
}

/**
 * An actor of the run.
 *
 * @throws GranuleError ACTOR_UNKNOWN with those that may have been meant
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * actorIn(session, 'mm:1'); // 'mm:1'
 * actorIn(session, 'mm:2'); // throws ACTOR_UNKNOWN
 * ```
 */
export function actorIn(session: Session, text: string): string {
  if (session.actors.includes(text)) return text;
  const near = didYouMean(text, session.actors);
  throw new GranuleError('ACTOR_UNKNOWN', `there is no actor ${text}${near}`, session.name);
}

/**
 * A value in an actor's state, written ACTOR.PATH; null where the text does not begin with an actor. A path that begins with no
 * part of a state is one into its context.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * pathIn(session, 'mm:1.brk'); // { actor: 'mm:1', path: 'context.brk' }
 * pathIn(session, 'payload.va'); // null
 * ```
 */
export function pathIn(session: Session, text: string): ActorPath | null {
  // Ids may hold dots: the longest that fits is meant.
  const fits = session.actors.filter((actor) => text === actor || /^[.[]/.test(text.slice(actor.length)));
  const actor = fits.filter((one) => text.startsWith(one)).sort((left, right) => right.length - left.length)[0];
  if (actor === undefined) return null;
  const rest = text.slice(actor.length).replace(/^\./, '');
  if (rest === '') return { actor, path: '' };
  return { actor, path: /^(?:value|status|context)\b/.test(rest) ? rest : `context.${rest}` };
}
