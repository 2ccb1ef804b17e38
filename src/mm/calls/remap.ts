/** mremap (`mm/mremap.c`): shrinking, growing in place, and moving with all entries. */
import { ERRNO, lateErrno, MREMAP, TASK_SIZE } from '../abiRules.ts';
import { unsharing } from '../hugetlb/areas.ts';
import { hugeBytesOf } from '../hugetlb/names.ts';
import { VM, type Vma } from '../vma.ts';
import { isSealed } from './areas.ts';
import { mayGrow, mayLockMore } from './limits.ts';
import { placeFor } from './place.ts';
import { type Effect, type Plan, refuses, type Space, succeeds } from './plan.ts';
import { populating } from './populating.ts';
import { planUnmap, unmapping } from './unmap.ts';

/** mremap in whole process pages. */
export interface RemapCall {
  addr: number;
  oldLengthBytes: number;
  newLengthBytes: number;
  flags: number;
  newAddr: number;
}

/** What is decided so far while a move is planned: the areas and the effects that led to them. */
interface Progress {
  space: Space;
  effects: Effect[];
}

/** `vma_to_resize`: the errno that the area at the address refuses the change with, or 0. */
function resizeErrno(space: Space, vma: Vma | null, call: RemapCall): number {
  if (vma === null) return ERRNO.EFAULT;
  const { addr, oldLengthBytes, newLengthBytes } = call;
  // A length of 0 asks for a second mapping of the same shared memory.
  if (oldLengthBytes === 0 && (vma.flags & VM.SHARED) === 0) return ERRNO.EINVAL;
  const fixed = (vma.flags & (VM.DONTEXPAND | VM.PFNMAP)) !== 0;
  if ((call.flags & MREMAP.DONTUNMAP) !== 0 && fixed) return ERRNO.EINVAL;
  if (oldLengthBytes > vma.endVa - addr) return ERRNO.EFAULT;
  if (newLengthBytes === oldLengthBytes) return 0;
  if (fixed) return ERRNO.EFAULT;
  const bytes = newLengthBytes - oldLengthBytes;
  if (!mayLockMore(space, vma.flags, bytes)) return ERRNO.EAGAIN;
  return mayGrow(space, vma.prot, vma.flags, bytes) ? 0 : ERRNO.ENOMEM;
}

/** What the new part of a locked area needs once it is there (`locked` of `sys_mremap`). */
function populateNewPart(space: Space, vma: Vma, va: number, call: RemapCall): Effect[] {
  const { oldLengthBytes, newLengthBytes } = call;
  if ((vma.flags & VM.LOCKED) === 0 || newLengthBytes <= oldLengthBytes) return [];
  return populating(space.vmas, va + oldLengthBytes, va + newLengthBytes, 'ignore').effects;
}

/** `move_vma`: a copy of the area, the entries moved to it, and the old place unmapped. */
function moveVma({ space, effects }: Progress, vma: Vma, call: RemapCall, toVa: number): Plan {
  const { addr, oldLengthBytes, newLengthBytes } = call;
  const { limits } = space;
  if (space.vmas.count >= limits.areas - 3) return refuses(ERRNO.ENOMEM, effects);
  const keeps = (call.flags & MREMAP.DONTUNMAP) !== 0;
  const more = keeps ? newLengthBytes : newLengthBytes - oldLengthBytes;
  if ((vma.flags & VM.ACCOUNT) !== 0 && more > limits.commitBytes) return refuses(ERRNO.ENOMEM, effects);
  const endVa = addr + oldLengthBytes;
  // A locked area that MREMAP_DONTUNMAP leaves unlocked is split ahead of time.
  const splits = keeps && (vma.flags & VM.LOCKED) !== 0;
  const source = splits ? space.vmas.split(addr).split(endVa) : space.vmas;
  const both = source.copyTo(source.find(addr) ?? vma, addr, toVa, newLengthBytes, keeps);
  const moved: Effect[] = [...effects, { do: 'vmas', vmas: both }];
  if (oldLengthBytes > 0) {
    moved.push({ do: 'move', fromVa: addr, toVa, lengthBytes: oldLengthBytes, undo: space.vmas });
  }
  if (keeps) {
    return succeeds([...moved, { do: 'vmas', vmas: both.vacate(addr, endVa) }], toVa);
  }
  const state = { ...space, vmas: both };
  if (oldLengthBytes === 0) return succeeds([...moved, ...populateNewPart(state, vma, toVa, call)], toVa);
  const gone = unmapping(both, limits, addr, endVa);
  const commit: Effect = { do: 'vmas', vmas: gone.vmas };
  const populate = populateNewPart({ ...space, vmas: gone.vmas }, vma, toVa, call);
  return succeeds([...moved, ...gone.effects, commit, ...populate], toVa);
}

function taken(progress: Progress, startVa: number, lengthBytes: number): Progress | { errno: number } {
  const { space, effects } = progress;
  const gone = unmapping(space.vmas, space.limits, startVa, startVa + lengthBytes);
  if (gone.errno !== 0) return { errno: gone.errno };
  if (gone.effects.length === 0) return progress;
  const commit: Effect = { do: 'vmas', vmas: gone.vmas };
  return { space: { ...space, vmas: gone.vmas }, effects: [...effects, ...gone.effects, commit] };
}

