/** brk (`mm/mmap.c:sys_brk`, `do_brk_flags`). */
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { guardedStart } from './areas.ts';
import { mayGrow, mayLockMore } from './limits.ts';
import { type Effect, type Plan, type Space, succeeds } from './plan.ts';
import { populating } from './populating.ts';
import { unmapping } from './unmap.ts';

/** Grows the heap, or null where it may not. */
function grown(space: Space, brk: number, oldEnd: number, newEnd: number): Plan | null {
  const { vmas, limits, pageBytes, startBrk } = space;
  const bytes = newEnd - oldEnd;
  const prot = PROT.READ | PROT.WRITE;
  const flags = (VM.ACCOUNT | space.lockFuture) >>> 0;
  if (!mayLockMore(space, flags, bytes)) return null;
  // The next area keeps a page free below it, and a stack its guard gap.
  const next = vmas.atOrAfter(oldEnd);
  if (next !== null && newEnd + pageBytes > guardedStart(space, next)) return null;
  if (!mayGrow(space, prot, flags, bytes)) return null;
  if (vmas.count > limits.areas || bytes > limits.commitBytes) return null;
  const heap: Vma = { startVa: oldEnd, endVa: newEnd, prot, flags, file: null, offsetBytes: oldEnd };
  const mapped = vmas.insert({ ...heap, name: '[heap]' }, true);
  const populate = space.lockFuture === 0 ? [] : populating(mapped, oldEnd, newEnd, 'ignore').effects;
  const effects: Effect[] = [{ do: 'vmas', vmas: mapped }, { do: 'brk', startBrk, brk }, ...populate];
  return succeeds(effects, brk);
}

/**
 * Plans brk: the result is the break as it then is, which is the old one where the new one cannot be had. The first call
 * of a trace tells where the heap begins.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planBrk(space, { addr: 0x20000 }).result; // 131072
 * ```
 */
export function planBrk(space: Space, call: { addr: number }): Plan {
  const { pageBytes, startBrk, brk } = space;
  const { addr } = call;
  if (startBrk === 0) return succeeds([{ do: 'brk', startBrk: addr, brk: addr }], addr);
  if (addr < startBrk || addr - startBrk > space.limits.dataBytes) return succeeds([], brk);
  const oldEnd = Math.ceil(brk / pageBytes) * pageBytes;
  const newEnd = Math.ceil(addr / pageBytes) * pageBytes;
  const set: Effect = { do: 'brk', startBrk, brk: addr };
  if (oldEnd === newEnd) return succeeds([set], addr);
  if (addr <= brk) {
    const { vmas, effects, errno } = unmapping(space.vmas, space.limits, newEnd, oldEnd);
    if (errno !== 0 || effects.length === 0) return succeeds([], brk);
    return succeeds([...effects, { do: 'vmas', vmas }, set], addr);
  }
  return grown(space, addr, oldEnd, newEnd) ?? succeeds([], brk);
}
