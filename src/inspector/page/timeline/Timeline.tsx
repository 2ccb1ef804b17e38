/** The timeline: lanes of actors over the whole run, a small map of it above, and what the present event is, in words. */
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { count } from '../format.ts';
import { notesOf } from '../notesStore.ts';
import { useAnswer } from '../asked.ts';
import { otherInfo } from '../pair.ts';
import { info, move, place, seq } from '../store.ts';
import { Beside } from './Beside.tsx';
import { drawScene } from './draw.ts';
import { MiniMap } from './MiniMap.tsx';
import { type Going, Pointer } from './pointer.ts';
import { LANE_HEIGHT } from './lanes.ts';
import { forgetInk, type Ink, inkOf, RULER, type Scene } from './scene.ts';
import { screenScale, sizeOf } from './screen.ts';
import { TileCache } from './tileCache.ts';
import { showing } from './camera.ts';
import { axis, extent, laneFilter, lanes, look, scrolledRows, turnAxis, whole } from './view.ts';

/** The tiles of each run that was looked at, and what is to be called when more come. */
const caches = new Map<string, TileCache>();
const listeners = new Set<() => void>();

/** The tiles of a run; a log that has grown or was opened anew has another head hash, and none of the old tiles. */
export function tilesOf(run: string, headHash: string): TileCache {
  const key = `${run} ${headHash}`;
  let cache = caches.get(key);
  if (cache === undefined) {
    cache = new TileCache(run, () => {
      for (const listener of listeners) listener();
    });
    caches.set(key, cache);
  }
  return cache;
}

/** What the timeline shows now; null before a run is open. */
export function sceneNow(): Scene | null {
  const run = info.value;
  if (run === null) return null;
  const { a, b, actor } = place.value;
  const other = otherInfo.value;
  const markers = [
    { name: 'A', seq: a },
    { name: 'B', seq: b },
  ].flatMap(({ name, seq: at }) => (at === null ? [] : [{ name, seq: at }]));
  return {
    run,
    tiles: tilesOf(run.run, run.headHash),
    axis: axis.value,
    window: extent.value,
    whole: whole.value,
    lanes: lanes.value,
    scrolledRows: Math.min(scrolledRows.value, Math.max(0, lanes.value.length - 1)),
    seq: seq.value,
    actor,
    markers,
    flags: notesOf(run).notes,
    divergedAt: run.parent?.seq ?? (other?.parent?.headHash === run.headHash ? other.parent.seq : null),
  };
}

/** A canvas that is shown: its size in the units that it is drawn in, and what is drawn with, scaled to the pixels of the screen. */
export interface Shown {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
}

/** Draws on a canvas whenever what it shows changes, at most once for each frame of the screen. */
export function useDrawing(
  draw: (scene: Scene, shown: Shown, ink: Ink) => void,
  sceneOf: () => Scene | null = sceneNow,
) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let frame = 0;
    const ask = (): void => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        const scene = sceneOf();
        const shown = canvas.current === null ? null : shownOf(canvas.current);
        if (scene !== null && shown !== null) draw(scene, shown, inkOf(shown.context.canvas));
      });
    };
    const anew = (): void => {
      forgetInk();
      ask();
    };
    listeners.add(ask);
    const resized = new ResizeObserver(([entry]) => {
      if (entry !== undefined) sizes.set(entry.target, entry.contentRect);
      ask();
    });
    if (canvas.current !== null) resized.observe(canvas.current);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', anew);
    const themed = new MutationObserver(anew);
    themed.observe(document.documentElement, { attributes: true });
    const end = effect(() => {
      sceneOf();
      ask();
    });
    return () => {
      end();
      listeners.delete(ask);
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener('change', anew);
      cancelAnimationFrame(frame);
    };
  }, []);
  return canvas;
}

/** Sizes as they were observed: to ask an element for its size may lay out the page anew. */
const sizes = new WeakMap<Element, { readonly width: number; readonly height: number }>();

