/**
 * The checked mode: what must hold after every event of a run, looked at as the events go by. Each event changes one actor,
 * and structures share what they did not change, so only what is new is looked at.
 *
 * - Law 7: memory is conserved. Frames are free or in one folio; an mm at rest counts the pages that its table has; an MMU at
 *   rest holds the frames that its tables take; the native table is what the Linux table says. What was written to is not lost:
 *   no page goes as clean that hardware has noted as dirty.
 * - Law 8: no translation that a TLB can use contradicts the table, once the maintenance for it is complete.
 * - The law of files, where their conversion is modelled step by step (`lawsOfFiles.ts`).
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
import type { MessageRecord } from '../runtime/envelope.ts';
import { shownFigures } from '../runtime/standIn.ts';
import type { LawCheck } from './definitions/customLaws.ts';
import type { LawSight } from './lawSight.ts';
import { type LawName, lawsLeftOut, type StandIns } from './lawsLooked.ts';
import { filesFault } from './lawsOfFiles.ts';
import { PinLaws } from './lawsOfPins.ts';
import { countPages, nativeFault, residentFault, type Seen, tableFramesFault } from './lawsOfTables.ts';
import { mustAgree, translationFault } from './lawsOfTranslations.ts';
import { sizeFault } from './sizeLaws.ts';

/** What laws are told of an event. */
type LawEvent = Pick<MessageRecord, 'seq' | 'to' | 'from' | 'type' | 'payload'>;

