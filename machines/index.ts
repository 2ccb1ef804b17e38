/** The modelled world: the machine of every kind of actor, what each takes, and its state as plain data. */
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
import { abiMachine } from './abi.ts';
import { kcompactdMachine } from './compaction/kcompactd.ts';
import { pageAllocMachine } from './compaction/pageAlloc.ts';
import { diskMachine } from './disk.ts';
import { gupMachine } from './gup/gup.ts';
import { fileMachine } from './file.ts';
import { Mappers } from './fileMappers.ts';
import { packedOf, plainOf } from './plainForm.ts';
import { shmemMachine } from './shmem.ts';
import { Inodes, type ShmemInode } from './shmemInodes.ts';
import type { Kind, MessageType } from './messages.ts';
import { hwpoisonMachine } from './hwpoison/hwpoison.ts';
import { ksmdMachine } from './ksm/ksmd.ts';
import { hugetlbMachine } from './hugetlb/hugetlb.ts';
import { khugepagedMachine } from './khugepaged/khugepaged.ts';
import { mmMachine } from './mm.ts';
import { mmuMachine } from './mmu.ts';
import { pipeMachine } from './pipe/pipe.ts';
import { processMachine } from './process.ts';
import { procfsMachine } from './procfs/procfs.ts';
import { CpuSlots, RunQueue } from './runQueue.ts';
import { type SchedContext, schedMachine } from './sched.ts';
import type { ResourceHolder } from './support.ts';
import { tlbMachine } from './tlb.ts';
import { uffdMachine } from './userfaultfd/uffd.ts';
import { driverMachine } from './driver/driver.ts';
import { objectMachine } from './objects/object.ts';
import { vocabulary } from './vocabulary.ts';
import { zoneMachine } from './zone.ts';
import { kswapdMachine } from './reclaim/kswapd.ts';
import { swapMachine } from './swap/swap.ts';
import { LruLists } from '../src/mm/reclaim/lruLists.ts';
import { SwapMap } from '../src/mm/swap/swapMap.ts';

export type { AbiContext, AbiInput } from './abi.ts';
export type { CompactionContext } from './compaction/compactState.ts';
export type { KcompactdInput } from './compaction/kcompactd.ts';
export type { PageAllocContext, PageAllocInput } from './compaction/pageAlloc.ts';
export type { PressureInput } from './compaction/zoneBoot.ts';
export type { DiskContext, DiskInput } from './disk.ts';
export type { GupContext, GupInput } from './gup/gup.ts';
export {
  builtInPolicies,
  type CachedFile,
  type FileMappers,
  type PageCacheRules,
  type SmallFolios,
} from './filePolicy.ts';
export type { BuiltInPolicy, FileContext, FileInput, FileKind, PageCachePolicy } from './fileState.ts';
export type { ShmemContext, ShmemInput } from './shmem.ts';
export type { Access, Kind, Message, MessageOf, MessageType, TlbCounts, VocabularyRow } from './messages.ts';
export type { HugetlbContext, HugetlbInput } from './hugetlb/state.ts';
export type { KhugepagedContext, KhugepagedInput } from './khugepaged/state.ts';
export type { DriverContext, DriverInput } from './driver/driver.ts';
export type { ObjectContext, ObjectInput } from './objects/object.ts';
export type { MmContext, MmInput } from './mm.ts';
export type { MmuContext, MmuInput } from './mmu.ts';
export type { ProcfsContext, ProcfsInput } from './procfs/procfs.ts';
export { addCounts, type ProcessContext, type ProcessInput, zeroCounts } from './processState.ts';
export type { KswapdContext, KswapdInput } from './reclaim/kswapd.ts';
export type { SchedContext, SchedInput } from './sched.ts';
export type { SwapContext, SwapInput } from './swap/swap.ts';
export { type Facilities, ResourceHolder, type Resources } from './support.ts';
export type { TlbContext, TlbInput } from './tlbState.ts';
export type { PoisonContext, PoisonInput } from './hwpoison/hwpoison.ts';
export type { KsmContext, KsmInput } from './ksm/ksmd.ts';
export type { UffdContext, UffdInput } from './userfaultfd/uffd.ts';
export {
  type DiskFigures,
  type FiguredKind,
  type FileFigures,
  hasFigures,
  type KindFigures,
  type ShownTranslation,
  type TlbFigures,
  type ZoneFigures,
} from './figures.ts';
export { vocabulary } from './vocabulary.ts';
export {
  accessAt,
  calculateMinFreeKbytes,
  copyPagesBy,
  flagsOf,
  initialFile,
  isDirty,
  isPresent,
  isValid,
  isWritable,
  MAY_FETCH,
  MAY_READ,
  MAY_WRITE,
  noCounts,
  obeyedOf,
  packPte,
  pfnOf,
  PTE,
  runStretchBy,
  takeMessage,
  type Translate,
  walkGeometry,
  watermarks,
} from './parts.ts';
export { type ZoneContext, type ZoneInput, zeroFrame } from './zone.ts';

