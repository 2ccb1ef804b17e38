/**
 * The whole vocabulary of the modelled world: every message type, its fields and units. What is always there is in
 * `coreMessages.ts`; each facility of the kernel that a topology may ask for brings its own, in its folder.
 *
 * Addresses and lengths are bytes; `pfn` and `nr` count kernel pages; `orderPages` is log2 of kernel pages; times are
 * cycles. `request` numbers are the sender's own and come back in the answer. All fields are plain data.
 */
import type { AffinityMessage } from './affinity/messages.ts';
import type { CompactionMessage } from './compaction/messages.ts';
import type { CoreMessage } from './coreMessages.ts';
import type { GupMessage } from './gup/messages.ts';
import type { LiveFallbackMessage } from './liveFallback/messages.ts';
import type { UserfaultMessage } from './userfaultfd/messages.ts';
import type { PoisonMessage } from './hwpoison/messages.ts';
import type { KsmMessage } from './ksm/messages.ts';
import type { HugetlbMessage } from './hugetlb/messages.ts';
import type { NotifierMessage } from './notifiers/messages.ts';
import type { KhugepagedMessage } from './khugepaged/messages.ts';
import type { ObjectMessage } from './objects/messages.ts';
import type { PipeMessage } from './pipe/messages.ts';
import type { ProcfsMessage } from './procfs/messages.ts';
import type { ReclaimMessage } from './reclaim/messages.ts';
import type { SwapMessage } from './swap/messages.ts';
import type { TwoTablesMessage } from './twoTables/messages.ts';
import type { WalkerMessage } from './walkers/messages.ts';

export type * from './affinity/messages.ts';
export type * from './compaction/messages.ts';
export type * from './coreMessages.ts';
export type * from './gup/messages.ts';
export type * from './liveFallback/messages.ts';
export type * from './hwpoison/messages.ts';
export type * from './ksm/messages.ts';
export type * from './tlbiRequest.ts';
export type * from './userfaultfd/messages.ts';
export type * from './mmCall.ts';
export type * from './hugetlb/messages.ts';
export type * from './khugepaged/messages.ts';
export type * from './notifiers/messages.ts';
export type * from './objects/messages.ts';
export type * from './pipe/messages.ts';
export type * from './procfs/messages.ts';
export type * from './reclaim/messages.ts';
export type * from './swap/messages.ts';
export type * from './twoTables/messages.ts';
export type * from './walkers/messages.ts';

/** The kinds of actor that this vocabulary joins. `outside` is whoever starts the run. */
export type Kind =
  | 'outside'
  | 'process'
  | 'abi'
  | 'mm'
  | 'mmu'
  | 'tlb'
  | 'file'
  | 'shmem'
  | 'zone'
  | 'disk'
  | 'sched'
  | 'gup'
  | 'uffd'
  | 'ksmd'
  | 'object'
  | 'driver'
  | 'hwpoison'
  | 'page-alloc'
  | 'kcompactd'
  | 'pipe'
  | 'kswapd'
  | 'swap'
  | 'khugepaged'
  | 'hugetlb'
  | 'procfs';

/** Every message, by type. */
export type Message =
  | CoreMessage
  | AffinityMessage
  | WalkerMessage
  | GupMessage
  | LiveFallbackMessage
  | ObjectMessage
  | CompactionMessage
  | PipeMessage
  | ReclaimMessage
  | SwapMessage
  | UserfaultMessage
  | KsmMessage
  | PoisonMessage
  | KhugepagedMessage
  | HugetlbMessage
  | ProcfsMessage
  | NotifierMessage
  | TwoTablesMessage;

/** A message type. */
export type MessageType = Message['type'];

/** The message with the given type. */
export type MessageOf<T extends MessageType> = Extract<Message, { type: T }>;

/** What the vocabulary says of one message type. */
export interface VocabularyRow {
  /** Raised when the fields change; old logs are brought up to date by pure upcasters. */
  version: number;
  from: readonly Kind[];
  to: readonly Kind[];
  says: string;
}
