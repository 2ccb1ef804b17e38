/** Runs made-up programs through whole topologies, and holds what must hold at every event. */
import type {
  FileContext,
  MmContext,
  MmuContext,
  SchedContext,
  TlbContext,
  ZoneContext,
} from '../../../machines/index.ts';
import type { ProcessContext } from '../../../machines/processState.ts';
import { translateGroup } from '../../../src/mm/nativeTable.ts';
import { flagsOf, hasFlags, isPresent, isWritable, PTE, pfnOf } from '../../../src/mm/pte.ts';
import type { RunSource } from '../../../src/mm/runs.ts';
import { ASID_STRIDE } from '../../../src/mm/tlbKeys.ts';
import { MAY_WRITE } from '../../../src/mm/tlbArray.ts';
import type { System } from '../../../src/runtime/system.ts';
import { systemOf } from '../../../src/topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../../src/topology/schema.ts';

/** What each kind of actor keeps. */
interface ContextByKind {
  process: ProcessContext;
  mm: MmContext;
  mmu: MmuContext;
  tlb: TlbContext;
  file: FileContext;
  zone: ZoneContext;
  sched: SchedContext;
}

/** Contexts of all actors of a kind, by id. */
export function contextsOf<K extends keyof ContextByKind>(system: System, kind: K): Map<string, ContextByKind[K]> {
  const found = new Map<string, ContextByKind[K]>();
  for (const [id, snapshot] of system.snapshots()) {
    if (id === kind || id.startsWith(`${kind}:`)) found.set(id, snapshot.context);
  }
  return found;
}

/** The context of one actor. */
export function contextOf<K extends keyof ContextByKind>(system: System, id: K | `${K}:${string}`): ContextByKind[K] {
  return system.snapshot(id).context;
}

/** A topology with defaults that suit small programs. */
export function topologyOf(input: Partial<TopologyInput>): Topology {
  const limits = { events: 400_000 };
  return parseTopology({ name: 'made', memory: '32M', limits, processes: [], ...input }, 'made');
}

/** A system ready to run; programs by pid. */
export function worldOf(topology: Topology, programs: ReadonlyMap<number, RunSource>, freeze = false): System {
  return systemOf({ topology, traces: programs, freeze });
}

function fail(what: string, system: System): never {
  throw new Error(`after seq ${system.nextSeq - 1}: ${what}`);
}

/** Law 7: a frame is free or in one folio; nothing is lost. */
export function checkFrames(system: System): void {
  const zone = contextOf(system, 'zone');
  const { freeFrames } = zone.buddy;
  if (freeFrames + zone.folios.frames !== zone.totalPages) {
    fail(`${freeFrames} free and ${zone.folios.frames} used frames are not ${zone.totalPages}`, system);
  }
}

/** Nothing is under way that changes the tables of a process. */
function restsOf(system: System, pid: string): boolean {
  const mm = contextOf(system, `mm:${pid}`);
  const mmu = contextOf(system, `mmu:${pid}`);
  return mm.job === null && mm.rmap.length === 0 && mmu.current === null && mmu.queue.length === 0;
}

/** The native table holds what the Linux table says, for every group; resident pages are those in the table. */
export function checkTables(system: System): void {
  for (const [id, mmu] of contextsOf(system, 'mmu')) {
    const pid = id.slice('mmu:'.length);
    if (mmu.current === null) checkNative(system, mmu);
    if (!restsOf(system, pid)) continue;
    const mm = contextOf(system, `mm:${pid}`);
    let anon = 0;
    let file = 0;
    mmu.linux.forEach(0, 2 ** 48, (_va, pte) => {
      if (!isPresent(pte) || isZeroPage(mm, pfnOf(pte))) return;
      if (hasFlags(pte, PTE.ANON)) anon++;
      else file++;
    });
    if (anon !== mm.rssAnonPages || file !== mm.rssFilePages) {
      fail(`mm:${pid} counts ${mm.rssAnonPages}+${mm.rssFilePages} pages, its table has ${anon}+${file}`, system);
    }
  }
}

function isZeroPage(mm: MmContext, pfn: number): boolean {
  return pfn >= mm.zeroPfn && pfn < mm.zeroPfn + 65536 / mm.kernelPageBytes;
}

function checkNative(system: System, mmu: MmuContext): void {
  const { native, linux } = mmu;
  if (native === null) return;
  const granule = native.geometry.granuleBytes;
  const groups = new Set<number>();
  linux.forEach(0, 2 ** 48, (va) => groups.add(va - (va % granule)));
  native.forEach(0, 2 ** 48, (va) => groups.add(va));
  for (const va of groups) {
    const wanted = translateGroup(linux, va, granule);
    const found = native.get(va);
    if (!wanted.ok) fail(`the group at ${va.toString(16)} of mmu:${mmu.pid} is ${wanted.reason}`, system);
    // Hardware notes accessed and dirty in the native entry first: apart from those the two agree.
    const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY;
    const same = pfnOf(found) === pfnOf(wanted.pte) && (flagsOf(found) | noted) === (flagsOf(wanted.pte) | noted);
    if (!same && !(found === 0 && wanted.pte === 0))
      fail(`native ${found} for ${wanted.pte} at ${va.toString(16)}`, system);
  }
}

