import fc from 'fast-check';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { stateAt } from '../../src/timeline/state.ts';

/** Ways to change a log; `seq` says where. Each gives the records of another log, or the same where it has nothing to change. */
type Tampering = (records: readonly LogRecord[], seq: number) => LogRecord[];

function changed(change: (record: LogRecord, records: readonly LogRecord[]) => Partial<LogRecord>): Tampering {
  return (records, seq) =>
    records.map((record) => (record.seq === seq ? { ...record, ...change(record, records) } : record));
}

/** Records with the numbers they have where one is gone or came in, and the causes of those that they caused. */
function renumbered(records: readonly LogRecord[]): LogRecord[] {
  const seqs = new Map(records.map((record, at) => [record.seq, at]));
  return records.map((record, at) => ({ ...record, seq: at, cause: Math.min(at - 1, seqs.get(record.cause) ?? -1) }));
}

/** The payload with its first number, at any depth, one larger. */
function withFirstNumber(value: unknown, found = { done: false }): unknown {
  if (typeof value === 'number' && !found.done) {
    found.done = true;
    return value + 1;
  }
  if (Array.isArray(value)) return value.map((element) => withFirstNumber(element, found));
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withFirstNumber(field, found)]));
}

/** The first record at or behind a place that did not cause the next one; the last where there is none. */
function swappable(records: readonly LogRecord[], seq: number): number {
  const at = records.findIndex((record, index) => index > seq && record.cause !== index - 1);
  return at < 0 ? records.length - 1 : at - 1;
}

/** The records with one and its follower in the other's place. */
function exchanged(records: readonly LogRecord[], at: number): LogRecord[] {
  return [...records.slice(0, at), ...records.slice(at, at + 2).toReversed(), ...records.slice(at + 2)];
}

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  to: changed(({ to }, records) => ({ to: records.find((other) => other.to !== to)?.to ?? 'nobody' })),
  stranger: changed(() => ({ to: 'mm:999' })),
  from: changed(({ from }, records) => ({ from: records.find((other) => other.from !== from)?.from ?? 'nobody' })),
  cause: changed(({ cause }) => ({ cause: cause < 0 ? cause : cause - 1 })),
  type: changed(({ type }, records) => ({ type: records.find((other) => other.type !== type)?.type ?? 'OTHER' })),
  number: changed(({ payload }) => ({ payload: withFirstNumber(payload) })),
  field: changed(({ payload }) => ({ payload: { ...(payload as object), more: true } })),
  'no object': changed(() => ({ payload: null })),
  later: changed(({ timeCycles }) => ({ timeCycles: timeCycles + 1 })),
  earlier: changed(({ timeCycles }) => ({ timeCycles: Math.max(0, timeCycles - 1) })),
  swapped: (records, seq) => {
    const at = swappable(records, seq);
    return exchanged(records, at).map((record, index) => ({ ...record, seq: index }));
  },
  'swapped with its effects': (records, seq) => renumbered(exchanged(records, swappable(records, seq))),
  dropped: (records, seq) => renumbered(records.filter((record) => record.seq !== seq)),
  duplicated: (records, seq) =>
    records
      .flatMap((record) => (record.seq === seq ? [record, record] : [record]))
      .map((record, at) => ({
        ...record,
        seq: at,
        cause: at > seq && record.cause >= seq ? record.cause + 1 : record.cause,
      }))
      .map((record) => ({ ...record, cause: Math.min(record.cause, record.seq - 1) })),
};

/** A way to change a log, by name. */
export const tamperingArb = fc.constantFrom(...Object.keys(TAMPERINGS));

/** The log with a change at a place, 0 to 1, written anew; checkpoints are left out. */
export function tampered(reader: LogReader, how: string, at: number): LogReader {
  const records = [...reader.range()];
  const change = TAMPERINGS[how];
  if (change === undefined) throw new Error(`there is no tampering ${how}`);
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, reader.meta);
  for (const record of change(records, Math.floor(at * records.length))) writer.append(record);
  writer.close();
  return LogReader.open(storage, noCompression);
}

/** The same records with one checkpoint, at a seq, which says of the zone that three allocations failed. */
export function withOtherState(reader: LogReader, traces: ReadonlyMap<number, RunSource>, seq: number): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, reader.meta);
  for (const record of reader.range()) {
    writer.append(record);
    if (record.seq !== seq) continue;
    const { value, status, context } = stateAt(reader, traces, seq, 'zone');
    writer.checkpoint(seq, [{ actor: 'zone', state: { value, status, context: { ...context, failures: 3 } } }]);
  }
  writer.close();
  return LogReader.open(storage, noCompression);
}
