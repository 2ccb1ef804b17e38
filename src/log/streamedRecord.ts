import { GranuleError } from '../errors.ts';
import type { ColumnReader } from './columnarReader.ts';
import { TYPE_KEY } from './columns.ts';
import type { DeliveredMessage, LogRecord } from './record.ts';

/**
 * A record of a log that is gone through once. Its payload is made when it is asked for, and can be held against a message
 * without being made; both only until the next record of the same actor is read.
 *
 * @throws GranuleError LOG_DAMAGED from everything that reads the payload
 * @example
 * ```ts
 * const column = new ColumnReader(new ByteReader(encodeValues([7]).subarray(3)), 1, []);
 * new StreamedRecord(0, 5, 'zone', 'mm:1', -1, 'ALLOC', column, undefined).payload; // 7
 * ```
 */
export class StreamedRecord implements LogRecord {
  readonly seq: number;
  readonly timeCycles: number;
  readonly to: string;
  readonly from: string;
  readonly cause: number;
  readonly type: string;
  /** What gives the payload; null once it did. */
  #column: ColumnReader | null;
  #payload: unknown = undefined;
  #isGone = false;
  readonly #upcast: ((type: string, payload: unknown) => unknown) | undefined;

  constructor(
    seq: number,
    timeCycles: number,
    to: string,
    from: string,
    cause: number,
    type: string,
    column: ColumnReader,
    upcast: ((type: string, payload: unknown) => unknown) | undefined,
  ) {
    this.seq = seq;
    this.timeCycles = timeCycles;
    this.to = to;
    this.from = from;
    this.cause = cause;
    this.type = type;
    this.#column = column;
    this.#upcast = upcast;
  }

  get payload(): unknown {
    if (this.#column !== null) {
      const payload = this.#column.next();
      this.#column = null;
      this.#payload = this.#upcast === undefined ? payload : this.#upcast(this.type, payload);
    }
    if (this.#isGone) throw new GranuleError('INVARIANT', 'a payload that was used up is gone');
    return this.#payload;
  }

  /** Whether the payload can be held against a message unmade: not once it was made, nor when it is lifted in reading. */
  get isUnmade(): boolean {
    return this.#column !== null && this.#upcast === undefined;
  }

  /** Whether the record of a message would be written with this payload. It can be asked once, of an unmade payload. */
  matches(message: object): boolean {
    const column = this.#column;
    if (column === null) throw new GranuleError('INVARIANT', 'only an unmade payload is held against a message');
    this.#column = null;
    this.#isGone = true;
    return column.matches(message, TYPE_KEY);
  }

  /**
   * The message that was recorded, made at once and not by way of the payload, which is then gone; null where the payload is
   * made already, or can be no message's.
   */
  takeMessage(): DeliveredMessage | null {
    if (this.#column === null || this.#upcast !== undefined) return null;
    const message = this.#column.nextMessage(this.type);
    if (message === null) return null;
    this.#column = null;
    this.#isGone = true;
    return message;
  }

  /** Passes over the payload, so that the next one can be read. */
  pass(): void {
    if (this.#column === null) return;
    this.#column.skip(1);
    this.#column = null;
    this.#isGone = true;
  }
}