/** Law 8: no translation contradicts the table that hardware walks, once maintenance for it has completed. */
export function checkTlbs(system: System): void {
  const sched = contextOf(system, 'sched');
  const mmus = [...contextsOf(system, 'mmu').values()].filter((mmu) => mmu.asid !== 0);
  for (const [id, { tlb }] of contextsOf(system, 'tlb')) {
    const cpu = Number(id.slice('tlb:'.length));
    // After an ASID rollover a CPU may hold entries of the last generation until its next switch.
    if (sched.asidCpus.at(cpu)?.flushPending || sched.switching > 0) continue;
    const seen = new Set<number>();
    for (const array of [tlb.l1i, tlb.l1d, tlb.l2]) {
      array.forEach((key: number, frame: number, rights: number) => {
        if (key < 0 || seen.has(key * 8 + rights)) return;
        seen.add(key * 8 + rights);
        const asid = Math.floor(key / ASID_STRIDE);
        const page = key % ASID_STRIDE;
        const mmu = mmus.find((each) => {
          const known = sched.asids.get(each.pid);
          const kept = [...sched.asidCpus].some(({ reserved }) => {
            return reserved?.asid === known?.asid && reserved?.generation === known?.generation;
          });
          return each.asid === asid && known?.asid === asid && (kept || known.generation === sched.generation);
        });
        if (mmu === undefined || mmu.current !== null) return;
        checkEntry(system, mmu, page, frame, rights);
      });
    }
  }
}

function checkEntry(system: System, mmu: MmuContext, page: number, frame: number, rights: number): void {
  const table = mmu.native ?? mmu.linux;
  const granule = table.geometry.granuleBytes;
  const pte = table.get(page * granule);
  const pfn = pfnOf(pte) * (granule / mmu.kernelPageBytes);
  const writes = (rights & MAY_WRITE) !== 0;
  if (!hasFlags(pte, PTE.VALID) || pfn !== frame || (writes && !isWritable(pte))) {
    fail(`a TLB has page ${page} of ${mmu.pid} at frame ${frame} (${rights}), the table says ${pte}`, system);
  }
}

/** What must hold when nothing is left to deliver: every process is gone, and what it had with it. */
export function checkEnd(system: System, pids: readonly number[]): void {
  for (const pid of pids) {
    const process = system.snapshot(`process:${pid}`);
    if (process.value !== 'zombie') fail(`process:${pid} is stuck in ${JSON.stringify(process.value)}`, system);
    const mm = contextOf(system, `mm:${pid}`);
    if (mm.job !== null || mm.vmas.count > 0 || mm.rssAnonPages + mm.rssFilePages > 0)
      fail(`mm:${pid} is not empty`, system);
    const mmu = contextOf(system, `mmu:${pid}`);
    if (mmu.linux.entryCount > 0 || mmu.tableFrames.some(({ pfns }) => pfns.length > 0))
      fail(`mmu:${pid} is not empty`, system);
  }
  const zone = contextOf(system, 'zone');
  // A folio that truncation split stays one block of the zone until the last of its pages goes.
  const cachedOf = new Map<number, number>();
  for (const [id, file] of contextsOf(system, 'file')) {
    if (file.mappers.length > 0)
      fail(`${id} is still mapped by ${[...file.mappers].map(({ mm }) => mm).join()}`, system);
    if (file.current !== null) fail(`${id} is in the middle of ${file.current.message.type}`, system);
    for (const folio of file.cache.range()) {
      const head = zone.folios.headOf(folio.pfn);
      if (head === null) fail(`page ${folio.index} of ${id} has no frame`, system);
      cachedOf.set(head, (cachedOf.get(head) ?? 0) + 2 ** folio.order);
    }
  }
  let cached = 0;
  for (const [head, pages] of cachedOf) {
    const { refs, order } = zone.folios.find(head) ?? { refs: -1, order: 0 };
    if (refs !== pages) fail(`the folio at ${head} has ${refs} references for ${pages} cached pages`, system);
    cached += 2 ** order;
  }
  const { anon, file, table } = zone.folios.framesByKind;
  if (anon + table > 0 || file !== cached)
    fail(`left: ${anon} anon, ${table} table, ${file} file of ${cached}`, system);
}

/** Runs to the end with all checks: of frames at every event, of tables and TLBs at every `stride`. */
export function runChecked(system: System, stride = 7): void {
  for (let events = 0; system.step() !== null; events++) {
    checkFrames(system);
    if (events % stride !== 0) continue;
    checkTables(system);
    checkTlbs(system);
  }
}

/** The process's own part of its state. */
export function processOf(system: System, pid: number): ProcessContext {
  return contextOf(system, `process:${pid}`);
}
