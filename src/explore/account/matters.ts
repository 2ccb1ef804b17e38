/**
 * Which events of a run matter for its last one: the causes that it goes back to, and what came between them. A message that was on its
 * way while its receiver handled another may have been overtaken: that is what a race is, so whatever an actor handled between the
 * sending of a cause and its delivery counts, with its own causes.
 */
import type { LogReader } from '../../log/logReader.ts';
import type { LogRecord } from '../../log/record.ts';
import { causeChain } from '../../timeline/why.ts';

/** Causes of an event that came between: enough to say who began it. */
const CAUSES_BETWEEN = 3;
/** Events that came between, the latest ones: as many as a person keeps in mind. */
const BETWEEN_MOST = 12;
/** Kinds that do something by themselves, rather than for another. */
const INITIATORS = /^(?:process|kswapd|khugepaged|ksmd|kcompactd|gup|hwpoison|procfs|uffd|driver|cpu)\b/;

/** An event that matters, and on whose behalf it happened. */
export interface Mattering {
  readonly record: LogRecord;
  readonly who: string;
  /** It is a cause of what is looked at, directly or through others. */
  readonly isCause: boolean;
}

/**
 * On whose behalf an event happened: the nearest cause that a process, a daemon or somebody else of that kind sent.
 *
 * @example
 * ```ts
 * const record = { seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} };
 * initiatorOf([record]); // 'process 1'
 * ```
 */
export function initiatorOf(chain: readonly LogRecord[]): string {
  for (const { from, to } of chain) {
    const actor = [from, to].find((each) => INITIATORS.test(each));
    if (actor !== undefined) return actor.replace(/^process:/, 'process ');
  }
  return chain[chain.length - 1]?.from ?? '';
}

/** Events that a cause's receiver handled while the cause was on its way, the latest first. */
function between(records: readonly LogRecord[], { seq, to, cause }: LogRecord): LogRecord[] {
  const found: LogRecord[] = [];
  for (let at = seq - 1; at > cause; at--) {
    const record = records[at];
    if (record?.to === to) found.push(record);
  }
  return found;
}

/**
 * The events that matter for some events of a run, in order. The run is short: all of it is held.
 *
 * @param seqs the last of them first
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * whatMatters(reader, [2]).map(({ record, who }) => [record.seq, who]); // [[0, 'process 1'], [1, 'process 1'], [2, 'process 1']]
 * ```
 */
export function whatMatters(reader: LogReader, seqs: readonly number[]): Mattering[] {
  const records = [...reader.range(reader.firstSeq)];
  const bySeq: LogRecord[] = [];
  for (const record of records) bySeq[record.seq] = record;
  const causes = new Map<number, LogRecord>();
  for (const seq of seqs) for (const record of causeChain(reader, seq)) causes.set(record.seq, record);
  const others = new Map<number, LogRecord>();
  const latestFirst = [...causes.values()].sort((left, right) => right.seq - left.seq);
  for (const cause of latestFirst) {
    for (const record of between(bySeq, cause)) {
      if (others.size >= BETWEEN_MOST) break;
      if (causes.has(record.seq)) continue;
      for (const each of causeChain(reader, record.seq, CAUSES_BETWEEN))
        if (!causes.has(each.seq)) others.set(each.seq, each);
    }
  }
  return [...causes.values(), ...others.values()]
    .sort((left, right) => left.seq - right.seq)
    .map((record) => ({ record, who: initiatorOf(causeChain(reader, record.seq)), isCause: causes.has(record.seq) }));
}

/**
 * Events in words by who received them: `5 other events: 3 to tlb:0, 2 to abi`.
 *
 * @example
 * ```ts
 * countsText([{ to: 'abi' }, { to: 'tlb:0' }, { to: 'abi' }]); // '3 other events: 2 to abi, 1 to tlb:0'
 * countsText([]); // ''
 * ```
 */
export function countsText(records: readonly Pick<LogRecord, 'to'>[]): string {
  if (records.length === 0) return '';
  const counts = new Map<string, number>();
  for (const { to } of records) counts.set(to, (counts.get(to) ?? 0) + 1);
  const sorted = [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  const all = `${records.length} other ${records.length === 1 ? 'event' : 'events'}`;
  return `${all}: ${sorted.map(([to, count]) => `${count} to ${to}`).join(', ')}`;
}
