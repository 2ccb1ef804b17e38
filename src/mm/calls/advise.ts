/** madvise (`mm/madvise.c:do_madvise`), and the naming of anonymous memory, which walks areas in the same way. */
import { ADVICE, KNOWN_ADVICE } from '../abi/numbers.ts';
import { ERRNO } from '../abiRules.ts';
import { maySplit, unsharing } from '../hugetlb/areas.ts';
import { hugeBytesOf } from '../hugetlb/names.ts';
import { PROT } from '../pte.ts';
import { wholePmds } from '../thp/collapse.ts';
import { pmdBytesOf } from '../thp/sizes.ts';
import { VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { adviseFlags, canAdvise } from './advice.ts';
import { isSealed } from './areas.ts';
import { committed, type Effect, ended, type Plan, refuses, type Space } from './plan.ts';
import { populatingByAdvice } from './populating.ts';
import { isShmem } from './shmem.ts';

/** What a visit to one area does: the areas after it and effects on its pages, or the errno that ends the walk. */
type Visit = { vmas?: VmaSet; effects?: Effect[]; errno?: number };
type Visitor = (vmas: VmaSet, vma: Vma, startVa: number, endVa: number) => Visit;

/** `madvise_walk_vmas`: holes are passed over and reported at the end; the first error ends the walk at once. */
function walk(space: Space, startVa: number, endVa: number, visit: Visitor): Plan {
  let { vmas } = space;
  let reach = startVa;
  let holes = false;
  const effects: Effect[] = [];
  const changed = (): Effect[] => [...committed(space, vmas), ...effects];
  for (const vma of vmas.overlapping(startVa, endVa)) {
    holes ||= vma.startVa > reach;
    const start = Math.max(vma.startVa, startVa);
    reach = Math.min(vma.endVa, endVa);
    const visited = visit(vmas, vma, start, reach);
    vmas = visited.vmas ?? vmas;
    effects.push(...(visited.effects ?? []));
    if (visited.errno !== undefined) return refuses(visited.errno, changed());
  }
  return ended(changed(), holes || reach < endVa ? ERRNO.ENOMEM : 0);
}

/** `is_ro_anon`: a sealed area that cannot be written must not be discarded either (`can_modify_vma_madv`). */
function isSealedAgainst(vma: Vma, advice: number): boolean {
  const discards: number[] = [
    ADVICE.FREE,
    ADVICE.DONTNEED,
    ADVICE.DONTNEED_LOCKED,
    ADVICE.REMOVE,
    ADVICE.DONTFORK,
    ADVICE.WIPEONFORK,
  ];
  return isSealed(vma) && discards.includes(advice) && vma.file === null && (vma.prot & PROT.WRITE) === 0;
}

/** `madvise_remove`: a hole in the file behind a shared mapping that may be written. */
function punch(vma: Vma, startVa: number, endVa: number): Visit {
  if ((vma.flags & VM.LOCKED) !== 0 || vma.file === null) return { errno: ERRNO.EINVAL };
  if ((vma.flags & VM.SHARED) === 0) return { errno: ERRNO.EACCES };
  const offsetBytes = vma.offsetBytes + startVa - vma.startVa;
  return { effects: [{ do: 'punch', file: vma.file, offsetBytes, lengthBytes: endVa - startVa }] };
}

/**
 * `madvise_collapse`: nothing to do for a range without a whole PMD; each one that it has is collapsed by itself. Of files only the
 * failure is modelled: no huge page can be had for one.
 */
function collapse(space: Space, vma: Vma, startVa: number, endVa: number): Visit {
  const hugeBytes = space.collapseBytes ?? pmdBytesOf(space.pageBytes);
  const forbidden = VM.NOHUGEPAGE | VM.IO | VM.PFNMAP | VM.MIXEDMAP | VM.HUGETLB;
  const fits = wholePmds(vma.startVa, vma.endVa, hugeBytes).length > 0;
  if ((vma.flags & forbidden) !== 0 || !fits) return { errno: ERRNO.EINVAL };
  if (Math.floor(endVa / hugeBytes) < Math.ceil(startVa / hugeBytes)) return { errno: ERRNO.EINVAL };
  const whole = wholePmds(startVa, endVa, hugeBytes);
  if (whole.length === 0) return {};
  if (vma.file !== null) return { errno: ERRNO.ENOMEM };
  const effects = whole.map((at): Effect => ({ do: 'collapse', startVa: at, hugeBytes, pfn: null, limits: null }));
  return { effects: [...effects, { do: 'collapsed' }] };
}

/** What an advice does to the pages of one area. */
function onPages(space: Space, vma: Vma, startVa: number, endVa: number, advice: number): Visit {
  if (advice === ADVICE.REMOVE) return punch(vma, startVa, endVa);
  if (advice === ADVICE.COLLAPSE) return collapse(space, vma, startVa, endVa);
  if (advice === ADVICE.WILLNEED) {
    // Anonymous memory is read from swap, where there is any (`swapin_walk_pmd_entry`); shmem never goes there.
    if (vma.file === null) return space.swap === true ? { effects: [{ do: 'swapAhead', startVa, endVa }] } : {};
    return { effects: [{ do: 'readAhead', file: vma.file, startVa, endVa }] };
  }
  if (!canAdvise(vma, advice)) return { errno: ERRNO.EINVAL };
  if (advice === ADVICE.FREE) return { effects: [{ do: 'lazyFree', startVa, endVa }] };
  if (advice === ADVICE.COLD) return { effects: [{ do: 'cold', startVa, endVa }] };
  if (advice === ADVICE.PAGEOUT) return { effects: [{ do: 'pageOut', startVa, endVa }] };
  return discard(vma, startVa, endVa);
}

/** MADV_DONTNEED: huge pages go as a whole; what is less than one at the end stays (`madvise_dontneed_free_valid_vma`). */
function discard(vma: Vma, startVa: number, endVa: number): Visit {
  const hugeBytes = hugeBytesOf(vma) ?? 1;
  if (startVa % hugeBytes !== 0) return { errno: ERRNO.EINVAL };
  const end = endVa - (endVa % hugeBytes);
  if (end <= startVa) return {};
  const clear: Effect = { do: 'clear', ranges: [{ startVa, endVa: end }], freeWithin: null };
  return { effects: [...unsharing([vma]), clear] };
}

/**
 * Plans madvise. MADV_HWPOISON and MADV_SOFT_OFFLINE are unknown to a kernel without CONFIG_MEMORY_FAILURE, which this is.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planAdvise(space, { addr: 0x10000, lengthBytes: 4096, advice: ADVICE.RANDOM }).errno; // 12
 * planAdvise(space, { addr: 0x10000, lengthBytes: 4096, advice: 77 }).errno; // 22
 * ```
 */
export function planAdvise(space: Space, call: { addr: number; lengthBytes: number; advice: number }): Plan {
  const { addr, advice } = call;
  const endVa = addr + call.lengthBytes;
  if (advice === ADVICE.POPULATE_READ || advice === ADVICE.POPULATE_WRITE) {
    const access = advice === ADVICE.POPULATE_WRITE ? 'write' : 'read';
    const { effects, errno } = populatingByAdvice(space.vmas, addr, endVa, access);
    return ended(effects, errno);
  }
  if (!KNOWN_ADVICE.has(advice)) return refuses(ERRNO.EINVAL);
  return walk(space, addr, endVa, (vmas, vma, startVa, end) => {
    if (isSealedAgainst(vma, advice)) return { errno: ERRNO.EPERM };
    const change = adviseFlags(vma, advice);
    if (change === null) return onPages(space, vma, startVa, end, advice);
    if ('errno' in change) return change;
    if (change.flags === vma.flags) return {};
    if (!maySplit(vmas, startVa) || !maySplit(vmas, end)) return { errno: ERRNO.EINVAL };
    return { vmas: vmas.modify(startVa, end, (part) => ({ ...part, flags: change.flags })).set };
  });
}

/**
 * Plans prctl(PR_SET_VMA_ANON_NAME) (`mm/madvise.c:madvise_set_anon_name`): only anonymous memory has names.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planName(space, { addr: 0x10000, lengthBytes: 4096, name: 'x' }).errno; // 12
 * ```
 */
export function planName(space: Space, call: { addr: number; lengthBytes: number; name: string | null }): Plan {
  const { addr, lengthBytes } = call;
  return walk(space, addr, addr + lengthBytes, (vmas, vma, startVa, endVa) => {
    if (vma.file !== null && !isShmem(vma.file)) return { errno: ERRNO.EBADF };
    const name = call.name === null ? undefined : `[${vma.file !== null ? 'anon_shmem' : 'anon'}:${call.name}]`;
    if (name === vma.name) return {};
    const renamed = ({ name: _old, ...rest }: Vma): Vma => (name === undefined ? rest : { ...rest, name });
    return { vmas: vmas.modify(startVa, endVa, renamed).set };
  });
}
