/**
 * Charges of memory cgroups in a zone: anonymous memory and page tables of the processes in a group. The page cache,
 * which is charged to whoever reads it first, and the kernel's objects are not.
 *
 * @models D-17
 */
import { charge, type Memcg, uncharge } from '../../src/mm/cgroup/memcg.ts';

/** The groups of a zone: which, and which process is in which. */
export interface ZoneCgroups {
  groups: Memcg[];
  /** Index into `groups` by pid. */
  byPid: Readonly<Record<number, number>>;
}

/** What a zone has of its groups; absent where there are none. */
interface Charged {
  cgroups?: ZoneCgroups;
}

/** The group of who asks: `mm:PID` or `mmu:PID`; -1 for none. */
function groupOf({ byPid }: ZoneCgroups, owner: string): number {
  const [kind, pid] = owner.split(':');
  return kind === 'mm' || kind === 'mmu' ? (byPid[Number(pid)] ?? -1) : -1;
}

/**
 * Charges pages to the group of who asks, where there is one. A charge that fails changes what the group counts all the
 * same.
 *
 * @returns whether they may be had
 * @example
 * ```ts
 * const groups = [newMemcg('web', { limitBytes: 65536, unitBytes: 4096, kernelPageBytes: 4096 })];
 * const zone = { cgroups: { groups, byPid: { 7: 0 } } };
 * chargeTo(zone, 'mm:7', 16); // true
 * chargeTo(zone, 'mm:7', 1); // false
 * chargeTo(zone, 'mm:8', 1000); // true
 * ```
 */
export function chargeTo(draft: Charged, owner: string, pages: number): boolean {
  const { cgroups } = draft;
  if (cgroups === undefined) return true;
  const at = groupOf(cgroups, owner);
  const before = cgroups.groups[at];
  if (before === undefined) return true;
  const { group, isCharged } = charge(before, pages);
  draft.cgroups = { ...cgroups, groups: cgroups.groups.with(at, group) };
  return isCharged;
}

/**
 * Gives back what a folio was charged, when it goes.
 *
 * @example
 * ```ts
 * const groups = [newMemcg('web', { limitBytes: 65536, unitBytes: 4096, kernelPageBytes: 4096 })];
 * const zone = { cgroups: { groups, byPid: { 7: 0 } } };
 * chargeTo(zone, 'mm:7', 16);
 * unchargeFrom(zone, 'mm:7', 16);
 * zone.cgroups.groups[0]?.usedPages; // 0
 * ```
 */
export function unchargeFrom(draft: Charged, owner: string, pages: number): void {
  const { cgroups } = draft;
  if (cgroups === undefined) return;
  const at = groupOf(cgroups, owner);
  const before = cgroups.groups[at];
  if (before === undefined) return;
  draft.cgroups = { ...cgroups, groups: cgroups.groups.with(at, uncharge(before, pages)) };
}

/**
 * Charges that failed so far, of all groups: whoever sees it grow has met a limit.
 *
 * @example
 * ```ts
 * failedCharges({}); // 0
 * ```
 */
export function failedCharges({ cgroups }: Charged): number {
  return (cgroups?.groups ?? []).reduce((sum, { failed }) => sum + failed, 0);
}
