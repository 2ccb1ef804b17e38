/** Answers as bytes: JSON, with the numbers of typed arrays behind it as they are. */
import { GranuleError } from '../../errors.ts';

/** What a typed array is called in the JSON. */
const KINDS = { Uint32Array, Int32Array, Uint16Array, Float64Array, Uint8Array } as const;
type Kind = keyof typeof KINDS;

/** Stands in the JSON where an array was. */
interface ArrayPlace {
  readonly $array: Kind;
  readonly at: number;
  readonly length: number;
}

/** Arrays begin at multiples of this, so that they can be read where they lie. */
const ALIGN_BYTES = 8;

function kindOfArray(value: unknown): Kind | null {
  if (!ArrayBuffer.isView(value)) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked up in the next step
  const name = value.constructor.name as Kind;
  return Object.hasOwn(KINDS, name) ? name : null;
}

function isPlace(value: unknown): value is ArrayPlace {
  return typeof value === 'object' && value !== null && '$array' in value;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}

/**
 * A plain value with typed arrays in it, as bytes: length of the JSON in 4 bytes, the JSON, the arrays.
 *
 * @example
 * ```ts
 * unpackWire(packWire({ counts: Uint32Array.of(1, 2) })); // { counts: Uint32Array [ 1, 2 ] }
 * ```
 */
export function packWire(value: unknown): Uint8Array {
  const arrays: Uint8Array[] = [];
  let at = 0;
  const json = JSON.stringify(value, (_key, inner: unknown) => {
    const kind = kindOfArray(inner);
    if (kind === null) return inner;
    const view = inner as ArrayBufferView & { length: number };
    arrays.push(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    const place: ArrayPlace = { $array: kind, at, length: view.length };
    at += aligned(view.byteLength);
    return place;
  });
  const head = new TextEncoder().encode(json ?? 'null');
  const begin = aligned(4 + head.length);
  const bytes = new Uint8Array(begin + at);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  let offset = begin;
  for (const array of arrays) {
    bytes.set(array, offset);
    offset += aligned(array.length);
  }
  return bytes;
}

/**
 * The value that `packWire` was given.
 *
 * @throws GranuleError INVARIANT where it was not
 * @example
 * ```ts
 * unpackWire(packWire([1, null])); // [ 1, null ]
 * ```
 */
export function unpackWire(bytes: Uint8Array): unknown {
  if (bytes.length < 4) throw new GranuleError('INVARIANT', 'an answer holds at least its length', 'inspector');
  // Typed arrays are made where their numbers lie, so these must begin at a multiple of eight.
  const whole = bytes.byteOffset % ALIGN_BYTES === 0 ? bytes : bytes.slice();
  const headBytes = new DataView(whole.buffer, whole.byteOffset).getUint32(0, true);
  const begin = aligned(4 + headBytes);
  const json = new TextDecoder().decode(whole.subarray(4, 4 + headBytes));
  return JSON.parse(json, (_key, inner: unknown) => {
    if (!isPlace(inner)) return inner;
    const ArrayOf = KINDS[inner.$array];
    return new ArrayOf(whole.buffer as ArrayBuffer, whole.byteOffset + begin + inner.at, inner.length);
  });
}
