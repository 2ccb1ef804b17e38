/** What the page knows and shows: signals that components read, and the few functions that change them. */
import { computed, effect, signal } from '@preact/signals';
import type { RunInfo } from '../engine/requests.ts';
import { AskError, type Link } from './link.ts';
import { type Place, placeOf, placeText, START } from './place.ts';

/** An error to show, or nothing. */
export interface Shown {
  readonly kind: 'error' | 'hint';
  readonly text: string;
}

/** The one link of this page; set before anything is drawn. */
export const link = signal<Link | null>(null);
/** Every open run. */
export const runs = signal<readonly RunInfo[]>([]);
/** Where the user is. */
export const place = signal<Place>(START);
/** What the page has to say, over everything else. */
export const shown = signal<Shown | null>(null);
/** Events a second while it plays; 0 when it stands. */
export const playing = signal(0);

/** The run that is looked at; null before one is open. */
export const info = computed<RunInfo | null>(() => {
  const { run } = place.value;
  return runs.value.find((one) => one.run === run) ?? runs.value[0] ?? null;
});

/** The seq that is looked at: that of the place, brought within the run. */
export const seq = computed(() => {
  const run = info.value;
  if (run === null) return 0;
  const wanted = place.value.seq ?? run.firstSeq;
  return Math.max(run.firstSeq, Math.min(run.lastSeq, wanted));
});

/** Places that were left by a jump, for back and forward. */
const past: Place[] = [];
const ahead: Place[] = [];

/** Changes some of the place. */
export function move(change: Partial<Place>): void {
  place.value = { ...place.value, ...change };
}

/** Goes to an event, as a jump that `goBack` undoes. */
export function jump(target: number, change: Partial<Place> = {}): void {
  past.push(place.value);
  ahead.length = 0;
  move({ ...change, seq: target });
}

/** The place before the last jump. */
export function goBack(): void {
  const before = past.pop();
  if (before === undefined) return;
  ahead.push(place.value);
  place.value = before;
}

/** Undoes going back. */
export function goForward(): void {
  const next = ahead.pop();
  if (next === undefined) return;
  past.push(place.value);
  place.value = next;
}

/** Steps by events. */
export function step(by: number): void {
  const run = info.value;
  if (run === null) return;
  move({ seq: Math.max(run.firstSeq, Math.min(run.lastSeq, seq.value + by)) });
}

/** Shows what went wrong. */
export function tell(error: unknown): void {
  const text = error instanceof AskError ? `${error.code}: ${error.message}. ${error.next}` : String(error);
  shown.value = { kind: 'error', text };
}

/** Keeps the address and the place alike. */
export function keepAddress(): void {
  place.value = placeOf(globalThis.location.hash);
  globalThis.addEventListener('hashchange', () => {
    const found = placeOf(globalThis.location.hash);
    if (placeText(found) !== placeText(place.value)) place.value = found;
  });
  effect(() => {
    const text = placeText(place.value);
    if (text !== globalThis.location.hash.replace(/^#/, '')) globalThis.history.replaceState(null, '', `#${text}`);
  });
}

/** Asks the engine which runs are open. */
export async function refreshRuns(): Promise<void> {
  const { value } = link;
  if (value !== null) runs.value = await value.ask('runs', {});
}
