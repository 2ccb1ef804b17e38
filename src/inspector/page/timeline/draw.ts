/** Draws the timeline on a canvas. Whatever the size of the run, a drawing costs what the screen holds. */
import type { Tile } from '../../engine/requests.ts';
import { count } from '../format.ts';
import { segmentsWithin, ticksOf } from './axis.ts';
import { addDensity, addTile, emptyColumns, stretchIn, type Columns } from './density.ts';
import { drawEvents } from './drawEvents.ts';
import { colourOf, inkOfKind, LANE_HEIGHT, type ShownLane } from './lanes.ts';
import { GUTTER, type Ink, RULER, type Scene, TILES_DRAWN } from './scene.ts';

/** Pixels between ticks. */
const TICK_ROOM = 110;
/** Pixels that an event must have to be drawn by itself. */
const EVENT_PIXELS = 3;

/** Where things are on the canvas. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly context: CanvasRenderingContext2D;
  readonly ink: Ink;
}

/** The x of a point of the axis. */
export function xOf(scene: Scene, width: number, point: number): number {
  const { from, to } = scene.window;
  return GUTTER + ((point - from) / (to - from)) * (width - GUTTER);
}

/** The point of the axis at an x. */
export function pointAt(scene: Scene, width: number, x: number): number {
  const { from, to } = scene.window;
  return from + ((x - GUTTER) / (width - GUTTER)) * (to - from);
}

/** Tiles in the window that have come, or null where the window holds too many. */
export function tilesIn(scene: Scene): Tile[] | null {
  const { first, last } = segmentsWithin(scene.run.segments, scene.axis, scene.window);
  if (last - first + 1 > TILES_DRAWN) return null;
  const tiles: Tile[] = [];
  for (let segment = first; segment <= last; segment++) {
    const tile = scene.tiles.tile(segment);
    if (tile !== null) tiles.push(tile);
  }
  return tiles;
}

/** Place of an event on the axis; null where its tile is not there. */
export function pointOfSeq(scene: Scene, seq: number): number | null {
  if (scene.axis === 'seq') return seq;
  const { firstSeq } = scene.run.segments;
  const { first, last } = segmentsWithin(scene.run.segments, 'seq', { from: seq, to: seq });
  const tile = first === last ? scene.tiles.tile(first) : null;
  return tile === null ? null : (tile.timeCycles[seq - (firstSeq[first] ?? 0)] ?? null);
}

function visibleLanes(scene: Scene, height: number): ShownLane[] {
  const rows = Math.ceil((height - RULER) / LANE_HEIGHT);
  return scene.lanes.slice(scene.scrolledRows, scene.scrolledRows + rows);
}

function countsOf(scene: Scene, lanes: readonly ShownLane[], tiles: readonly Tile[] | null, columns: number): Columns {
  const into = emptyColumns(lanes.length, columns);
  if (tiles === null) {
    scene.tiles.wantDensities(lanes.map(({ lane }) => lane));
    const view = { segments: scene.run.segments, axis: scene.axis, window: scene.window };
    for (const [row, { lane }] of lanes.entries()) {
      const density = scene.tiles.density(lane);
      if (density !== null) addDensity(into, row, density, view);
    }
    return into;
  }
  const rowOfLane = new Int32Array(scene.run.lanes.length).fill(-1);
  for (const [row, { lane }] of lanes.entries()) rowOfLane[lane] = row;
  for (const tile of tiles) addTile(into, rowOfLane, tile, scene);
  return into;
}

/** One pixel for each column and lane, made on a canvas of its own and then stretched: the quickest way to many rectangles. */
let small: { readonly canvas: HTMLCanvasElement; readonly image: ImageData } | null = null;

