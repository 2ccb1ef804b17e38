/**
 * The states that a search has seen: a fingerprint each, from which state it was first reached and by which of that state's
 * actions. The idea is Stateright's: ways are not kept, a way is made anew by going from parent to parent and then through the
 * model. Sixteen to thirty bytes a state, in typed arrays.
 */
import { GranuleError, invariant } from '../../errors.ts';
import type { Fingerprint } from '../model.ts';
import { ACTIONS_MAX, STATES_MAX } from './limits.ts';

const FIRST_CAPACITY = 1024;
/** A table fuller than this has long probes. */
const FULL_SHARE = 0.6;
const TWO_32 = 2 ** 32;

/** Spreads a fingerprint, which a model may have made of small numbers, over 32 bits (the finaliser of MurmurHash3). */
function spread(fingerprint: Fingerprint): number {
  let bits = (fingerprint | 0) ^ Math.imul((fingerprint / TWO_32) | 0, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** What is kept of the states seen, in the order in which they were. */
export interface VisitedColumns {
  readonly fingerprints: Float64Array;
  /** -1 for an initial state. */
  readonly parents: Int32Array;
  /** For an initial state, which one. */
  readonly vias: Uint16Array;
}

/**
 * An open-addressing table of fingerprints. States get ids from 0 in the order in which they come.
 *
 * @example
 * ```ts
 * const visited = new VisitedTable();
 * visited.add(900, -1, 0); // 0
 * visited.add(901, 0, 2); // 1
 * visited.add(900, 1, 0); // -1
 * visited.idOf(901); // 1
 * visited.size; // 2
 * ```
 */
export class VisitedTable {
  /** Id + 1 of who is at home in a slot; 0 for nobody. */
  #slots = new Int32Array(FIRST_CAPACITY * 2);
  #fingerprints = new Float64Array(FIRST_CAPACITY);
  #parents = new Int32Array(FIRST_CAPACITY);
  #vias = new Uint16Array(FIRST_CAPACITY);
  #size = 0;

  /** The table that had these columns. */
  static of(columns: VisitedColumns): VisitedTable {
    const table = new VisitedTable();
    for (const [id, fingerprint] of columns.fingerprints.entries()) {
      table.add(fingerprint, columns.parents[id] ?? -1, columns.vias[id] ?? 0);
    }
    return table;
  }

  get size(): number {
    return this.#size;
  }

  /** The id of a state that is new; of one seen before, -1 less its id. @throws GranuleError EXPLORE_LIMIT */
  add(fingerprint: Fingerprint, parent: number, via: number): number {
    invariant(Number.isSafeInteger(fingerprint) && fingerprint >= 0, 'a fingerprint is a whole number from 0');
    const mask = this.#slots.length - 1;
    let slot = spread(fingerprint) & mask;
    let home = this.#slots[slot] ?? 0;
    while (home !== 0) {
      if (this.#fingerprints[home - 1] === fingerprint) return -home;
      slot = (slot + 1) & mask;
      home = this.#slots[slot] ?? 0;
    }
    const id = this.#size;
    if (id === this.#fingerprints.length) this.#growColumns();
    if (via >= ACTIONS_MAX) throw new GranuleError('EXPLORE_LIMIT', `a state has more than ${ACTIONS_MAX} actions`);
    this.#fingerprints[id] = fingerprint;
    this.#parents[id] = parent;
    this.#vias[id] = via;
    this.#slots[slot] = id + 1;
    this.#size = id + 1;
    if (this.#size > this.#slots.length * FULL_SHARE) this.#growSlots();
    return id;
  }

  /** -1 where it was not seen. */
  idOf(fingerprint: Fingerprint): number {
    const mask = this.#slots.length - 1;
    let slot = spread(fingerprint) & mask;
    let home = this.#slots[slot] ?? 0;
    while (home !== 0 && this.#fingerprints[home - 1] !== fingerprint) {
      slot = (slot + 1) & mask;
      home = this.#slots[slot] ?? 0;
    }
    return home - 1;
  }

  fingerprintAt(id: number): Fingerprint {
    return this.#fingerprints[id] ?? -1;
  }

  parentOf(id: number): number {
    return this.#parents[id] ?? -1;
  }

  viaOf(id: number): number {
    return this.#vias[id] ?? 0;
  }

  columns(): VisitedColumns {
    return {
      fingerprints: this.#fingerprints.slice(0, this.#size),
      parents: this.#parents.slice(0, this.#size),
      vias: this.#vias.slice(0, this.#size),
    };
  }

  #growColumns(): void {
    const capacity = this.#fingerprints.length * 2;
    if (capacity > STATES_MAX) throw new GranuleError('EXPLORE_LIMIT', `there are more than ${STATES_MAX / 2} states`);
    const { fingerprints, parents, vias } = this.columns();
    this.#fingerprints = new Float64Array(capacity);
    this.#fingerprints.set(fingerprints);
    this.#parents = new Int32Array(capacity);
    this.#parents.set(parents);
    this.#vias = new Uint16Array(capacity);
    this.#vias.set(vias);
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = spread(this.#fingerprints[id] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
  }
}
