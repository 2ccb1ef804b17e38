/** mmap (`mm/mmap.c:do_mmap`, `mmap_region`), and remap_file_pages, which is made of it. */
import { ERRNO, lateErrno, MAP } from '../abiRules.ts';
import { hugeBytesAsked, planHugeMap } from '../hugetlb/map.ts';
import { PROT } from '../pte.ts';
import type { ObjectAreaWish } from '../runs.ts';
import { VM, type Vma } from '../vma.ts';
import { mayGrow, mayLock, mayLockMore } from './limits.ts';
import { placeFor } from './place.ts';
import { type Effect, type Plan, refuses, type Space, succeeds } from './plan.ts';
import { populating } from './populating.ts';
import { unmapping } from './unmap.ts';

/** mmap in whole process pages, as the ABI adapter hands it on. */
export interface MapCall {
  addr: number;
  lengthBytes: number;
  prot: number;
  flags: number;
  file: string | null;
  offsetBytes: number;
  /** What the mmap handler of an object asks for. */
  area?: ObjectAreaWish;
}

const ACCESS = PROT.READ | PROT.WRITE | PROT.EXEC;

/** The flags of the new area but VM_ACCOUNT (`calc_vm_flag_bits`, `mm->def_flags`). */
function flagsFor(space: Space, { flags, area }: MapCall): number {
  const type = flags & MAP.TYPE;
  const isShared = type === MAP.SHARED || type === MAP.SHARED_VALIDATE;
  const bits =
    space.lockFuture |
    (area?.flags ?? 0) |
    (isShared ? VM.SHARED : 0) |
    ((flags & MAP.GROWSDOWN) === 0 ? 0 : VM.GROWSDOWN) |
    ((flags & MAP.LOCKED) === 0 ? 0 : VM.LOCKED) |
    ((flags & MAP.STACK) === 0 ? 0 : VM.NOHUGEPAGE) |
    ((flags & MAP.NORESERVE) === 0 ? 0 : VM.NORESERVE);
  return bits >>> 0;
}

/** `accountable_mapping`: private, writable, and reserved. */
function isAccounted(prot: number, flags: number): boolean {
  return (prot & PROT.WRITE) !== 0 && (flags & (VM.SHARED | VM.NORESERVE)) === 0;
}

/** `mmap_region`: whatever is at the place goes, and the new area merges where it can. */
function mapRegion(space: Space, call: MapCall, va: number, bits: number): Plan {
  const endVa = va + call.lengthBytes;
  const prot = call.prot & ACCESS;
  const { vmas, effects, errno } = unmapping(space.vmas, space.limits, va, endVa);
  if (errno !== 0) return refuses(errno);
  if (!mayGrow({ vmas, limits: space.limits }, prot, bits, call.lengthBytes)) return refuses(ERRNO.ENOMEM);
  const accounted = isAccounted(prot, bits);
  if (accounted && call.lengthBytes > space.limits.commitBytes) return refuses(ERRNO.ENOMEM);
  const flags = accounted ? (bits | VM.ACCOUNT) >>> 0 : bits;
  const created: Effect[] = [];
  let { file, offsetBytes } = call;
  if (file === null && (bits & VM.SHARED) !== 0) {
    // Shared anonymous memory is a file of its own (`shmem_zero_setup`), and the offset is ignored.
    file = space.nextShmem;
    offsetBytes = 0;
    created.push({ do: 'create', file, sizeBytes: call.lengthBytes });
  } else if (file === null) offsetBytes = va;
  const { name, noSplit } = call.area ?? {};
  const vma: Vma = { startVa: va, endVa, prot, flags, file, offsetBytes };
  if (name !== undefined) vma.name = name;
  if (noSplit === true) vma.noSplit = noSplit;
  vma.anonVma = 0;
  const mapped = vmas.insert(vma);
  const locked = (flags & VM.LOCKED) !== 0;
  const populates = (call.flags & (MAP.POPULATE | MAP.NONBLOCK)) === MAP.POPULATE;
  const populate: Effect[] = locked || populates ? populating(mapped, va, endVa, 'ignore').effects : [];
  // `vm_insert_page` and `remap_pfn_range`, by the handler of an object.
  if (call.area?.inserts === true)
    populate.unshift({ do: 'populate', startVa: va, endVa, access: 'read', errors: 'insert' });
  return succeeds([...effects, ...created, { do: 'vmas', vmas: mapped }, ...populate], va);
}