function smallOf(width: number, height: number): { canvas: HTMLCanvasElement; image: ImageData } {
  if (small?.image.width === width && small.image.height === height) {
    small.image.data.fill(0);
    return small;
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  small = { canvas, image: new ImageData(width, height) };
  return small;
}

/** Draws counts as rows of colour, each as high as `rowHeight`. */
export function drawCounts(
  context: CanvasRenderingContext2D,
  lanes: readonly { readonly kind: string }[],
  { counts, columns }: Columns,
  place: { readonly x: number; readonly y: number; readonly width: number; readonly rowHeight: number },
): void {
  if (lanes.length === 0 || columns === 0) return;
  const { canvas, image } = smallOf(columns, lanes.length);
  let most = 1;
  for (const value of counts) if (value > most) most = value;
  const scale = 200 / Math.log2(1 + most);
  for (const [row, { kind }] of lanes.entries()) {
    const [red, green, blue] = colourOf(kind);
    for (let column = 0; column < columns; column++) {
      const value = counts[row * columns + column] ?? 0;
      if (value <= 0) continue;
      const at = (row * columns + column) * 4;
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = Math.min(255, 55 + Math.log2(1 + value) * scale);
    }
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, place.x, place.y, place.width, lanes.length * place.rowHeight);
}

function drawLanes({ context, width, ink }: Frame, scene: Scene, lanes: readonly ShownLane[]): void {
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (const [row, { id, kind }] of lanes.entries()) {
    const top = RULER + row * LANE_HEIGHT;
    if (id === scene.actor) {
      context.fillStyle = ink.chosen;
      context.fillRect(0, top, width, LANE_HEIGHT);
    }
    context.fillStyle = inkOfKind(kind);
    context.fillRect(4, top + 3, 4, LANE_HEIGHT - 6);
    context.fillStyle = ink.ink;
    context.fillText(fitted(context, id, GUTTER - 18), 12, top + LANE_HEIGHT / 2);
    context.fillStyle = ink.line;
    context.fillRect(0, top + LANE_HEIGHT - 0.5, width, 0.5);
  }
}

/** Names that were cut already, by what they are cut from: to measure text is slow. */
const cuts = new Map<string, string>();
const CUTS_KEPT = 4096;

/** A name cut in its middle to a width: both ends of a path tell something. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  const known = cuts.get(text);
  if (known !== undefined) return known;
  if (cuts.size >= CUTS_KEPT) cuts.clear();
  const made = cutTo(context, text, width);
  cuts.set(text, made);
  return made;
}

function cutTo(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  for (let kept = text.length - 1; kept > 4; kept--) {
    const head = Math.ceil(kept / 2);
    const cut = `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`;
    if (context.measureText(cut).width <= width) return cut;
  }
  return text.slice(0, 4);
}

function drawRuler({ context, width, ink }: Frame, scene: Scene): void {
  context.font = '10px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.fillStyle = ink.faint;
  context.fillText(scene.axis === 'seq' ? 'seq' : 'virtual time, cycles', 12, RULER / 2);
  for (const tick of ticksOf(scene.window, (width - GUTTER) / TICK_ROOM)) {
    const x = xOf(scene, width, tick);
    context.fillStyle = ink.line;
    context.fillRect(x, 0, 1, RULER);
    context.fillStyle = ink.faint;
    context.fillText(count(tick), x + 3, RULER / 2);
  }
}

function drawLineAt(frame: Frame, scene: Scene, seq: number, colour: string, name: string): void {
  const point = pointOfSeq(scene, seq);
  if (point === null || point < scene.window.from || point > scene.window.to) return;
  const x = xOf(scene, frame.width, point);
  frame.context.fillStyle = colour;
  frame.context.fillRect(x - 0.5, 0, 1.5, frame.height);
  if (name === '') return;
  frame.context.font = '11px system-ui, sans-serif';
  frame.context.fillStyle = frame.ink.paper;
  frame.context.fillRect(x + 1.5, RULER + 1, frame.context.measureText(name).width + 4, 13);
  frame.context.fillStyle = colour;
  frame.context.fillText(name, x + 3, RULER + 8);
}

/** Pixels of a flag's text. */
const FLAG_ROOM = 120;

/** Notes and bookmarks: a flag on the ruler, with as much of the text as there is room for until the next. */
function drawFlags(frame: Frame, scene: Scene): void {
  const { context, ink, width } = frame;
  context.font = '10px system-ui, sans-serif';
  const places = scene.flags.flatMap(({ seq, kind, text }) => {
    const point = pointOfSeq(scene, seq);
    if (point === null || point < scene.window.from || point > scene.window.to) return [];
    return [{ x: xOf(scene, width, point), kind, text }];
  });
  for (const [at, { x, kind, text }] of places.entries()) {
    context.fillStyle = kind === 'note' ? ink.changed : ink.accent;
    context.fillRect(x - 0.5, 0, 1, frame.height);
    context.beginPath();
    context.moveTo(x, 1);
    context.lineTo(x + 8, kind === 'note' ? 1 : 5);
    context.lineTo(x + (kind === 'note' ? 8 : 0), 9);
    context.lineTo(x, 9);
    context.fill();
    const room = Math.min(FLAG_ROOM, (places[at + 1]?.x ?? width) - x - 14);
    if (room < 24) continue;
    const shown = fitted(context, text, room);
    context.fillStyle = ink.paper;
    context.fillRect(x + 10, 0, context.measureText(shown).width + 3, 11);
    context.fillStyle = ink.ink;
    context.fillText(shown, x + 11, 6);
  }
}

/** Draws a scene. */
export function drawScene(frame: Frame, scene: Scene): void {
  const { context, width, height, ink } = frame;
  context.fillStyle = ink.paper;
  context.fillRect(0, 0, width, height);
  const lanes = visibleLanes(scene, height);
  drawLanes(frame, scene, lanes);
  drawRuler(frame, scene);
  context.save();
  // Messages come from beyond the window too, but nothing is drawn over the names.
  context.beginPath();
  context.rect(GUTTER, 0, width - GUTTER, height);
  context.clip();
  const tiles = tilesIn(scene);
  const events = tiles === null ? Number.POSITIVE_INFINITY : eventsIn(scene, tiles);
  if (tiles !== null && (width - GUTTER) / Math.max(1, events) >= EVENT_PIXELS) {
    drawEvents(frame, scene, lanes, tiles);
  } else {
    const counted = countsOf(scene, lanes, tiles, Math.max(1, Math.floor(width - GUTTER)));
    drawCounts(context, lanes, counted, { x: GUTTER, y: RULER, width: width - GUTTER, rowHeight: LANE_HEIGHT });
  }
  drawFlags(frame, scene);
  for (const { name, seq } of scene.markers) drawLineAt(frame, scene, seq, ink.changed, name);
  if (scene.divergedAt !== null) drawLineAt(frame, scene, scene.divergedAt, ink.changed, 'differs from here');
  drawLineAt(frame, scene, scene.seq, ink.accent, '');
  context.restore();
}

function eventsIn(scene: Scene, tiles: readonly Tile[]): number {
  const { from, to } = scene.window;
  if (scene.axis === 'seq') return to - from;
  let events = 0;
  for (const tile of tiles) {
    const { begin, end } = stretchIn(tile, scene);
    events += end - begin;
  }
  return events;
}
