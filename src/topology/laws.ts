/**
 * The checked mode: what must hold after every event of a run, looked at as the events go by. Each event changes one actor,
 * and structures share what they did not change, so only what is new is looked at.
 *
 * - Law 7: memory is conserved. Frames are free or in one folio; an mm at rest counts the pages that its table has; an MMU at
 *   rest holds the frames that its tables take; the native table is what the Linux table says. What was written to is not lost:
 *   no page goes as clean that hardware has noted as dirty.
 * - Law 8: no translation that a TLB can use contradicts the table, once the maintenance for it is complete; nor is one kept that lets
 *   hardware pass by an entry which must note an access or a write (`lawsOfTlbs.ts`).
 * - The law of page sizes, where processes select theirs (`sizeLaws.ts`).
 *
 * @models S-12 S-38 S-44
 */
import type {
  FiguredKind,
  KindFigures,
  MmContext,
  MmuContext,
  SchedContext,
  TlbContext,
  ZoneContext,
} from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import { unlinkedTables } from '../mm/nativeSections.ts';
import { kindOfEntry } from '../mm/nonPresent.ts';
import { translateGroup } from '../mm/nativeTable.ts';
import type { PageTable } from '../mm/pageTable.ts';
import { flagsOf, hasFlags, isPresent, isValid, isWritable, PTE, pfnOf } from '../mm/pte.ts';
import { asidOfKey, ASID_STRIDE, firstPageOfGroup, isGroupKey } from '../mm/tlbKeys.ts';
import { MAY_WRITE } from '../mm/tlbArray.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import { shownFigures } from '../runtime/standIn.ts';
import type { System } from '../runtime/system.ts';
import { pageSizeLimits } from '../arch/granule.ts';
import type { LawCheck } from './definitions/customLaws.ts';
import { type LawName, lawsLeftOut, type StandIns } from './lawsLooked.ts';
import { PinLaws } from './lawsOfPins.ts';
import { keptFault, unbrokenFault } from './lawsOfTlbs.ts';
import { sizeFault } from './sizeLaws.ts';

interface ContextByKind {
  mm: MmContext;
  mmu: MmuContext;
  sched: SchedContext;
  tlb: TlbContext;
  zone: ZoneContext;
}

/** The tables of an MMU when they were last looked at, and what the Linux table held. */
interface Seen {
  linux: PageTable;
  native: PageTable | null;
  anonPages: number;
  filePages: number;
  swapPages: number;
}

/** Bytes of shared zero memory, which nobody counts. */
const ZERO_BYTES = 65536;

/**
 * Looks at the laws after each event of one run.
 *
 * @throws GranuleError LAW_BROKEN, with the law and the event, from `check`
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '64K' }] }, 'example');
 * const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
 * const laws = new Laws();
 * for (let record = system.step(); record !== null; record = system.step()) laws.check(record, system);
 * laws.checked > 0; // true
 * ```
 */
export class Laws {
  /** Entries of tables and TLBs that were looked at. */
  checked = 0;
  private readonly seen = new Map<string, Seen>();
  /** The table of each MMU that hardware walked after its last event. */
  private readonly walked = new Map<string, PageTable>();
  private pins: PinLaws | null = null;
  private readonly ofDefinitions: LawCheck;
  private readonly standIns: StandIns;
  private readonly out: ReadonlyMap<LawName, string>;

  /**
   * `ofDefinitions`: what a user's own actors hold to (`definitions/customLaws.ts`). `standIns`: what of the system is not of granule's
   * own, and how it may be read.
   */
  constructor(ofDefinitions: LawCheck = () => null, standIns: StandIns = new Map()) {
    this.ofDefinitions = ofDefinitions;
    this.standIns = standIns;
    this.out = lawsLeftOut(standIns);
  }

  /** The laws that are not looked at in a system, since stand-ins do not show what they read; with the reasons. */
  leftOut(system: System): readonly string[] {
    const kinds = new Set(system.actors.map((id) => id.split(':', 1)[0] ?? ''));
    return [...lawsLeftOut(this.standIns, kinds).values()];
  }

  private looksAt(law: LawName): boolean {
    return this.out.size === 0 || !this.out.has(law);
  }

