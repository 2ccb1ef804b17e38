/** Draws events one by one, with the messages that brought them as arrows. */
import type { Tile } from '../../engine/requests.ts';
import { type Frame, pointOfSeq, xOf } from './draw.ts';
import { stretchIn } from './density.ts';
import { inkOfKind, LANE_HEIGHT, type ShownLane } from './lanes.ts';
import { RULER, type Scene } from './scene.ts';

/** Events in the window at most for which arrows are drawn: more would be a net. */
const ARROWS_MOST = 400;
/** Pixels that an event must have for its type to be written beside it. */
const NAME_PIXELS = 46;
const ARROW_HEAD = 4;

/** An event on the screen. */
export interface DrawnEvent {
  readonly seq: number;
  readonly x: number;
  readonly row: number;
  readonly tile: Tile;
  readonly at: number;
}

/** The events of the window whose lanes are on the screen, in order of seq. */
export function eventsDrawn(
  scene: Scene,
  width: number,
  lanes: readonly ShownLane[],
  tiles: readonly Tile[],
): DrawnEvent[] {
  const rowOfLane = new Map(lanes.map(({ lane }, row) => [lane, row]));
  const events: DrawnEvent[] = [];
  for (const tile of tiles) {
    const { begin, end } = stretchIn(tile, scene);
    for (let at = begin; at < end; at++) {
      const point = scene.axis === 'seq' ? tile.firstSeq + at : (tile.timeCycles[at] ?? 0);
      if (point < scene.window.from - 1 || point > scene.window.to) continue;
      const row = rowOfLane.get(tile.to[at] ?? -1);
      if (row !== undefined) events.push({ seq: tile.firstSeq + at, x: xOf(scene, width, point), row, tile, at });
    }
  }
  return events;
}

function middleOf(row: number): number {
  return RULER + row * LANE_HEIGHT + LANE_HEIGHT / 2;
}

/** Adds a message to the path: from the event whose handling sent it to where it arrived. */
function addArrow({ context, width }: Frame, scene: Scene, event: DrawnEvent, fromRow: number): void {
  const { tile, at, x, row } = event;
  const sentAt = pointOfSeq(scene, tile.cause[at] ?? -1);
  const begin = sentAt === null ? x : xOf(scene, width, sentAt);
  const [top, bottom] = [middleOf(fromRow), middleOf(row)];
  context.moveTo(begin, top);
  context.lineTo(x, bottom);
  const angle = Math.atan2(bottom - top, x - begin);
  for (const side of [-0.5, 0.5]) {
    context.moveTo(x, bottom);
    context.lineTo(x - ARROW_HEAD * Math.cos(angle + side), bottom - ARROW_HEAD * Math.sin(angle + side));
  }
}

/** All messages in two strokes: those of the present event, and the others. */
function drawArrows(
  frame: Frame,
  scene: Scene,
  events: readonly DrawnEvent[],
  rows: ReadonlyMap<number, number>,
): void {
  const { context, ink } = frame;
  const isNear = ({ seq, tile, at }: DrawnEvent): boolean => seq === scene.seq || tile.cause[at] === scene.seq;
  for (const near of [false, true]) {
    context.strokeStyle = near ? ink.accent : ink.faint;
    context.globalAlpha = near ? 1 : 0.45;
    context.lineWidth = near ? 1.6 : 0.8;
    context.beginPath();
    for (const event of events) {
      const from = rows.get(event.tile.from[event.at] ?? -1);
      if (from === undefined || from === event.row || (event.tile.cause[event.at] ?? -1) < 0) continue;
      if (isNear(event) === near) addArrow(frame, scene, event, from);
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** Draws the events of the window. */
export function drawEvents(frame: Frame, scene: Scene, lanes: readonly ShownLane[], tiles: readonly Tile[]): void {
  const { context, width, ink } = frame;
  const events = eventsDrawn(scene, width, lanes, tiles);
  const rows = new Map(lanes.map(({ lane }, row) => [lane, row]));
  if (events.length <= ARROWS_MOST) drawArrows(frame, scene, events, rows);
  const room = scene.axis === 'seq' ? (width - 170) / (scene.window.to - scene.window.from) : 0;
  const side = Math.min(9, Math.max(3, room - 1));
  context.font = '9px system-ui, sans-serif';
  for (const { seq, x, row, tile, at } of events) {
    context.fillStyle = inkOfKind(lanes[row]?.kind ?? '');
    context.fillRect(x - side / 2, middleOf(row) - 4, side, 8);
    if (seq === scene.seq) {
      context.strokeStyle = ink.accent;
      context.lineWidth = 2;
      context.strokeRect(x - side / 2 - 1.5, middleOf(row) - 5.5, side + 3, 11);
    }
    if (room < NAME_PIXELS) continue;
    context.fillStyle = ink.ink;
    context.fillText(scene.run.types[tile.type[at] ?? 0]?.id ?? '', x + side / 2 + 2, middleOf(row));
  }
}
