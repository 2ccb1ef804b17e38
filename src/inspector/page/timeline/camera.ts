/** Moving the window over an axis: all of it arithmetic, so that it can be tested without a page. */
import type { Extent } from './axis.ts';

/** Units that the window shows at least: one event and its neighbours. */
const SPAN_LEAST = 4;

/**
 * A window brought within the whole: never wider than it, never beyond its ends.
 *
 * @example
 * ```ts
 * within({ from: -5, to: 5 }, { from: 0, to: 100 }); // { from: 0, to: 10 }
 * ```
 */
export function within(window: Extent, whole: Extent): Extent {
  const span = Math.min(Math.max(window.to - window.from, SPAN_LEAST), whole.to - whole.from);
  const from = Math.min(Math.max(window.from, whole.from), whole.to - span);
  return { from, to: from + span };
}

/**
 * Zooms about a point that stays where it is.
 *
 * @param factor more than 1 shows more
 * @example
 * ```ts
 * zoomed({ from: 0, to: 100 }, { from: 0, to: 100 }, 0.5, 50); // { from: 25, to: 75 }
 * ```
 */
export function zoomed(window: Extent, whole: Extent, factor: number, about: number): Extent {
  const span = Math.max(SPAN_LEAST, (window.to - window.from) * factor);
  const share = (about - window.from) / (window.to - window.from);
  const from = about - share * span;
  return within({ from, to: from + span }, whole);
}

/**
 * Moves the window by a share of its width.
 *
 * @example
 * ```ts
 * panned({ from: 0, to: 10 }, { from: 0, to: 100 }, 0.5); // { from: 5, to: 15 }
 * ```
 */
export function panned(window: Extent, whole: Extent, share: number): Extent {
  const by = (window.to - window.from) * share;
  return within({ from: window.from + by, to: window.to + by }, whole);
}

/**
 * The window moved just so far that a point is inside, with some room around it.
 *
 * @example
 * ```ts
 * showing({ from: 0, to: 10 }, { from: 0, to: 100 }, 50); // { from: 45, to: 55 }
 * showing({ from: 0, to: 10 }, { from: 0, to: 100 }, 5); // { from: 0, to: 10 }
 * ```
 */
export function showing(window: Extent, whole: Extent, point: number): Extent {
  if (point >= window.from && point <= window.to) return window;
  const half = (window.to - window.from) / 2;
  return within({ from: point - half, to: point + half }, whole);
}
