/** The nearest event before or after another that satisfies a condition: how the clauses of a query are decided. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { type Evaluate, evaluator, type States } from './evaluate.ts';
import { holds } from './globs.ts';
import { pinsOf } from './pins.ts';
import { EventSource } from './source.ts';
import type { Operand } from './syntax.ts';

/** An event that the main condition holds for, with the events found for it so far, by index. */
export interface Candidate {
  readonly record: LogRecord;
  readonly named: readonly (LogRecord | undefined)[];
}

/** How far two events may lie apart, in seqs or in cycles. */
export interface Reach {
  readonly unit: 'seq' | 'timeCycles';
  readonly most: number;
}

/**
 * Whether two events lie near enough to each other.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: {} };
 * isWithin(record, { ...record, seq: 5 }, { unit: 'seq', most: 1 }); // false
 * ```
 */
export function isWithin(one: LogRecord, other: LogRecord, reach: Reach | null): boolean {
  return reach === null || Math.abs(one[reach.unit] - other[reach.unit]) <= reach.most;
}

/** What looks for the events of one condition. */
export interface Finder {
  /** For each candidate, in the direction that the query goes, the nearest event that fits; null where there is none. */
  find(candidates: readonly Candidate[]): (LogRecord | null)[];
}

/** A part of a log; to its beginning or its end where none is given. */
export interface Bounds {
  readonly from?: number;
  readonly to?: number;
}

/** One condition of a clause, with where to look for it. */
export interface Sought {
  readonly reader: LogReader;
  readonly operand: Operand;
  readonly side: 'before' | 'after';
  readonly reach: Reach | null;
  /** Of their own, so that looking here does not disturb what is looked at elsewhere. */
  readonly states: States | null;
}

/**
 * Looks for each candidate by itself, outward from it. Right for every condition, and quick where what is sought is near.
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
 * const finder = new OutwardFinder({ reader, operand, side: 'before', reach: null, states: null });
 * finder.find([{ record: reader.read(1), named: [] }])[0]?.seq; // 0
 * ```
 */
export class OutwardFinder implements Finder {
  readonly #sought: Sought;
  readonly #source: EventSource;
  readonly #condition: Evaluate;

  constructor(sought: Sought) {
    this.#sought = sought;
    this.#source = new EventSource(sought.reader, pinsOf(sought.operand.condition));
    this.#condition = evaluator(sought.operand.condition);
  }

  find(candidates: readonly Candidate[]): (LogRecord | null)[] {
    return candidates.map((candidate) => {
      for (const record of this.outward(candidate)) return record;
      return null;
    });
  }

  /**
   * All events that fit a candidate, the nearest first.
   *
   * @param bounds first and last seq to look at
   */
  *outward({ record, named }: Candidate, bounds: Bounds = {}): Generator<LogRecord, void, undefined> {
    const { reader, side, reach, states } = this.#sought;
    const isBackwards = side === 'before';
    let from = bounds.from ?? (isBackwards ? reader.firstSeq : record.seq + 1);
    let to = bounds.to ?? (isBackwards ? record.seq - 1 : reader.lastSeq);
    if (reach?.unit === 'seq') {
      from = Math.max(from, record.seq - reach.most);
      to = Math.min(to, record.seq + reach.most);
    }
    for (const other of this.#source.events({ from, to, isBackwards })) {
      if (!isWithin(record, other, reach)) return;
      if (holds(this.#condition({ record: other, named, states, isBefore: false }))) yield other;
    }
  }
}
