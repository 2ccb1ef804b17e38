/** The other run's timeline, under the first: the same window, moved so that moments that belong together stand above each other. */
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { notesOf } from '../notesStore.ts';
import { moveOther, otherHow, otherInfo, otherSeq, showBeside } from '../pair.ts';
import { move, place, seq } from '../store.ts';
import { wholeOf } from './axis.ts';
import { shownLanes } from './lanes.ts';
import type { Scene } from './scene.ts';
import { drawOn, tilesOf, useDrawing, usePointer } from './Timeline.tsx';
import { axis, extent, laneFilter, scrolledRows } from './view.ts';

/** How far the other run's window is moved. By virtual time nothing is: both have one clock. */
function shift(): number {
  return axis.value === 'seq' ? otherSeq.value - seq.value : 0;
}

/** What the other run's timeline shows now. */
function sceneBeside(): Scene | null {
  const run = otherInfo.value;
  if (run === null) return null;
  const lanes = shownLanes(run.lanes, laneFilter.value);
  const { from, to } = extent.value;
  const by = shift();
  return {
    run,
    tiles: tilesOf(run.run, run.headHash),
    axis: axis.value,
    window: { from: from + by, to: to + by },
    whole: wholeOf(run.segments, axis.value),
    lanes,
    scrolledRows: Math.min(scrolledRows.value, Math.max(0, lanes.length - 1)),
    seq: otherSeq.value,
    actor: place.value.actor,
    markers: [],
    flags: notesOf(run).notes,
    divergedAt: run.parent?.seq ?? null,
  };
}

const GOING = {
  goTo: (target: number, change: Parameters<typeof move>[0]): void => {
    move(change);
    void moveOther(target);
  },
  shift,
};

/** The timeline, with where the other run is. */
export function Beside() {
  const run = otherInfo.value;
  const canvas = useDrawing(drawOn, sceneBeside);
  const pointer = usePointer(canvas, sceneBeside, GOING);
  const [row] = useAnswer('events', run === null ? null : { run: run.run, from: otherSeq.value, count: 1 }) ?? [];
  if (run === null) return null;
  return (
    <>
      <div class="beside-bar">
        <strong>{run.run}</strong>
        <span>{run.name}</span>
        <button aria-label={`one event back in run ${run.run}`} onClick={() => void moveOther(otherSeq.value - 1)}>
          ◀
        </button>
        <button aria-label={`one event on in run ${run.run}`} onClick={() => void moveOther(otherSeq.value + 1)}>
          ▶
        </button>
        <p class="said" aria-live="polite">
          {row !== undefined &&
            `seq ${row.seq} at ${count(row.timeCycles)} cycles: ${row.from} → ${row.to} ${row.type}`}
          {otherHow.value === 'near' && ' · the last before that both runs have'}
        </p>
        <span class="grow" />
        <button onClick={() => showBeside(null)} aria-label={`close run ${run.run} beside`}>
          close
        </button>
      </div>
      <canvas
        ref={canvas}
        class="lanes second"
        role="img"
        aria-label={`events of each actor in run ${run.run}`}
        onPointerDown={(event) => pointer.current?.down(event)}
        onPointerMove={(event) => pointer.current?.move(event)}
        onPointerUp={(event) => pointer.current?.up(event)}
      />
    </>
  );
}
