import { GranuleError } from '../errors.ts';
import { chainMeta, chainSegment, hashHex } from './chain.ts';
import { decodeCheckpointHeader, decodeState } from './checkpoint.ts';
import { LogDirectory } from './directory.ts';
import { FRAME, type FramePlace, nextFrame, readFrameBody, readFrameHeader, readPrefix } from './frames.ts';
import { LogReader } from './logReader.ts';
import { findIndex, readIndexBytes } from './recovery.ts';
import { decodeSegmentHeader, encodeCanonicalHeader, type SegmentHeader } from './segmentHeader.ts';
import { SegmentView } from './segmentView.ts';

/** One thing wrong with a log, and where. */
export interface LogFault {
  offsetBytes: number;
  lengthBytes: number;
  /** First record concerned; -1 when no record is. */
  seqFrom: number;
  /** Last record concerned; -1 when no record is. */
  seqTo: number;
  what: string;
}

/** What verification found. */
export interface Verification {
  ok: boolean;
  /** Records that are whole. */
  records: number;
  /** Segments that are whole. */
  segments: number;
  /** The end of the hash chain as computed, hex. */
  headHash: string;
  faults: LogFault[];
}

/**
 * Goes through a whole log: every checksum, every record, the hash chain, the counts, checkpoints, the index against the
 * segments, the trailer; of a fork that holds its own records alone, its parent too. Damage is a
 * fault in the answer, never an exception; it goes on behind it.
 *
 * @param onProgress is told bytes done and bytes in all, once a frame
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const storage = memoryStorage();
 * new LogWriter(storage, none, {}).close();
 * verifyLog(LogReader.open(storage, none)).ok; // true
 * ```
 */
