/** What the effects of a call have in common: which one is under way, and the stretch of a file behind its addresses. */
import { invariant } from '../src/errors.ts';
import type { Effect } from '../src/mm/calls/plan.ts';
import { mmOf } from './addresses.ts';
import type { CallJob } from './mmCallJob.ts';
import { pageIndex } from './mmEntries.ts';
import type { MmContext } from './mmState.ts';

/** The effect of a kind. */
export type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/**
 * Pages of a file behind a stretch of one area.
 *
 * @throws GranuleError INVARIANT where the area is not of a file
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: 'a', offsetBytes: 0 };
 * fileWindow({ ...mm, vmas: VmaSet.empty(4096).insert(vma) }, { startVa: 0x12000, endVa: 0x14000 }).firstIndex; // 2
 * ```
 */
export function fileWindow(
  context: MmContext,
  effect: { startVa: number; endVa: number },
): { file: string; mm: string; firstIndex: number; endIndex: number } {
  const vma = context.vmas.find(effect.startVa);
  invariant(vma !== null && vma.file !== null, 'an effect on a file is on an area of it');
  const firstIndex = pageIndex(vma, effect.startVa, context.kernelPageBytes);
  const nr = (effect.endVa - effect.startVa) / context.kernelPageBytes;
  return { file: vma.file, mm: mmOf(context.pid), firstIndex, endIndex: firstIndex + nr };
}

/**
 * The effect of a call that is under way.
 *
 * @throws GranuleError INVARIANT where it is of another kind
 * @example
 * ```ts
 * const effect: Effect = { do: 'brk', startBrk: 0, brk: 4096 };
 * effectOf({ ...callJob(1, { op: 'munlockall' }), effects: [effect] }, 'brk').brk; // 4096
 * ```
 */
export function effectOf<D extends Effect['do']>(job: CallJob, kind: D): EffectOf<D> {
  const [effect] = job.effects;
  if (effect?.do !== kind) invariant(false, `a call that waits for a ${kind} does one`);
  return effect as EffectOf<D>;
}
