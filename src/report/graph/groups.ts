/** What kinds of actor have in common, for colours and legends. */
import type { Kind } from '../../../machines/messages.ts';

/** Where in the modelled world an actor belongs; `own` are those of definitions. */
export type ActorGroup = 'outside' | 'programs' | 'spaces' | 'memory' | 'files' | 'hardware' | 'own';

const groups: Readonly<Record<Kind, ActorGroup>> = {
  outside: 'outside',
  process: 'programs',
  abi: 'programs',
  sched: 'programs',
  uffd: 'programs',
  procfs: 'programs',
  mm: 'spaces',
  mmu: 'spaces',
  gup: 'spaces',
  zone: 'memory',
  'page-alloc': 'memory',
  kcompactd: 'memory',
  kswapd: 'memory',
  swap: 'memory',
  khugepaged: 'memory',
  hugetlb: 'memory',
  ksmd: 'memory',
  hwpoison: 'memory',
  file: 'files',
  shmem: 'files',
  object: 'files',
  driver: 'files',
  pipe: 'files',
  tlb: 'hardware',
  disk: 'hardware',
};

/** What a legend says of each group, in the order of legends. */
export const groupNames: Readonly<Record<ActorGroup, string>> = {
  outside: 'outside',
  programs: 'programs and calls',
  spaces: 'address spaces',
  memory: 'memory',
  files: 'files and objects',
  hardware: 'hardware',
  own: 'own definitions',
};

/**
 * The group of a kind.
 *
 * @example
 * ```ts
 * groupOf('tlb'); // 'hardware'
 * groupOf('smmu'); // 'own'
 * ```
 */
export function groupOf(kind: string): ActorGroup {
  return kind in groups ? groups[kind as Kind] : 'own';
}
