/** Mutants of the contpte layer. */
import type { Edit, Mutant } from '../mutant.ts';

const CONTPTE = 'src/mm/contpte.ts';

function mutant(name: string, removes: string, standsFor: string, ...edits: Edit[]): Mutant {
  return { name: `tables/${name}`, group: 'tables', removes, standsFor, edits };
}

const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** The contpte layer over Linux tables that hardware walks. */
const contiguous: readonly Mutant[] = [
  mutant(
    'unfold-before-change',
    'no block is unfolded before a single entry of it changes',
    'arch/arm64/mm/contpte.c:__contpte_try_unfold',
    edit(CONTPTE, '    this.convert(va, false);\n    this.unfolds++;', '    this.unfolds++;'),
  ),
  mutant(
    'unfold-partial',
    'blocks that a range cuts are not unfolded at its edges',
    'arch/arm64/mm/contpte.c:contpte_try_unfold_partial',
    edit(
      CONTPTE,
      'if (startVa % this.groupBytes !== 0 || endVa - startVa < this.groupBytes) this.unfold(startVa);\n' +
        '    if (endVa % this.groupBytes !== 0) this.unfold(endVa - this.pageBytes);',
      'if (endVa < startVa) this.unfold(startVa);',
    ),
  ),
  mutant(
    'fold-check',
    'a group is folded whatever its entries are',
    'arch/arm64/mm/contpte.c:__contpte_try_fold',
    edit(
      CONTPTE,
      '      if (!follows || comparable(pte) !== wanted) return false;',
      '      if (!follows && comparable(pte) !== wanted) return false;',
    ),
  ),
  mutant(
    'fold-alignment',
    'a group of frames that is not aligned is folded',
    'arch/arm64/mm/contpte.c:__contpte_try_fold',
    edit(CONTPTE, '    if (pfnOf(first) % pages !== 0) return false;\n', ''),
  ),
  mutant(
    'block-accessed-dirty',
    'an entry of a block is read without what hardware noted in the others',
    'arch/arm64/mm/contpte.c:contpte_ptep_get',
    edit(
      CONTPTE,
      '      if (isDirty(each)) pte = makeDirty(pte);\n      if (isYoung(each)) pte = makeYoung(pte);\n',
      '      if (each < 0) pte = makeDirty(pte);\n      if (each < 0) pte = makeYoung(pte);\n',
    ),
  ),
  mutant(
    'convert-accessed-dirty',
    'a conversion loses what hardware noted in the other entries of the block',
    'arch/arm64/mm/contpte.c:contpte_convert',
    edit(
      CONTPTE,
      '      dirty ||= isDirty(each);\n      young ||= isYoung(each);\n    });\n    this.linux.changeRange(startVa, endVa, (each, at) => {',
      '      dirty ||= isDirty(each) && each < 0;\n      young ||= isYoung(each) &&' +
        ' each < 0;\n    });\n    this.linux.changeRange(startVa, endVa, (each, at) => {',
    ),
  ),
  mutant(
    'young-of-whole-block',
    'clearing young and dirty stays within the range that was asked for',
    'arch/arm64/mm/contpte.c:contpte_clear_young_dirty_ptes',
    edit(
      CONTPTE,
      'startVa: hasFlags(this.linux.get(startVa), PTE.CONT) ? this.startOf(startVa) : startVa,\n     ' +
        ' endVa: hasFlags(this.linux.get(last), PTE.CONT) ? this.startOf(last) + this.groupBytes : endVa,',
      'startVa: last < 0 ? this.startOf(startVa) : startVa,\n      endVa,',
    ),
  ),
];

/** All of them. */
export const contpteMutants: readonly Mutant[] = [...contiguous];