export function verifyLog(
  reader: LogReader,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Verification {
  const { parent, storage, compression, registry } = reader;
  const verifier = new Verifier(parent === null ? reader : LogReader.open(storage, compression, registry));
  const size = storage.size();
  for (let at = reader.head.place.endBytes; at < size; onProgress(at, size)) at = verifier.frame(at);
  const own = verifier.finish();
  return parent === null ? own : withParent(own, parent);
}

/** What is wrong with a parent is wrong with the fork that goes on from it. */
function withParent(own: Verification, parent: LogReader): Verification {
  const above = verifyLog(parent);
  const faults = above.faults.map((fault) => ({
    ...fault,
    what: `in its parent ${parent.storage.name}: ${fault.what}`,
  }));
  return { ...own, ok: own.ok && above.ok, faults: [...own.faults, ...faults] };
}

class Verifier {
  readonly #reader: LogReader;
  readonly #faults: LogFault[] = [];
  readonly #seen = new LogDirectory();
  #hash: Uint8Array;
  /** False behind a lost segment: the next one's link cannot be checked then. */
  #linked = true;
  #nextSeq: number | null = null;
  #records = 0;
  #segments = 0;
  #closed = false;

  constructor(reader: LogReader) {
    this.#reader = reader;
    this.#hash = chainMeta(reader.head.metaBytes);
  }

  /** Checks what begins at an offset; gives the offset to go on at. */
  frame(at: number): number {
    const { storage } = this.#reader;
    const answer = readPrefix(storage, at);
    if (!answer.ok) {
      const next = nextFrame(storage, at + 1);
      this.#linked = false;
      this.#fault(at, next - at, answer.what, this.#nextSeq ?? -1, this.#seqBefore(next));
      return next;
    }
    const { place } = answer;
    if (this.#closed) this.#faultAt(place, 'a frame follows the trailer');
    try {
      this.#check(place);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      this.#damaged(place, error.message);
    }
    return place.endBytes;
  }

  #check(place: FramePlace): void {
    if (place.type === FRAME.segment) this.#segment(place);
    else if (place.type === FRAME.checkpoint) this.#checkpoint(place);
    else if (place.type === FRAME.index) this.#index(place);
    else if (place.type === FRAME.trailer) this.#trailer(place);
    else this.#faultAt(place, `there is no frame type ${place.type}`);
  }

  #segment(place: FramePlace): void {
    const { storage, compression } = this.#reader;
    const header = decodeSegmentHeader(readFrameHeader(storage, place));
    const expected = this.#nextSeq ?? header.firstSeq;
    if (header.firstSeq !== expected && this.#linked) {
      this.#faultAt(place, `the segment begins at seq ${header.firstSeq} where ${expected} comes next`);
    }
    this.#nextSeq = header.firstSeq + header.records;
    this.#seen.addSegment(place.offsetBytes, header);
    const body = readFrameBody(storage, place);
    const view = new SegmentView(header, (at, length) => body.subarray(at, at + length), compression);
    const sections = header.sections.map((section) => view.sectionRaw(section));
    const canonical = encodeCanonicalHeader(header);
    const hash = chainSegment(this.#hash, canonical, view.stringsRaw(), sections, compression.sha256);
    const linked = this.#linked;
    this.#hash = header.hash;
    this.#linked = true;
    if (linked && hashHex(hash) !== hashHex(header.hash))
      this.#segmentFault(place, header, 'the hash chain breaks here');
    const times = view.all().map((record) => record.timeCycles);
    const [least, most] = times.reduce(([low, high], time) => [Math.min(low, time), Math.max(high, time)], [
      Number.MAX_SAFE_INTEGER,
      0,
    ] as [number, number]);
    if (least !== header.minTimeCycles || most !== header.maxTimeCycles) {
      this.#segmentFault(place, header, 'the times of the records are not what the header says');
    }
    const counted = header.sections.reduce((sum, section) => sum + section.records, 0);
    if (counted !== header.records) this.#segmentFault(place, header, 'the sections do not add up to the segment');
    this.#records += header.records;
    this.#segments += 1;
  }

  #checkpoint(place: FramePlace): void {
    const { storage, compression } = this.#reader;
    const header = decodeCheckpointHeader(readFrameHeader(storage, place), place.version);
    this.#seen.addCheckpoint(place.offsetBytes, header);
    const body = readFrameBody(storage, place);
    for (const section of header.sections) {
      const { bodyOffsetBytes, storedBytes } = section;
      decodeState(section, body.subarray(bodyOffsetBytes, bodyOffsetBytes + storedBytes), compression);
    }
  }

  #index(place: FramePlace): void {
    const { storage, compression } = this.#reader;
    const { directory, headHash } = LogDirectory.decode(readIndexBytes(storage, place, compression), place.version);
    // Behind other damage the rebuilt index must differ; saying so again would place the fault wrongly.
    if (this.#faults.length > 0) return;
    // Both as they are written now, so that an index of an older version is compared too.
    const bytes = directory.encode(headHash);
    const rebuilt = this.#seen.encode(this.#hash);
    if (bytes.length !== rebuilt.length || bytes.some((byte, i) => byte !== rebuilt[i])) {
      this.#faultAt(place, 'the index is not that of the segments');
    }
  }

  #trailer(place: FramePlace): void {
    readFrameHeader(this.#reader.storage, place);
    readFrameBody(this.#reader.storage, place);
    this.#closed = true;
    if (findIndex(this.#reader.storage) === null && this.#faults.length === 0) {
      this.#faultAt(place, 'the trailer does not point at the index');
    }
  }

  /** A frame whose prefix is sound and whose header or body is not. */
  #damaged(place: FramePlace, what: string): void {
    if (place.type !== FRAME.segment) {
      this.#faultAt(place, what);
      return;
    }
    const noted = this.#seen.segments.at(-1);
    if (noted?.offsetBytes === place.offsetBytes) {
      // The header was read, so its hash leads on and the place of the records is known.
      const header = decodeSegmentHeader(readFrameHeader(this.#reader.storage, place));
      this.#hash = header.hash;
      this.#linked = true;
      this.#segmentFault(place, header, what);
      return;
    }
    const from = this.#nextSeq ?? this.#reader.firstSeq;
    this.#linked = false;
    this.#fault(place.offsetBytes, place.endBytes - place.offsetBytes, what, from, this.#seqBefore(place.endBytes));
  }

  /** The last seq before an offset, by the reader's directory; -1 when it does not tell. */
  #seqBefore(offsetBytes: number): number {
    const entry = this.#reader.directory.segments.findLast((segment) => segment.offsetBytes < offsetBytes);
    const seq = entry === undefined ? -1 : entry.firstSeq + entry.records - 1;
    return seq < (this.#nextSeq ?? 0) ? -1 : seq;
  }

  #segmentFault(place: FramePlace, header: SegmentHeader, what: string): void {
    const lastSeq = header.firstSeq + header.records - 1;
    this.#fault(place.offsetBytes, place.endBytes - place.offsetBytes, what, header.firstSeq, lastSeq);
  }

  #faultAt(place: FramePlace, what: string): void {
    this.#fault(place.offsetBytes, place.endBytes - place.offsetBytes, what, -1, -1);
  }

  #fault(offsetBytes: number, lengthBytes: number, what: string, seqFrom: number, seqTo: number): void {
    const known = seqTo < 0 ? { seqFrom: -1, seqTo: -1 } : { seqFrom, seqTo };
    this.#faults.push({ offsetBytes, lengthBytes, ...known, what });
  }

  finish(): Verification {
    const size = this.#reader.storage.size();
    if (!this.#closed && this.#faults.length === 0) this.#fault(size, 0, 'the log was never closed', -1, -1);
    const ok = this.#faults.length === 0;
    const headHash = hashHex(this.#hash);
    return { ok, records: this.#records, segments: this.#segments, headHash, faults: this.#faults };
  }
}
