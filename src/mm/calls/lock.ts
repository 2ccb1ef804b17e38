/** mlock, mlock2, munlock, mlockall and munlockall (`mm/mlock.c`). */
import { MLOCK } from '../abi/numbers.ts';
import { ERRNO, TASK_SIZE } from '../abiRules.ts';
import { VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { lockedBytes, mayLock } from './limits.ts';
import { beforeHole, committed, type Effect, ended, type Plan, refuses, type Space, succeeds } from './plan.ts';
import { populating } from './populating.ts';

const LOCKED_MASK = VM.LOCKED | VM.LOCKONFAULT;
/** `VM_SPECIAL`: such areas are never locked (`vma_supports_mlock`). */
const SPECIAL = VM.IO | VM.DONTEXPAND | VM.PFNMAP | VM.MIXEDMAP | VM.HUGETLB;

/** `mlock_fixup` for the part of an area. */
function fixup(vmas: VmaSet, vma: Vma, startVa: number, endVa: number, lock: number): VmaSet {
  const flags = ((vma.flags & ~LOCKED_MASK) | lock) >>> 0;
  if (flags === vma.flags || (vma.flags & SPECIAL) !== 0) return vmas;
  return vmas.modify(startVa, endVa, (part) => ({ ...part, flags })).set;
}

/** `apply_vma_lock_flags`: everything up to the first hole, which is ENOMEM. */
function applied(space: Space, startVa: number, endVa: number, lock: number): { vmas: VmaSet; errno: number } {
  let { vmas } = space;
  const { parts, complete } = beforeHole(vmas, startVa, endVa);
  for (const part of parts) vmas = fixup(vmas, part.vma, part.startVa, part.endVa, lock);
  return { vmas, errno: complete ? 0 : ERRNO.ENOMEM };
}

/** Bytes of the range that are locked already (`count_mm_mlocked_page_nr`). */
function lockedWithin(vmas: VmaSet, startVa: number, endVa: number): number {
  const locked = vmas.overlapping(startVa, endVa).filter((vma) => (vma.flags & VM.LOCKED) !== 0);
  return locked.reduce((sum, vma) => sum + Math.min(vma.endVa, endVa) - Math.max(vma.startVa, startVa), 0);
}

/**
 * Plans mlock and mlock2 (`do_mlock`): the areas are marked up to the first hole, and only when all are marked is the range
 * faulted in. The errors of that are ENOMEM for what cannot be touched, EAGAIN for want of memory.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planLock(space, { addr: 0x10000, lengthBytes: 4096 }).errno; // 12
 * ```
 */
export function planLock(space: Space, call: { addr: number; lengthBytes: number; flags?: number }): Plan {
  const { limits, vmas: before } = space;
  if (!mayLock(limits)) return refuses(ERRNO.EPERM);
  const endVa = call.addr + call.lengthBytes;
  if (!limits.ipcLock) {
    const bytes = lockedBytes(before) - lockedWithin(before, call.addr, endVa) + call.lengthBytes;
    if (bytes > limits.memlockBytes) return refuses(ERRNO.ENOMEM);
  }
  const onFault = ((call.flags ?? 0) & MLOCK.ONFAULT) === 0 ? 0 : VM.LOCKONFAULT;
  const { vmas, errno } = applied(space, call.addr, endVa, VM.LOCKED | onFault);
  if (errno !== 0) return refuses(errno, committed(space, vmas));
  const populate = populating(vmas, call.addr, endVa, 'mlock');
  return ended([...committed(space, vmas), ...populate.effects], populate.errno);
}

/**
 * Plans munlock.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planUnlock(space, { addr: 0x10000, lengthBytes: 4096 }).errno; // 12
 * ```
 */
export function planUnlock(space: Space, call: { addr: number; lengthBytes: number }): Plan {
  const { vmas, errno } = applied(space, call.addr, call.addr + call.lengthBytes, 0);
  return ended(committed(space, vmas), errno);
}

/** `apply_mlockall_flags`: every area, and what areas to come are born with. */
function everywhere(space: Space, lock: number): VmaSet {
  return space.vmas.list().reduce((vmas, vma) => fixup(vmas, vma, vma.startVa, vma.endVa, lock), space.vmas);
}

/**
 * Plans mlockall. What cannot be faulted in is no error.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planLockAll(space, { flags: 2 }).effects; // [{ do: 'lockFuture', flags: 0x2000 }]
 * ```
 */
export function planLockAll(space: Space, call: { flags: number }): Plan {
  const { flags } = call;
  const { limits } = space;
  const known = MLOCK.MCL_CURRENT | MLOCK.MCL_FUTURE | MLOCK.MCL_ONFAULT;
  if (flags === 0 || (flags & ~known) !== 0 || flags === MLOCK.MCL_ONFAULT) return refuses(ERRNO.EINVAL);
  if (!mayLock(limits)) return refuses(ERRNO.EPERM);
  const current = (flags & MLOCK.MCL_CURRENT) !== 0;
  if (current && !limits.ipcLock && space.vmas.totalBytes > limits.memlockBytes) return refuses(ERRNO.ENOMEM);
  const lock = VM.LOCKED | ((flags & MLOCK.MCL_ONFAULT) === 0 ? 0 : VM.LOCKONFAULT);
  const future: Effect = { do: 'lockFuture', flags: (flags & MLOCK.MCL_FUTURE) === 0 ? 0 : lock };
  if (!current) return succeeds([future]);
  const vmas = everywhere(space, lock);
  const populate = populating(vmas, 0, TASK_SIZE, 'ignore').effects;
  return succeeds([future, ...committed(space, vmas), ...populate]);
}

/**
 * Plans munlockall.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planUnlockAll(space).errno; // 0
 * ```
 */
export function planUnlockAll(space: Space): Plan {
  return succeeds([{ do: 'lockFuture', flags: 0 }, ...committed(space, everywhere(space, 0))]);
}
