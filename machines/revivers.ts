/** Contexts of machines made again of what checkpoints hold. */
import { AsidTable } from '../src/mm/asid.ts';
import { Buddy, type BuddyPlain } from '../src/mm/buddy.ts';
import { FolioTable } from '../src/mm/frames.ts';
import { IntMap } from '../src/mm/intMap.ts';
import { IntRecord } from '../src/mm/intRecord.ts';
import { PageCacheIndex } from '../src/mm/pageCache.ts';
import { Pageblocks, type PageblocksPlain } from '../src/mm/pageblock/pageblocks.ts';
import { PageTable } from '../src/mm/pageTable.ts';
import { PathSet } from '../src/mm/pathSet.ts';
import { PersistentList } from '../src/mm/persistentList.ts';
import { Tlb } from '../src/mm/tlb.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import { Mappers } from './fileMappers.ts';
import { plainOf } from './plainForm.ts';
import { Inodes, type ShmemInode } from './shmemInodes.ts';
import { CpuSlots, RunQueue } from './runQueue.ts';
import type { SchedContext } from './sched.ts';
import type { ResourceHolder } from './support.ts';
import { LruLists } from '../src/mm/reclaim/lruLists.ts';
import { SwapMap } from '../src/mm/swap/swapMap.ts';
import type { Kind } from './messages.ts';

type ActorKind = Exclude<Kind, 'outside'>;

/** The fields that a checkpoint holds packed. */
const packed: Partial<Record<ActorKind, Revivers>> = {
  mmu: { linux: PageTable.fromPlain, native: PageTable.fromPlain },
  tlb: { tlb: Tlb.fromPlain },
};

/**
 * A context that a checkpoint holds, or those fields of one that it holds, as `plainContext` gives it.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096);
 * unpackedContext('mmu', { linux: linux.toPacked() }); // { linux: linux.toPlain() }
 * ```
 */
export function unpackedContext(kind: ActorKind, context: Plain): Plain {
  const plain = { ...context };
  for (const [field, revive] of Object.entries(packed[kind] ?? {})) {
    if (plain[field] !== undefined && plain[field] !== null) plain[field] = plainOf(revive(plain[field] as never));
  }
  return plain;
}

type Plain = Record<string, unknown>;
type Revivers = Record<string, (plain: never) => unknown>;

const nullable =
  <P, V>(revive: (plain: P) => V) =>
  (plain: P | null): V | null =>
    plain === null ? null : revive(plain);

/** Effects of a call under way that hold areas: those to commit, and those to go back to. */
function reviveEffect(effect: Plain): Plain {
  const areas = ['vmas', 'undo'].filter((field) => field in effect);
  return { ...effect, ...Object.fromEntries(areas.map((field) => [field, VmaSet.fromPlain(effect[field] as never)])) };
}

function reviveJob(job: Plain | null): unknown {
  if (job === null || job['kind'] !== 'call') return job;
  return { ...job, effects: (job['effects'] as Plain[]).map(reviveEffect) };
}

const ofInode: Revivers = {
  cache: PageCacheIndex.fromPlain,
  gone: IntMap.fromPlain,
  mappers: Mappers.fromPlain,
  readahead: IntRecord.fromPlain,
  queue: PersistentList.fromPlain,
};

function revivedBy(plain: Plain, by: Revivers): Plain {
  const revived = { ...plain };
  for (const [field, revive] of Object.entries(by)) {
    // What is not in use is not there.
    if (field in plain) revived[field] = revive(plain[field] as never);
  }
  return revived;
}

const reviveInodes = (inodes: Record<string, Plain>): Inodes =>
  Inodes.fromList(Object.values(inodes).map((inode) => revivedBy(inode, ofInode) as unknown as ShmemInode));

/** What the plain form of a scheduler holds in the place of its structures. */
type PlainSched = {
  [Field in keyof SchedContext]: SchedContext[Field] extends { toPlain(): infer P } ? P : SchedContext[Field];
};

/** Free lists, by migrate type where the zone has them so. */
const reviveBuddy = (plain: BuddyPlain | PageblocksPlain): Buddy | Pageblocks =>
  'pageblockOrder' in plain ? Pageblocks.fromPlain(plain) : Buddy.fromPlain(plain);

const reviveShared = (shared: Plain): Plain => ({
  ...shared,
  identifiers: IntRecord.fromPlain(shared['identifiers'] as never),
  memfds: IntRecord.fromPlain(shared['memfds'] as never),
});

const reviveZoneReclaim = (reclaim: Plain): Plain => ({
  ...reclaim,
  added: PersistentList.fromPlain(reclaim['added'] as never),
});

const revivers: Partial<Record<ActorKind, Revivers>> = {
  abi: {
    files: (paths: string[]) => new PathSet(paths),
    pageBytes: IntRecord.fromPlain,
    calls: IntRecord.fromPlain,
    shared: reviveShared,
    threads: IntRecord.fromPlain,
  },
  mm: { vmas: VmaSet.fromPlain, job: reviveJob },
  mmu: { linux: PageTable.fromPlain, native: nullable(PageTable.fromPlain) as never },
  tlb: { tlb: Tlb.fromPlain },
  file: ofInode,
  shmem: { inodes: reviveInodes, byIno: IntRecord.fromPlain },
  zone: {
    buddy: reviveBuddy,
    folios: FolioTable.fromPlain,
    deferredSplits: PersistentList.fromPlain,
    reclaim: reviveZoneReclaim,
  },
  disk: { queue: PersistentList.fromPlain },
  pipe: { filled: PersistentList.fromPlain },
  procfs: { reads: IntRecord.fromPlain },
  kswapd: { lru: LruLists.fromPlain },
  swap: { map: SwapMap.fromPlain, cache: IntMap.fromPlain, frames: IntMap.fromPlain },
};

/** The scheduler's fields say of each other what they are: who is pinned, which generation it is. */
function reviveSched(plain: Plain): Plain {
  const { queue, affinity, asids, generation, cpus, asidCpus } = plain as never as PlainSched;
  return {
    ...plain,
    cpus: CpuSlots.fromPlain(cpus),
    queue: RunQueue.fromPlain(queue, affinity),
    asids: AsidTable.fromPlain(asids, generation),
    asidCpus: PersistentList.fromPlain(asidCpus),
  };
}

/**
 * The context that `plainContext` or `packedContext` described, with the resources of the topology put back.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * reviveContext('disk', { queue: [], reads: 3 }, resources)['reads']; // 3
 * ```
 */
export function reviveContext(kind: ActorKind, plain: Plain, resources: ResourceHolder): Plain {
  const context = kind === 'sched' ? reviveSched(plain) : revivedBy(plain, revivers[kind] ?? {});
  return { ...context, resources };
}
