/** Law 8 as properties: what CPUs hold of tables, and how entries of tables change. */
import type { MmuContext, SchedContext, TlbContext } from '../../../../machines/index.ts';
import { wrongWalkFault } from '../../../topology/laws.ts';
import type { LawSight } from '../../../topology/lawSight.ts';
import { keptFault, unbrokenFault } from '../../../topology/lawsOfTlbs.ts';
import { mustAgree, translationFault } from '../../../topology/lawsOfTranslations.ts';
import type { WorldProperty } from '../inspections.ts';
import { contextOf, idsOf, pidOf, UNCOUNTED } from './sight.ts';

/**
 * Of each CPU and each address space.
 *
 * @example
 * ```ts
 * noStaleTranslation(['tlb:0', 'mmu:1', 'sched']).kind; // 'always'
 * ```
 */
export function noStaleTranslation(ids: readonly string[]): WorldProperty {
  const pairs = idsOf(ids, 'tlb').flatMap((tlb) => idsOf(ids, 'mmu').map((mmu) => ({ tlb, mmu })));
  const ofPair = ({ tlb, mmu }: { tlb: string; mmu: string }) => ({
    reads: [tlb, mmu, 'sched'],
    look: (sight: LawSight): string | null => {
      const tables = contextOf<MmuContext>(sight, mmu);
      if (tables.current !== null || tables.asid === 0) return null;
      if (!mustAgree(Number(pidOf(tlb)), tables, contextOf<SchedContext>(sight, 'sched'))) return null;
      const context = contextOf<TlbContext>(sight, tlb);
      const stale = translationFault({ id: tlb, context }, tables, UNCOUNTED);
      if (stale !== null) return stale;
      const kept = keptFault(context, tables);
      return kept === null ? null : `${tlb}, with the tables of ${tables.pid}, ${kept}`;
    },
  });
  const walks = idsOf(ids, 'mmu').map((mmu) => ({
    reads: [mmu],
    look: (sight: LawSight) => wrongWalkFault(contextOf<MmuContext>(sight, mmu)),
  }));
  return {
    name: 'no-stale-translation',
    kind: 'always',
    says: 'No CPU holds what the tables lack or must note anew once maintenance for it is complete, or walks a table that is gone.',
    reads: (owner) => owner === 'sched' || owner.startsWith('tlb:') || owner.startsWith('mmu:'),
    inspections: [...pairs.map(ofPair), ...walks],
  };
}

/**
 * Of each event of an MMU.
 *
 * @example
 * ```ts
 * breakBeforeMake(['mmu:1']).step?.to; // ['mmu:1']
 * ```
 */
export function breakBeforeMake(ids: readonly string[]): WorldProperty {
  const walked = (sight: LawSight, mmu: string) => {
    const { native, linux } = contextOf<MmuContext>(sight, mmu);
    return native ?? linux;
  };
  return {
    name: 'break-before-make',
    kind: 'always',
    says: 'No valid entry of a table that hardware walks becomes another valid one without an invalid one between them.',
    reads: (owner) => owner.startsWith('mmu:'),
    step: {
      to: idsOf(ids, 'mmu'),
      fault: (after, { sent }, before) => {
        const mmu = sent.channel.to;
        const unbroken = unbrokenFault(walked(before, mmu), walked(after, mmu));
        return unbroken === null ? null : `in ${mmu} ${unbroken}`;
      },
    },
  };
}
