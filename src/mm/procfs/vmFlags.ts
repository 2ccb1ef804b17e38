/** The flags of an area as smaps shows them. */
import { PROT } from '../pte.ts';
import { isArmed } from '../userfaultfd/areas.ts';
import { UFFD } from '../userfaultfd/numbers.ts';
import { VM, type Vma } from '../vma.ts';

const UFFD_MISSING = 0x200;
const UFFD_WP = 0x1000;

/**
 * Two letters for each flag, in the order of the bits [fs/proc/task_mmu.c:show_smap_vma_flags]. `prot` holds the lowest
 * three, `sealed` the highest.
 */
const MNEMONICS: readonly [flag: number, letters: string][] = [
  [VM.SHARED, 'sh'],
  [VM.MAYREAD, 'mr'],
  [VM.MAYWRITE, 'mw'],
  [VM.MAYEXEC, 'me'],
  [VM.MAYSHARE, 'ms'],
  [VM.GROWSDOWN, 'gd'],
  /** VM_UFFD_MISSING and VM_UFFD_WP are bits 9 and 12; an area keeps them with its descriptor. */
  [UFFD_MISSING, 'um'],
  [VM.PFNMAP, 'pf'],
  [UFFD_WP, 'uw'],
  [VM.LOCKED, 'lo'],
  [VM.IO, 'io'],
  [VM.SEQ_READ, 'sr'],
  [VM.RAND_READ, 'rr'],
  [VM.DONTCOPY, 'dc'],
  [VM.DONTEXPAND, 'de'],
  [VM.LOCKONFAULT, 'lf'],
  [VM.ACCOUNT, 'ac'],
  [VM.NORESERVE, 'nr'],
  [VM.HUGETLB, 'ht'],
  [VM.WIPEONFORK, 'wf'],
  [VM.DONTDUMP, 'dd'],
  [VM.MIXEDMAP, 'mm'],
  [VM.HUGEPAGE, 'hg'],
  [VM.NOHUGEPAGE, 'nh'],
  [VM.MERGEABLE, 'mg'],
];

/** What an area may become at most, where nothing forbids it: VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC. */
const MAY = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC;

/**
 * The VM_MAY bits, which the model keeps where they are less than everything: files are open for reading and writing, on file
 * systems that may hold programs (`mm/mmap.c:do_mmap`).
 */
function withMay(flags: number): number {
  const may = (flags & MAY) === 0 ? MAY : 0;
  return (flags | may | ((flags & VM.SHARED) === 0 ? 0 : VM.MAYSHARE)) >>> 0;
}

/**
 * The letters of an area's flags, each pair followed by a space.
 *
 * @example
 * ```ts
 * vmFlagsText({ prot: 3, flags: VM.ACCOUNT }); // 'rd wr mr mw me ac '
 * vmFlagsText({ prot: 1, flags: VM.MAYREAD | VM.PFNMAP }); // 'rd mr pf '
 * ```
 */
export function vmFlagsText(vma: Pick<Vma, 'prot' | 'flags' | 'sealed' | 'uffd'>): string {
  const missing = isArmed(vma, UFFD.REGISTER_MISSING) ? UFFD_MISSING : 0;
  const flags = withMay(vma.flags) | missing | (isArmed(vma, UFFD.REGISTER_WP) ? UFFD_WP : 0);
  const letters = [
    (vma.prot & PROT.READ) === 0 ? '' : 'rd',
    (vma.prot & PROT.WRITE) === 0 ? '' : 'wr',
    (vma.prot & PROT.EXEC) === 0 ? '' : 'ex',
    ...MNEMONICS.map(([flag, text]) => ((flags & flag) === 0 ? '' : text)),
    isArmed(vma, UFFD.REGISTER_MINOR) ? 'ui' : '',
    vma.sealed === true ? 'sl' : '',
  ];
  return letters.map((text) => (text === '' ? '' : `${text} `)).join('');
}
