/** msync (`mm/msync.c`) and mincore (`mm/mincore.c`). */
import { ERRNO, MSYNC } from '../abiRules.ts';
import { VM } from '../vma.ts';
import { beforeHole, type Effect, ended, type Plan, refuses, type Space } from './plan.ts';

/**
 * Plans msync: area by area. A locked area refuses MS_INVALIDATE at once; holes are passed over and reported at the end.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planSync(space, { addr: 0x10000, lengthBytes: 4096, flags: 4 }).errno; // 12
 * ```
 */
export function planSync(space: Space, call: { addr: number; lengthBytes: number; flags: number }): Plan {
  const endVa = call.addr + call.lengthBytes;
  const effects: Effect[] = [];
  let reach = call.addr;
  let holes = false;
  for (const vma of space.vmas.overlapping(call.addr, endVa)) {
    if (vma.startVa > reach) {
      if (call.flags === MSYNC.ASYNC) return refuses(ERRNO.ENOMEM);
      holes = true;
    }
    if ((call.flags & MSYNC.INVALIDATE) !== 0 && (vma.flags & VM.LOCKED) !== 0) return refuses(ERRNO.EBUSY, effects);
    const startVa = Math.max(vma.startVa, call.addr);
    reach = Math.min(vma.endVa, endVa);
    if ((call.flags & MSYNC.SYNC) === 0 || vma.file === null || (vma.flags & VM.SHARED) === 0) continue;
    effects.push({ do: 'sync', file: vma.file, startVa, endVa: reach });
  }
  return ended(effects, holes || reach < endVa ? ERRNO.ENOMEM : 0);
}

/**
 * Plans mincore: one byte a process page up to the first hole, which is ENOMEM; what was found before it is told all the
 * same.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planResidency(space, { addr: 0x10000, lengthBytes: 4096 }).errno; // 12
 * ```
 */
export function planResidency(space: Space, call: { addr: number; lengthBytes: number }): Plan {
  const { parts, complete } = beforeHole(space.vmas, call.addr, call.addr + call.lengthBytes);
  const effects = parts.map(({ startVa, endVa }): Effect => ({ do: 'residency', startVa, endVa }));
  return ended(effects, complete ? 0 : ERRNO.ENOMEM);
}
