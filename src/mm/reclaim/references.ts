/**
 * What becomes of a folio that reclaim looks at, by what was seen of its use (`mm/vmscan.c:folio_check_references`,
 * `shrink_active_list`). A group of Linux entries behind one native entry is young as a whole: hardware sets the access flag in
 * the native entry alone, and harvesting folds it over the group, so a mapping counts once, whatever its page size.
 *
 * @models S-10 D-01
 */

/** What was seen of a folio. */
export interface FolioUse {
  /** Mappings (areas) through which it was used since the last look: `folio_referenced` counts one for each area. */
  referencedMappings: number;
  /** `PG_referenced` was set. */
  wasReferenced: boolean;
  /** An area that maps it is locked (VM_LOCKED), or executable (VM_EXEC) and used. */
  locked: boolean;
  executable: boolean;
  /** It is on the lists of files. */
  isFile: boolean;
}

/** Back to the active list, to the head of the inactive one, or reclaimed: whatever it is, or only where it is clean. */
export type Verdict = 'activate' | 'keep' | 'reclaim' | 'reclaim-clean';

/** A rule: the first whose condition holds decides. */
export interface ReferenceRule {
  when: string;
  holds: (use: FolioUse) => boolean;
  verdict: Verdict;
  /** `PG_referenced` afterwards. */
  referenced: boolean;
}

/** The rules of `folio_check_references`, in its order. */
export const referenceRules: readonly ReferenceRule[] = [
  { when: 'an area that maps it is locked', holds: (use) => use.locked, verdict: 'activate', referenced: true },
  {
    when: 'used, and it was seen used before',
    holds: (use) => use.referencedMappings > 0 && use.wasReferenced,
    verdict: 'activate',
    referenced: true,
  },
  {
    when: 'used through several mappings',
    holds: (use) => use.referencedMappings > 1,
    verdict: 'activate',
    referenced: true,
  },
  {
    when: 'used by execution, a page of a file',
    holds: (use) => use.referencedMappings > 0 && use.executable && use.isFile,
    verdict: 'activate',
    referenced: true,
  },
  { when: 'used once', holds: (use) => use.referencedMappings > 0, verdict: 'keep', referenced: true },
  {
    when: 'not used now, but before, a page of a file',
    holds: (use) => use.wasReferenced && use.isFile,
    verdict: 'reclaim-clean',
    referenced: false,
  },
  { when: 'not used', holds: () => true, verdict: 'reclaim', referenced: false },
];

/**
 * The verdict on a folio of an inactive list.
 *
 * @example
 * ```ts
 * const unused = { referencedMappings: 0, wasReferenced: false, locked: false, executable: false, isFile: false };
 * checkReferences(unused).verdict; // 'reclaim'
 * checkReferences({ ...unused, referencedMappings: 1 }).verdict; // 'keep'
 * checkReferences({ ...unused, referencedMappings: 1, wasReferenced: true }).verdict; // 'activate'
 * ```
 */
export function checkReferences(use: FolioUse): { verdict: Verdict; referenced: boolean } {
  const rule = referenceRules.find(({ holds }) => holds(use));
  return rule === undefined ? { verdict: 'keep', referenced: false } : rule;
}

/**
 * Whether a folio of an active list stays there: code that is executed does (`shrink_active_list`); all others go to the
 * inactive list, used or not, and have to be used again there.
 *
 * @example
 * ```ts
 * const code = { referencedMappings: 1, wasReferenced: false, locked: false, executable: true, isFile: true };
 * staysActive(code); // true
 * staysActive({ ...code, executable: false }); // false
 * ```
 */
export function staysActive(use: FolioUse): boolean {
  return use.locked || (use.referencedMappings > 0 && use.executable && use.isFile);
}
