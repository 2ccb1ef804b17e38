/** Why an event happened, and what came of it: the log's causes, backwards and forwards. */
import type { CheckpointEntry } from '../log/directory.ts';
import type { LogReader } from '../log/logReader.ts';
import { type LogRecord, OUTSIDE } from '../log/record.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';

/** Events that `effects` collects unless told otherwise: what a person can look through. */
export const EFFECTS_MAX = 1000;

/**
 * The chain of causes that led to an event, from the event itself back to the message from outside that began it.
 *
 * @param most events of the chain at most; it is then cut at its far end
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * causeChain(LogReader.open(storage, noCompression), 1).map((record) => record.type); // ['SYSCALL', 'START']
 * ```
 */
export function causeChain(reader: LogReader, seq: number, most: number = Number.POSITIVE_INFINITY): LogRecord[] {
  const chain: LogRecord[] = [];
  // A cause always lies before its effect, so this ends.
  for (let at = seq; at !== OUTSIDE && chain.length < most; ) {
    const record = reader.read(at);
    chain.push(record);
    at = record.cause;
  }
  return chain;
}

/** An event that another one caused, directly or through others. */
export interface Effect {
  readonly record: LogRecord;
  /** Messages between the two: 1 for what its handling sent. */
  readonly depth: number;
}

/** The effects of an event. */
export interface Effects {
  readonly effects: readonly Effect[];
  /** True when there were more than the limit. */
  readonly isCut: boolean;
}

/**
 * What came of an event: everything that its handling caused, in order of seq, down to a depth.
 *
 * @param depth 1 for what the event sent itself, 2 for what that sent, and so on
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * effects(LogReader.open(storage, noCompression), 0, 1).effects[0]?.record.type; // 'SYSCALL'
 * ```
 */
export function effects(reader: LogReader, seq: number, depth: number, most: number = EFFECTS_MAX): Effects {
  const found: Effect[] = [];
  for (const effect of effectsOf(reader, seq, depth)) {
    if (found.length >= most) return { effects: found, isCut: true };
    found.push(effect);
  }
  return { effects: found, isCut: false };
}

/**
 * The same one by one, as far as they are asked for. Nothing is read behind a checkpoint at which none of the messages that wait
 * was caused by the event or by what came of it: no more can come.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, {});
 * writer.append({ seq: 0, timeCycles: 0, to: 'process:1', from: 'outside', cause: -1, type: 'START', payload: {} });
 * writer.append({ seq: 1, timeCycles: 9, to: 'abi', from: 'process:1', cause: 0, type: 'SYSCALL', payload: {} });
 * writer.close();
 * effectsOf(LogReader.open(storage, noCompression), 0, 1).next().value?.depth; // 1
 * ```
 */
export function* effectsOf(reader: LogReader, seq: number, depth: number): Generator<Effect, void, undefined> {
  reader.read(seq);
  const depths = new Map([[seq, 0]]);
  const checkpoints = reader.checkpoints();
  let from = seq + 1;
  for (let at = reader.directory.checkpointAt(seq) + 1; at <= checkpoints.length; at++) {
    const checkpoint = checkpoints[at];
    const to = checkpoint?.seq ?? reader.lastSeq;
    for (const record of reader.range(from, to)) {
      const above = depths.get(record.cause);
      if (above === undefined || above >= depth) continue;
      depths.set(record.seq, above + 1);
      yield { record, depth: above + 1 };
    }
    const waiting = checkpoint === undefined ? [] : causesWaiting(reader, checkpoint);
    if (waiting?.some((cause) => (depths.get(cause) ?? depth) < depth) === false) return;
    from = to + 1;
  }
}

/** The causes of the messages that wait at a checkpoint; null where the log does not say. */
function causesWaiting(reader: LogReader, checkpoint: CheckpointEntry): number[] | null {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked at field by field
  const found = reader.checkpointStates(checkpoint, SYSTEM_STATE)[0]?.state as
    | { readonly pending?: readonly { readonly cause?: unknown }[] }
    | null
    | undefined;
  if (!Array.isArray(found?.pending)) return null;
  return found.pending.map(({ cause }) => (typeof cause === 'number' ? cause : OUTSIDE));
}
