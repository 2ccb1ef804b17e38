/** What the page knows and shows: signals that components read, and the few functions that change them. */
import { batch, computed, effect, signal } from '@preact/signals';
import type { RunInfo } from '../engine/requests.ts';
import { AskError, type Link } from './link.ts';
import { type Place, placeOf, placeText, START } from '../engine/place.ts';

/** An error to show, or nothing. */
export interface Shown {
  readonly kind: 'error' | 'hint';
  readonly text: string;
}

/** First and last seq that the timeline shows; null for the whole run. */
export type SeqWindow = Pick<Place, 'from' | 'to'>;
/** A place without the window. */
export type Spot = Omit<Place, 'from' | 'to'>;

/** Milliseconds that the address waits for what else changes: browsers refuse to change it with every frame. */
const ADDRESS_WAITS_MS = 120;

/** The one link of this page; set before anything is drawn. */
export const link = signal<Link | null>(null);
/** Every open run. */
export const runs = signal<readonly RunInfo[]>([]);
/** Where the user is, but for the window of the timeline. */
export const place = signal<Spot>(START);
/** The window of the timeline, in parts of seqs. Apart from the place, since it changes with every frame of a drag. */
export const seqWindow = signal<SeqWindow>({ from: null, to: null });
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

/** The whole place, as the address has it. */
export function here(): Place {
  const { from, to } = seqWindow.value;
  return {
    ...place.value,
    from: from === null ? null : Math.floor(from),
    to: to === null ? null : Math.ceil(to),
  };
}

function arrive({ from, to, ...spot }: Place): void {
  batch(() => {
    place.value = spot;
    seqWindow.value = { from, to };
  });
}

/** Changes some of the place. */
export function move(change: Partial<Place>): void {
  const { from, to, ...spot } = change;
  batch(() => {
    if (from !== undefined && to !== undefined) seqWindow.value = { from, to };
    if (Object.keys(spot).length > 0) place.value = { ...place.value, ...spot };
    if (spot.run !== undefined) forgetUnknownActor();
  });
}

/** The actor that was looked at in one run may not be there in another. */
function forgetUnknownActor(): void {
  const { actor } = place.value;
  const isThere = info.value?.lanes.some(({ id }) => id === actor) ?? true;
  if (!isThere) place.value = { ...place.value, actor: null, path: '' };
}

/** Goes to an event, as a jump that `goBack` undoes. */
export function jump(target: number, change: Partial<Place> = {}): void {
  past.push(here());
  ahead.length = 0;
  stride.value = 0;
  move({ ...change, seq: target });
}

/** The place before the last jump. */
export function goBack(): void {
  const before = past.pop();
  if (before === undefined) return;
  ahead.push(here());
  arrive(before);
}

/** Undoes going back. */
export function goForward(): void {
  const next = ahead.pop();
  if (next === undefined) return;
  past.push(here());
  arrive(next);
}

/** Events of the last step, with its direction; 0 where the last move was none. */
export const stride = signal(0);

/** Steps by events. */
export function step(by: number): void {
  const run = info.value;
  if (run === null) return;
  stride.value = by;
  move({ seq: Math.max(run.firstSeq, Math.min(run.lastSeq, seq.value + by)) });
}

/** Shows what went wrong. */
export function tell(error: unknown): void {
  const text = error instanceof AskError ? `${error.code}: ${error.message}. ${error.next}` : String(error);
  shown.value = { kind: 'error', text };
}

/** Keeps the address and the place alike. */
export function keepAddress(): void {
  /** What the address says as far as the place knows: where it says something else, someone went elsewhere just now. */
  let known = globalThis.location.hash;
  arrive(placeOf(known));
  globalThis.addEventListener('hashchange', () => {
    known = globalThis.location.hash;
    const found = placeOf(known);
    if (placeText(found) !== placeText(here())) arrive(found);
  });
  let timer = 0;
  const write = (): void => {
    globalThis.clearTimeout(timer);
    timer = 0;
    const text = `#${placeText(here())}`;
    if (text === known || globalThis.location.hash !== known) return;
    globalThis.history.replaceState(null, '', text);
    known = globalThis.location.hash;
  };
  effect(() => {
    here();
    if (timer === 0) timer = globalThis.setTimeout(write, ADDRESS_WAITS_MS);
  });
  globalThis.addEventListener('pagehide', write);
}

/** Asks the engine which runs are open. */
export async function refreshRuns(): Promise<void> {
  const { value } = link;
  if (value !== null) runs.value = await value.ask('runs', {});
}
