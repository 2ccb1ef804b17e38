/** Who says what when a process is moved to other CPUs. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { AffinityMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * affinityVocabulary.MIGRATE.to; // ['process']
 * ```
 */
export const affinityVocabulary: Readonly<Record<AffinityMessage['type'], VocabularyRow>> = {
  SET_AFFINITY: row('outside', 'sched', 'sched_setaffinity: a process may run on these CPUs from here on.'),
  MIGRATE: row(
    'sched',
    'process',
    'migration_cpu_stop: leave this CPU on the way back to user mode, and wait for another.',
  ),
};
