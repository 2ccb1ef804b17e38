/** The whole run in a strip, kind by kind, with the window on it; a press or a drag moves the window there. */
import { useRef } from 'preact/hooks';
import { within } from './camera.ts';
import { addDensity, addTile, emptyColumns } from './density.ts';
import { drawCounts, tilesIn } from './draw.ts';
import { kindsOf } from './lanes.ts';
import { GUTTER, type Ink, type Scene } from './scene.ts';
import { placeOn, sizeOf } from './screen.ts';
import { type Shown, useDrawing } from './Timeline.tsx';
import { extent, look, whole } from './view.ts';

/** Height of the strip in CSS pixels. */
const STRIP_HEIGHT = 30;

/** The strip without the window: drawn anew only when what it shows has changed. */
const kept = { key: '', canvas: null as HTMLCanvasElement | null };

function strip(scene: Scene, width: number): HTMLCanvasElement | null {
  const kinds = kindsOf(scene.lanes);
  const view = { ...scene, window: scene.whole };
  const tiles = tilesIn(view);
  const densities = tiles === null ? scene.tiles.kindDensities(kinds) : null;
  const come = tiles === null ? densities !== null : tiles.length;
  const key = `${scene.run.run} ${scene.run.headHash} ${scene.axis} ${kinds.join()} ${scene.lanes.length} ${width} ${come}`;
  if (key === kept.key) return kept.canvas;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = STRIP_HEIGHT;
  const context = canvas.getContext('2d');
  if (context === null || kinds.length === 0) return null;
  const into = emptyColumns(kinds.length, width);
  const rowOfLane = new Int32Array(scene.run.lanes.length).fill(-1);
  for (const { lane, kind } of scene.lanes) rowOfLane[lane] = kinds.indexOf(kind);
  for (const tile of tiles ?? []) addTile(into, rowOfLane, tile, view);
  const place = { segments: scene.run.segments, axis: scene.axis, window: scene.whole };
  for (const [row, density] of (densities ?? []).entries()) addDensity(into, row, density, place);
  const lanes = kinds.map((kind) => ({ kind }));
  drawCounts(context, lanes, into, { x: 0, y: 0, width, rowHeight: STRIP_HEIGHT / kinds.length });
  kept.key = key;
  kept.canvas = canvas;
  return canvas;
}

function drawStrip(scene: Scene, { context, width }: Shown, ink: Ink): void {
  context.fillStyle = ink.paper;
  context.fillRect(0, 0, width, STRIP_HEIGHT);
  const inner = Math.max(1, Math.floor(width - GUTTER));
  const image = strip(scene, inner);
  if (image !== null) context.drawImage(image, GUTTER, 0);
  context.fillStyle = ink.faint;
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.fillText('whole run', 12, STRIP_HEIGHT / 2);
  const perUnit = (width - GUTTER) / (scene.whole.to - scene.whole.from);
  const x = GUTTER + (scene.window.from - scene.whole.from) * perUnit;
  const wide = Math.max(3, (scene.window.to - scene.window.from) * perUnit);
  context.strokeStyle = ink.accent;
  context.lineWidth = 2;
  context.strokeRect(x, 1, wide - 1, STRIP_HEIGHT - 2);
}

/** The strip. */
export function MiniMap() {
  const canvas = useDrawing(drawStrip);
  const isDown = useRef(false);
  const goTo = (x: number): void => {
    const width = canvas.current === null ? 1 : sizeOf(canvas.current).width;
    const { from, to } = whole.value;
    const point = from + ((x - GUTTER) / (width - GUTTER)) * (to - from);
    const half = (extent.value.to - extent.value.from) / 2;
    look(within({ from: point - half, to: point + half }, whole.value));
  };
  return (
    <canvas
      ref={canvas}
      class="minimap"
      role="img"
      aria-label="the whole run; the frame is what the timeline shows"
      onPointerDown={(event) => {
        isDown.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        goTo(placeOn(event).x);
      }}
      onPointerMove={(event) => isDown.current && goTo(placeOn(event).x)}
      onPointerUp={() => (isDown.current = false)}
    />
  );
}
