/** Forks that hold their own records alone, opened together with the logs that they go on from. */
import { GranuleError } from '../errors.ts';
import { LogReader } from '../log/logReader.ts';
import type { ForkParent } from '../topology/meta.ts';

/** What a log says of the one that it goes on from; null when it holds all its records itself. */
function continues({ meta }: LogReader): ForkParent | null {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- forkMeta writes it; other logs have none or null
  const parent = (meta['parent'] ?? null) as ForkParent | null;
  return parent?.holds === 'suffix' ? parent : null;
}

function missing(reader: LogReader, { headHash, seq }: ForkParent, looked: string): GranuleError {
  const what = `it holds what follows seq ${seq} of the log with head hash ${headHash}, which is not there`;
  return new GranuleError(
    'PARENT_MISSING',
    `${what}${looked === '' ? '' : `; looked in ${looked}`}`,
    reader.storage.name,
  );
}

/**
 * A log with the records of its parents before its own, where it holds those of a fork alone; any other log as it is.
 *
 * @param find the log with a head hash, opened with the same versions of messages, itself not yet joined; null where there is none
 * @param looked where that looks, for the error
 * @throws GranuleError PARENT_MISSING; LOG_DAMAGED when one does not continue the other
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const parent = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const { log } = forkRun(parent, traces, { at: 9, edits: [] });
 * const alone = LogReader.open(log.storage, noCompression, messageRegistry);
 * withParents(alone, () => parent).records === parent.records; // true
 * withParents(alone, () => null); // throws PARENT_MISSING
 * ```
 */
export function withParents(
  reader: LogReader,
  find: (headHash: string, reader: LogReader) => LogReader | null,
  looked = '',
): LogReader {
  const parent = continues(reader);
  if (parent === null || reader.parent !== null) return reader;
  const found = find(parent.headHash, reader);
  if (found === null) throw missing(reader, parent, looked);
  return LogReader.join(reader, withParents(found, find, looked), parent.seq);
}

/**
 * Refuses a log whose first records are elsewhere: no state can be folded of it.
 *
 * @throws GranuleError PARENT_MISSING
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * checkJoined(runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces), null);
 * ```
 */
export function checkJoined(reader: LogReader, parent: ForkParent | null): void {
  if (parent?.holds === 'suffix' && reader.parent === null) throw missing(reader, parent, '');
}
