/** Moving and choosing with the pointer: drag to pan, with Shift to zoom to a part, wheel to zoom, click to choose an event. */
import { info, jump, tell, link } from '../store.ts';
import { within, zoomed } from './camera.ts';
import { pointAt, tilesIn } from './draw.ts';
import { eventsDrawn } from './drawEvents.ts';
import { LANE_HEIGHT } from './lanes.ts';
import { GUTTER, RULER, type Scene } from './scene.ts';
import { axis, extent, lanes, look, scrolledRows, whole } from './view.ts';

/** Pixels that the pointer must move for a press to be a drag. */
const DRAG_LEAST = 4;
/** How near to an event a click must be. */
const CLICK_NEAR = 12;
/** How much of the width one notch of the wheel zooms. */
const WHEEL_ZOOM = 0.0016;

/** A press that has begun. */
interface Press {
  readonly x: number;
  readonly window: { readonly from: number; readonly to: number };
  readonly isZoom: boolean;
}

/** What the pointer does on a canvas. */
export class Pointer {
  #press: Press | null = null;
  readonly #scene: () => Scene | null;
  readonly #canvas: HTMLCanvasElement;

  constructor(canvas: HTMLCanvasElement, scene: () => Scene | null) {
    this.#canvas = canvas;
    this.#scene = scene;
  }

  get #width(): number {
    return this.#canvas.clientWidth;
  }

  down(event: PointerEvent): void {
    this.#press = { x: event.offsetX, window: extent.value, isZoom: event.shiftKey };
    this.#canvas.setPointerCapture(event.pointerId);
  }

  move(event: PointerEvent): void {
    const press = this.#press;
    if (press === null || press.isZoom || Math.abs(event.offsetX - press.x) < DRAG_LEAST) return;
    const perPixel = (press.window.to - press.window.from) / (this.#width - GUTTER);
    const by = (press.x - event.offsetX) * perPixel;
    look(within({ from: press.window.from + by, to: press.window.to + by }, whole.value));
  }

  up(event: PointerEvent): void {
    const press = this.#press;
    this.#press = null;
    const scene = this.#scene();
    if (press === null || scene === null) return;
    if (Math.abs(event.offsetX - press.x) < DRAG_LEAST) this.#choose(scene, event.offsetX, event.offsetY);
    else if (press.isZoom) {
      const [one, other] = [press.x, event.offsetX].map((x) => pointAt(scene, this.#width, x));
      look(within({ from: Math.min(one, other), to: Math.max(one, other) }, whole.value));
    }
  }

  wheel(event: WheelEvent): void {
    const scene = this.#scene();
    if (scene === null) return;
    event.preventDefault();
    if (event.offsetX < GUTTER) {
      const most = Math.max(0, lanes.value.length - 1);
      scrolledRows.value = Math.min(most, Math.max(0, scrolledRows.value + Math.sign(event.deltaY)));
      return;
    }
    const about = pointAt(scene, this.#width, event.offsetX);
    const { from, to } = extent.value;
    if (event.deltaX !== 0 || event.shiftKey) {
      const by = ((event.deltaX + (event.shiftKey ? event.deltaY : 0)) / (this.#width - GUTTER)) * (to - from);
      look(within({ from: from + by, to: to + by }, whole.value));
    } else look(zoomed(extent.value, whole.value, Math.exp(event.deltaY * WHEEL_ZOOM), about));
  }

  #choose(scene: Scene, x: number, y: number): void {
    const row = Math.floor((y - RULER) / LANE_HEIGHT);
    const lane = scene.lanes[scene.scrolledRows + row];
    if (x < GUTTER) {
      if (lane !== undefined) jump(scene.seq, { actor: lane.id });
      return;
    }
    const shown = scene.lanes.slice(scene.scrolledRows);
    const tiles = tilesIn(scene);
    const events = tiles === null ? [] : eventsDrawn(scene, this.#width, shown, tiles);
    let nearest: (typeof events)[number] | null = null;
    for (const event of events) {
      if (event.row !== row || Math.abs(event.x - x) > CLICK_NEAR) continue;
      if (nearest === null || Math.abs(event.x - x) < Math.abs(nearest.x - x)) nearest = event;
    }
    if (nearest !== null) jump(nearest.seq, { actor: lane?.id ?? null });
    else this.#goTo(pointAt(scene, this.#width, x), lane?.id ?? null);
  }

  /** Where no event is near, the moment itself is gone to. */
  #goTo(point: number, actor: string | null): void {
    const run = info.value;
    const change = actor === null ? {} : { actor };
    if (run === null || link.value === null) return;
    if (axis.value === 'seq') return jump(Math.round(point), change);
    link.value.ask('seqAtTime', { run: run.run, timeCycles: Math.round(point) }).then((seq) => jump(seq, change), tell);
  }
}
