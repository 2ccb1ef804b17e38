import { GranuleError } from '../errors.ts';
import { type CheckpointHeader, decodeCheckpointHeader, openState, overlay, type StateSection } from './checkpoint.ts';
import type { CheckpointEntry, LogDirectory } from './directory.ts';
import { FRAME, type FramePlace, frameAt, PREFIX_BYTES, readFrameBody, readFrameHeader } from './frames.ts';
import { RecentlyUsed } from './recentlyUsed.ts';
import type { Compression, LogStorage } from './storage.ts';
import type { StoredState } from './storedState.ts';

/** Checkpoints whose headers are kept: a state is put together from a few, and its neighbours mostly from the same. */
const CACHED_CHECKPOINTS = 24;

/** An actor's state at a checkpoint, and the last one that stores anything of it. */
export interface StateAtCheckpoint {
  state: unknown;
  storedIndex: number;
}

interface OpenCheckpoint {
  place: FramePlace;
  header: CheckpointHeader;
  byActor: ReadonlyMap<string, StateSection>;
  /** Read as a whole where only the whole has a checksum. */
  body: Uint8Array | null;
}

/**
 * Reads states from the checkpoints of a log; of a checkpoint with many actors only those that are asked for.
 *
 * @throws GranuleError LOG_DAMAGED from every method
 * @example
 * ```ts
 * new CheckpointReader(memoryStorage(), noCompression, new LogDirectory()).stateAt(3, 'zone'); // null
 * ```
 */
export class CheckpointReader {
  readonly #storage: LogStorage;
  readonly #compression: Compression;
  readonly #directory: LogDirectory;
  readonly #open = new RecentlyUsed<number, OpenCheckpoint>(CACHED_CHECKPOINTS);

  constructor(storage: LogStorage, compression: Compression, directory: LogDirectory) {
    this.#storage = storage;
    this.#compression = compression;
    this.#directory = directory;
  }

  /** What a checkpoint stores, or what it stores of one actor, or of some; nothing of it is made yet. */
  stored(entry: CheckpointEntry, wanted?: string | ((actor: string) => boolean)): StoredState[] {
    const checkpoint = this.#checkpoint(entry);
    return sectionsOf(checkpoint, wanted).map((section) =>
      openState(section, this.#bytes(checkpoint, section), this.#compression),
    );
  }

  /** An actor's whole state at a checkpoint; null when it is still as it began. */
  stateAt(checkpointIndex: number, actor: string): StateAtCheckpoint | null {
    const storedIndex = this.#directory.holderAt(actor, checkpointIndex);
    if (storedIndex < 0) return null;
    const parts: unknown[] = [];
    for (let at = storedIndex; at >= 0; at = this.#directory.holderAt(actor, this.#directory.baseOf(at))) {
      const entry = this.#directory.checkpoints[at];
      const found = entry === undefined ? undefined : this.stored(entry, actor)[0]?.made;
      if (found === undefined) throw new GranuleError('LOG_DAMAGED', `the index names a state of ${actor} in vain`);
      if (found.part !== true) return { state: parts.reduceRight(overlay, found.state), storedIndex };
      parts.push(found.state);
    }
    throw new GranuleError('LOG_DAMAGED', `no whole state of ${actor} lies before its parts`);
  }

  #checkpoint({ offsetBytes }: CheckpointEntry): OpenCheckpoint {
    return this.#open.get(offsetBytes, () => this.#openCheckpoint(offsetBytes));
  }

  #openCheckpoint(offsetBytes: number): OpenCheckpoint {
    const place = frameAt(this.#storage, offsetBytes, FRAME.checkpoint);
    const header = decodeCheckpointHeader(readFrameHeader(this.#storage, place), place.version);
    const byActor = new Map(header.sections.map((section) => [section.actor, section]));
    return { place, header, byActor, body: place.version > 1 ? null : readFrameBody(this.#storage, place) };
  }

  #bytes({ place, body }: OpenCheckpoint, { bodyOffsetBytes, storedBytes }: StateSection): Uint8Array {
    if (body !== null) return body.subarray(bodyOffsetBytes, bodyOffsetBytes + storedBytes);
    const offsetBytes = place.offsetBytes + PREFIX_BYTES + place.headerBytes + bodyOffsetBytes;
    return this.#storage.read(offsetBytes, storedBytes);
  }
}

function sectionsOf(
  { header, byActor }: OpenCheckpoint,
  wanted: string | ((actor: string) => boolean) | undefined,
): readonly StateSection[] {
  if (wanted === undefined) return header.sections;
  if (typeof wanted === 'function') return header.sections.filter(({ actor }) => wanted(actor));
  const one = byActor.get(wanted);
  return one === undefined ? [] : [one];
}