  /** Looks at what this event can have changed. */
  check(record: MessageRecord, system: System): void {
    const { to } = record;
    const own = this.ofDefinitions(record, system);
    if (own !== null) this.broken(record, 'of a definition', own);
    if (this.looksAt('pins')) {
      this.pins ??= new PinLaws(system);
      const broken = this.pins.check(record);
      if (broken !== null) this.broken(record, 7, broken);
    }
    if (to === 'zone') this.checkZone(record, system);
    else if (to === 'abi') this.checkSizes(record, system);
    else if (to.startsWith('mmu:')) this.checkMmu(record, system, to);
    else if (to.startsWith('mm:')) this.checkResident(record, system, to.slice('mm:'.length));
    else if (to.startsWith('tlb:') && (record.type === 'TRANSLATION' || record.type === 'SET_TTBR')) {
      this.checkTlb(record, system, to, null);
    }
  }

  private checkSizes(record: MessageRecord, system: System): void {
    if (!this.looksAt('page sizes')) return;
    const fault = sizeFault(system);
    if (fault !== null) this.broken(record, 'of page sizes', fault);
  }

  private broken(record: MessageRecord, law: 7 | 8 | 'of page sizes' | 'of a definition', what: string): never {
    throw new GranuleError(
      'LAW_BROKEN',
      `law ${law} after event ${record.seq} (${record.type} to ${record.to}): ${what}`,
    );
  }

  private checkZone(record: MessageRecord, system: System): void {
    if (!this.looksAt('frames')) return;
    const { free, used, total } = this.framesOf(system);
    if (free + used === total) return;
    this.broken(record, 7, `${free} free and ${used} used frames are not ${total}`);
  }

  private framesOf(system: System): { free: number; used: number; total: number } {
    const shown = this.figuresOf(system, 'zone', 'zone');
    if (shown !== null) return { free: shown.freePages, used: shown.usedPages, total: shown.totalPages };
    const { buddy, folios, totalPages } = contextOf(system, 'zone');
    return { free: buddy.freeFrames, used: folios.frames, total: totalPages };
  }

  /** What a stand-in shows in the place of a context; null where nobody stands in, or where it has the context. */
  private figuresOf<K extends FiguredKind>(system: System, actor: string, kind: K): KindFigures[K] | null {
    const standIn = this.standIns.get(kind);
    if (standIn === undefined) return null;
    return shownFigures({ actor, context: system.snapshot(actor).context, standIn }, kind);
  }

  /** An MMU between two operations: its native table, its frames, and every TLB that may hold its translations. */
  private checkMmu(record: MessageRecord, system: System, id: string): void {
    if (!this.looksAt('tables')) return;
    const mmu = contextOf(system, id as `mmu:${string}`);
    if ((mmu.live?.wrongWalks ?? 0) > 0) {
      this.broken(record, 8, `a CPU walked a table of ${id} that is gone, or with the other granule`);
    }
    if (mmu.lostDirtyPages !== undefined)
      this.broken(record, 7, `${mmu.lostDirtyPages} dirty pages of ${id} went as if they were clean`);
    const walked = mmu.native ?? mmu.linux;
    const unbroken = unbrokenFault(this.walked.get(id) ?? walked, walked);
    this.walked.set(id, walked);
    if (unbroken !== null) this.broken(record, 8, `in ${id} ${unbroken}`);
    if (mmu.current !== null) return;
    const before = this.seen.get(id);
    if (before?.linux === mmu.linux && before.native === mmu.native) return;
    const mm = contextOf(system, `mm:${mmu.pid}`);
    const counts = this.countPages(mmu, before, mm);
    if (mmu.native !== null) this.checkNative(record, mmu, mmu.native, before);
    this.seen.set(id, { linux: mmu.linux, native: mmu.native, ...counts });
    this.checkTableFrames(record, mmu);
    for (let cpu = 0; cpu < contextOf(system, 'sched').asidCpus.length; cpu++) {
      this.checkTlb(record, system, `tlb:${cpu}`, mmu);
    }
    this.checkResident(record, system, String(mmu.pid));
  }