/** A canvas made as large as it is shown, in the pixels of the screen; null where it is not shown. */
function shownOf(canvas: HTMLCanvasElement): Shown | null {
  const { width, height } = sizes.get(canvas) ?? { width: canvas.clientWidth, height: canvas.clientHeight };
  if (width < 1 || height < 1) return null;
  const ratio = globalThis.devicePixelRatio;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) return null;
  const scale = screenScale();
  context.setTransform(ratio * scale, 0, 0, ratio * scale, 0, 0);
  return { context, width: width / scale, height: height / scale };
}

/** Draws a scene on a canvas. */
export function drawOn(scene: Scene, shown: Shown, ink: Ink): void {
  drawScene({ ...shown, ink }, scene);
}

/** Keeps the present event in the window as it moves. */
function useFollowing(): void {
  useEffect(
    () =>
      effect(() => {
        const at = seq.value;
        if (axis.peek() === 'seq') {
          const shown = showing(extent.peek(), whole.peek(), at);
          if (shown !== extent.peek()) look(shown);
        }
      }),
    [],
  );
}

/** Scrolls the lanes so far that the selected actor's is among them, also once a second timeline takes half of their place. */
function useSelectedLane(canvas: { readonly current: HTMLCanvasElement | null }): void {
  useEffect(
    () =>
      effect(() => {
        const { actor } = place.value;
        const row = lanes.value.findIndex(({ id }) => id === actor);
        if (row < 0) return;
        // Whether there is another run is asked for that its coming and going count; the height is that after it.
        void otherInfo.value;
        requestAnimationFrame(() => {
          if (canvas.current === null) return;
          const rows = Math.max(1, Math.floor((sizeOf(canvas.current).height - RULER) / LANE_HEIGHT));
          scrolledRows.value = Math.min(row, Math.max(scrolledRows.peek(), row - rows + 1));
        });
      }),
    [],
  );
}

function Said() {
  const run = info.value;
  const rows = useAnswer('events', run === null ? null : { run: run.run, from: seq.value, count: 1 });
  const [row] = rows ?? [];
  const { a, b } = place.value;
  return (
    <p class="said" aria-live="polite">
      {row !== undefined && `seq ${row.seq} at ${count(row.timeCycles)} cycles: ${row.from} → ${row.to} ${row.type}`}
      {a !== null && b !== null && ` · A to B: ${count(b - a)} events`}
    </p>
  );
}

/** A pointer on a canvas; the wheel is listened to as what may keep the page from scrolling. */
export function usePointer(
  canvas: { readonly current: HTMLCanvasElement | null },
  scene: () => Scene | null,
  going?: Going,
) {
  const pointer = useRef<Pointer | null>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const hand = new Pointer(element, scene, going);
    pointer.current = hand;
    const onWheel = (event: WheelEvent): void => hand.wheel(event);
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);
  return pointer;
}

/** The timeline with its controls. */
export function Timeline() {
  const canvas = useDrawing(drawOn);
  const pointer = usePointer(canvas, sceneNow);
  useFollowing();
  useSelectedLane(canvas);
  return (
    <section class="timeline" aria-label="timeline">
      <div class="timeline-bar">
        <label>
          lanes{' '}
          <input
            type="search"
            placeholder="mm: 200"
            value={laneFilter.value}
            onInput={({ currentTarget }) => (laneFilter.value = currentTarget.value)}
          />
        </label>
        <button onClick={turnAxis} title="the axis by seq or by virtual time (t)">
          by {axis.value === 'seq' ? 'seq' : 'time'}
        </button>
        <button onClick={() => look(whole.value)} title="the whole run (f)">
          whole run
        </button>
        <button onClick={() => move({ a: seq.value })} title="marker A here (Shift+A)">
          A
        </button>
        <button onClick={() => move({ b: seq.value })} title="marker B here (Shift+B)">
          B
        </button>
        <Said />
      </div>
      <MiniMap />
      <canvas
        ref={canvas}
        class="lanes"
        role="img"
        aria-label="events of each actor; the arrow keys step, W and S zoom, A and D move the window"
        onPointerDown={(event) => pointer.current?.down(event)}
        onPointerMove={(event) => pointer.current?.move(event)}
        onPointerUp={(event) => pointer.current?.up(event)}
      />
      {otherInfo.value !== null && <Beside />}
    </section>
  );
}
