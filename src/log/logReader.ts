import { GranuleError } from '../errors.ts';
import { chainMeta, chainSegment, hashHex } from './chain.ts';
import { type ActorState, type CheckpointHeader, decodeCheckpointHeader, decodeStates } from './checkpoint.ts';
import type { CheckpointEntry, LogDirectory, Posting } from './directory.ts';
import { FRAME, type FramePlace, readFrameBody, readFrameHeader, readPrefix } from './frames.ts';
import { type LogHead, type LogMeta, readHead } from './headerFrame.ts';
import { findDirectory, type FoundDirectory, type Recovery } from './recovery.ts';
import type { LogRecord } from './record.ts';
import { decodeSegmentHeader } from './segmentHeader.ts';
import { SegmentView } from './segmentView.ts';
import type { Compression, LogStorage } from './storage.ts';
import { upcastFrom, type VersionRegistry } from './upcast.ts';

/** Segments kept decoded: enough for a reader that goes back and forth, some 10 MB at most. */
const CACHED_SEGMENTS = 8;

/** What a reader has done so far: `--stats` shows it, tests hold a single-actor fold to it. */
export interface ReadCounters {
  /** Segment frames read from the storage. */
  segmentsRead: number;
  /** Actor sections inflated and decoded. */
  sectionsOpened: number;
  recordsDecoded: number;
}

/** A name and how many records have it. */
export interface NameCount {
  id: string;
  count: number;
}

