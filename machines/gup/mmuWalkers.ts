/**
 * The tables of an mm under walkers that take no lock. What a walker reads is one load each; a table that is unlinked under it
 * stays a table until all who may be in it have left (`mm/mmu_gather.c:tlb_remove_table`, `MMU_GATHER_RCU_TABLE_FREE`).
 *
 * @models S-09
 */
import { defaultPinChoices } from '../../src/arch/pinChoices.ts';
import { Contpte } from '../../src/mm/contpte.ts';
import type { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, hasFlags, isDirty, isYoung, makeDirty, makeYoung, PTE, pfnOf } from '../../src/mm/pte.ts';
import type { FrameRun, MessageOf } from '../messages.ts';
import type { MmuContext } from '../mmuState.ts';
import { reviseMmu } from '../revise.ts';
import type { Send } from '../support.ts';

/** A walker between interrupts off and interrupts on. */
export interface LocklessWalker {
  name: string;
  /** An address whose last-level table it has found; -1 before it has. */
  va: number;
  /** That table was unlinked since. */
  unlinked: boolean;
}

/** What lockless walks make an MMU keep; absent where there never was one. */
export interface Walkers {
  inside: LocklessWalker[];
  /** Frames of freed tables, and the walkers that they wait for. */
  deferred: { runs: FrameRun[]; names: string[] }[];
  /** Frames of tables that had to wait, and loads from tables that did not. */
  deferredFrames: number;
  readsAfterFree: number;
}

/** The entry as `ptep_get_lockless` gives it: what hardware has noted in a contpte block or in the native entry is in it. */
function lockless({ linux, native }: MmuContext, va: number): number {
  const plain = linux.get(va);
  if (plain === 0) return 0;
  const pte = hasFlags(plain, PTE.CONT) ? new Contpte(linux.edit()).get(va) : plain;
  if (native === null) return pte;
  const block = native.get(va - (va % native.geometry.granuleBytes));
  if (!hasFlags(block, PTE.VALID)) return pte;
  const young = isYoung(block) ? makeYoung(pte) : pte;
  return isDirty(block) ? makeDirty(young) : young;
}

/**
 * One load of a walk.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const load = { type: 'GUP_WALK' as const, sender: 'gup:a', request: 1, va: 0x5000, step: 'pmd' as const };
 * walkLockless(mmu, load, () => {}).walkers?.inside[0]?.name; // 'gup:a'
 * ```
 */
export function walkLockless(context: MmuContext, event: MessageOf<'GUP_WALK'>, send: Send): MmuContext {
  const { sender, request, va, step } = event;
  const none: Walkers = { inside: [], deferred: [], deferredFrames: 0, readsAfterFree: 0 };
  const walkers = context.walkers ?? none;
  const others = walkers.inside.filter(({ name }) => name !== sender);
  if (step === 'leave') return leave(context, { ...walkers, inside: others }, sender, send);
  const { walkStep } = context.resources.costs;
  if (step === 'pmd') {
    const found = context.linux.hasLeafTable(va);
    send(sender, { type: 'GUP_ENTRY', request, pfn: 0, flags: 0, sameTable: found }, walkStep);
    return withWalkers(context, {
      ...walkers,
      inside: [...others, { name: sender, va: found ? va : -1, unlinked: false }],
    });
  }
  const unlinked = walkers.inside.find(({ name }) => name === sender)?.unlinked ?? false;
  const pte = unlinked ? 0 : lockless(context, va);
  const entry = pte === 0 ? { pfn: 0, flags: 0 } : { pfn: pfnOf(pte), flags: flagsOf(pte) };
  send(sender, { type: 'GUP_ENTRY', request, ...entry, sameTable: !unlinked }, walkStep);
  if (!unlinked || tableFree(context) === 'deferred') return withWalkers(context, walkers);
  return withWalkers(context, { ...walkers, readsAfterFree: walkers.readsAfterFree + 1 });
}

function tableFree({ resources }: MmuContext): 'deferred' | 'immediate' {
  return (resources.design.pins ?? defaultPinChoices).tableFree;
}

function withWalkers(context: MmuContext, walkers: Walkers): MmuContext {
  return reviseMmu(context, (draft) => {
    draft.walkers = walkers;
  });
}

/** A walker has left: frames that waited for it alone go. */
function leave(context: MmuContext, walkers: Walkers, name: string, send: Send): MmuContext {
  const waiting = walkers.deferred.map(({ runs, names }) => ({ runs, names: names.filter((each) => each !== name) }));
  const runs = waiting.filter(({ names }) => names.length === 0).flatMap((free) => free.runs);
  if (runs.length > 0) send('zone', { type: 'PUT', runs });
  return withWalkers(context, { ...walkers, deferred: waiting.filter(({ names }) => names.length > 0) });
}

/**
 * Notes which walkers are in a table that an operation has unlinked.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * noteUnlinked(mmu, PageTable.empty(4096)) === mmu; // true
 * ```
 */
export function noteUnlinked(context: MmuContext, linux: PageTable): MmuContext {
  const { walkers } = context;
  if (walkers === undefined || walkers.inside.length === 0) return context;
  const inside = walkers.inside.map((walker) => {
    return walker.va >= 0 && !linux.hasLeafTable(walker.va) ? { ...walker, unlinked: true } : walker;
  });
  return withWalkers(context, { ...walkers, inside });
}

/**
 * Gives frames of freed tables back, or keeps them for as long as anybody may still walk them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const sent: string[] = [];
 * freeTables({ ...mmu, freed: [{ pfn: 64, nr: 1 }] }, (to) => sent.push(to));
 * sent; // ['zone']
 * ```
 */
export function freeTables(context: MmuContext, send: Send): MmuContext {
  const { freed: runs, walkers } = context;
  if (runs.length === 0) return context;
  const names = (walkers?.inside ?? []).map(({ name }) => name);
  if (walkers === undefined || names.length === 0 || tableFree(context) === 'immediate') {
    send('zone', { type: 'PUT', runs });
    return context;
  }
  const deferredFrames = walkers.deferredFrames + runs.reduce((sum, { nr }) => sum + nr, 0);
  return withWalkers(context, { ...walkers, deferred: [...walkers.deferred, { runs, names }], deferredFrames });
}
