/** A fork that holds its own records alone, put behind the records of its parent: one directory over the frames of both. */
import { GranuleError } from '../errors.ts';
import { LogDirectory, type Posting } from './directory.ts';
import type { LogReader } from './logReader.ts';
import type { NamedRows } from './namedRows.ts';
import { SegmentBuilder, type SealedSegment } from './segmentBuilder.ts';
import type { UpcastOf } from './segmentCache.ts';
import { type LogStorage, memoryStorage } from './storage.ts';

/** What a reader of both reads by. */
export interface JoinedLog {
  directory: LogDirectory;
  /** The fork's own file, then what its parent is read from, then the segment of the parent that the fork cuts in two. */
  frames: LogStorage;
  upcastOf: UpcastOf;
  /** Index of the first segment that is the fork's own. */
  firstOwnSegment: number;
}

/**
 * Storages one behind the other, for reading.
 *
 * @example
 * ```ts
 * const storages = [memoryStorage(new Uint8Array([1, 2])), memoryStorage(new Uint8Array([3, 4]))];
 * joinedStorage('both', storages).read(2, 9); // Uint8Array [ 3, 4 ]
 * ```
 */
export function joinedStorage(name: string, storages: readonly LogStorage[]): LogStorage {
  const ends: number[] = [];
  for (const storage of storages) ends.push((ends.at(-1) ?? 0) + storage.size());
  return {
    name,
    size: () => ends.at(-1) ?? 0,
    read(offset, length) {
      const at = ends.findIndex((end) => offset < end);
      const storage = storages[at];
      return storage === undefined ? new Uint8Array(0) : storage.read(offset - (ends[at - 1] ?? 0), length);
    },
    append() {
      throw new GranuleError('INVARIANT', 'a log opened for reading is not written', name);
    },
    sync() {},
    close: () => storages.forEach((storage) => storage.close()),
  };
}

/** The records of a segment up to a seq, as a segment of their own. Payloads are in the current versions. */
function cutSegment(parent: LogReader, segment: number, seq: number): SealedSegment {
  const { firstSeq } = parent.directory.segments[segment];
  const builder = new SegmentBuilder(firstSeq);
  for (const record of parent.range(firstSeq, seq)) {
    const { timeCycles, to, from, cause, type, payload } = record;
    builder.add(record.seq, timeCycles, to, from, cause, type, payload);
  }
  // It is read at once and never stored, so deflating it would be for nothing.
  return builder.seal(parent.chainBefore(segment), { ...parent.compression, deflate: (bytes) => bytes });
}

/** Rows of one directory below so many segments. */
function keepRows(from: NamedRows<Posting>, to: NamedRows<Posting>, segments: number): void {
  for (const name of from.names()) {
    const posting = from.get(name);
    const kept = posting?.segments.filter((segment) => segment < segments).length ?? 0;
    if (posting === undefined || kept === 0) continue;
    to.set(name, { segments: posting.segments.slice(0, kept), counts: posting.counts.slice(0, kept) });
  }
}

/** Rows of one directory behind those of another, whose segments come first. */
function addRows(from: NamedRows<Posting>, to: NamedRows<Posting>, segmentsBefore: number): void {
  for (const name of from.names()) {
    const posting = from.get(name);
    if (posting === undefined) continue;
    const before = to.get(name) ?? { segments: [], counts: [] };
    const segments = posting.segments.map((segment) => segment + segmentsBefore);
    to.set(name, { segments: [...before.segments, ...segments], counts: [...before.counts, ...posting.counts] });
  }
}

function keepCheckpoints(from: LogDirectory, to: LogDirectory, seq: number, offsetBytes: number): void {
  const kept = from.checkpointAt(seq) + 1;
  for (const entry of from.checkpoints.slice(0, kept)) {
    to.checkpoints.push({ ...entry, offsetBytes: entry.offsetBytes + offsetBytes });
  }
  to.checkpointStarts.splice(0, 1, ...from.checkpointStarts.filter((start) => start < kept), kept);
  for (const actor of from.holders.names()) {
    const indexes = (from.holders.get(actor) ?? []).filter((index) => index < kept);
    if (indexes.length > 0) to.holders.set(actor, indexes);
  }
}

function addCheckpoints(from: LogDirectory, to: LogDirectory): void {
  const before = to.checkpoints.length;
  to.checkpoints.push(...from.checkpoints);
  for (const actor of from.holders.names()) {
    const indexes = (from.holders.get(actor) ?? []).map((index) => index + before);
    to.holders.set(actor, [...(to.holders.get(actor) ?? []), ...indexes]);
  }
}

function checkContinues(own: LogReader, parent: LogReader, seq: number): void {
  const reaches = seq >= parent.firstSeq && seq <= parent.lastSeq;
  if (reaches && (own.records === 0 || own.firstSeq === seq + 1)) return;
  const held = `${parent.storage.name} holds ${parent.firstSeq} to ${parent.lastSeq}`;
  throw new GranuleError(
    'LOG_DAMAGED',
    `its records do not go on from seq ${seq} of its parent: ${held}`,
    own.storage.name,
  );
}

/**
 * Puts the records of a fork behind those of its parent up to a seq. Nothing of either is copied but the part of one segment of
 * the parent that the fork leaves in its middle.
 *
 * @throws GranuleError LOG_DAMAGED when one does not continue the other
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const parent = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const storage = memoryStorage();
 * new LogWriter(storage, noCompression, {}, 10).close();
 * joinLogs(LogReader.open(storage, noCompression), parent, 9).directory.records; // 10
 * ```
 */
export function joinLogs(own: LogReader, parent: LogReader, seq: number): JoinedLog {
  checkContinues(own, parent, seq);
  const directory = new LogDirectory();
  const { segments } = parent.directory;
  const whole = segments.filter(({ firstSeq, records }) => firstSeq + records - 1 <= seq).length;
  const parentAt = own.storage.size();
  const cutAt = parentAt + parent.frames.size();
  for (const entry of segments.slice(0, whole)) {
    directory.segments.push({ ...entry, offsetBytes: entry.offsetBytes + parentAt });
  }
  keepRows(parent.directory.actors, directory.actors, whole);
  keepRows(parent.directory.types, directory.types, whole);
  const storages = [own.storage, parent.frames];
  const isCut = (segments[whole]?.firstSeq ?? seq + 1) <= seq;
  if (isCut) {
    const { header, frame } = cutSegment(parent, whole, seq);
    directory.addSegment(cutAt, header);
    storages.push(memoryStorage(frame));
  }
  const firstOwnSegment = directory.segments.length;
  directory.segments.push(...own.directory.segments);
  addRows(own.directory.actors, directory.actors, firstOwnSegment);
  addRows(own.directory.types, directory.types, firstOwnSegment);
  keepCheckpoints(parent.directory, directory, seq, parentAt);
  addCheckpoints(own.directory, directory);
  return {
    directory,
    frames: joinedStorage(own.storage.name, storages),
    firstOwnSegment,
    upcastOf: (segment) => {
      if (segment < whole) return parent.upcastOf(segment);
      return segment < firstOwnSegment ? undefined : own.upcastOf(segment - firstOwnSegment);
    },
  };
}