interface ContextByKind {
  mm: MmContext;
  mmu: MmuContext;
  sched: SchedContext;
  tlb: TlbContext;
  zone: ZoneContext;
}

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
  leftOut(system: LawSight): readonly string[] {
    const kinds = new Set(system.actors.map((id) => id.split(':', 1)[0] ?? ''));
    return [...lawsLeftOut(this.standIns, kinds).values()];
  }

  private looksAt(law: LawName): boolean {
    return this.out.size === 0 || !this.out.has(law);
  }

  /** Looks at what this event can have changed. */
  check(record: LawEvent, system: LawSight): void {
    const { to } = record;
    const own = this.ofDefinitions(record, system);
    if (own !== null) this.broken(record, 'of a definition', own);
    if (this.looksAt('pins')) {
      this.pins ??= new PinLaws(system);
      const broken = this.pins.check(record);
      if (broken !== null) this.broken(record, 7, broken);
    }
    if (to.startsWith('file:') || to.startsWith('mmu:')) this.checkFiles(record, system);
    if (to === 'zone') this.checkZone(record, system);
    else if (to === 'abi') this.checkSizes(record, system);
    else if (to.startsWith('mmu:')) this.checkMmu(record, system, to);
    else if (to.startsWith('mm:')) this.checkResident(record, system, to.slice('mm:'.length));
    else if (to.startsWith('tlb:') && (record.type === 'TRANSLATION' || record.type === 'SET_TTBR')) {
      this.checkTlb(record, system, to, null);
    }
  }

  private checkSizes(record: LawEvent, system: LawSight): void {
    if (!this.looksAt('page sizes')) return;
    const fault = sizeFault(system);
    if (fault !== null) this.broken(record, 'of page sizes', fault);
  }

  private checkFiles(record: LawEvent, system: LawSight): void {
    if (this.standIns.size > 0) return;
    const fault = filesFault(system);
    if (fault !== null) this.broken(record, 'of files', fault);
  }

  private broken(record: LawEvent, law: 7 | 8 | 'of files' | 'of page sizes' | 'of a definition', what: string): never {
    throw new GranuleError(
      'LAW_BROKEN',
      `law ${law} after event ${record.seq} (${record.type} to ${record.to}): ${what}`,
    );
  }

  private checkZone(record: LawEvent, system: LawSight): void {
    if (!this.looksAt('frames')) return;
    const { free, used, total } = this.framesOf(system);
    if (free + used === total) return;
    this.broken(record, 7, `${free} free and ${used} used frames are not ${total}`);
  }

  private framesOf(system: LawSight): { free: number; used: number; total: number } {
    const shown = this.figuresOf(system, 'zone', 'zone');
    if (shown !== null) return { free: shown.freePages, used: shown.usedPages, total: shown.totalPages };
    const { buddy, folios, totalPages } = contextOf(system, 'zone');
    return { free: buddy.freeFrames, used: folios.frames, total: totalPages };
  }

  /** What a stand-in shows in the place of a context; null where nobody stands in, or where it has the context. */
  private figuresOf<K extends FiguredKind>(system: LawSight, actor: string, kind: K): KindFigures[K] | null {
    const standIn = this.standIns.get(kind);
    if (standIn === undefined) return null;
    return shownFigures({ actor, context: system.snapshot(actor).context, standIn }, kind);
  }

  /** An MMU between two operations: its native table, its frames, and every TLB that may hold its translations. */
  private checkMmu(record: LawEvent, system: LawSight, id: string): void {
    if (!this.looksAt('tables')) return;
    const mmu = contextOf(system, id as `mmu:${string}`);
    this.hold(record, 8, wrongWalkFault(mmu));
    this.hold(record, 7, lostDirtFault(mmu));
    if (mmu.current !== null) return;
    const before = this.seen.get(id);
    if (before?.linux === mmu.linux && before.native === mmu.native) return;
    const mm = contextOf(system, `mm:${mmu.pid}`);
    const counts = countPages(mmu, mm, before, this);
    if (mmu.native !== null) this.hold(record, 7, nativeFault(mmu, mmu.native, before, this));
    this.seen.set(id, { linux: mmu.linux, native: mmu.native, ...counts });
    this.hold(record, 7, tableFramesFault(mmu));
    for (let cpu = 0; cpu < contextOf(system, 'sched').asidCpus.length; cpu++) {
      this.checkTlb(record, system, `tlb:${cpu}`, mmu);
    }
    this.checkResident(record, system, String(mmu.pid));
  }

  /** Law 7 for the resident set: an mm at rest counts what its table has. */
  private checkResident(record: LawEvent, system: LawSight, pid: string): void {
    if (!this.looksAt('resident')) return;
    const mmu = contextOf(system, `mmu:${pid}`);
    const seen = this.seen.get(`mmu:${pid}`);
    if (seen === undefined || seen.linux !== mmu.linux) return;
    this.hold(record, 7, residentFault(contextOf(system, `mm:${pid}`), mmu, seen));
  }

  /** Law 8 for the translations of one mm, or of the mm that a CPU has installed. */
  private checkTlb(record: LawEvent, system: LawSight, id: string, of: MmuContext | null): void {
    if (!this.looksAt('translations')) return;
    const shown = this.figuresOf(system, id, 'tlb');
    const tlb = shown === null ? contextOf(system, id as `tlb:${string}`) : null;
    const installed = shown === null ? (tlb?.installed?.mmu ?? null) : shown.mmu;
    if (of === null && installed === null) return;
    const mmu = of ?? contextOf(system, installed as `mmu:${string}`);
    if (!mustAgree(Number(id.slice('tlb:'.length)), mmu, contextOf(system, 'sched'))) return;
    if (shown !== null) this.hold(record, 8, translationFault({ id, shown }, mmu, this));
    if (tlb !== null) this.hold(record, 8, translationFault({ id, context: tlb }, mmu, this));
  }

  private hold(record: LawEvent, law: 7 | 8, what: string | null): void {
    if (what !== null) this.broken(record, law, what);
  }
}

/**
 * That a CPU has walked a table which was gone; null where none has.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * wrongWalkFault(initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false })); // null
 * ```
 */
export function wrongWalkFault({ live, pid }: MmuContext): string | null {
  if ((live?.wrongWalks ?? 0) === 0) return null;
  return `a CPU walked a table of mmu:${pid} that is gone, or with the other granule`;
}

/**
 * That pages which were written to went as if they had not been; null where none did.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * lostDirtFault(initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false })); // null
 * ```
 */
export function lostDirtFault({ lostDirtyPages, pid }: MmuContext): string | null {
  return lostDirtyPages === undefined ? null : `${lostDirtyPages} dirty pages of mmu:${pid} went as if they were clean`;
}

function contextOf<K extends keyof ContextByKind>(system: LawSight, id: K | `${K}:${string}`): ContextByKind[K] {
  return system.snapshot(id).context;
}
