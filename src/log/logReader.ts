import { GranuleError } from '../errors.ts';
import { chainMeta, hashHex } from './chain.ts';
import type { ActorState } from './checkpoint.ts';
import { CheckpointReader, type StateAtCheckpoint } from './checkpointReader.ts';
import type { CheckpointEntry, LogDirectory } from './directory.ts';
import { type LogHead, type LogMeta, readHead } from './headerFrame.ts';
import { findDirectory, type FoundDirectory, type Recovery } from './recovery.ts';
import { countNames, type NameCount } from './namedRows.ts';
import type { LogRecord } from './record.ts';
import type { TakeMessage } from './sectionReader.ts';
import type { RecordStream } from './recordStream.ts';
import { type JoinedLog, joinLogs } from './joinedLog.ts';
import { atPlace, CACHED_SEGMENTS, type ReadCounters, SegmentCache, type UpcastOf } from './segmentCache.ts';
import type { SegmentView } from './segmentView.ts';
import type { Compression, LogStorage } from './storage.ts';
import type { StoredState } from './storedState.ts';
import { upcastFrom, type VersionRegistry } from './upcast.ts';

/** An actor's state from a checkpoint. */
export interface FoundState extends ActorState {
  /** The last checkpoint at or before the seq asked for: the state holds up to here. */
  seq: number;
  /** The checkpoint that stores the state; earlier than `seq` when later ones left the actor out as unchanged. */
  storedSeq: number;
}

/** What a reader is made of beside its storage. */
type ReaderParts = Omit<FoundDirectory, 'headHash'> & { head: LogHead; headHash: string; parent?: LogReader } & Partial<
    Omit<JoinedLog, 'directory'>
  >;

/**
 * Reads a log: by seq, by range, by actor, by type, by time. Segments are decoded when needed and a few are kept, so
 * memory does not grow with the log. Records are shared with the reader's cache: never write to them.
 *
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, none, { seed: 7 });
 * writer.append({ seq: 0, timeCycles: 0, to: 'sched', from: 'topology', cause: -1, type: 'START', payload: null });
 * writer.close();
 * LogReader.open(storage, none).read(0).type; // 'START'
 * ```
 */
export class LogReader {
  readonly storage: LogStorage;
  readonly compression: Compression;
  /** The versions of messages that it was opened with. */
  readonly registry: VersionRegistry;
  readonly head: LogHead;
  readonly directory: LogDirectory;
  /** The end of the hash chain, hex; of what there is, when the log was cut. */
  readonly headHash: string;
  /** Null when the log is whole; else what was lost and why. */
  readonly recovery: Recovery | null;
  /** The log that it goes on from, when it holds the records of a fork alone; its own records begin at `firstOwnSegment`. */
  readonly parent: LogReader | null;
  readonly firstOwnSegment: number;
  /** Where the frames are that the directory names: the storage, and for a fork those of its parents behind it. */
  readonly frames: LogStorage;
  /** What lifts the payloads of a segment to the current versions. */
  readonly upcastOf: UpcastOf;
  readonly #segments: SegmentCache;
  readonly #checkpoints: CheckpointReader;

  private constructor(storage: LogStorage, compression: Compression, registry: VersionRegistry, parts: ReaderParts) {
    this.storage = storage;
    this.compression = compression;
    this.registry = registry;
    this.head = parts.head;
    this.directory = parts.directory;
    this.headHash = parts.headHash;
    this.recovery = parts.recovery;
    this.parent = parts.parent ?? null;
    this.firstOwnSegment = parts.firstOwnSegment ?? 0;
    this.frames = parts.frames ?? storage;
    const upcast = upcastFrom(this.meta.messageVersions ?? {}, registry);
    this.upcastOf = parts.upcastOf ?? (() => upcast);
    this.#checkpoints = new CheckpointReader(this.frames, compression, parts.directory);
    this.#segments = new SegmentCache(this.frames, compression, parts.directory, this.upcastOf);
  }

  /**
   * Opens a log, whole or cut. Of a fork that holds its own records alone these are all there is: see `openWithParents`.
   *
   * @param registry lifts payloads of older message versions; without it they come as they were written
   * @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION; LOG_DAMAGED when the header frame is
   */
  static open(storage: LogStorage, compression: Compression, registry: VersionRegistry = {}): LogReader {
    const head = readHead(storage, compression);
    const found = findDirectory(storage, compression, head.place.endBytes, chainMeta(head.metaBytes));
    return new LogReader(storage, compression, registry, { head, ...found, headHash: hashHex(found.headHash) });
  }

