/** Who sends each message to whom, and what it says: the table that topologies are checked against. */
import { affinityVocabulary } from './affinity/vocabulary.ts';
import { compactionVocabulary } from './compaction/vocabulary.ts';
import { coreVocabulary } from './coreVocabulary.ts';
import { gupVocabulary } from './gup/vocabulary.ts';
import { liveFallbackVocabulary } from './liveFallback/vocabulary.ts';
import { hugetlbVocabulary } from './hugetlb/vocabulary.ts';
import { khugepagedVocabulary } from './khugepaged/vocabulary.ts';
import type { MessageType, VocabularyRow } from './messages.ts';
import { poisonVocabulary } from './hwpoison/vocabulary.ts';
import { ksmVocabulary } from './ksm/vocabulary.ts';
import { notifierVocabulary } from './notifiers/vocabulary.ts';
import { userfaultVocabulary } from './userfaultfd/vocabulary.ts';
import { objectVocabulary } from './objects/vocabulary.ts';
import { pipeVocabulary } from './pipe/vocabulary.ts';
import { procfsVocabulary } from './procfs/vocabulary.ts';
import { reclaimVocabulary } from './reclaim/vocabulary.ts';
import { swapVocabulary } from './swap/vocabulary.ts';
import { twoTablesVocabulary } from './twoTables/vocabulary.ts';
import { walkerVocabulary } from './walkers/vocabulary.ts';

/**
 * The vocabulary: one row for every message type.
 *
 * @example
 * ```ts
 * vocabulary.WALK.to; // ['mmu']
 * ```
 */
export const vocabulary: Readonly<Record<MessageType, VocabularyRow>> = {
  ...coreVocabulary,
  ...objectVocabulary,
  ...walkerVocabulary,
  ...gupVocabulary,
  ...liveFallbackVocabulary,
  ...userfaultVocabulary,
  ...ksmVocabulary,
  ...poisonVocabulary,
  ...compactionVocabulary,
  ...khugepagedVocabulary,
  ...hugetlbVocabulary,
  ...pipeVocabulary,
  ...procfsVocabulary,
  ...reclaimVocabulary,
  ...swapVocabulary,
  ...notifierVocabulary,
  ...affinityVocabulary,
  ...twoTablesVocabulary,
};
