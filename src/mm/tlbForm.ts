/** A TLB array packed for a checkpoint: lists of numbers alone, which are written and read many times quicker than lists of lists. */
import { GranuleError } from '../errors.ts';
import type { TlbArray } from './tlbArray.ts';

/** Sets of so many ways at most are sorted by insertion: a call to sort costs as much as all of it. */
const FEW_WAYS = 16;

/** What an array holds, set by set, the most recently used first: how many each set holds, and a list for each part of an entry. */
export interface TlbArrayPacked {
  entries: number;
  ways: number;
  held: number[];
  keys: number[];
  frames: number[];
  rights: number[];
}

/**
 * Packs an array.
 *
 * @example
 * ```ts
 * const array = new TlbArray(4, 4);
 * array.insert(7, 0, 700, MAY_READ);
 * packArray(array).keys; // [7]
 * ```
 */
export function packArray(array: TlbArray): TlbArrayPacked {
  const { entries, ways, sets, keys, stamps } = array;
  const packed: TlbArrayPacked = { entries, ways, held: [], keys: [], frames: [], rights: [] };
  const order: number[] = [];
  for (let set = 0; set < sets; set++) {
    order.length = 0;
    for (let entry = set * ways; entry < (set + 1) * ways; entry++) if (stamps[entry] > 0) order.push(entry);
    sortByStamp(order, stamps);
    packed.held.push(order.length);
    for (const entry of order) {
      packed.keys.push(keys[entry]);
      packed.frames.push(array.frame(entry));
      packed.rights.push(array.rights(entry));
    }
  }
  return packed;
}

/** The newest first. */
function sortByStamp(order: number[], stamps: Float64Array): void {
  if (order.length > FEW_WAYS) {
    order.sort((left, right) => stamps[right] - stamps[left]);
    return;
  }
  for (let place = 1; place < order.length; place++) {
    const entry = order[place];
    let at = place;
    for (; at > 0 && stamps[order[at - 1]] < stamps[entry]; at--) order[at] = order[at - 1];
    order[at] = entry;
  }
}

/**
 * Takes in what `packArray` gave, into an array of that shape that holds nothing.
 *
 * @throws GranuleError LOG_DAMAGED where the lists do not fit the array
 * @example
 * ```ts
 * const array = new TlbArray(4, 4);
 * unpackArray(array, { entries: 4, ways: 4, held: [1], keys: [7], frames: [700], rights: [1] });
 * array.has(7, 0); // true
 * ```
 */
export function unpackArray(array: TlbArray, { held, keys, frames, rights }: TlbArrayPacked): void {
  const { ways, sets } = array;
  const isWhole = frames.length === keys.length && rights.length === keys.length && held.length === sets;
  if (!isWhole || held.some((count) => count > ways)) damaged();
  let at = 0;
  for (let set = 0; set < sets; set++) {
    const next = at + held[set];
    let entry = set * ways;
    for (let from = next - 1; from >= at; from--, entry++) {
      array.insertAt(entry, keys[from], frames[from], rights[from], ++array.clock);
    }
    at = next;
  }
  if (at !== keys.length) damaged();
}

function damaged(): never {
  throw new GranuleError('LOG_DAMAGED', 'the lists of a TLB do not fit its arrays');
}