  /**
   * The records of a fork behind those of its parent up to a seq, as one log.
   *
   * @throws GranuleError LOG_DAMAGED when one does not continue the other
   */
  static join(own: LogReader, parent: LogReader, seq: number): LogReader {
    const { storage, compression, registry, head, headHash, recovery } = own;
    const joined = joinLogs(own, parent, seq);
    return new LogReader(storage, compression, registry, { head, headHash, recovery, parent, ...joined });
  }

  /** What the log says of itself. */
  get meta(): LogMeta {
    return this.head.meta;
  }

  /** What was read so far. */
  get counters(): Readonly<ReadCounters> {
    return this.#segments.counters;
  }

  /** Number of records. */
  get records(): number {
    return this.directory.records;
  }

  /** Seq of the first record; 0 when there is none. */
  get firstSeq(): number {
    return this.directory.segments[0]?.firstSeq ?? 0;
  }

  /** Seq of the first record that its own file holds; past the last one when it holds none. */
  get ownFirstSeq(): number {
    return this.directory.segments[this.firstOwnSegment]?.firstSeq ?? this.lastSeq + 1;
  }

  /** Seq of the last record; one less than firstSeq when there is none. */
  get lastSeq(): number {
    return this.firstSeq + this.records - 1;
  }

  /** Every receiving actor, in order of its first segment, and how many records it received. */
  actors(): NameCount[] {
    return countNames(this.directory.actors);
  }

  /** Every message type and how many records are of it. */
  types(): NameCount[] {
    return countNames(this.directory.types);
  }

  /**
   * One record.
   *
   * @throws GranuleError SEQ_OUT_OF_RANGE, LOG_DAMAGED
   */
  read(seq: number): LogRecord {
    const segment = this.directory.segmentOf(seq);
    const record = segment < 0 ? undefined : this.#all(segment)[seq - this.directory.segments[segment].firstSeq];
    if (record !== undefined) return record;
    const held = this.records === 0 ? 'no records' : `${this.firstSeq} to ${this.lastSeq}`;
    throw new GranuleError('SEQ_OUT_OF_RANGE', `there is no seq ${seq}`, `${this.storage.name} holds ${held}`);
  }

