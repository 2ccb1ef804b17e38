/**
 * What the kernel maps into a program by itself: the vDSO and its data (`arch/arm64/kernel/vdso.c`), the pages of
 * 32-bit programs, and the area where uprobes run the instruction they displaced (`kernel/events/uprobes.c`). All are
 * laid out in PAGE_SIZE when the kernel is linked, and placed at multiples of it.
 *
 * @models D-13 S-29 S-47
 */
import { ERRNO, TASK_SIZE } from '../abiRules.ts';
import { PROT } from '../pte.ts';
import { VM } from '../vma.ts';
import { type ObjectSizes, wholePages } from './mapping.ts';

/** Pages of vvar: the data, and that of a time namespace (`VVAR_NR_PAGES`). */
export const VVAR_PAGES = 2;
/** The vDSO's image of the kernels that were asked fits a page of 4K; it is linked to whole pages of the kernel. */
const VDSO_IMAGE_BYTES = 4096;

/** One area that the kernel makes, with the frames it shows. */
export interface SpecialMapping {
  name: '[vvar]' | '[vdso]' | '[sigpage]' | '[vectors]' | '[uprobes]';
  /** From the start of the group that is placed as one. */
  groupBytes: number;
  lengthBytes: number;
  prot: number;
  flags: number;
  /** Pages of the object, of which each is somewhere in the kernel's image or in one page of its own. */
  pages: number;
  /** Special entries by `vmf_insert_pfn`, one at a time; otherwise counted pages (`special_mapping_fault`). */
  special: boolean;
}

/**
 * The bytes of vvar.
 *
 * @example
 * ```ts
 * vvarBytes({ abiPageBytes: 65536, objectPageBytes: 65536 }); // 131072
 * vvarBytes({ abiPageBytes: 65536, objectPageBytes: 4096 }); // 8192
 * ```
 */
export function vvarBytes({ objectPageBytes }: ObjectSizes): number {
  return VVAR_PAGES * objectPageBytes;
}

/**
 * The bytes of the vDSO's code.
 *
 * @example
 * ```ts
 * vdsoBytes({ abiPageBytes: 16384, objectPageBytes: 16384 }); // 16384
 * ```
 */
export function vdsoBytes({ objectPageBytes }: ObjectSizes): number {
  return wholePages(VDSO_IMAGE_BYTES, objectPageBytes);
}

/**
 * vvar and vDSO as execve maps them (`__setup_additional_pages`): one behind the other, data first.
 *
 * @example
 * ```ts
 * vdsoMappings({ abiPageBytes: 4096, objectPageBytes: 4096 }).map((each) => each.groupBytes); // [0, 8192]
 * ```
 */
export function vdsoMappings(sizes: ObjectSizes): SpecialMapping[] {
  const dataBytes = vvarBytes(sizes);
  const codeBytes = vdsoBytes(sizes);
  const vvar: SpecialMapping = {
    name: '[vvar]',
    groupBytes: 0,
    lengthBytes: dataBytes,
    prot: PROT.READ,
    flags: VM.PFNMAP | VM.MAYREAD | VM.DONTEXPAND,
    pages: VVAR_PAGES,
    special: true,
  };
  const vdso: SpecialMapping = {
    name: '[vdso]',
    groupBytes: dataBytes,
    lengthBytes: codeBytes,
    prot: PROT.READ | PROT.EXEC,
    flags: VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | VM.DONTEXPAND,
    pages: codeBytes / sizes.objectPageBytes,
    special: false,
  };
  return [vvar, vdso];
}

/**
 * The pages of a 32-bit program: the vectors with the helpers that old binaries jump to, at a fixed address, and the
 * return from signals. CONFIG_COMPAT wants 4K pages, or EXPERT (`arch/arm64/Kconfig`); the model has them with 4K pages
 * alone.
 *
 * @example
 * ```ts
 * compatMappings(4096).length; // 2
 * compatMappings(65536).length; // 0
 * ```
 */
