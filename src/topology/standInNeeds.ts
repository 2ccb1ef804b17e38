/** What an actor has to take that stands in for a built-in kind: whatever those who are here may send to that kind. */
import { type MessageType, vocabulary } from '../../machines/index.ts';
import type { Topology } from './schema.ts';

/**
 * Messages between kinds that are always there, which they send only where a topology asks for a facility: the fields that ask for it.
 * Everything else that a kind may send, it is taken to send.
 */
const ONLY_WITH: Readonly<Partial<Record<MessageType, readonly (keyof Topology)[]>>> = {
  FOLIO_QUERY: ['gup', 'thp', 'reclaim', 'drivers', 'ksm', 'memoryFailure', 'procfs', 'zone', 'hugetlb'],
  FOLIOS: ['gup', 'thp', 'reclaim', 'drivers', 'ksm', 'memoryFailure', 'procfs', 'zone', 'hugetlb'],
  TRY_GET: ['ksm', 'memoryFailure'],
  GET_TRIED: ['ksm', 'memoryFailure'],
  TRY_GRAB: ['gup'],
  UNPIN: ['gup'],
  ALLOC_PINNABLE: ['gup'],
  WAIT_UNPINNED: ['gup'],
  UNPINNED: ['gup'],
  HUGE_ZERO: ['thp'],
  TTBR0_RESERVE: ['liveFallback'],
  TTBR0_INSTALL: ['liveFallback'],
  TCR_TG0: ['liveFallback'],
  PAGEWALK: ['ksm', 'memoryFailure', 'procfs', 'thp', 'zone', 'actors'],
  WALKED: ['ksm', 'memoryFailure', 'procfs', 'thp', 'zone', 'actors'],
  MM_QUERY: ['ksm', 'memoryFailure', 'procfs', 'thp', 'zone', 'reclaim', 'uaccess', 'actors'],
  MM_STATE: ['ksm', 'memoryFailure', 'procfs', 'thp', 'zone', 'reclaim', 'uaccess', 'actors'],
  REPLACE_PTES: ['ksm', 'memoryFailure', 'reclaim', 'zone', 'hugetlb', 'actors'],
  REPLACED: ['ksm', 'memoryFailure', 'reclaim', 'zone', 'hugetlb', 'actors'],
};

/**
 * The fields of a topology one of which has to be there for a message to be sent; null where it is part of any.
 *
 * @example
 * ```ts
 * sentOnlyWith('TRY_GRAB'); // ['gup']
 * sentOnlyWith('ALLOC'); // null
 * ```
 */
export function sentOnlyWith(type: MessageType): readonly (keyof Topology)[] | null {
  return ONLY_WITH[type] ?? null;
}

function isSentHere(topology: Topology, kind: string, type: MessageType, present: ReadonlySet<string>): boolean {
  const fields = sentOnlyWith(type);
  if (fields !== null && fields.every((field) => topology[field] === undefined)) return false;
  // What a kind sends to itself is the stand-in's own affair: it stands in for all of the kind.
  if (vocabulary[type].from.some((sender) => sender !== kind && present.has(sender))) return true;
  // Nobody but the topology itself speaks for the outside.
  if (!vocabulary[type].from.includes('outside')) return false;
  return topology.messages.some((message) => message.type === type && message.to.split(':', 1)[0] === kind);
}

/**
 * The types that a stand-in for a kind has to take, sorted; `present` are the kinds that the system has.
 *
 * @example
 * ```ts
 * neededOf(loadTopology('plain-4k'), 'disk', new Set(['file', 'disk'])); // ['READ_BLOCKS', 'WRITE_BLOCKS']
 * ```
 */
export function neededOf(topology: Topology, kind: string, present: ReadonlySet<string>): MessageType[] {
  const types = Object.keys(vocabulary) as MessageType[];
  const taken = types.filter((type) => (vocabulary[type].to as readonly string[]).includes(kind));
  return taken.filter((type) => isSentHere(topology, kind, type, present)).sort();
}
