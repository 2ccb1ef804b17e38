/**
 * mmap of huge pages, and what the other calls refuse about areas of them: everything is in whole huge pages.
 * Sources: mm/mmap.c:ksys_mmap_pgoff, fs/hugetlbfs/inode.c:hugetlbfs_file_mmap, generic_hugetlb_get_unmapped_area,
 * mm/hugetlb.c:hugetlb_vm_op_split.
 *
 * @models S-28 S-25
 */
import { HUGE_SHIFT } from '../abi/numbers.ts';
import { ERRNO, MAP } from '../abiRules.ts';
import type { MapCall } from '../calls/map.ts';
import { placeFor } from '../calls/place.ts';
import { type Effect, type Plan, refuses, type Space, succeeds } from '../calls/plan.ts';
import { populating } from '../calls/populating.ts';
import { unmapping } from '../calls/unmap.ts';
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { hugeBytesOfFile } from './names.ts';

/**
 * The size of the huge pages that an mmap asks for: that of the file, or the one in its flags; null where it asks for none.
 *
 * @example
 * ```ts
 * const space = { ...emptySpace(4096), hugetlb: { defaultBytes: 2 ** 21, nextFile: () => 'hugetlb:2048kB:1.0' } };
 * const call = { addr: 0, lengthBytes: 1, prot: 3, flags: 0x40022, file: null, offsetBytes: 0 };
 * hugeBytesAsked(space, call); // 2097152
 * hugeBytesAsked(space, { ...call, flags: 0x40022 | (16 << 26) }); // 65536
 * hugeBytesAsked(space, { ...call, flags: 0x22 }); // null
 * ```
 */
export function hugeBytesAsked({ hugetlb }: Space, { flags, file }: MapCall): number | null {
  if (hugetlb === undefined) return null;
  if (file !== null) return hugeBytesOfFile(file);
  if ((flags & MAP.HUGETLB) === 0) return null;
  const log = (flags >>> HUGE_SHIFT) & 0x3f;
  return log === 0 ? hugetlb.defaultBytes : 2 ** log;
}

/** Where it goes, aligned to the huge page, or the errno. */
function placed(
  space: Space,
  call: MapCall,
  lengthBytes: number,
  hugeBytes: number,
): { va: number } | { errno: number } {
  const noReplace = (call.flags & MAP.FIXED_NOREPLACE) !== 0;
  if (noReplace || (call.flags & MAP.FIXED) !== 0) {
    if (call.addr % hugeBytes !== 0) return { errno: ERRNO.EINVAL };
    const taken = noReplace && space.vmas.overlapping(call.addr, call.addr + lengthBytes).length > 0;
    return taken ? { errno: ERRNO.EEXIST } : { va: call.addr };
  }
  const hint = Math.ceil(call.addr / hugeBytes) * hugeBytes;
  const va = placeFor(space, { hint, lengthBytes, anonymous: false });
  if (va === null) return { errno: ERRNO.ENOMEM };
  if (va % hugeBytes === 0) return { va };
  // A gap with room to align in (`vm_unmapped_area` with an align_mask).
  const wide = placeFor(space, { hint: 0, lengthBytes: lengthBytes + hugeBytes, anonymous: false });
  return wide === null ? { errno: ERRNO.ENOMEM } : { va: Math.ceil(wide / hugeBytes) * hugeBytes };
}

/**
 * Plans mmap of huge pages. The pages are promised before the area is there: an mmap that cannot be served fails at once.
 *
 * @example
 * ```ts
 * const space = { ...emptySpace(4096), hugetlb: { defaultBytes: 2 ** 21, nextFile: () => 'hugetlb:2048kB:1.0' } };
 * const call = { addr: 2 ** 30, lengthBytes: 1, prot: 3, flags: 0x40032, file: null, offsetBytes: 0 };
 * const plan = planHugeMap(space, call, 2 ** 21);
 * plan.effects.map((effect) => effect.do); // ['create', 'hugeReserve', 'vmas']
 * planHugeMap(space, { ...call, addr: 4096 }, 2 ** 21).errno; // 22
 * ```
 */
export function planHugeMap(space: Space, call: MapCall, hugeBytes: number): Plan {
  const { flags, offsetBytes } = call;
  const lengthBytes = Math.ceil(call.lengthBytes / hugeBytes) * hugeBytes;
  if (call.file !== null && offsetBytes % hugeBytes !== 0) return refuses(ERRNO.EINVAL);
  const place = placed(space, call, lengthBytes, hugeBytes);
  if ('errno' in place) return refuses(place.errno);
  const { va } = place;
  const { vmas, effects, errno } = unmapping(space.vmas, space.limits, va, va + lengthBytes);
  if (errno !== 0) return refuses(errno);
  const type = flags & MAP.TYPE;
  const shared = type === MAP.SHARED || type === MAP.SHARED_VALIDATE;
  const file = call.file ?? space.hugetlb?.nextFile(hugeBytes) ?? '';
  const promises = (flags & MAP.NORESERVE) === 0;
  const bits = VM.HUGETLB | VM.DONTEXPAND | (shared ? VM.SHARED : 0) | (promises ? 0 : VM.NORESERVE);
  const prot = call.prot & (PROT.READ | PROT.WRITE | PROT.EXEC);
  const offset = call.file === null ? 0 : offsetBytes;
  const vma: Vma = { startVa: va, endVa: va + lengthBytes, prot, flags: bits, file, offsetBytes: offset };
  const firstIndex = offset / hugeBytes;
  const reserve: Effect = {
    do: 'hugeReserve',
    file,
    sizeBytes: call.file === null ? lengthBytes : 0,
    firstIndex,
    endIndex: firstIndex + lengthBytes / hugeBytes,
    shared,
    promises,
    grows: call.file !== null && (prot & PROT.WRITE) !== 0,
  };
  const created: Effect[] = call.file === null ? [{ do: 'create', file, sizeBytes: lengthBytes }] : [];
  const mapped = vmas.insert(vma);
  const populates = (flags & (MAP.POPULATE | MAP.NONBLOCK)) === MAP.POPULATE || (flags & MAP.LOCKED) !== 0;
  const populate = populates ? populating(mapped, va, va + lengthBytes, 'ignore').effects : [];
  // What was there is gone, whatever becomes of the promise.
  const gone: Effect[] = effects.length === 0 ? [] : [...effects, { do: 'vmas', vmas }];
  return succeeds([...gone, ...created, reserve, { do: 'vmas', vmas: mapped }, ...populate], va);
}
