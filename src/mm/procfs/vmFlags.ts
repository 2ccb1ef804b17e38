/** The flags of an area as smaps shows them. */
import { PROT } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';

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
  /** VM_UFFD_MISSING, VM_UFFD_WP: bits 9 and 12. */
  [0x200, 'um'],
  [VM.PFNMAP, 'pf'],
  [0x1000, 'uw'],
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

/**
 * The letters of an area's flags, each pair followed by a space.
 *
 * @example
 * ```ts
 * const flags = VM.MAYREAD | VM.MAYWRITE | VM.MAYEXEC | VM.ACCOUNT;
 * vmFlagsText({ prot: 3, flags }); // 'rd wr mr mw me ac '
 * ```
 */
export function vmFlagsText(vma: Pick<Vma, 'prot' | 'flags' | 'sealed'>): string {
  const letters = [
    (vma.prot & PROT.READ) === 0 ? '' : 'rd',
    (vma.prot & PROT.WRITE) === 0 ? '' : 'wr',
    (vma.prot & PROT.EXEC) === 0 ? '' : 'ex',
    ...MNEMONICS.map(([flag, text]) => ((vma.flags & flag) === 0 ? '' : text)),
    vma.sealed === true ? 'sl' : '',
  ];
  return letters.map((text) => (text === '' ? '' : `${text} `)).join('');
}
