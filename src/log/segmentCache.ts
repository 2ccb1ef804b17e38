import { GranuleError } from '../errors.ts';
import type { LogDirectory } from './directory.ts';
import { FRAME, frameAt, readFrameBody, readFrameHeader } from './frames.ts';
import { RecentlyUsed } from './recentlyUsed.ts';
import type { RecordStream } from './recordStream.ts';
import { decodeSegmentHeader, type SegmentHeader } from './segmentHeader.ts';
import { SegmentView, type SegmentViewOptions } from './segmentView.ts';
import type { Compression, LogStorage } from './storage.ts';

/** Segments kept decoded: enough for a reader that goes back and forth, some 10 MB at most. */
export const CACHED_SEGMENTS = 8;

/** What lifts the payloads of a segment to the current versions; undefined where they are current. */
export type UpcastOf = (segment: number) => SegmentViewOptions['upcast'];

/** What a reader has done so far: `--stats` shows it, tests hold a single-actor fold to it. */
export interface ReadCounters {
  /** Segment frames read from the storage. */
  segmentsRead: number;
  /** Actor sections inflated and decoded. */
  sectionsOpened: number;
  recordsDecoded: number;
}

/**
 * The segments of a log by their number in the directory. A few are kept, and the one that is gone through just now.
 *
 * @throws GranuleError LOG_DAMAGED from every method, with the place in the log
 * @example
 * ```ts
 * new SegmentCache(memoryStorage(), noCompression, new LogDirectory(), () => undefined).header(0); // throws LOG_DAMAGED
 * ```
 */
export class SegmentCache {
  readonly counters: ReadCounters = { segmentsRead: 0, sectionsOpened: 0, recordsDecoded: 0 };
  readonly #storage: LogStorage;
  readonly #compression: Compression;
  readonly #directory: LogDirectory;
  readonly #upcastOf: UpcastOf;
  readonly #views = new RecentlyUsed<number, SegmentView>(CACHED_SEGMENTS);
  #passing: { readonly segment: number; readonly view: SegmentView } | null = null;

  /** @param upcastOf what lifts the payloads of a segment to the current versions of their message types */
  constructor(storage: LogStorage, compression: Compression, directory: LogDirectory, upcastOf: UpcastOf) {
    this.#storage = storage;
    this.#compression = compression;
    this.#directory = directory;
    this.#upcastOf = upcastOf;
  }

  #options(segment: number): SegmentViewOptions {
    const onDecode = (records: number): void => {
      this.counters.sectionsOpened += 1;
      this.counters.recordsDecoded += records;
    };
    const upcast = this.#upcastOf(segment);
    return upcast === undefined ? { onDecode } : { onDecode, upcast };
  }

  /** What a segment says of itself. */
  header(segment: number): SegmentHeader {
    return this.#at(segment, () => {
      const place = frameAt(this.#storage, this.#directory.segments[segment]?.offsetBytes ?? 0, FRAME.segment);
      return decodeSegmentHeader(readFrameHeader(this.#storage, place));
    });
  }

  /**
   * What `select` gives of a segment.
   *
   * @param isKept false when it is not asked for again soon
   */
  select<T>(segment: number, isKept: boolean, select: (view: SegmentView) => T): T {
    return this.#at(segment, () => select(isKept ? this.#kept(segment) : this.#open(segment)));
  }

  /** The records of a segment, or those of some actors in it, one by one; nothing but the segment itself stays open. */
  stream(segment: number, isWanted?: (actor: string) => boolean): RecordStream {
    const placed = (error: unknown): unknown => this.#placed(segment, error);
    return this.#at(segment, () => this.#passed(segment).stream(isWanted, placed));
  }

  /** Carries the hash chain on over a segment. */
  chain(segment: number, previousHash: Uint8Array): Uint8Array {
    return this.#at(segment, () => this.#passed(segment).chain(previousHash));
  }

  /** The segment that is gone through just now, opened when it is not open. */
  #passed(segment: number): SegmentView {
    if (this.#passing?.segment !== segment) this.#passing = { segment, view: this.#open(segment) };
    return this.#passing.view;
  }

  #kept(segment: number): SegmentView {
    return this.#views.get(segment, () => this.#open(segment));
  }

  #open(segment: number): SegmentView {
    const place = frameAt(this.#storage, this.#directory.segments[segment]?.offsetBytes ?? 0, FRAME.segment);
    const header = decodeSegmentHeader(readFrameHeader(this.#storage, place));
    const body = readFrameBody(this.#storage, place);
    this.counters.segmentsRead += 1;
    const read = (at: number, length: number): Uint8Array => body.subarray(at, at + length);
    return new SegmentView(header, read, this.#compression, this.#options(segment));
  }

  #at<T>(segment: number, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#placed(segment, error);
    }
  }

  #placed(segment: number, error: unknown): unknown {
    const entry = this.#directory.segments[segment];
    if (entry === undefined) return new GranuleError('LOG_DAMAGED', `the index names a segment ${segment}`);
    const lastSeq = entry.firstSeq + entry.records - 1;
    return damageAt(`${this.#storage.name}, seq ${entry.firstSeq} to ${lastSeq}, offset ${entry.offsetBytes}`, error);
  }
}

/**
 * Says of damage where in the log it is: the codecs know only their own bytes. Other errors come back as they are.
 *
 * @example
 * ```ts
 * const damage = damageAt('a.glog, seq 0 to 9', new GranuleError('LOG_DAMAGED', 'the data ends too early'));
 * damage instanceof GranuleError && damage.where; // 'a.glog, seq 0 to 9'
 * ```
 */
export function damageAt(where: string, error: unknown): unknown {
  if (!(error instanceof GranuleError) || error.code !== 'LOG_DAMAGED') return error;
  return new GranuleError('LOG_DAMAGED', error.message, where);
}

/**
 * What some work gives; of damage that it meets, says where.
 *
 * @throws GranuleError LOG_DAMAGED, with the place, when the work does
 * @example
 * ```ts
 * atPlace('checkpoint at seq 7', () => 42); // 42
 * ```
 */
export function atPlace<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw damageAt(where, error);
  }
}