/** `mremap_to`: to a given place (MREMAP_FIXED), or with the old place kept (MREMAP_DONTUNMAP). */
function remapTo(start: Space, given: RemapCall): Plan {
  const { addr, newAddr, newLengthBytes } = given;
  const isFixed = (given.flags & MREMAP.FIXED) !== 0;
  let call = given;
  const late = lateErrno({ op: 'mremap', ...given }, start.pageBytes);
  if (late !== 0) return refuses(late);
  if (start.vmas.count + 2 >= start.limits.areas - 3) return refuses(ERRNO.ENOMEM);
  let progress: Progress = { space: start, effects: [] };
  if (isFixed) {
    const next = taken(progress, newAddr, newLengthBytes);
    if ('errno' in next) return refuses(next.errno);
    progress = next;
  }
  if (call.oldLengthBytes > newLengthBytes) {
    const next = taken(progress, addr + newLengthBytes, call.oldLengthBytes - newLengthBytes);
    if ('errno' in next) return refuses(next.errno, progress.effects);
    progress = next;
    call = { ...call, oldLengthBytes: newLengthBytes };
  }
  const { space, effects } = progress;
  const vma = space.vmas.find(addr);
  const errno = resizeErrno(space, vma, call);
  if (vma === null || errno !== 0) return refuses(errno, effects);
  const wish = { hint: newAddr, lengthBytes: newLengthBytes, anonymous: vma.file === null };
  const toVa = isFixed ? newAddr : placeFor(space, wish);
  if (toVa === null) return refuses(ERRNO.ENOMEM, effects);
  return moveVma(progress, vma, call, toVa);
}

/** `vma_expandable`, and the extension with what it brings. */
function grownInPlace(space: Space, vma: Vma, call: RemapCall): Plan | null {
  const { addr, oldLengthBytes, newLengthBytes } = call;
  const endVa = addr + newLengthBytes;
  if (addr + oldLengthBytes !== vma.endVa || endVa > TASK_SIZE) return null;
  if (space.vmas.overlapping(vma.endVa, endVa).length > 0) return null;
  const bytes = newLengthBytes - oldLengthBytes;
  if ((vma.flags & VM.ACCOUNT) !== 0 && bytes > space.limits.commitBytes) return refuses(ERRNO.ENOMEM);
  const vmas = space.vmas.extend(vma, endVa);
  const populate = populateNewPart({ ...space, vmas }, vma, addr, call);
  return succeeds([{ do: 'vmas', vmas }, ...populate], addr);
}

/**
 * mremap of huge pages (`mm/mremap.c:sys_mremap`): lengths are rounded to huge pages, addresses must be aligned to them, and nothing grows:
 * promises could not. It moves or shrinks.
 */
function remapHuge(space: Space, vma: Vma, call: RemapCall, hugeBytes: number): Plan {
  const up = (bytes: number): number => Math.ceil(bytes / hugeBytes) * hugeBytes;
  const oldLengthBytes = up(call.oldLengthBytes);
  const newLengthBytes = up(call.newLengthBytes);
  const { addr, newAddr, flags } = call;
  const misaligned = addr % hugeBytes !== 0 || ((flags & MREMAP.FIXED) !== 0 && newAddr % hugeBytes !== 0);
  if (misaligned || newLengthBytes > oldLengthBytes) return refuses(ERRNO.EINVAL);
  const rounded = { ...call, oldLengthBytes, newLengthBytes };
  if ((flags & (MREMAP.FIXED | MREMAP.DONTUNMAP)) !== 0) {
    const plan = remapTo(space, rounded);
    return plan.errno === 0 ? { ...plan, effects: [...unsharing([vma]), ...plan.effects] } : plan;
  }
  if (oldLengthBytes === newLengthBytes) return succeeds([], addr);
  return planUnmap(space, { addr: addr + newLengthBytes, lengthBytes: oldLengthBytes - newLengthBytes }, addr);
}

/**
 * Plans mremap (`sys_mremap`). What is at a fixed target goes first, and stays gone when the move then fails. Without
 * MREMAP_FIXED, `newAddr` is where a move goes if that is free; Linux would choose for itself.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * const call = { addr: 0x10000, oldLengthBytes: 4096, newLengthBytes: 8192, flags: 1, newAddr: 0 };
 * planRemap(space, call).errno; // 14
 * ```
 */
export function planRemap(space: Space, call: RemapCall): Plan {
  const { addr, oldLengthBytes, newLengthBytes, flags } = call;
  const vma = space.vmas.find(addr);
  if (vma === null) return refuses(ERRNO.EFAULT);
  if (isSealed(vma)) return refuses(ERRNO.EPERM);
  const hugeBytes = hugeBytesOf(vma);
  if (hugeBytes !== null) return remapHuge(space, vma, call, hugeBytes);
  if ((flags & (MREMAP.FIXED | MREMAP.DONTUNMAP)) !== 0) return remapTo(space, call);
  if (oldLengthBytes === newLengthBytes) return succeeds([], addr);
  if (oldLengthBytes > newLengthBytes) {
    const tail = { addr: addr + newLengthBytes, lengthBytes: oldLengthBytes - newLengthBytes };
    return planUnmap(space, tail, addr);
  }
  const errno = resizeErrno(space, vma, call);
  if (errno !== 0) return refuses(errno);
  const grown = grownInPlace(space, vma, call);
  if (grown !== null) return grown;
  if ((flags & MREMAP.MAYMOVE) === 0) return refuses(ERRNO.ENOMEM);
  const wish = { hint: call.newAddr, lengthBytes: newLengthBytes, anonymous: vma.file === null };
  const toVa = placeFor(space, wish);
  return toVa === null ? refuses(ERRNO.ENOMEM) : moveVma({ space, effects: [] }, vma, call, toVa);
}
