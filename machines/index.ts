/** The modelled world: the machine of every kind of actor, what each takes, and its state as plain data. */
import { abiMachine } from './abi.ts';
import { kcompactdMachine } from './compaction/kcompactd.ts';
import { pageAllocMachine } from './compaction/pageAlloc.ts';
import { diskMachine } from './disk.ts';
import { gupMachine } from './gup/gup.ts';
import { fileMachine } from './file.ts';
import { packedOf, plainOf } from './plainForm.ts';
import { shmemMachine } from './shmem.ts';
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
import { schedMachine } from './sched.ts';
import { tlbMachine } from './tlb.ts';
import { uffdMachine } from './userfaultfd/uffd.ts';
import { driverMachine } from './driver/driver.ts';
import { objectMachine } from './objects/object.ts';
import { vocabulary } from './vocabulary.ts';
import { zoneMachine } from './zone.ts';
import { kswapdMachine } from './reclaim/kswapd.ts';
import { swapMachine } from './swap/swap.ts';

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
export { ROUNDS_MAX } from './conversion/fileFaults.ts';
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
export { reviveContext, unpackedContext } from './revivers.ts';
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
