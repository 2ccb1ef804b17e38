/** What must come before or after an event: the clauses of a query, decided for many events at a time. */
import { defaultCosts } from '../arch/costs.ts';
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import type { SystemView } from '../timeline/systemView.ts';
import { openMeta } from '../topology/meta.ts';
import { finderOf } from './finders.ts';
import { type Candidate, type Finder, isWithin, OutwardFinder, type Reach, type Sought } from './near.ts';
import { eventsIn } from './pattern.ts';
import { LogStates } from './states.ts';
import type { Clause, Distance, Operand } from './syntax.ts';

/** An event that another was found by. */
export interface Related {
  /** Where it stands: `preceded by`, `followed by`, or the beginning and the end of an interval. */
  readonly role: 'preceded by' | 'followed by' | 'begun by' | 'ended by';
  readonly name: string | null;
  readonly record: LogRecord;
}

/** Says of each candidate what the clause found for it; null where the clause does not hold. */
export type Decide = (candidates: readonly Candidate[]) => (readonly Related[] | null)[];

/** What a clause is decided in. */
export interface Ground {
  readonly reader: LogReader;
  readonly view: SystemView | null;
  readonly isBackwards: boolean;
}

const PER_SECOND: Readonly<Record<'ns' | 'us' | 'ms', number>> = { ns: 1e9, us: 1e6, ms: 1e3 };

function reachOf(reader: LogReader, within: Distance | null): Reach | null {
  if (within === null) return null;
  const { count, unit } = within;
  if (unit === 'events') return { unit: 'seq', most: count };
  if (unit === 'cycles') return { unit: 'timeCycles', most: count };
  const { topology } = openMeta(reader.meta);
  const perSecond = topology.costs['cyclesPerSecond'] ?? defaultCosts.cyclesPerSecond;
  return { unit: 'timeCycles', most: (count * perSecond) / PER_SECOND[unit] };
}

/**
 * Makes ready to decide a clause. Candidates are then to be handed over in the order in which the query goes.
 *
 * @throws GranuleError LOG_NOT_A_LOG where a distance is in seconds and the log has no clock
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * const reader = LogReader.open(storage, noCompression);
 * const [clause] = readQuery('SYSCALL preceded by START', {}).clauses;
 * const decide = clause && deciderOf(clause, { reader, view: null, isBackwards: false });
 * decide?.([{ record: reader.read(1), named: [] }])[0]?.[0]?.record.seq; // 0
 * ```
 */
export function deciderOf(clause: Clause, ground: Ground): Decide {
  const { reader, view } = ground;
  const reach = reachOf(reader, clause.within);
  const sought = (operand: Operand, side: Sought['side'], limit: Reach | null): Sought => {
    return { reader, operand, side, reach: limit, states: view === null ? null : new LogStates(view) };
  };
  const { first, second, kind } = clause;
  let decide: Decide;
  if (second === null) {
    const side = kind === 'preceded' ? 'before' : 'after';
    decide = nearby(finderOf(sought(first, side, reach), ground.isBackwards), first, side);
  } else {
    const ends: Ends = { first, second, reach, mustEnd: kind === 'between' };
    const isOfBegin = eventsIn(second.condition).includes(first.index);
    decide = isOfBegin ? intervalByBegin(ends, sought) : interval(ends, sought, ground.isBackwards);
  }
  if (!clause.isNot) return decide;
  return (candidates) => decide(candidates).map((found) => (found === null ? [] : null));
}

function nearby(finder: Finder, { name }: Operand, side: Sought['side']): Decide {
  const role = side === 'before' ? 'preceded by' : 'followed by';
  return (candidates) => finder.find(candidates).map((record) => (record === null ? null : [{ role, name, record }]));
}

/** An interval: what begins it and what ends it. */
interface Ends {
  readonly first: Operand;
  readonly second: Operand;
  /** Between the two ends; where no end is asked for, between the beginning and the event. */
  readonly reach: Reach | null;
  readonly mustEnd: boolean;
}

type Seek = (operand: Operand, side: Sought['side'], reach: Reach | null) => Sought;

/** Where what ends an interval does not depend on what began it, the nearest of each decides. */
function interval({ first, second, reach, mustEnd }: Ends, seek: Seek, isBackwards: boolean): Decide {
  const begins = finderOf(seek(first, 'before', reach), isBackwards);
  const endedBefore = finderOf(seek(second, 'before', reach), isBackwards);
  const ends = mustEnd ? finderOf(seek(second, 'after', reach), isBackwards) : null;
  return (candidates) => {
    const begun = begins.find(candidates);
    const ended = endedBefore.find(candidates);
    const isOpen = begun.map((begin, at) => begin !== null && (ended[at]?.seq ?? -1) <= begin.seq);
    const open = candidates.filter((_, at) => isOpen[at]);
    const after = ends?.find(open) ?? [];
    let next = 0;
    return begun.map((begin, at) => {
      if (begin === null || !isOpen[at]) return null;
      const end = after[next++] ?? null;
      if (mustEnd && (end === null || !isWithin(begin, end, reach))) return null;
      return relatedOf(first, begin, second, end);
    });
  };
}

/** Each beginning has ends of its own: one after the other is tried. */
function intervalByBegin({ first, second, reach, mustEnd }: Ends, seek: Seek): Decide {
  const begins = new OutwardFinder(seek(first, 'before', reach));
  const ends = new OutwardFinder(seek(second, 'after', mustEnd ? reach : null));
  return (candidates) =>
    candidates.map((candidate) => {
      for (const begin of begins.outward(candidate)) {
        const named = [...candidate.named];
        named[first.index] = begin;
        const end = endOf(ends, { record: begin, named }, candidate.record.seq, mustEnd);
        if ((end !== null && end.seq < candidate.record.seq) || (mustEnd && end === null)) continue;
        return relatedOf(first, begin, second, end);
      }
      return null;
    });
}

/** The first end of an interval that is not the event itself; where none is asked for, of those before the event. */
function endOf(ends: OutwardFinder, begin: Candidate, seq: number, mustEnd: boolean): LogRecord | null {
  for (const end of ends.outward(begin, mustEnd ? {} : { to: seq - 1 })) if (end.seq !== seq) return end;
  return null;
}

function relatedOf(first: Operand, begin: LogRecord, second: Operand, end: LogRecord | null): Related[] {
  const begun: Related = { role: 'begun by', name: first.name, record: begin };
  return end === null ? [begun] : [begun, { role: 'ended by', name: second.name, record: end }];
}
