/** A write to /proc/PID/clear_refs (`fs/proc/task_mmu.c:clear_refs_write`). */
import { ERRNO } from '../abi/numbers.ts';
import { CLEAR_REFS } from '../softDirty.ts';
import { type Effect, type Plan, refuses, type Space, succeeds } from './plan.ts';

/**
 * Plans it: accessed flags of all memory, of anonymous memory or of files; soft-dirty bits; the peak of the resident set.
 *
 * @example
 * ```ts
 * planClearRefs(emptySpace(4096), { value: 4 }).effects; // [{ do: 'softClean' }]
 * planClearRefs(emptySpace(4096), { value: 6 }).errno; // 22
 * ```
 */
export function planClearRefs({ vmas }: Space, { value }: { value: number }): Plan {
  if (value < CLEAR_REFS.ALL || value > CLEAR_REFS.MM_HIWATER_RSS) return refuses(ERRNO.EINVAL);
  if (value === CLEAR_REFS.SOFT_DIRTY) return succeeds([{ do: 'softClean' }]);
  if (value === CLEAR_REFS.MM_HIWATER_RSS) return succeeds([{ do: 'resetPeak' }]);
  const effects = vmas.list().flatMap(({ startVa, endVa, file }): Effect[] => {
    if (value === CLEAR_REFS.ANON && file !== null) return [];
    if (value === CLEAR_REFS.MAPPED && file === null) return [];
    return [{ do: 'cold', startVa, endVa }];
  });
  return succeeds(effects);
}
