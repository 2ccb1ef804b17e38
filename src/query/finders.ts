/** Finds what clauses look for in one pass over the log, where a condition says by which values the events belong together. */
import type { LogRecord } from '../log/record.ts';
import { type Evaluate, evaluator, type Scope } from './evaluate.ts';
import { KEYS_KEPT, keyOf, type Split, splitOf } from './keys.ts';
import { holds } from './globs.ts';
import { type Candidate, type Finder, isWithin, OutwardFinder, type Sought } from './near.ts';
import { pinsOf } from './pins.ts';
import { EventSource } from './source.ts';

/**
 * The way to find what is sought.
 *
 * @param isBackwards the direction in which candidates come
 * @example
 * ```ts
 * const storage = memoryStorage();
 * new LogWriter(storage, noCompression, {}).close();
 * const reader = LogReader.open(storage, noCompression);
 * const operand = { condition: readOnly('START', {}), name: null, index: 1 };
 * finderOf({ reader, operand, side: 'before', reach: null, states: null }, false) instanceof PassedFinder; // true
 * ```
 */
export function finderOf(sought: Sought, isBackwards: boolean): Finder {
  const split = splitOf(sought.operand.condition);
  if (split === null) return new OutwardFinder(sought);
  const isPassed = (sought.side === 'before') !== isBackwards;
  return isPassed ? new PassedFinder(sought, split) : new ComingFinder(sought, split);
}

/** The events that satisfy the part of a condition that is theirs alone, with the key that they are known by. */
class KeyedEvents {
  readonly source: EventSource;
  readonly #own: Evaluate | null;
  readonly #keys: readonly Evaluate[];
  readonly #sought: Sought;

  constructor(sought: Sought, { own, keys }: Split) {
    this.#sought = sought;
    this.source = new EventSource(sought.reader, pinsOf(sought.operand.condition));
    this.#own = own === null ? null : evaluator(own);
    this.#keys = keys.map(({ ofOther }) => evaluator(ofOther));
  }

