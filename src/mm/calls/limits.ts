/** What an address space may grow to: resource limits, capabilities and sysctls, and the sums that they are held to. */
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';

/** Limits of one process. */
export interface Limits {
  /** RLIMIT_MEMLOCK, in bytes. */
  memlockBytes: number;
  /** CAP_IPC_LOCK: no limit to what is locked. */
  ipcLock: boolean;
  /** RLIMIT_AS, in bytes. */
  addressSpaceBytes: number;
  /** RLIMIT_DATA, in bytes. */
  dataBytes: number;
  /** vm.max_map_count: areas at most. */
  areas: number;
  /** The largest single demand that `vm.overcommit_memory` 0 grants, in bytes: all memory and swap. */
  commitBytes: number;
}

/**
 * The limits of a root process: only the number of areas is bounded (`DEFAULT_MAX_MAP_COUNT` of include/linux/mm.h).
 *
 * @example
 * ```ts
 * rootLimits.areas; // 65530
 * ```
 */
export const rootLimits: Limits = {
  memlockBytes: 8 * 2 ** 20,
  ipcLock: true,
  addressSpaceBytes: Number.MAX_SAFE_INTEGER,
  dataBytes: Number.MAX_SAFE_INTEGER,
  areas: 65530,
  commitBytes: Number.MAX_SAFE_INTEGER,
};

function sumOf(vmas: VmaSet, counts: (vma: Vma) => boolean): number {
  return vmas.list().reduce((sum, vma) => sum + (counts(vma) ? vma.endVa - vma.startVa : 0), 0);
}

/**
 * Bytes in locked areas (`mm->locked_vm`).
 *
 * @example
 * ```ts
 * lockedBytes(VmaSet.empty(4096)); // 0
 * ```
 */
export function lockedBytes(vmas: VmaSet): number {
  return sumOf(vmas, (vma) => (vma.flags & VM.LOCKED) !== 0);
}

/** `is_data_mapping`: private and writable, and no stack. */
function isData(prot: number, flags: number): boolean {
  return (prot & PROT.WRITE) !== 0 && (flags & (VM.SHARED | VM.GROWSDOWN)) === 0;
}

/**
 * Whether more locked memory is allowed (`mm/mmap.c:mlock_future_ok`).
 *
 * @example
 * ```ts
 * mayLockMore({ vmas: VmaSet.empty(4096), limits: { ...rootLimits, ipcLock: false } }, VM.LOCKED, 2 ** 30); // false
 * ```
 */
export function mayLockMore(space: { vmas: VmaSet; limits: Limits }, flags: number, bytes: number): boolean {
  if ((flags & VM.LOCKED) === 0 || space.limits.ipcLock) return true;
  return lockedBytes(space.vmas) + bytes <= space.limits.memlockBytes;
}

/**
 * Whether the space may grow by so many bytes of such an area (`mm/mmap.c:may_expand_vm`).
 *
 * @example
 * ```ts
 * mayGrow({ vmas: VmaSet.empty(4096), limits: { ...rootLimits, addressSpaceBytes: 4096 } }, 3, 0, 8192); // false
 * ```
 */
export function mayGrow(space: { vmas: VmaSet; limits: Limits }, prot: number, flags: number, bytes: number): boolean {
  const { vmas, limits } = space;
  if (vmas.totalBytes + bytes > limits.addressSpaceBytes) return false;
  if (limits.dataBytes === Number.MAX_SAFE_INTEGER || !isData(prot, flags)) return true;
  return sumOf(vmas, (vma) => isData(vma.prot, vma.flags)) + bytes <= limits.dataBytes;
}

/**
 * Whether locking is allowed at all (`mm/mlock.c:can_do_mlock`).
 *
 * @example
 * ```ts
 * mayLock({ ...rootLimits, ipcLock: false, memlockBytes: 0 }); // false
 * ```
 */
export function mayLock(limits: Limits): boolean {
  return limits.ipcLock || limits.memlockBytes !== 0;
}
