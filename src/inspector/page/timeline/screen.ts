/** How large the timeline is drawn: on a screen of many pixels that the browser does not enlarge itself, all is made larger. */

/** Pixels of CSS from which a page is that wide, and how much larger things are then; the style of the page has the same. */
const WIDE = 2800;
const LARGER = 1.35;
/** Pixels of the screen for one of CSS from which the browser enlarges enough. */
const ENLARGED = 1.5;

/**
 * How much larger things are drawn.
 *
 * @example
 * ```ts
 * scaleFor({ innerWidth: 3840, devicePixelRatio: 1 }); // 1.35
 * scaleFor({ innerWidth: 1920, devicePixelRatio: 2 }); // 1
 * ```
 */
export function scaleFor(screen: { readonly innerWidth: number; readonly devicePixelRatio: number }): number {
  return screen.innerWidth >= WIDE && screen.devicePixelRatio < ENLARGED ? LARGER : 1;
}

/** The same for the screen that the page is on. */
export function screenScale(): number {
  return scaleFor(globalThis);
}

/** The size of a canvas in the units that it is drawn in. */
export function sizeOf(canvas: HTMLCanvasElement): { readonly width: number; readonly height: number } {
  const scale = screenScale();
  return { width: canvas.clientWidth / scale, height: canvas.clientHeight / scale };
}

/** Where the pointer is, in the same units. */
export function placeOn(event: MouseEvent): { readonly x: number; readonly y: number } {
  const scale = screenScale();
  return { x: event.offsetX / scale, y: event.offsetY / scale };
}