  /** The key of an event; null where it does not fit or has none. */
  key(record: LogRecord): string | null {
    const scope: Scope = { record, named: [], states: this.#sought.states, isBefore: false };
    if (this.#own !== null && !holds(this.#own(scope))) return null;
    return keyOf(this.#keys, scope);
  }
}

/** The keys by which candidates ask. */
class AskedKeys {
  readonly #keys: readonly Evaluate[];
  readonly #sought: Sought;

  constructor(sought: Sought, { keys }: Split) {
    this.#sought = sought;
    this.#keys = keys.map(({ ofNamed }) => evaluator(ofNamed));
  }

  key({ record, named }: Candidate): string | null {
    return keyOf(this.#keys, { record, named, states: this.#sought.states, isBefore: false });
  }
}

/**
 * Finds events on the side that the query comes from: as it goes, the last event of each key is remembered. What lies before the
 * beginning of the query, or was forgotten since, is looked for outward.
 *
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * const reader = LogReader.open(storage, noCompression);
 * const operand = { condition: readOnly('START', {}), name: null, index: 1 };
 * const finder = new PassedFinder({ reader, operand, side: 'before', reach: null, states: null }, { own: operand.condition, keys: [] });
 * finder.find([{ record: reader.read(1), named: [] }])[0]?.seq; // 0
 * ```
 */
export class PassedFinder implements Finder {
  readonly #sought: Sought;
  readonly #events: KeyedEvents;
  readonly #asked: AskedKeys;
  readonly #outward: OutwardFinder;
  readonly #isKeyed: boolean;
  /** By key the last event passed; null where it is known that there is none. */
  readonly #last = new Map<string, LogRecord | null>();
  #hasForgotten = false;
  /** Where the pass began, and how far it has come: what lies strictly between is in the map. */
  #began: number | null = null;
  #reached = 0;

  constructor(sought: Sought, split: Split) {
    this.#sought = sought;
    this.#events = new KeyedEvents(sought, split);
    this.#asked = new AskedKeys(sought, split);
    this.#outward = new OutwardFinder(sought);
    this.#isKeyed = split.keys.length > 0;
  }

  find(candidates: readonly Candidate[]): (LogRecord | null)[] {
    return candidates.map((candidate) => {
      const found = this.#isKeyed ? this.#byKey(candidate) : this.#nearest(candidate);
      return found !== null && isWithin(candidate.record, found, this.#sought.reach) ? found : null;
    });
  }

  /** One key for all: what lies between the last candidate and this one is looked at from here, and rarely to its end. */
  #nearest(candidate: Candidate): LogRecord | null {
    const { seq } = candidate.record;
    const isBefore = this.#sought.side === 'before';
    const bounds = this.#began === null ? {} : isBefore ? { from: this.#reached } : { to: this.#reached };
    this.#began ??= seq;
    let found: LogRecord | null = this.#last.get('') ?? null;
    for (const record of this.#outward.outward(candidate, bounds)) {
      found = record;
      break;
    }
    this.#reached = seq;
    this.#last.set('', found);
    return found;
  }

  #byKey(candidate: Candidate): LogRecord | null {
    this.#passTo(candidate.record.seq);
    const key = this.#asked.key(candidate);
    const known = key === null ? undefined : this.#last.get(key);
    if (known !== undefined || key === null) return key === null ? this.#lookOutward(candidate, {}) : (known ?? null);
    const began = this.#began ?? candidate.record.seq;
    const isBefore = this.#sought.side === 'before';
    const beyond = isBefore ? { to: began - 1 } : { from: began + 1 };
    const found = this.#lookOutward(candidate, this.#hasForgotten ? {} : beyond);
    // Also with a limit: what lies too far from this candidate lies further still from those that come.
    this.#remember(key, found);
    return found;
  }

  #lookOutward(candidate: Candidate, bounds: { from?: number; to?: number }): LogRecord | null {
    for (const record of this.#outward.outward(candidate, bounds)) return record;
    return null;
  }

  /** Remembers the events from where the pass has come to, this seq not included. */
  #passTo(seq: number): void {
    if (this.#began === null) {
      this.#began = seq;
      this.#reached = seq;
      return;
    }
    const isBackwards = this.#sought.side === 'after';
    const way = isBackwards ? { from: seq + 1, to: this.#reached } : { from: this.#reached, to: seq - 1 };
    for (const record of this.#events.source.events({ ...way, isBackwards })) {
      const key = this.#events.key(record);
      if (key !== null) this.#remember(key, record);
    }
    this.#reached = seq;
  }

  #remember(key: string, record: LogRecord | null): void {
    this.#last.delete(key);
    this.#last.set(key, record);
    if (this.#last.size <= KEYS_KEPT) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      this.#hasForgotten = true;
      return;
    }
  }
}

/**
 * Finds events on the side that the query goes to: one look ahead for many candidates. What was found for a key holds for every
 * candidate up to it.
 *
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * const reader = LogReader.open(storage, noCompression);
 * const operand = { condition: readOnly('SYSCALL', {}), name: null, index: 1 };
 * const finder = new ComingFinder({ reader, operand, side: 'after', reach: null, states: null }, { own: operand.condition, keys: [] });
 * finder.find([{ record: reader.read(0), named: [] }])[0]?.seq; // 1
 * ```
 */
export class ComingFinder implements Finder {
  readonly #sought: Sought;
  readonly #events: KeyedEvents;
  readonly #asked: AskedKeys;
  readonly #outward: OutwardFinder;
  /** By key the event found last, and what it holds for: null where there is none up to the end of the log. */
  readonly #found = new Map<string, LogRecord | null>();

  constructor(sought: Sought, split: Split) {
    this.#sought = sought;
    this.#events = new KeyedEvents(sought, split);
    this.#asked = new AskedKeys(sought, split);
    this.#outward = new OutwardFinder(sought);
  }

  find(candidates: readonly Candidate[]): (LogRecord | null)[] {
    const results = candidates.map((): LogRecord | null => null);
    const asking: { at: number; key: string }[] = [];
    for (const [at, candidate] of candidates.entries()) {
      const key = this.#asked.key(candidate);
      const known = key === null ? undefined : this.#found.get(key);
      if (key === null) results[at] = this.#outward.find([candidate])[0] ?? null;
      else if (known === null) continue;
      else if (known !== undefined && this.#isAhead(known, candidate.record)) results[at] = known;
      else asking.push({ at, key });
    }
    this.#lookAhead(candidates, asking, results);
    const { reach } = this.#sought;
    return results.map((found, at) => (found !== null && isWithin(candidates[at].record, found, reach) ? found : null));
  }

  #isAhead(record: LogRecord, of: LogRecord): boolean {
    return this.#sought.side === 'after' ? record.seq > of.seq : record.seq < of.seq;
  }

  #lookAhead(
    candidates: readonly Candidate[],
    asking: readonly { at: number; key: string }[],
    results: (LogRecord | null)[],
  ): void {
    const [first] = asking;
    const last = asking.at(-1);
    if (first === undefined || last === undefined) return;
    const { reader, side, reach } = this.#sought;
    const isBackwards = side === 'before';
    const start = candidates[first.at].record.seq;
    const end = candidates[last.at].record;
    const way = isBackwards ? { from: reader.firstSeq, to: start - 1 } : { from: start + 1, to: reader.lastSeq };
    const waiting = new Map<string, number[]>();
    let next = 0;
    for (const record of this.#events.source.events({ ...way, isBackwards })) {
      for (; next < asking.length && this.#isAhead(record, candidates[asking[next].at].record); next++) {
        const { at, key } = asking[next];
        const others = waiting.get(key);
        if (others === undefined) waiting.set(key, [at]);
        else others.push(at);
      }
      if (next >= asking.length && (waiting.size === 0 || !isWithin(end, record, reach))) return;
      const key = waiting.size === 0 ? null : this.#events.key(record);
      if (key === null) continue;
      for (const at of waiting.get(key) ?? []) results[at] = record;
      if (waiting.delete(key)) this.#remember(key, record);
    }
    for (const key of waiting.keys()) this.#remember(key, null);
    for (const { key } of asking.slice(next)) this.#remember(key, null);
  }

  #remember(key: string, record: LogRecord | null): void {
    if (this.#found.size >= KEYS_KEPT) this.#found.clear();
    this.#found.set(key, record);
  }
}
