/** Which lanes are shown, in which order and where. */
import type { LaneInfo } from '../../engine/requests.ts';

/** Kinds from the program down to the hardware; kinds of definitions come last. */
const ORDER = ['process', 'abi', 'mm', 'mmu', 'tlb', 'sched', 'file', 'zone', 'disk'];

/** Height of a lane in CSS pixels. */
export const LANE_HEIGHT = 15;

/** A lane that is shown: its index in the run's info, and its row. */
export interface ShownLane {
  readonly lane: number;
  readonly id: string;
  readonly kind: string;
}

/** Digits compare as numbers: `mm:20` stands before `mm:100`. */
const NAMES = new Intl.Collator('en', { numeric: true });

/**
 * The lanes that fit a filter: words of which each must be part of the id, or a kind with a colon behind it.
 *
 * @example
 * ```ts
 * const lanes = [{ id: 'tlb:0', kind: 'tlb', received: 3 }, { id: 'mm:1', kind: 'mm', received: 2 }];
 * shownLanes(lanes, '').map(({ id }) => id); // [ 'mm:1', 'tlb:0' ]
 * shownLanes(lanes, 'tlb:').length; // 1
 * ```
 */
export function shownLanes(lanes: readonly LaneInfo[], filter: string): ShownLane[] {
  const words = filter.split(/\s+/).filter((word) => word !== '');
  const isWanted = (id: string): boolean => words.every((word) => id.includes(word));
  const rank = (kind: string): number => {
    const at = ORDER.indexOf(kind);
    return at < 0 ? ORDER.length : at;
  };
  return lanes
    .map(({ id, kind }, lane) => ({ id, kind, lane }))
    .filter(({ id }) => isWanted(id))
    .sort((left, right) => rank(left.kind) - rank(right.kind) || NAMES.compare(left.id, right.id));
}

/**
 * The kinds of some lanes, in their order.
 *
 * @example
 * ```ts
 * kindsOf([{ id: 'tlb:0', kind: 'tlb', lane: 0 }, { id: 'tlb:1', kind: 'tlb', lane: 1 }]); // [ 'tlb' ]
 * ```
 */
export function kindsOf(lanes: readonly ShownLane[]): string[] {
  return [...new Set(lanes.map(({ kind }) => kind))];
}

/** Colours of kinds, of Okabe and Ito; red, green, blue. */
const COLOURS: Readonly<Record<string, readonly [number, number, number]>> = {
  process: [0, 114, 178],
  abi: [204, 121, 167],
  mm: [213, 94, 0],
  mmu: [230, 159, 0],
  tlb: [0, 158, 115],
  sched: [120, 120, 120],
  file: [86, 180, 233],
  zone: [150, 110, 60],
  disk: [110, 90, 170],
};
const OTHER: readonly [number, number, number] = [130, 130, 90];

/**
 * The colour of a kind of actor.
 *
 * @example
 * ```ts
 * colourOf('tlb'); // [ 0, 158, 115 ]
 * ```
 */
export function colourOf(kind: string): readonly [number, number, number] {
  return COLOURS[kind] ?? OTHER;
}

/** Written once: a drawing has thousands of places to colour. */
const written = new Map<string, string>();

/**
 * The same as a canvas takes it.
 *
 * @example
 * ```ts
 * inkOfKind('tlb'); // 'rgb(0 158 115)'
 * ```
 */
export function inkOfKind(kind: string): string {
  let text = written.get(kind);
  if (text === undefined) {
    text = `rgb(${colourOf(kind).join(' ')})`;
    written.set(kind, text);
  }
  return text;
}