/**
 * Plans mmap. A hint is taken where it is free; MAP_POPULATE and VM_LOCKED fault the area in, and mmap has succeeded
 * whatever becomes of that.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * const call = { addr: 0x200000, lengthBytes: 4096, prot: 3, flags: 0x22, file: null, offsetBytes: 0 };
 * planMap(space, call).result; // 2097152
 * ```
 */
export function planMap(space: Space, call: MapCall): Plan {
  const { vmas, limits } = space;
  const { lengthBytes, flags } = call;
  if (vmas.count > limits.areas) return refuses(ERRNO.ENOMEM);
  const hugeBytes = hugeBytesAsked(space, call);
  if (hugeBytes !== null) {
    const late = lateErrno({ op: 'mmap', ...call, flags: flags & ~MAP.HUGETLB }, space.pageBytes);
    return late === 0 ? planHugeMap(space, call, hugeBytes) : refuses(late);
  }
  const noReplace = (flags & MAP.FIXED_NOREPLACE) !== 0;
  const isFixed = noReplace || (flags & MAP.FIXED) !== 0;
  const anonymous = call.file === null;
  const va = isFixed ? call.addr : placeFor(space, { hint: call.addr, lengthBytes, anonymous });
  if (va === null) return refuses(ERRNO.ENOMEM);
  if (noReplace && vmas.overlapping(va, va + lengthBytes).length > 0) return refuses(ERRNO.EEXIST);
  if ((flags & MAP.LOCKED) !== 0 && !mayLock(limits)) return refuses(ERRNO.EPERM);
  const bits = flagsFor(space, call);
  if (!mayLockMore(space, bits, lengthBytes)) return refuses(ERRNO.EAGAIN);
  const late = lateErrno({ op: 'mmap', ...call }, space.pageBytes);
  return late === 0 ? mapRegion(space, call, va, bits) : refuses(late);
}

/**
 * Plans remap_file_pages, which is emulated by mmap since Linux 4.0 (`mm/mmap.c`): the range lies in areas of one shared
 * file with the same flags. `pgoff` counts process pages.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planRemapFilePages(space, { addr: 0x10000, lengthBytes: 4096, pgoff: 1, flags: 0 }).errno; // 22
 * ```
 */
export function planRemapFilePages(
  space: Space,
  call: { addr: number; lengthBytes: number; pgoff: number; flags: number },
): Plan {
  const { addr, lengthBytes } = call;
  const vma = space.vmas.find(addr);
  if (vma === null || (vma.flags & VM.SHARED) === 0) return refuses(ERRNO.EINVAL);
  const same = (other: Vma): boolean => other.file === vma.file && other.flags === vma.flags && other.prot === vma.prot;
  const isWhole = space.vmas.covered(addr, addr + lengthBytes);
  if (!isWhole || !space.vmas.overlapping(addr, addr + lengthBytes).every(same)) return refuses(ERRNO.EINVAL);
  const locked = (vma.flags & VM.LOCKED) === 0 ? 0 : MAP.LOCKED;
  const flags = MAP.SHARED | MAP.FIXED | MAP.POPULATE | locked | (call.flags & MAP.NONBLOCK);
  const offsetBytes = call.pgoff * space.pageBytes;
  const plan = planMap(space, { addr, lengthBytes, prot: vma.prot, flags, file: vma.file, offsetBytes });
  return plan.errno === 0 ? { ...plan, result: 0 } : plan;
}
