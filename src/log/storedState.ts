import { GranuleError } from '../errors.ts';
import type { ActorState } from './checkpoint.ts';
import { decodeValues, openValues } from './columnar.ts';
import type { ColumnReader } from './columnarReader.ts';

/**
 * One actor's state as a checkpoint stores it. It can be held against another state without being made.
 *
 * @throws GranuleError LOG_DAMAGED from everything that reads the state
 * @example
 * ```ts
 * const stored = new StoredState('zone', false, encodeValues([{ value: 'idle', context: { freePages: 7 } }]));
 * stored.contextFields; // [ 'freePages' ]
 * stored.matches({ value: 'idle', context: { freePages: 7 } }); // true
 * ```
 */
export class StoredState {
  readonly actor: string;
  /** As in `ActorState`. */
  readonly part: boolean;
  readonly #raw: Uint8Array;
  /** Opened and not yet read from: who asks for the fields compares the state next. */
  #column: ColumnReader | null = null;

  /** @param raw what `encodeValues` wrote of the state alone */
  constructor(actor: string, part: boolean, raw: Uint8Array) {
    this.actor = actor;
    this.part = part;
    this.#raw = raw;
  }

  /** The state made: anew each time. */
  get made(): ActorState {
    const values = decodeValues(this.#raw);
    if (values.length !== 1) this.#damaged();
    return this.part ? { actor: this.actor, state: values[0], part: true } : { actor: this.actor, state: values[0] };
  }

  /** The fields that its context has, in order; null where it has no context. */
  get contextFields(): readonly string[] | null {
    this.#column ??= this.#open();
    return this.#column.keysAhead('context');
  }

  /** Whether another state would be written just so. */
  matches(state: unknown): boolean {
    const column = this.#column ?? this.#open();
    this.#column = null;
    return column.matches(state);
  }

  #open(): ColumnReader {
    const { column, count } = openValues(this.#raw);
    if (count !== 1) this.#damaged();
    return column;
  }

  #damaged(): never {
    throw new GranuleError('LOG_DAMAGED', `a state of ${this.actor} is not one value`);
  }
}
