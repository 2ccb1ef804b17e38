/** munmap, and the unmapping that other calls begin with (`mm/vma.c:do_vmi_align_munmap`). */
import { ERRNO, TASK_SIZE } from '../abiRules.ts';
import { maySplit, unsharing } from '../hugetlb/areas.ts';
import type { VmaSet } from '../vmaSet.ts';
import { isSealed, splitsWhole } from './areas.ts';
import type { Limits } from './limits.ts';
import { type Effect, type Plan, refuses, type Space, succeeds } from './plan.ts';

/** What taking a range out leads to: the areas without it, and the effects that come before they are the areas. */
export interface Unmapping {
  vmas: VmaSet;
  effects: Effect[];
  errno: number;
}

/**
 * Takes a range out of the areas. The areas stay until their entries are gone: dirty pages are told by them.
 *
 * @example
 * ```ts
 * unmapping(VmaSet.empty(4096), rootLimits, 0x1000, 0x2000).errno; // 0
 * ```
 */
export function unmapping(vmas: VmaSet, limits: Limits, startVa: number, endVa: number): Unmapping {
  const inside = vmas.overlapping(startVa, endVa);
  const [first] = inside;
  if (first === undefined) return { vmas, effects: [], errno: 0 };
  // The middle of an area makes one area more (`vms_gather_munmap_vmas`).
  if (startVa > first.startVa && endVa < first.endVa && vmas.count >= limits.areas) {
    return { vmas, effects: [], errno: ERRNO.ENOMEM };
  }
  if (!maySplit(vmas, startVa) || !maySplit(vmas, endVa)) return { vmas, effects: [], errno: ERRNO.EINVAL };
  if (inside.some(isSealed)) return { vmas, effects: [], errno: ERRNO.EPERM };
  if (inside.some((vma) => splitsWhole(vma, startVa, endVa))) return { vmas, effects: [], errno: ERRNO.EINVAL };
  // An area across a border of the range is split there, and what is left of it is the neighbour.
  const below = vmas.find(startVa - 1) === null ? (vmas.endingBefore(startVa)?.endVa ?? 0) : startVa;
  const above = vmas.find(endVa) === null ? (vmas.atOrAfter(endVa)?.startVa ?? TASK_SIZE) : endVa;
  const clear: Effect = {
    do: 'clear',
    ranges: inside.map((vma) => ({ startVa: Math.max(vma.startVa, startVa), endVa: Math.min(vma.endVa, endVa) })),
    freeWithin: { startVa: below, endVa: above },
  };
  return { vmas: vmas.remove(startVa, endVa).set, effects: [...unsharing(inside), clear], errno: 0 };
}

/**
 * Plans munmap (`mm/vma.c:do_vmi_munmap`): a range without areas is no error.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planUnmap(space, { addr: 0x1000, lengthBytes: 4096 }).result; // 0
 * ```
 */
export function planUnmap(space: Space, call: { addr: number; lengthBytes: number }, result = 0): Plan {
  const { vmas, effects, errno } = unmapping(space.vmas, space.limits, call.addr, call.addr + call.lengthBytes);
  if (errno !== 0) return refuses(errno);
  return succeeds(effects.length === 0 ? [] : [...effects, { do: 'vmas', vmas }], result);
}

/**
 * Plans shmdt (`ipc/shm.c:ksys_shmdt`): the first part of a segment that was attached at the address, and whatever is
 * left of the same attachment behind it. `segments` has the size in bytes of each segment by its inode.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planDetach(space, { addr: 0x10000, segments: {} }).errno; // 22
 * ```
 */
export function planDetach(space: Space, call: { addr: number; segments: Record<string, number> }): Plan {
  const { addr, segments } = call;
  let { vmas } = space;
  const effects: Effect[] = [];
  let attached: { file: string; sizeBytes: number } | null = null;
  for (const vma of space.vmas.overlapping(addr, TASK_SIZE)) {
    const belongs = vma.file !== null && vma.startVa - addr === vma.offsetBytes && vma.startVa >= addr;
    if (attached === null) {
      if (!belongs || segments[vma.file as string] === undefined) continue;
      const sizeBytes = Math.ceil(segments[vma.file as string] / space.pageBytes) * space.pageBytes;
      attached = { file: vma.file as string, sizeBytes };
    } else {
      if (vma.endVa - addr > attached.sizeBytes) break;
      if (!belongs || vma.file !== attached.file) continue;
    }
    const gone = unmapping(vmas, space.limits, vma.startVa, vma.endVa);
    effects.push(...gone.effects);
    vmas = gone.vmas;
  }
  if (attached === null) return refuses(ERRNO.EINVAL);
  return succeeds([...effects, { do: 'vmas', vmas }]);
}