export function compatMappings(pageBytes: number): SpecialMapping[] {
  if (pageBytes !== 4096) return [];
  const shape = { groupBytes: 0, lengthBytes: pageBytes, prot: PROT.READ | PROT.EXEC, pages: 1, special: false };
  const may = VM.MAYREAD | VM.MAYEXEC | VM.DONTEXPAND;
  // VM_MAYWRITE of the signal page lets a debugger set breakpoints.
  return [
    { name: '[vectors]', ...shape, flags: may },
    { name: '[sigpage]', ...shape, flags: may | VM.MAYWRITE },
  ];
}

/** `AARCH32_VECTORS_BASE`: where 32-bit programs expect the vectors. */
export const AARCH32_VECTORS_VA = 0xffff0000;

/**
 * The area of uprobes (`xol_add_vma`): one page, as high as there is room, cut into slots of one instruction.
 *
 * @example
 * ```ts
 * uprobeMapping({ abiPageBytes: 4096, objectPageBytes: 4096 }).slots; // 1024
 * uprobeMapping({ abiPageBytes: 65536, objectPageBytes: 65536 }).hintVa; // 281474976645120
 * ```
 */
export function uprobeMapping({ objectPageBytes }: ObjectSizes): {
  mapping: SpecialMapping;
  slots: number;
  hintVa: number;
} {
  const mapping: SpecialMapping = {
    name: '[uprobes]',
    groupBytes: 0,
    lengthBytes: objectPageBytes,
    prot: PROT.EXEC,
    flags: VM.MAYEXEC | VM.DONTCOPY | VM.IO | VM.DONTEXPAND,
    pages: 1,
    special: false,
  };
  return { mapping, slots: objectPageBytes / 4, hintVa: TASK_SIZE - objectPageBytes };
}

/** What a 64K process meets in a page of its own that several areas of the kernel share. */
export interface SharedProcessPage {
  /** From the start of the group, at a multiple of the process page. */
  groupBytes: number;
  names: string[];
  /** The areas want different protections: no one entry can stand for the page. */
  protectionsDiffer: boolean;
}

/**
 * The process pages in which areas that the kernel placed in its own pages do not fill a page alone. Empty where the
 * object is made for the process: then every area begins and ends with a process page.
 *
 * @example
 * ```ts
 * const sizes = { abiPageBytes: 65536, objectPageBytes: 4096 };
 * sharedProcessPages(vdsoMappings(sizes), sizes);
 * // [{ groupBytes: 0, names: ['[vvar]', '[vdso]'], protectionsDiffer: true }]
 * ```
 */
export function sharedProcessPages(
  mappings: readonly SpecialMapping[],
  { abiPageBytes }: ObjectSizes,
): SharedProcessPage[] {
  const endBytes = mappings.reduce((end, each) => Math.max(end, each.groupBytes + each.lengthBytes), 0);
  const found: SharedProcessPage[] = [];
  for (let groupBytes = 0; groupBytes < endBytes; groupBytes += abiPageBytes) {
    const inside = mappings.filter(
      (each) => each.groupBytes < groupBytes + abiPageBytes && each.groupBytes + each.lengthBytes > groupBytes,
    );
    const [first] = inside;
    const fills =
      inside.length === 1 &&
      first !== undefined &&
      first.groupBytes <= groupBytes &&
      first.groupBytes + first.lengthBytes >= groupBytes + abiPageBytes;
    if (fills || first === undefined) continue;
    const protectionsDiffer = new Set(inside.map((each) => each.prot)).size > 1;
    found.push({ groupBytes, names: inside.map((each) => each.name), protectionsDiffer });
  }
  return found;
}

/**
 * mremap of a part of a special mapping (`special_mapping_split`): such an area is not split, EINVAL.
 *
 * @example
 * ```ts
 * specialSplitErrno(4096, 8192); // 22
 * specialSplitErrno(8192, 8192); // 0
 * ```
 */
export function specialSplitErrno(lengthBytes: number, areaBytes: number): number {
  return lengthBytes === areaBytes ? 0 : ERRNO.EINVAL;
}