/** An actor's state from a checkpoint. */
export interface FoundState extends ActorState {
  /** The last checkpoint at or before the seq asked for: the state holds up to here. */
  seq: number;
  /** The checkpoint that stores the state; earlier than `seq` when later ones left the actor out as unchanged. */
  storedSeq: number;
}

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
  readonly head: LogHead;
  readonly directory: LogDirectory;
  /** The end of the hash chain, hex; of what there is, when the log was cut. */
  readonly headHash: string;
  /** Null when the log is whole; else what was lost and why. */
  readonly recovery: Recovery | null;
  readonly counters: ReadCounters = { segmentsRead: 0, sectionsOpened: 0, recordsDecoded: 0 };
  readonly #views = new Map<number, SegmentView>();
  readonly #upcast: ((type: string, payload: unknown) => unknown) | undefined;

  private constructor(
    storage: LogStorage,
    compression: Compression,
    head: LogHead,
    found: FoundDirectory,
    registry: VersionRegistry,
  ) {
    this.storage = storage;
    this.compression = compression;
    this.head = head;
    this.directory = found.directory;
    this.headHash = hashHex(found.headHash);
    this.recovery = found.recovery;
    this.#upcast = upcastFrom(head.meta.messageVersions ?? {}, registry);
  }

  /**
   * Opens a log, whole or cut.
   *
   * @param registry lifts payloads of older message versions; without it they come as they were written
   * @throws GranuleError LOG_EMPTY, LOG_NOT_A_LOG, LOG_VERSION; LOG_DAMAGED when the header frame is
   */
  static open(storage: LogStorage, compression: Compression, registry: VersionRegistry = {}): LogReader {
    const head = readHead(storage, compression);
    const found = findDirectory(storage, compression, head.place.endBytes, chainMeta(head.metaBytes));
    return new LogReader(storage, compression, head, found, registry);
  }

  /** What the log says of itself. */
  get meta(): LogMeta {
    return this.head.meta;
  }

  /** Number of records. */
  get records(): number {
    return this.directory.records;
  }

  /** Seq of the first record; 0 when there is none. */
  get firstSeq(): number {
    return this.directory.segments[0]?.firstSeq ?? 0;
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
    const record = segment < 0 ? undefined : this.#all(segment)[seq - this.#view(segment).header.firstSeq];
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
    for (let segment = 0; segment < this.directory.segments.length; segment++) {
      if (this.#overlaps(segment, from, to)) yield* within(this.#all(segment), from, to);
    }
  }

  /**
   * One actor's records, as `range` gives them; no other actor's section is opened.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *byActor(actor: string, from = this.firstSeq, to = this.lastSeq): Generator<LogRecord, void, undefined> {
    for (const segment of this.directory.actors.get(actor)?.segments ?? []) {
      if (!this.#overlaps(segment, from, to)) continue;
      yield* within(
        this.#placed(segment, () => this.#view(segment).ofActor(actor)),
        from,
        to,
      );
    }
  }

  /**
   * Records of one type, as `range` gives them; sections that hold none of it are not opened.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *byType(type: string, from = this.firstSeq, to = this.lastSeq): Generator<LogRecord, void, undefined> {
    for (const segment of this.directory.types.get(type)?.segments ?? []) {
      if (!this.#overlaps(segment, from, to)) continue;
      yield* within(
        this.#placed(segment, () => this.#view(segment).ofType(type)),
        from,
        to,
      );
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

  /** Every checkpoint, in order: its seq and the actors it holds. */
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
    const last = checkpoints.findLast((entry) => entry.seq <= seq);
    const stored = checkpoints.findLast((entry) => entry.seq <= seq && entry.actors.includes(actor));
    if (last === undefined || stored === undefined) return null;
    const state = this.checkpointStates(stored, (id) => id === actor)[0];
    return state === undefined ? null : { ...state, seq: last.seq, storedSeq: stored.seq };
  }

  /**
   * The states of a checkpoint, or those of some actors; others are not inflated.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  checkpointStates(entry: CheckpointEntry, isWanted?: (actor: string) => boolean): ActorState[] {
    const where = `checkpoint at seq ${entry.seq}, offset ${entry.offsetBytes}`;
    return placed(where, () => {
      const place = this.#frame(entry.offsetBytes, FRAME.checkpoint);
      const header: CheckpointHeader = decodeCheckpointHeader(readFrameHeader(this.storage, place));
      return decodeStates(header, readFrameBody(this.storage, place), this.compression, isWanted);
    });
  }

  /**
   * The records of a segment, or those of some actors in it, in order. Nothing is kept: each record is decoded when it is
   * asked for, so that whoever goes through a long log once leaves nothing behind.
   *
   * @throws GranuleError LOG_DAMAGED while it goes on
   */
  *stream(segment: number, isWanted?: (actor: string) => boolean): Generator<LogRecord, void, undefined> {
    try {
      yield* this.#openView(segment).stream(isWanted);
    } catch (error) {
      this.#placed(segment, () => {
        throw error;
      });
    }
  }

  /**
   * Carries the hash chain on over a segment, from its bytes: no record is decoded.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  chain(segment: number, previousHash: Uint8Array): Uint8Array {
    return this.#placed(segment, () => {
      const view = this.#openView(segment);
      const sections = view.header.sections.map((section) => view.sectionRaw(section));
      return chainSegment(previousHash, view.header, view.stringsRaw(), sections);
    });
  }

  /**
   * The hash chain up to a segment as its header says it; -1 is the start of the chain.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  chainStored(segment: number): Uint8Array {
    if (segment < 0) return chainMeta(this.head.metaBytes);
    return this.#placed(segment, () => {
      const place = this.#frame(this.directory.segments[segment]?.offsetBytes ?? 0, FRAME.segment);
      return decodeSegmentHeader(readFrameHeader(this.storage, place)).hash;
    });
  }

  /**
   * Opens a segment by its index in the directory; the reader keeps a few.
   *
   * @throws GranuleError LOG_DAMAGED
   */
  #view(segment: number): SegmentView {
    let view = this.#views.get(segment);
    // Taken out and put back, so that the map's order is the order of last use.
    if (view === undefined) view = this.#placed(segment, () => this.#openView(segment));
    else this.#views.delete(segment);
    this.#views.set(segment, view);
    for (const oldest of this.#views.keys()) {
      if (this.#views.size <= CACHED_SEGMENTS) break;
      this.#views.delete(oldest);
    }
    return view;
  }

  #openView(segment: number): SegmentView {
    const place = this.#frame(this.directory.segments[segment]?.offsetBytes ?? 0, FRAME.segment);
    const header = decodeSegmentHeader(readFrameHeader(this.storage, place));
    const body = readFrameBody(this.storage, place);
    this.counters.segmentsRead += 1;
    return new SegmentView(header, (at, length) => body.subarray(at, at + length), this.compression, {
      onDecode: (records) => {
        this.counters.sectionsOpened += 1;
        this.counters.recordsDecoded += records;
      },
      ...(this.#upcast === undefined ? {} : { upcast: this.#upcast }),
    });
  }

  #frame(offsetBytes: number, type: number): FramePlace {
    const answer = readPrefix(this.storage, offsetBytes);
    if (!answer.ok) throw new GranuleError('LOG_DAMAGED', answer.what, `offset ${offsetBytes}`);
    if (answer.place.type !== type) throw new GranuleError('LOG_DAMAGED', 'the index points at another frame');
    return answer.place;
  }

  #all(segment: number): readonly LogRecord[] {
    return this.#placed(segment, () => this.#view(segment).all());
  }

  #overlaps(segment: number, from: number, to: number): boolean {
    const entry = this.directory.segments[segment];
    return entry !== undefined && entry.firstSeq <= to && entry.firstSeq + entry.records > from;
  }

  #placed<T>(segment: number, work: () => T): T {
    const entry = this.directory.segments[segment];
    if (entry === undefined) throw new GranuleError('LOG_DAMAGED', `the index names a segment ${segment}`);
    const lastSeq = entry.firstSeq + entry.records - 1;
    return placed(`${this.storage.name}, seq ${entry.firstSeq} to ${lastSeq}, offset ${entry.offsetBytes}`, work);
  }
}

/** Says of damage where in the log it is: the codecs know only their own bytes. */
function placed<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof GranuleError) || error.code !== 'LOG_DAMAGED') throw error;
    throw new GranuleError('LOG_DAMAGED', error.message, where);
  }
}

function countNames(postings: ReadonlyMap<string, Posting>): NameCount[] {
  return [...postings].map(([id, { counts }]) => ({ id, count: counts.reduce((sum, count) => sum + count, 0) }));
}

function* within(records: readonly LogRecord[], from: number, to: number): Generator<LogRecord, void, undefined> {
  for (const record of records) {
    if (record.seq > to) return;
    if (record.seq >= from) yield record;
  }
}
