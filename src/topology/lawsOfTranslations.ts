/**
 * Law 8 as a function of states: no translation that a TLB can use contradicts the table, once the maintenance for it is complete.
 */
import { pageSizeLimits } from '../arch/granule.ts';
import type { KindFigures, MmuContext, SchedContext, TlbContext } from '../../machines/index.ts';
import { isValid, isWritable, pfnOf } from '../mm/pte.ts';
import { MAY_WRITE } from '../mm/tlbArray.ts';
import { asidOfKey, ASID_STRIDE, firstPageOfGroup, isGroupKey } from '../mm/tlbKeys.ts';
import type { Tally } from './lawsOfTables.ts';

/** What a TLB holds: the context of granule's own, or what a stand-in shows of its. */
export type TlbHoldings =
  | { readonly id: string; readonly context: Pick<TlbContext, 'tlb'> }
  | { readonly id: string; readonly shown: KindFigures['tlb'] };

/**
 * Whether the translations of an MMU's address space have to agree with its table now: it is at rest, its ASID is its own, and the CPU
 * is in no switch and owes no flush.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const sched = createActor(machines.sched, { input: { resources, cpus: 1, asidBits: 16, affinity: [] } }).getSnapshot().context;
 * mustAgree(0, mmu, sched); // false: it has no ASID yet
 * ```
 */
export function mustAgree(cpu: number, mmu: MmuContext, sched: SchedContext): boolean {
  // After an ASID rollover a CPU may hold entries of the last generation until its next switch.
  if (sched.asidCpus.at(cpu)?.flushPending || sched.switching > 0) return false;
  return mmu.asid !== 0 && mmu.current === null && mmu.pageBytes !== 0 && knows(sched, mmu);
}

/**
 * A translation of an address space in a TLB that its table does not have; null where there is none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const shown = { mmu: null, translations: [{ asid: 0, page: 7, frame: 7, write: false }] };
 * translationFault({ id: 'tlb:0', shown }, mmu, { checked: 0 }); // 'tlb:0 has page 7 of 1 at frame 7 (0), the table says 0'
 * ```
 */
export function translationFault(holdings: TlbHoldings, mmu: MmuContext, tally: Tally): string | null {
  const table = mmu.native ?? mmu.linux;
  const { granuleBytes } = table.geometry;
  const framesPerPage = granuleBytes / mmu.kernelPageBytes;
  let fault: string | null = null;
  const hold = (page: number, frame: number, rights: number): void => {
    tally.checked++;
    if (fault !== null) return;
    const pte = table.get(page * granuleBytes);
    const writes = (rights & MAY_WRITE) !== 0;
    if (isValid(pte) && pfnOf(pte) * framesPerPage === frame && !(writes && !isWritable(pte))) return;
    fault = `${holdings.id} has page ${page} of ${mmu.pid} at frame ${frame} (${rights}), the table says ${pte}`;
  };
  if ('context' in holdings) forEachPage(holdings.context, mmu, hold);
  else {
    for (const { asid, page, frame, write } of holdings.shown.translations) {
      if (asid === mmu.asid) hold(page, frame, write ? MAY_WRITE : 0);
    }
  }
  return fault;
}

/** Every page of an mm that a TLB can translate, those of contiguous groups one by one. */
function forEachPage(
  { tlb }: Pick<TlbContext, 'tlb'>,
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
