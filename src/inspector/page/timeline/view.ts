/** What of the timeline is chosen: its axis, window, lanes and height. The window is in the page's address, as seqs. */
import { computed, signal } from '@preact/signals';
import { info, move, seqWindow } from '../store.ts';
import { type AxisKind, type Extent, segmentsWithin, wholeOf } from './axis.ts';
import { within } from './camera.ts';
import { shownLanes } from './lanes.ts';

/** What the axis counts. */
export const axis = signal<AxisKind>('seq');
/** Words that ids of lanes must hold. */
export const laneFilter = signal('');
/** Lanes that were scrolled away above. */
export const scrolledRows = signal(0);

/** The whole run on the axis. */
export const whole = computed<Extent>(() => {
  const run = info.value;
  return run === null ? { from: 0, to: 1 } : wholeOf(run.segments, axis.value);
});

/** The window where the axis is one of time; that of seqs is in the place. */
const timeWindow = signal<Extent | null>(null);

/** What of the axis is on the screen. */
export const extent = computed<Extent>(() => {
  const { from, to } = seqWindow.value;
  if (axis.value === 'time') return within(timeWindow.value ?? whole.value, whole.value);
  return from === null || to === null ? whole.value : within({ from, to }, whole.value);
});

/** Lanes that fit the filter. */
export const lanes = computed(() => shownLanes(info.value?.lanes ?? [], laneFilter.value));

/** Shows another part of the axis. */
export function look(window: Extent): void {
  if (axis.value === 'time') timeWindow.value = window;
  else if (window.from <= whole.value.from && window.to >= whole.value.to) move({ from: null, to: null });
  else move(window);
}

/** Changes the axis; the window then shows the same segments. */
export function turnAxis(): void {
  const run = info.value;
  if (run === null) return;
  const { first, last } = segmentsWithin(run.segments, axis.value, extent.value);
  const { minTimeCycles, maxTimeCycles, firstSeq, records } = run.segments;
  if (axis.value === 'seq') {
    timeWindow.value = { from: minTimeCycles[first] ?? 0, to: maxTimeCycles[last] ?? 0 };
    axis.value = 'time';
  } else {
    axis.value = 'seq';
    look(within({ from: firstSeq[first] ?? 0, to: (firstSeq[last] ?? 0) + (records[last] ?? 0) }, whole.value));
  }
}
