/** The run beside the one that is looked at: where it is when the first is where it is, moved by alignment. */
import { computed, effect, signal } from '@preact/signals';
import type { RunInfo } from '../engine/requests.ts';
import type { AlignedSeq } from '../engine/views/alignSeqs.ts';
import { info, jump, link, move, place, runs, seq, tell } from './store.ts';

/** The other run; null where none is shown, or it is the same. */
export const otherInfo = computed<RunInfo | null>(() => {
  const { other } = place.value;
  const found = runs.value.find(({ run }) => run === other) ?? null;
  return found === null || found.run === info.value?.run ? null : found;
});

/** Moments that belong together, as they were found last. */
const aligned = signal<(AlignedSeq & { readonly pair: string }) | null>(null);

function pairName(): string {
  return `${info.value?.headHash} ${otherInfo.value?.headHash}`;
}

/** Where the other run is; what was found last while the next answer is on its way. */
export const otherSeq = computed<number>(() => {
  const other = otherInfo.value;
  const found = aligned.value;
  const at = found === null || found.pair !== pairName() ? seq.value : found.seq;
  return other === null ? 0 : Math.max(other.firstSeq, Math.min(other.lastSeq, at));
});

/** How well the two moments belong together. */
export const otherHow = computed(() => (aligned.value?.pair === pairName() ? aligned.value.how : 'same'));

/** Moves the other run; the first goes to the moment that belongs there. */
export async function moveOther(target: number): Promise<void> {
  const [one, other, { value }] = [info.value, otherInfo.value, link];
  if (one === null || other === null || value === null) return;
  const to = Math.max(other.firstSeq, Math.min(other.lastSeq, target));
  try {
    const found = await value.ask('align', { a: other.run, b: one.run, seq: to });
    // Kept as it was chosen: the way back may lead to another event, where only this run has one.
    aligned.value = { forSeq: found.seq, seq: to, how: found.how, pair: pairName() };
    if (found.seq !== seq.value) jump(found.seq);
  } catch (error) {
    tell(error);
  }
}

/** Keeps the other run where the first one is. */
export function keepAligned(): void {
  effect(() => {
    const [one, other, at] = [info.value, otherInfo.value, seq.value];
    const pair = pairName();
    const known = aligned.peek();
    if (one === null || other === null || link.value === null) return;
    if (known?.pair === pair && known.forSeq === at) return;
    link.value.ask('align', { a: one.run, b: other.run, seq: at }).then((found) => {
      if (seq.peek() === at && pairName() === pair) aligned.value = { ...found, pair };
    }, tell);
  });
}

/** Shows another run beside the first; null: none. */
export function showBeside(run: string | null): void {
  move({ other: run });
}