  /**
   * Records `from` to `to`, both included and both brought within the log, segment by segment as they are asked for.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *range(from = this.firstSeq, to = this.lastSeq): Generator<LogRecord, void, undefined> {
    for (const records of this.batches(from, to)) yield* records;
  }

  /**
   * The records that `range` gives, in lists of one segment each: the quickest way through many.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *batches(from = this.firstSeq, to = this.lastSeq): Generator<readonly LogRecord[], void, undefined> {
    yield* this.#through(this.directory.segmentsIn(from, to), from, to, (view) => view.all());
  }

  /**
   * One actor's records, as `range` gives them; no other actor's section is opened.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *byActor(actor: string, from = this.firstSeq, to = this.lastSeq): Generator<LogRecord, void, undefined> {
    const segments = this.directory.holding(this.directory.actors, actor, from, to);
    for (const records of this.#through(segments, from, to, (view) => view.ofActor(actor))) yield* records;
  }

  /**
   * Hands over the messages that one actor received in the records `from` to `to`, one after the other, until `take` says
   * that it has enough. None is kept, so this is the quickest way to fold an actor.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  messages(actor: string, from: number, to: number, take: TakeMessage): void {
    let passed = 0;
    let goesOn = true;
    const takes: TakeMessage = (message, seq) => (goesOn = take(message, seq));
    for (const segment of this.directory.holding(this.directory.actors, actor, from, to)) {
      const isKept = passed++ < CACHED_SEGMENTS;
      this.#segments.select(segment, isKept, (view) => view.messages(actor, from, to, takes));
      if (!goesOn) return;
    }
  }

  /**
   * Records of one type, as `range` gives them; sections that hold none of it are not opened.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *byType(type: string, from = this.firstSeq, to = this.lastSeq): Generator<LogRecord, void, undefined> {
    const segments = this.directory.holding(this.directory.types, type, from, to);
    for (const records of this.#through(segments, from, to, (view) => view.ofType(type))) yield* records;
  }

  /** What `select` gives of each of the segments. */
  *#through(
    segments: Iterable<number>,
    from: number,
    to: number,
    select: (view: SegmentView) => readonly LogRecord[],
  ): Generator<readonly LogRecord[], void, undefined> {
    let passed = 0;
    for (const segment of segments) {
      // Whoever passes through more than are kept comes back, if ever, to the first ones.
      const isKept = passed < CACHED_SEGMENTS;
      passed += 1;
      yield within(this.#segments.select(segment, isKept, select), from, to);
    }
  }

  /**
   * Seq of the last record before virtual time passes `timeCycles`: the state at that time is the fold up to it. One
   * less than firstSeq when the first record is later already.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  seqAtTime(timeCycles: number): number {
    const segment = this.directory.segments.findIndex((entry) => entry.maxTimeCycles > timeCycles);
    if (segment < 0) return this.lastSeq;
    const later = this.#all(segment).find((record) => record.timeCycles > timeCycles);
    return later === undefined ? this.lastSeq : later.seq - 1;
  }

  /** Whether an actor can have received records in a range: false where no segment of the range holds any of it. */
  mayReceive(actor: string, from: number, to: number): boolean {
    return this.directory.holding(this.directory.actors, actor, from, to).next().done === false;
  }

  /** Every checkpoint, in order. */
  checkpoints(): readonly CheckpointEntry[] {
    return this.directory.checkpoints;
  }

  /**
   * The last checkpoint with a seq of at most `seq`; with `actor`, the last that such an actor's state is known by.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  checkpointBefore(seq: number, actor: string): FoundState | null {
    const { checkpoints } = this.directory;
    const last = this.directory.checkpointAt(seq);
    const found = this.stateAtCheckpoint(last, actor);
    if (found === null) return null;
    const { state, storedIndex } = found;
    return { actor, state, seq: checkpoints[last]?.seq ?? seq, storedSeq: checkpoints[storedIndex]?.seq ?? seq };
  }

  /**
   * An actor's state at a checkpoint, put together from those that store it or its parts; null when it is as it began.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  stateAtCheckpoint(checkpointIndex: number, actor: string): StateAtCheckpoint | null {
    const where = `${this.storage.name}, checkpoint at seq ${this.directory.checkpoints[checkpointIndex]?.seq}`;
    return atPlace(where, () => this.#checkpoints.stateAt(checkpointIndex, actor));
  }

  /**
   * What a checkpoint stores, or what it stores of one actor; others are not inflated.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  checkpointStates(entry: CheckpointEntry, actor?: string): ActorState[] {
    const where = `checkpoint at seq ${entry.seq}, offset ${entry.offsetBytes}`;
    return atPlace(where, () => this.#checkpoints.stored(entry, actor).map(({ made }) => made));
  }

  /**
   * The states that a checkpoint stores, or those of some actors, to be held against others: what is alike is never made.
   *
   * @throws GranuleError LOG_DAMAGED, and from what it gives
   */
  storedStates(entry: CheckpointEntry, isWanted?: (actor: string) => boolean): StoredState[] {
    const where = `checkpoint at seq ${entry.seq}, offset ${entry.offsetBytes}`;
    return atPlace(where, () => this.#checkpoints.stored(entry, isWanted));
  }

  /**
   * The records of a segment, or those of some actors in it, in order. Nothing is kept: each record is decoded when it is
   * asked for, so that whoever goes through a long log once leaves nothing behind.
   *
   * @throws GranuleError LOG_DAMAGED, and from what it gives
   */
  stream(segment: number, isWanted?: (actor: string) => boolean): RecordStream {
    return this.#segments.stream(segment, isWanted);
  }

  /**
   * Carries the hash chain on over a segment, from its bytes: no record is decoded. Cheapest just after `stream` of it.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  chain(segment: number, previousHash: Uint8Array): Uint8Array {
    return this.#segments.chain(segment, previousHash);
  }

  /**
   * The hash chain up to and with a segment, as its header says it.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  chainStored(segment: number): Uint8Array {
    return this.#segments.header(segment).hash;
  }

  /**
   * The hash chain before a segment: where the segments of a file begin, that over its meta.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  chainBefore(segment: number): Uint8Array {
    if (segment < this.firstOwnSegment && this.parent !== null) return this.parent.chainBefore(segment);
    return segment === this.firstOwnSegment ? chainMeta(this.head.metaBytes) : this.chainStored(segment - 1);
  }

  #all(segment: number): readonly LogRecord[] {
    return this.#segments.select(segment, true, (view) => view.all());
  }
}

/** The part of a list in order of seq that lies between two seqs; the list itself when all of it does. */
function within(records: readonly LogRecord[], from: number, to: number): readonly LogRecord[] {
  const first = records[0];
  if (first !== undefined && first.seq >= from && records[records.length - 1].seq <= to) return records;
  return records.filter(({ seq }) => seq >= from && seq <= to);
}