/** A kind of actor that a topology can hold. */
export type ActorKind = Exclude<Kind, 'outside'>;

/**
 * The statechart of every kind.
 *
 * @example
 * ```ts
 * machines.tlb.id; // 'tlb'
 * ```
 */
export const machines = {
  process: processMachine,
  abi: abiMachine,
  mm: mmMachine,
  mmu: mmuMachine,
  tlb: tlbMachine,
  file: fileMachine,
  shmem: shmemMachine,
  zone: zoneMachine,
  disk: diskMachine,
  sched: schedMachine,
  gup: gupMachine,
  uffd: uffdMachine,
  ksmd: ksmdMachine,
  hwpoison: hwpoisonMachine,
  khugepaged: khugepagedMachine,
  hugetlb: hugetlbMachine,
  object: objectMachine,
  driver: driverMachine,
  'page-alloc': pageAllocMachine,
  kcompactd: kcompactdMachine,
  pipe: pipeMachine,
  procfs: procfsMachine,
  kswapd: kswapdMachine,
  swap: swapMachine,
} as const satisfies Record<ActorKind, unknown>;

/**
 * The kind of an actor by its id: ids are `KIND` or `KIND:NAME`; null where there is no such kind.
 *
 * @example
 * ```ts
 * kindOf('file:/usr/bin/git'); // 'file'
 * kindOf('gpu:0'); // null
 * ```
 */
export function kindOf(id: string): ActorKind | null {
  const kind = id.split(':', 1)[0] as ActorKind;
  return kind in machines ? kind : null;
}

/**
 * The message types that a kind takes, sorted.
 *
 * @example
 * ```ts
 * acceptedBy('disk'); // ['IO_DONE', 'READ_BLOCKS', 'WRITE_BLOCKS']
 * ```
 */
export function acceptedBy(kind: ActorKind): MessageType[] {
  const types = Object.keys(vocabulary) as MessageType[];
  return types.filter((type) => vocabulary[type].to.includes(kind)).sort();
}

/**
 * The message types that a kind may send, sorted.
 *
 * @example
 * ```ts
 * sentBy('disk'); // ['IO_DONE']
 * ```
 */
export function sentBy(kind: ActorKind): MessageType[] {
  const types = Object.keys(vocabulary) as MessageType[];
  return types.filter((type) => vocabulary[type].from.includes(kind)).sort();
}

/**
 * A machine's context as plain data, for checkpoints, diffs and display.
 *
 * @example
 * ```ts
 * plainContext({ n: 1, list: [2] }); // { n: 1, list: [2] }
 * ```
 */
export function plainContext(context: unknown): Record<string, unknown> {
  return plainOf(context) as Record<string, unknown>;
}

/**
 * A machine's context, or some fields of one, as checkpoints hold it.
 *
 * @example
 * ```ts
 * packedContext({ n: 1, list: [2] }); // { n: 1, list: [2] }
 * ```
 */
export function packedContext(context: unknown): Record<string, unknown> {
  return packedOf(context) as Record<string, unknown>;
}

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
