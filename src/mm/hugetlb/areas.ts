/**
 * Areas of huge pages among others: where they may be split, what has to be told before they change, and which parts of their files are
 * covered no more.
 *
 * @models S-28
 */
import type { Effect } from '../calls/plan.ts';
import { VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { hugeBytesOf } from './names.ts';

/**
 * Whether the areas may be split at an address (`hugetlb_vm_op_split`): not within a huge page.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGETLB, file: 'hugetlb:2048kB:1', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).insert(vma);
 * [maySplit(vmas, 2 ** 21), maySplit(vmas, 4096), maySplit(vmas, 2 ** 22)]; // [true, false, true]
 * ```
 */
export function maySplit(vmas: VmaSet, va: number): boolean {
  const vma = vmas.find(va);
  if (vma === null || vma.startVa === va) return true;
  const hugeBytes = hugeBytesOf(vma);
  return hugeBytes === null || va % hugeBytes === 0;
}

/**
 * What comes before a change of areas: the tables of shared huge pages among them are shared no more.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGETLB | VM.SHARED, file: 'hugetlb:2048kB:1', offsetBytes: 0 };
 * unsharing([vma, vma]); // [{ do: 'hugeUnshare', file: 'hugetlb:2048kB:1' }]
 * unsharing([{ ...vma, flags: 0 }]); // []
 * ```
 */
export function unsharing(areas: readonly Vma[]): Effect[] {
  const files = new Set<string>();
  for (const { flags, file } of areas) {
    if ((flags & VM.HUGETLB) !== 0 && (flags & VM.SHARED) !== 0 && file !== null) files.add(file);
  }
  return [...files].map((file): Effect => ({ do: 'hugeUnshare', file }));
}

/** A part of a file, in huge pages. */
export interface HugeRange {
  file: string;
  firstIndex: number;
  endIndex: number;
}

/** What the private huge areas cover of their files. */
function covered(vmas: VmaSet): HugeRange[] {
  return vmas.list().flatMap((vma): HugeRange[] => {
    const hugeBytes = hugeBytesOf(vma);
    if (hugeBytes === null || vma.file === null || (vma.flags & VM.SHARED) !== 0) return [];
    const firstIndex = vma.offsetBytes / hugeBytes;
    return [{ file: vma.file, firstIndex, endIndex: firstIndex + (vma.endVa - vma.startVa) / hugeBytes }];
  });
}

/**
 * The parts of files that private areas covered before and cover no more, where the file is still mapped.
 *
 * @example
 * ```ts
 * const vma = { startVa: 0, endVa: 2 ** 22, prot: 3, flags: VM.HUGETLB, file: 'hugetlb:2048kB:1', offsetBytes: 0 };
 * const before = VmaSet.empty(4096).insert(vma);
 * lostRanges(before, before.remove(0, 2 ** 21).set); // [{ file: 'hugetlb:2048kB:1', firstIndex: 0, endIndex: 1 }]
 * ```
 */
export function lostRanges(before: VmaSet, after: VmaSet): HugeRange[] {
  const now = covered(after);
  return covered(before).flatMap((range) => {
    let left = [range];
    for (const { file, firstIndex, endIndex } of now) {
      if (file !== range.file) continue;
      left = left.flatMap((part) => [
        { ...part, endIndex: Math.min(part.endIndex, firstIndex) },
        { ...part, firstIndex: Math.max(part.firstIndex, endIndex) },
      ]);
      left = left.filter((part) => part.firstIndex < part.endIndex);
    }
    return now.some(({ file }) => file === range.file) ? left : [];
  });
}
