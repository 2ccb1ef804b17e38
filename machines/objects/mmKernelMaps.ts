/**
 * The areas that execve adds to every program: vvar and vDSO (`arch/arm64/kernel/vdso.c:arch_setup_additional_pages`).
 * They are there where the topology asks for them.
 *
 * @models D-13 S-29 S-47
 */
import { placeFor } from '../../src/mm/calls/place.ts';
import type { Space } from '../../src/mm/calls/plan.ts';
import { VDSO_CODE_OFFSET } from '../../src/mm/objects/kernelObject.ts';
import { sizesOf, wholePages } from '../../src/mm/objects/mapping.ts';
import { vdsoMappings } from '../../src/mm/objects/specialMappings.ts';
import type { VmaSet } from '../../src/mm/vmaSet.ts';
import type { MmContext } from '../mmState.ts';

/**
 * The name of the file that the vDSO of a page size is: one for all processes, since it is part of the kernel's image.
 *
 * @example
 * ```ts
 * vdsoFile(65536); // 'object:vdso.65536'
 * ```
 */
export function vdsoFile(pageBytes: number): string {
  return `object:vdso.${pageBytes}`;
}

/**
 * The areas of a program with those that the kernel adds, as high as there is room. Made of pages of the kernel they
 * are shorter than a process page. The mm keeps whole ones, so each then has a hole behind it; that the code finds its
 * data at another distance than it was linked for is one more thing that goes wrong (`sharedProcessPages` has what a
 * kernel that did not care would do).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 };
 * const mm = initialMm({ ...input, kernelMaps: 'kernel-page' });
 * const lengths = withKernelMaps(mm, emptySpace(65536)).list().map(({ startVa, endVa }) => endVa - startVa);
 * lengths; // [65536, 65536]
 * ```
 */
export function withKernelMaps({ kernelMaps, kernelPageBytes }: MmContext, space: Space): VmaSet {
  if (kernelMaps === undefined) return space.vmas;
  const sizes = sizesOf(space.pageBytes, kernelPageBytes, kernelMaps);
  const mappings = vdsoMappings(sizes);
  const lengths = mappings.map(({ lengthBytes }) => wholePages(lengthBytes, space.pageBytes));
  const bytes = lengths.reduce((sum, lengthBytes) => sum + lengthBytes, 0);
  const base = placeFor(space, { hint: 0, lengthBytes: bytes, anonymous: false });
  if (base === null) return space.vmas;
  const file = vdsoFile(sizes.objectPageBytes);
  let { vmas } = space;
  let startVa = base;
  for (const [at, { name, prot, flags }] of mappings.entries()) {
    const endVa = startVa + (lengths[at] ?? 0);
    const offsetBytes = name === '[vdso]' ? VDSO_CODE_OFFSET : 0;
    vmas = vmas.insert({ startVa, endVa, prot, flags, file, offsetBytes, name, noSplit: true });
    startVa = endVa;
  }
  return vmas;
}
