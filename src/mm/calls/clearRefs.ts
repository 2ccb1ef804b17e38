/**
 * What a write to clear_refs does to an address space (`fs/proc/task_mmu.c:clear_refs_write`): accessed bits go, whatever the page
 * size of who writes; one native entry has one, so all kernel pages of a process page go old together.
 *
 * @models S-49
 */
import { VM } from '../vma.ts';
import { type Effect, type Plan, type Space, succeeds } from './plan.ts';

/** What is written: pages of every kind, anonymous ones, those of files; soft-dirty bits; the peak of the resident set. */
export const CLEAR_REFS = { ALL: 1, ANON: 2, MAPPED: 3, SOFT_DIRTY: 4, PEAK: 5 } as const;

/**
 * Plans it. Soft-dirty bits arm64 has none, so clearing them does nothing.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const space = { ...emptySpace(4096), vmas: VmaSet.empty(4096).map(vma) };
 * planClearRefs(space, { kind: CLEAR_REFS.ANON }).effects; // [{ do: 'cold', startVa: 0x10000, endVa: 0x20000 }]
 * planClearRefs(space, { kind: CLEAR_REFS.MAPPED }).effects; // []
 * planClearRefs(space, { kind: CLEAR_REFS.PEAK }).effects; // [{ do: 'peak' }]
 * ```
 */
export function planClearRefs({ vmas }: Space, { kind }: { kind: number }): Plan {
  if (kind === CLEAR_REFS.PEAK) return succeeds([{ do: 'peak' }]);
  if (kind === CLEAR_REFS.SOFT_DIRTY) return succeeds([]);
  const aged = vmas.list().filter(({ file, flags }) => {
    if ((flags & VM.PFNMAP) !== 0) return false;
    return kind === CLEAR_REFS.ALL || (kind === CLEAR_REFS.ANON) === (file === null);
  });
  return succeeds(aged.map(({ startVa, endVa }): Effect => ({ do: 'cold', startVa, endVa })));
}
