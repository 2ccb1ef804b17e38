/** Which pages a call faults in beforehand, area by area (`mm/gup.c`). */
import { ERRNO } from '../abiRules.ts';
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { beforeHole, type Effect } from './plan.ts';

/** Effects that populate a range, and the errno of the area that ends them; 0 where all may be populated. */
export interface Populating {
  effects: Effect[];
  errno: number;
}

/**
 * `__mm_populate`: holes are passed over, as are special areas and those that are locked page by page as they are touched
 * (VM_LOCKONFAULT). Memory that nobody may touch is an error to mlock, and passed over otherwise.
 *
 * @example
 * ```ts
 * populating(VmaSet.empty(4096), 0, 4096, 'mlock'); // { effects: [], errno: 0 }
 * ```
 */
export function populating(vmas: VmaSet, startVa: number, endVa: number, errors: 'ignore' | 'mlock'): Populating {
  const effects: Effect[] = [];
  for (const vma of vmas.overlapping(startVa, endVa)) {
    if ((vma.flags & (VM.IO | VM.PFNMAP | VM.LOCKONFAULT)) !== 0) continue;
    if ((vma.prot & (PROT.READ | PROT.WRITE | PROT.EXEC)) === 0) {
      // -EFAULT, which mlock tells as ENOMEM (`__mlock_posix_error_return`).
      if (errors === 'mlock') return { effects, errno: ERRNO.ENOMEM };
      continue;
    }
    const start = Math.max(startVa, vma.startVa);
    const end = Math.min(endVa, vma.endVa);
    effects.push({ do: 'populate', startVa: start, endVa: end, access: 'lock', errors });
  }
  return { effects, errno: 0 };
}

/** `check_vma_flags` without FOLL_FORCE. */
function mayPopulate(vma: Vma, access: 'read' | 'write'): boolean {
  if ((vma.flags & (VM.IO | VM.PFNMAP)) !== 0) return false;
  return (vma.prot & (access === 'write' ? PROT.WRITE : PROT.READ)) !== 0;
}

/**
 * `madvise_populate`: everything up to the first hole (ENOMEM) or the first area that does not allow the access (EINVAL).
 *
 * @example
 * ```ts
 * populatingByAdvice(VmaSet.empty(4096), 0, 4096, 'read'); // { effects: [], errno: 12 }
 * ```
 */
export function populatingByAdvice(vmas: VmaSet, startVa: number, endVa: number, access: 'read' | 'write'): Populating {
  const effects: Effect[] = [];
  const { parts, complete } = beforeHole(vmas, startVa, endVa);
  for (const { vma, ...range } of parts) {
    if (!mayPopulate(vma, access)) return { effects, errno: ERRNO.EINVAL };
    effects.push({ do: 'populate', ...range, access, errors: 'madvise' });
  }
  return { effects, errno: complete ? 0 : ERRNO.ENOMEM };
}
