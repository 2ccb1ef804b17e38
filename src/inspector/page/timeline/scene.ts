/** What the timeline shows: run, window, lanes, cursor and markers, put together for one drawing. */
import type { RunInfo } from '../../engine/requests.ts';
import type { AxisKind, Extent } from './axis.ts';
import type { ShownLane } from './lanes.ts';
import type { TileCache } from './tileCache.ts';

/** Everything that one drawing of the timeline needs. */
export interface Scene {
  readonly run: RunInfo;
  readonly tiles: TileCache;
  readonly axis: AxisKind;
  readonly window: Extent;
  readonly whole: Extent;
  readonly lanes: readonly ShownLane[];
  /** Rows scrolled away above. */
  readonly scrolledRows: number;
  readonly seq: number;
  readonly actor: string | null;
  readonly markers: readonly { readonly name: string; readonly seq: number }[];
  /** Notes and bookmarks. */
  readonly flags: readonly { readonly seq: number; readonly kind: 'note' | 'bookmark'; readonly text: string }[];
  /** Where the run leaves its parent, or another run that it is held against. */
  readonly divergedAt: number | null;
}

/** Width of the names beside the lanes, in CSS pixels. */
export const GUTTER = 170;
/** Height of the ruler above the lanes. */
export const RULER = 18;

/** Segments that are drawn event by event; more are drawn by their counts. */
export const TILES_DRAWN = 48;

/** Colours of the page. */
export interface Ink {
  readonly paper: string;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly accent: string;
  readonly chosen: string;
  readonly changed: string;
}

/** They are read once: to read a style may lay out the page, which costs more than a drawing. */
let known: Ink | null = null;

/** Reads the colours anew at the next drawing. */
export function forgetInk(): void {
  known = null;
}

/** The colours of the page as it is now. */
export function inkOf(element: Element): Ink {
  if (known !== null) return known;
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  known = {
    paper: of('paper'),
    ink: of('ink'),
    faint: of('faint'),
    line: of('line'),
    accent: of('accent'),
    chosen: of('chosen'),
    changed: of('changed'),
  };
  return known;
}
