/** mremap: shrinking, growing in place, and moving with all entries (`mm/mremap.c`). */
import { ERRNO, lateErrno, MREMAP } from '../src/mm/abiRules.ts';
import { VM, type Vma } from '../src/mm/vma.ts';
import { type CallJob, type CallOf, type CallStep, clear, fails, returns, waits } from './mmCallJob.ts';
import { ask, type MmContext, mmuOf } from './mmState.ts';
import type { Send } from './support.ts';

/**
 * Begins mremap: shrink, grow in place, or move (`mm/mremap.c:sys_mremap`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'mremap' as const, addr: 0x10000, oldLengthBytes: 4096, newLengthBytes: 8192, flags: 1, newAddr: 0x40000 };
 * remap(mm, callJob(mm, 1, call), call, () => {}).done; // { result: -1, errno: 14 }
 * ```
 */
export function remap(context: MmContext, job: CallJob, call: CallOf<'mremap'>, send: Send): CallStep {
  const { addr, oldLengthBytes, newLengthBytes, newAddr } = call;
  const vma = context.vmas.find(addr);
  if (vma === null) return fails(context, ERRNO.EFAULT);
  const late = lateErrno(call, context.pageBytes);
  if (late !== 0) return fails(context, late);
  // A length of 0 asks for a second mapping of the same shared memory (`vma_to_resize`).
  if (oldLengthBytes === 0 && (vma.flags & VM.SHARED) === 0) return fails(context, ERRNO.EINVAL);
  if (addr + oldLengthBytes > vma.endVa) return fails(context, ERRNO.EFAULT);
  // A hint that lies on the old range is no place: it stays where it is.
  const overlaps = addr + oldLengthBytes > newAddr && newAddr + newLengthBytes > addr;
  const moves = newAddr !== addr && !overlaps;
  if (!moves && newLengthBytes <= oldLengthBytes) {
    if (newLengthBytes === oldLengthBytes) return returns(context, addr);
    return waits(clear(context, job, 'unmapped', addr + newLengthBytes, addr + oldLengthBytes, send));
  }
  if (!moves) {
    if (context.vmas.overlapping(addr + oldLengthBytes, addr + newLengthBytes).length > 0)
      return fails(context, ERRNO.ENOMEM);
    const vmas = context.vmas.map({ ...clipped(vma, addr), endVa: addr + newLengthBytes });
    return returns({ ...context, vmas }, addr);
  }
  // mremap_to: whatever is at the target goes first.
  if (context.vmas.overlapping(newAddr, newAddr + newLengthBytes).length > 0) {
    return waits(clear(context, job, 'targetCleared', newAddr, newAddr + newLengthBytes, send));
  }
  return move(context, job, call, send);
}

function clipped(vma: Vma, startVa: number): Vma {
  return { ...vma, startVa, offsetBytes: vma.offsetBytes + startVa - vma.startVa };
}

/**
 * move_vma, once its target is free.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const call = { op: 'mremap' as const, addr: 0x10000, oldLengthBytes: 4096, newLengthBytes: 8192, flags: 1, newAddr: 0x40000 };
 * const job = callJob(mm, 1, call);
 * move({ ...mm, pageBytes: 4096, vmas }, job, call, () => {}).context.vmas.count; // 2
 * ```
 */
export function move(context: MmContext, job: CallJob, call: CallOf<'mremap'>, send: Send): CallStep {
  const { addr, oldLengthBytes, newLengthBytes, newAddr } = call;
  const vma = context.vmas.find(addr) as Vma;
  const target = { ...clipped(vma, addr), startVa: newAddr, endVa: newAddr + newLengthBytes };
  const stays = oldLengthBytes === 0 || (call.flags & MREMAP.DONTUNMAP) !== 0;
  const left = stays ? context.vmas : context.vmas.unmap(addr, addr + oldLengthBytes).set;
  const lengthBytes = Math.min(oldLengthBytes, newLengthBytes);
  const message = (request: number) =>
    ({ type: 'MOVE_PTES' as const, request, fromVa: addr, toVa: newAddr, lengthBytes }) as const;
  return waits(ask({ ...context, vmas: left.map(target) }, job, 'moved', mmuOf(context), message, send));
}
