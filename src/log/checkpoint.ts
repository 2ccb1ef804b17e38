import { GranuleError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeValues, encodeValues } from './columnar.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { type Compression, packBytes, unpackBytes } from './storage.ts';

/** One actor's state, plain data as in a record's payload. */
export interface ActorState {
  actor: string;
  state: unknown;
}

/** What a checkpoint frame says before its body. */
export interface CheckpointHeader {
  /** The states are those after this record was handled. */
  seq: number;
  sections: { actor: string; rawBytes: number; storedBytes: number; bodyOffsetBytes: number }[];
}

/**
 * Lays out a checkpoint frame; each actor's state is compressed alone, so that one can be read without the others.
 *
 * @throws GranuleError INVARIANT when a state is no plain data, naming the actor
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * encodeCheckpoint(41, [{ actor: 'zone', state: { freePages: 7 } }], none).header.seq; // 41
 * ```
 */
export function encodeCheckpoint(
  seq: number,
  states: readonly ActorState[],
  compression: Compression,
): { header: CheckpointHeader; frame: Uint8Array } {
  const header: CheckpointHeader = { seq, sections: [] };
  const headerWriter = new ByteWriter();
  const body = new ByteWriter();
  headerWriter.varint(seq);
  headerWriter.varint(states.length);
  for (const { actor, state } of states) {
    const raw = encodeState(actor, state);
    const stored = packBytes(raw, compression);
    const section = { actor, rawBytes: raw.length, storedBytes: stored.length, bodyOffsetBytes: body.length };
    header.sections.push(section);
    headerWriter.string(actor);
    headerWriter.varint(section.rawBytes);
    headerWriter.varint(section.storedBytes);
    body.raw(stored);
  }
  return { header, frame: encodeFrame(FRAME.checkpoint, headerWriter.finish(), body.finish()) };
}

function encodeState(actor: string, state: unknown): Uint8Array {
  try {
    return encodeValues([state]);
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    throw new GranuleError(error.code, error.message, `the state of actor ${actor}`);
  }
}

/**
 * Reads a checkpoint frame's header.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * decodeCheckpointHeader(new Uint8Array([41, 0])); // { seq: 41, sections: [] }
 * ```
 */
export function decodeCheckpointHeader(bytes: Uint8Array): CheckpointHeader {
  const reader = new ByteReader(bytes);
  const header: CheckpointHeader = { seq: reader.varint(), sections: [] };
  const count = reader.varintUpTo(reader.left, 'the number of actors of a checkpoint');
  let bodyOffsetBytes = 0;
  for (let i = 0; i < count; i++) {
    const actor = reader.string();
    const rawBytes = reader.varint();
    const storedBytes = reader.varintUpTo(rawBytes, 'the stored length of a state');
    header.sections.push({ actor, rawBytes, storedBytes, bodyOffsetBytes });
    bodyOffsetBytes += storedBytes;
  }
  reader.end();
  return header;
}

/**
 * Decodes the states of a checkpoint, or those of some actors of it.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const { header, frame } = encodeCheckpoint(41, [{ actor: 'zone', state: 7 }], none);
 * const body = frame.subarray(frame.length - (header.sections[0]?.storedBytes ?? 0));
 * decodeStates(header, body, none); // [ { actor: 'zone', state: 7 } ]
 * ```
 */
export function decodeStates(
  header: CheckpointHeader,
  body: Uint8Array,
  compression: Compression,
  isWanted: (actor: string) => boolean = () => true,
): ActorState[] {
  return header.sections
    .filter((section) => isWanted(section.actor))
    .map((section) => {
      const stored = body.subarray(section.bodyOffsetBytes, section.bodyOffsetBytes + section.storedBytes);
      const values = decodeValues(unpackBytes(stored, section.rawBytes, compression));
      if (values.length !== 1) throw new GranuleError('LOG_DAMAGED', `a state of ${section.actor} is not one value`);
      return { actor: section.actor, state: values[0] };
    });
}
