import { GranuleError } from '../errors.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { ValuesEncoder } from './columnar.ts';
import { crc32 } from './crc32.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { type Compression, packBytes, unpackBytes } from './storage.ts';
import { StoredState } from './storedState.ts';

/** A shorter state is stored as it is: a call to deflate costs as much as encoding it, and many actors have a short one. */
const LEAST_DEFLATED_BYTES = 512;

/** One actor's state, plain data as in a record's payload. */
export interface ActorState {
  actor: string;
  state: unknown;
  /** The `context` has only the fields that differ from those at the checkpoint that `baseOf` gives; absent: it is whole. */
  part?: boolean;
}

/** Where one actor's state is in a checkpoint frame. */
export interface StateSection {
  actor: string;
  part: boolean;
  rawBytes: number;
  storedBytes: number;
  bodyOffsetBytes: number;
  /** Of the stored bytes; null in version 1, which has one checksum for the whole body. */
  crc: number | null;
}

/** What a checkpoint frame says before its body. */
export interface CheckpointHeader {
  /** The states are those after this record was handled. */
  seq: number;
  sections: StateSection[];
}

/**
 * Index of the checkpoint whose states a checkpoint builds on, -1 for the beginning of the log. The n-th checkpoint, from 1,
 * holds what changed since the one whose number lacks the lowest one bit of n. So any state is put together from at most
 * log2 n + 1 checkpoints, and a change is written at most log2 n + 1 times.
 *
 * @example
 * ```ts
 * [0, 1, 2, 3, 4, 5].map(baseOf); // [-1, -1, 1, -1, 3, 3]
 * ```
 */
export function baseOf(checkpointIndex: number): number {
  return (checkpointIndex & (checkpointIndex + 1)) - 1;
}

/**
 * Lays out a checkpoint frame; each actor's state is compressed and checked alone, so that one can be read without the others.
 *
 * @param encoder one that was used before has its memory already
 * @throws GranuleError INVARIANT when a state is no plain data, naming the actor
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * encodeCheckpoint(41, [{ actor: 'zone', state: { freePages: 7 } }], none).header.seq; // 41
 * ```
 */
export function encodeCheckpoint(
  seq: number,
  states: Iterable<ActorState>,
  compression: Compression,
  encoder = new ValuesEncoder(),
): { header: CheckpointHeader; frame: Uint8Array } {
  const header: CheckpointHeader = { seq, sections: [] };
  const headerWriter = new ByteWriter();
  const body = new ByteWriter();
  for (const { actor, state, part = false } of states) {
    const raw = encodeState(encoder, actor, state);
    const stored = packBytes(raw, compression, LEAST_DEFLATED_BYTES);
    const [rawBytes, storedBytes] = [raw.length, stored.length];
    header.sections.push({ actor, part, rawBytes, storedBytes, bodyOffsetBytes: body.length, crc: crc32(stored) });
    body.raw(stored);
  }
  headerWriter.varint(seq);
  headerWriter.varint(header.sections.length);
  for (const { actor, part, rawBytes, storedBytes, crc } of header.sections) {
    headerWriter.string(actor);
    headerWriter.varint(part ? 1 : 0);
    headerWriter.varint(rawBytes);
    headerWriter.varint(storedBytes);
    headerWriter.u32(crc ?? 0);
  }
  return { header, frame: encodeFrame(FRAME.checkpoint, headerWriter.finish(), body.finish()) };
}

function encodeState(encoder: ValuesEncoder, actor: string, state: unknown): Uint8Array {
  try {
    return encoder.encode([state]);
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    throw new GranuleError(error.code, error.message, `the state of actor ${actor}`);
  }
}

/**
 * Reads a checkpoint frame's header.
 *
 * @param version that of the frame
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * decodeCheckpointHeader(new Uint8Array([41, 0]), 2); // { seq: 41, sections: [] }
 * ```
 */
export function decodeCheckpointHeader(bytes: Uint8Array, version: number): CheckpointHeader {
  const reader = new ByteReader(bytes);
  const header: CheckpointHeader = { seq: reader.varint(), sections: [] };
  const count = reader.varintUpTo(reader.left, 'the number of actors of a checkpoint');
  let bodyOffsetBytes = 0;
  for (let i = 0; i < count; i++) {
    const actor = reader.string();
    const part = version > 1 && reader.varintUpTo(1, 'the form of a state') === 1;
    const rawBytes = reader.varint();
    const storedBytes = reader.varintUpTo(rawBytes, 'the stored length of a state');
    const crc = version > 1 ? reader.u32() : null;
    header.sections.push({ actor, part, rawBytes, storedBytes, bodyOffsetBytes, crc });
    bodyOffsetBytes += storedBytes;
  }
  reader.end();
  return header;
}

/**
 * Decodes one state of a checkpoint from its stored bytes.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const { header, frame } = encodeCheckpoint(41, [{ actor: 'zone', state: 7 }], none);
 * const stored = frame.subarray(frame.length - (header.sections[0]?.storedBytes ?? 0));
 * header.sections[0] && decodeState(header.sections[0], stored, none).state; // 7
 * ```
 */
export function decodeState(section: StateSection, stored: Uint8Array, compression: Compression): ActorState {
  return openState(section, stored, compression).made;
}

/**
 * One state of a checkpoint from its stored bytes, not yet made.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const none = { deflate: (bytes: Uint8Array) => bytes, inflate: (bytes: Uint8Array) => bytes };
 * const { header, frame } = encodeCheckpoint(41, [{ actor: 'zone', state: 7 }], none);
 * const stored = frame.subarray(frame.length - (header.sections[0]?.storedBytes ?? 0));
 * header.sections[0] && openState(header.sections[0], stored, none).matches(7); // true
 * ```
 */
export function openState(section: StateSection, stored: Uint8Array, compression: Compression): StoredState {
  const { actor, part, rawBytes, crc } = section;
  if (crc !== null && crc32(stored) !== crc) {
    throw new GranuleError('LOG_DAMAGED', `the checksum of a state of ${actor} is wrong`);
  }
  return new StoredState(actor, part, unpackBytes(stored, rawBytes, compression));
}

/**
 * A state put together from the one it builds on and the fields that changed.
 *
 * @throws GranuleError LOG_DAMAGED when one of them has no context
 * @example
 * ```ts
 * overlay({ value: 'a', context: { x: 1, y: 2 } }, { value: 'b', context: { y: 3 } });
 * // { value: 'b', context: { x: 1, y: 3 } }
 * ```
 */
export function overlay(base: unknown, part: unknown): unknown {
  if (!hasContext(base) || !hasContext(part)) {
    throw new GranuleError('LOG_DAMAGED', 'a state of which only fields are stored has no context');
  }
  return { ...part, context: { ...base.context, ...part.context } };
}

function hasContext(state: unknown): state is { context: object } {
  if (typeof state !== 'object' || state === null || !('context' in state)) return false;
  return typeof state.context === 'object' && state.context !== null;
}