  /** What the Linux table holds now, from what it held and the stretches that changed. */
  private countPages(mmu: MmuContext, before: Seen | undefined, mm: MmContext): Omit<Seen, 'linux' | 'native'> {
    let { anonPages, filePages, swapPages } = before ?? { anonPages: 0, filePages: 0, swapPages: 0 };
    const zeroEnd = mm.zeroPfn + ZERO_BYTES / mm.kernelPageBytes;
    const add = (table: PageTable, startVa: number, endVa: number, by: number): void => {
      table.forEach(startVa, endVa, (_va, pte) => {
        this.checked++;
        if (kindOfEntry(pte) === 'swap') swapPages += by;
        if (!isPresent(pte) || hasFlags(pte, PTE.SPECIAL) || (pfnOf(pte) >= mm.zeroPfn && pfnOf(pte) < zeroEnd)) return;
        if (mm.hugeZero !== undefined && pfnOf(pte) >= mm.hugeZero.pfn && pfnOf(pte) < mm.hugeZero.pfn + mm.hugeZero.nr)
          return;
        if (hasFlags(pte, PTE.ANON)) anonPages += by;
        else filePages += by;
      });
    };
    if (before === undefined) add(mmu.linux, 0, 2 ** mmu.linux.geometry.vaBits, 1);
    else {
      for (const { startVa, endVa } of mmu.linux.changedRanges(before.linux)) {
        add(before.linux, startVa, endVa, -1);
        add(mmu.linux, startVa, endVa, 1);
      }
    }
    return { anonPages, filePages, swapPages };
  }

  /** Law 7 for the resident set: an mm at rest counts what its table has. */
  private checkResident(record: MessageRecord, system: System, pid: string): void {
    if (!this.looksAt('resident')) return;
    const mm = contextOf(system, `mm:${pid}`);
    const mmu = contextOf(system, `mmu:${pid}`);
    const seen = this.seen.get(`mmu:${pid}`);
    if (mm.job !== null || mm.rmap.length > 0 || mmu.current !== null || mmu.queue.length > 0) return;
    if (seen === undefined || seen.linux !== mmu.linux) return;
    if (mm.swap !== undefined && mm.swap.entries !== seen.swapPages)
      this.broken(record, 7, `mm:${pid} counts ${mm.swap.entries} swap entries, its table has ${seen.swapPages}`);
    if (seen.anonPages === mm.rssAnonPages && seen.filePages === mm.rssFilePages) return;
    const counted = `${mm.rssAnonPages}+${mm.rssFilePages}`;
    this.broken(record, 7, `mm:${pid} counts ${counted} pages, its table has ${seen.anonPages}+${seen.filePages}`);
  }

  /** Tables of a page and more are made of frames; those that a fallback leaves behind go with the mm. */
  private checkTableFrames(record: MessageRecord, mmu: MmuContext): void {
    if (mmu.fallback !== '' || mmu.pageBytes === 0) return;
    let wanted = 0;
    for (const table of [mmu.linux, mmu.native]) {
      if (table === null) continue;
      const [root] = table.geometry.levels;
      wanted += table.tableBytes - (root.tableBytes < mmu.kernelPageBytes ? root.tableBytes : 0);
    }
    const held = mmu.tableFrames.reduce((sum, { orderPages, pfns }) => sum + pfns.length * 2 ** orderPages, 0);
    if (held * mmu.kernelPageBytes === wanted) return;
    this.broken(record, 7, `mmu:${mmu.pid} holds ${held} frames for ${wanted} bytes of tables`);
  }

  private checkNative(record: MessageRecord, mmu: MmuContext, native: PageTable, before: Seen | undefined): void {
    const { linux } = mmu;
    const granuleBytes = native.geometry.granuleBytes;
    const all = [{ startVa: 0, endVa: 2 ** native.geometry.vaBits }];
    const nativeBefore = before?.native?.geometry === native.geometry ? before.native : null;
    const ranges =
      before === undefined || nativeBefore === null
        ? all
        : [...linux.changedRanges(before.linux), ...native.changedRanges(nativeBefore)];
    const groups = new Set<number>();
    for (const { startVa, endVa } of ranges) {
      for (const table of [linux, native]) table.forEach(startVa, endVa, (va) => groups.add(va - (va % granuleBytes)));
    }
    for (const va of groups) {
      this.checked++;
      const wanted = translateGroup(linux, va, granuleBytes);
      const at = `at 0x${va.toString(16)} of mmu:${mmu.pid}`;
      if (!wanted.ok && mmu.resources.design.nativeFill === 'lazy' && native.get(va) === 0) continue;
      if (!wanted.ok) this.broken(record, 7, `the process page ${at} is ${wanted.reason}`);
      const found = native.get(va);
      // Hardware notes accessed and dirty in the native entry first: apart from those the two agree.
      const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY;
      const same = pfnOf(found) === pfnOf(wanted.pte) && (flagsOf(found) | noted) === (flagsOf(wanted.pte) | noted);
      // A lazy table may lack what the Linux table has, and never has what that lacks.
      if (found === 0 && mmu.resources.design.nativeFill === 'lazy') continue;
      if (!same && (isValid(found) || isValid(wanted.pte)))
        this.broken(record, 7, `native ${found} for ${wanted.pte} ${at}`);
    }
    if (mmu.resources.design.nativeFill === 'lazy') return;
    if (before?.linux.tableCount.at(-1) === linux.tableCount.at(-1)) return;
    const [unlinked] = unlinkedTables(linux, native);
    if (unlinked !== undefined)
      this.broken(record, 7, `Linux table ${unlinked} of mmu:${mmu.pid} has no native section`);
  }

