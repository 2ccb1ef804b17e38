/** Moving and choosing with the pointer: drag to pan, with Shift to zoom to a part, wheel to zoom, click to choose an event. */
import type { Place } from '../../engine/place.ts';
import { jump, tell, link } from '../store.ts';
import { within, zoomed } from './camera.ts';
import { pointAt, tilesIn } from './draw.ts';
import { eventsDrawn } from './drawEvents.ts';
import { LANE_HEIGHT } from './lanes.ts';
import { placeOn, sizeOf } from './screen.ts';
import { GUTTER, RULER, type Scene } from './scene.ts';
import { extent, lanes, look, scrolledRows, whole } from './view.ts';

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

/** What it is to go somewhere on a canvas. */
export interface Going {
  goTo(seq: number, change: Partial<Place>): void;
  /** How far the window of the canvas lies behind that of the page. */
  shift(): number;
}

const ON_THE_PAGE: Going = { goTo: jump, shift: () => 0 };

/** What the pointer does on a canvas. */
export class Pointer {
  #press: Press | null = null;
  readonly #scene: () => Scene | null;
  readonly #canvas: HTMLCanvasElement;

  readonly #going: Going;

  constructor(canvas: HTMLCanvasElement, scene: () => Scene | null, going: Going = ON_THE_PAGE) {
    this.#canvas = canvas;
    this.#scene = scene;
    this.#going = going;
  }

  get #width(): number {
    return sizeOf(this.#canvas).width;
  }

  down(event: PointerEvent): void {
    this.#press = { x: placeOn(event).x, window: extent.value, isZoom: event.shiftKey };
    this.#canvas.setPointerCapture(event.pointerId);
  }

  move(event: PointerEvent): void {
    const press = this.#press;
    const { x } = placeOn(event);
    if (press === null || press.isZoom || Math.abs(x - press.x) < DRAG_LEAST) return;
    const perPixel = (press.window.to - press.window.from) / (this.#width - GUTTER);
    const by = (press.x - x) * perPixel;
    look(within({ from: press.window.from + by, to: press.window.to + by }, whole.value));
  }

  up(event: PointerEvent): void {
    const press = this.#press;
    this.#press = null;
    const scene = this.#scene();
    if (press === null || scene === null) return;
    const { x, y } = placeOn(event);
    if (Math.abs(x - press.x) < DRAG_LEAST) this.#choose(scene, x, y);
    else if (press.isZoom) {
      const shift = this.#going.shift();
      const [one, other] = [press.x, x].map((end) => pointAt(scene, this.#width, end) - shift);
      look(within({ from: Math.min(one, other), to: Math.max(one, other) }, whole.value));
    }
  }

  wheel(event: WheelEvent): void {
    const scene = this.#scene();
    if (scene === null) return;
    event.preventDefault();
    const { x } = placeOn(event);
    if (x < GUTTER) {
      const most = Math.max(0, lanes.value.length - 1);
      scrolledRows.value = Math.min(most, Math.max(0, scrolledRows.value + Math.sign(event.deltaY)));
      return;
    }
    const about = pointAt(scene, this.#width, x) - this.#going.shift();
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
      if (lane !== undefined) this.#going.goTo(scene.seq, { actor: lane.id });
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
    if (nearest !== null) this.#going.goTo(nearest.seq, { actor: lane?.id ?? null });
    else this.#goToPoint(scene, pointAt(scene, this.#width, x), lane?.id ?? null);
  }

  /** Where no event is near, the moment itself is gone to. */
  #goToPoint(scene: Scene, point: number, actor: string | null): void {
    const change = actor === null ? {} : { actor };
    if (link.value === null) return;
    if (scene.axis === 'seq') return this.#going.goTo(Math.round(point), change);
    const asked = { run: scene.run.run, timeCycles: Math.round(point) };
    link.value.ask('seqAtTime', asked).then((seq) => this.#going.goTo(seq, change), tell);
  }
}
