/**
 * Law 7 for pinned pages: every pin that a folio counts is somebody's, and the other way about; a page that is pinned is never
 * shared copy-on-write, so that holder and process go on seeing one page; and nobody reads a page table that is free.
 *
 * @models S-08 S-09
 */
import type { GupContext, MmuContext, ZoneContext } from '../../machines/index.ts';
import type { HeldPin } from '../mm/gup/held.ts';
import { hasFlags, isPresent, PTE, pfnOf } from '../mm/pte.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { LawSight } from './lawSight.ts';

/** What the laws of pins are told of an event. */
type PinEvent = Pick<MessageRecord, 'to' | 'from' | 'type' | 'payload'>;

/**
 * Looks at the pins of one run after each event.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '64K' }] }, 'example');
 * const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
 * const record = system.step();
 * record === null ? null : new PinLaws(system).check(record); // null
 * ```
 */
export class PinLaws {
  private readonly system: LawSight;
  /** Whoever has been asked for anything. */
  private readonly holders: string[];

  constructor(system: LawSight, holders: readonly string[] = []) {
    this.system = system;
    this.holders = [...holders];
  }

  /** What is wrong with the pins of these holders in this state, whatever led to it. */
  fault(): string | null {
    return this.holders.length === 0 ? null : (this.checkCounts() ?? this.checkHolders());
  }

  /** What this event has broken; null for nothing. */
  check(record: PinEvent): string | null {
    const { to, type } = record;
    if (to.startsWith('gup:') && !this.holders.includes(to)) this.holders.push(to);
    if (this.holders.length === 0) return null;
    if (to.startsWith('mmu:')) return this.checkMmu(to);
    if (to.startsWith('gup:')) return this.checkCounts() ?? this.checkHolders();
    return to === 'zone' && type === 'COPY_ON_WRITE' ? this.checkCopy(record) : null;
  }

  private holder(id: string): GupContext {
    return this.system.snapshot(id).context as GupContext;
  }

  private held(): HeldPin[] {
    return this.holders.flatMap((id) => this.holder(id).held);
  }

  private mmu(id: string): MmuContext {
    return this.system.snapshot(id).context as MmuContext;
  }

  /** Between two requests of every holder, folios count the pins that holders have. */
  private checkCounts(): string | null {
    const holders = this.holders.map((id) => this.holder(id));
    if (holders.some(({ phase }) => phase !== 'idle')) return null;
    const { folios } = this.system.snapshot('zone').context as ZoneContext;
    const counted = new Map<number, number>();
    for (const { pfn, nr } of this.held()) {
      for (let at = pfn; at < pfn + nr; at++) {
        const head = folios.headOf(at);
        if (head === null) return `the pinned frame ${at} is free`;
        counted.set(head, (counted.get(head) ?? 0) + 1);
      }
    }
    let broken: string | null = null;
    folios.forEach(0, Number.MAX_SAFE_INTEGER, ({ pfn, pins, refs }) => {
      const wanted = counted.get(pfn) ?? 0;
      if (pins !== wanted) broken = `folio ${pfn} counts ${pins} pins, ${wanted} are held`;
      else if (refs < pins) broken = `folio ${pfn} has ${pins} pins and ${refs} references`;
      return broken === null;
    });
    return broken;
  }

  private checkHolders(): string | null {
    for (const pid of new Set(this.held().map((pin) => pin.pid))) {
      const broken = this.checkMmu(`mmu:${pid}`);
      if (broken !== null) return broken;
    }
    return null;
  }

  private checkMmu(id: string): string | null {
    const { pid, linux, walkers, current } = this.mmu(id);
    if ((walkers?.readsAfterFree ?? 0) > 0) return `a walker of ${id} has read a page table that is free`;
    if (current !== null) return null;
    for (const pin of this.held()) {
      if (!pin.anon || pin.pid !== pid) continue;
      for (let page = 0; page < pin.nr; page++) {
        const va = pin.va + page * linux.geometry.granuleBytes;
        const pte = linux.get(va);
        if (!isPresent(pte) || pfnOf(pte) !== pin.pfn + page || !hasFlags(pte, PTE.ANON)) continue;
        if (!hasFlags(pte, PTE.EXCLUSIVE))
          return `the pinned page at 0x${va.toString(16)} of ${id} is shared copy-on-write`;
      }
    }
    return null;
  }

  /** A write must not take the process to a copy of a page that is pinned: the holder would be left with the old one. */
  checkCopy({ payload, from }: Pick<PinEvent, 'payload' | 'from'>): string | null {
    const { pfn, nr } = payload as unknown as { pfn: number; nr: number };
    const pid = Number(from.slice('mm:'.length));
    const pin = this.held().find((each) => {
      return each.anon && each.pid === pid && each.pfn < pfn + nr && each.pfn + each.nr > pfn;
    });
    return pin === undefined ? null : `${from} copies frame ${pin.pfn}, which is pinned`;
  }
}