  /** Law 8 for the translations of one mm, or of the mm that a CPU has installed. */
  private checkTlb(record: MessageRecord, system: System, id: string, of: MmuContext | null): void {
    if (!this.looksAt('translations')) return;
    const sched = contextOf(system, 'sched');
    const shown = this.figuresOf(system, id, 'tlb');
    const tlb = shown === null ? contextOf(system, id as `tlb:${string}`) : null;
    const installed = shown === null ? (tlb?.installed?.mmu ?? null) : shown.mmu;
    // After an ASID rollover a CPU may hold entries of the last generation until its next switch.
    if (sched.asidCpus.at(Number(id.slice('tlb:'.length)))?.flushPending || sched.switching > 0) return;
    if (of === null && installed === null) return;
    const mmu = of ?? contextOf(system, installed as `mmu:${string}`);
    if (mmu.asid === 0 || mmu.current !== null || mmu.pageBytes === 0 || !knows(sched, mmu)) return;
    const fits = this.fitting(record, id, mmu);
    for (const { asid, page, frame, write } of shown?.translations ?? []) {
      if (asid === mmu.asid) fits(page, frame, write ? MAY_WRITE : 0);
    }
    if (tlb === null) return;
    forEachPage(tlb, mmu, fits);
    const kept = keptFault(tlb, mmu);
    if (kept !== null) this.broken(record, 8, `${id}, with the tables of ${mmu.pid}, ${kept}`);
  }

  /** Holds one translation against the table of its mm. */
  private fitting(record: MessageRecord, id: string, mmu: MmuContext) {
    const table = mmu.native ?? mmu.linux;
    const { granuleBytes } = table.geometry;
    const framesPerPage = granuleBytes / mmu.kernelPageBytes;
    return (page: number, frame: number, rights: number): void => {
      this.checked++;
      const pte = table.get(page * granuleBytes);
      const writes = (rights & MAY_WRITE) !== 0;
      if (isValid(pte) && pfnOf(pte) * framesPerPage === frame && !(writes && !isWritable(pte))) return;
      const what = `${id} has page ${page} of ${mmu.pid} at frame ${frame} (${rights}), the table says ${pte}`;
      this.broken(record, 8, what);
    };
  }
}

/** Every page of an mm that a TLB can translate, those of contiguous groups one by one. */
function forEachPage(
  { tlb }: TlbContext,
  { asid, native, linux }: MmuContext,
  visit: (page: number, frame: number, rights: number) => void,
): void {
  const { contPtes } = pageSizeLimits((native ?? linux).geometry.granuleBytes);
  for (const array of [tlb.l1i, tlb.l1d, tlb.l2]) {
    array.forEachUnordered((key, frame, rights) => {
      if (asidOfKey(key) !== asid) return;
      if (key >= 0) visit(key % ASID_STRIDE, frame, rights);
      if (!isGroupKey(key)) return;
      const first = firstPageOfGroup(key);
      for (let page = 0; page < contPtes; page++) visit(first + page, frame + page, rights);
    });
  }
}

/** Whether the ASID of an MMU is still its own: of this generation, or reserved for a CPU that goes on running it. */
function knows({ asids, asidCpus, generation }: SchedContext, { pid, asid }: MmuContext): boolean {
  const known = asids.get(pid);
  if (known === undefined || known.asid !== asid) return false;
  const isKept = [...asidCpus].some(
    ({ reserved }) => reserved?.asid === asid && reserved.generation === known.generation,
  );
  return isKept || known.generation === generation;
}

function contextOf<K extends keyof ContextByKind>(system: System, id: K | `${K}:${string}`): ContextByKind[K] {
  return system.snapshot(id).context;
}
