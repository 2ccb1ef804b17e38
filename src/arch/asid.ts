/**
 * The ASID allocator of arm64 Linux [arch/arm64/mm/context.c]: an mm keeps its ASID for a generation; when all are used up
 * a new generation begins, in which only the ASIDs that CPUs have active, and pinned ones, keep their meaning, and every CPU
 * flushes its TLBs at its next switch. An ASID is not freed when its mm goes: only a rollover takes it back.
 */
import { invariant } from '../errors.ts';

/** `mm->context.id`: the ASID and the generation that it was given in. */
export interface AsidId {
  asid: number;
  generation: number;
}

/** What the allocator knows of one mm. */
export interface AsidEntry extends AsidId {
  pid: number;
  /** `mm->context.pinned`: users that need the number to stay, such as an SMMU that shares the address space. */
  pinned: number;
}

/** What it keeps for one CPU. */
export interface AsidCpu {
  /** `active_asids`: null from a rollover until the CPU's next switch. */
  active: AsidId | null;
  /** `reserved_asids`: what it ran at the last rollover. */
  reserved: AsidId | null;
  /** `tlb_flush_pending`. */
  flushPending: boolean;
}

/** The allocator's state, plain data. */
export interface AsidSpace {
  /** 8 or 16 on real cores (`ID_AA64MMFR0_EL1.ASIDBits`). */
  asidBits: number;
  /** Kernel page-table isolation: ASIDs go in pairs, and user space runs under the odd one. */
  kpti: boolean;
  generation: number;
  rollovers: number;
  /** `cur_idx`. */
  nextAsid: number;
  asids: AsidEntry[];
  asidCpus: AsidCpu[];
}

/**
 * The allocator at boot.
 *
 * @example
 * ```ts
 * initialAsids({ asidBits: 16, cpus: 2, kpti: false }).generation; // 1
 * ```
 */
export function initialAsids({ asidBits, cpus, kpti }: { asidBits: number; cpus: number; kpti: boolean }): AsidSpace {
  const asidCpus = Array.from({ length: cpus }, () => ({ active: null, reserved: null, flushPending: false }));
  return { asidBits, kpti, generation: 1, rollovers: 0, nextAsid: 1, asids: [], asidCpus };
}

/**
 * ASIDs that an allocator hands out at most, ASID 0 not counted, which is reserved for `init_mm`.
 *
 * @example
 * ```ts
 * [usableAsids(16, false), usableAsids(16, true)]; // [65535, 32767]
 * ```
 */
export function usableAsids(asidBits: number, kpti: boolean): number {
  return 2 ** asidBits / (kpti ? 2 : 1) - 1;
}

/**
 * How many mms may be pinned at once: one ASID must be left after a rollover, with every CPU's reserved
 * (`asids_update_limit`).
 *
 * @example
 * ```ts
 * maxPinnedAsids(initialAsids({ asidBits: 8, cpus: 4, kpti: false })); // 250
 * ```
 */
export function maxPinnedAsids({ asidBits, kpti, asidCpus }: AsidSpace): number {
  return Math.max(0, usableAsids(asidBits, kpti) + 1 - asidCpus.length - 2);
}

/**
 * Whether the odd numbers are set aside. Without isolation they still are until the first rollover: the map is made before
 * it is known whether isolation is needed (`asids_init`, with `CONFIG_UNMAP_KERNEL_AT_EL0`).
 */
function pairsOnly({ kpti, generation }: AsidSpace): boolean {
  return kpti || generation === 1;
}

/** The bits of `asid_map` that are set, the odd ones of pairs apart. */
function takenAsids({ asids, asidCpus, generation }: AsidSpace): Set<number> {
  const taken = new Set<number>([0]);
  for (const entry of asids) if (entry.generation === generation || entry.pinned > 0) taken.add(entry.asid);
  if (generation > 1) for (const { reserved } of asidCpus) if (reserved !== null) taken.add(reserved.asid);
  return taken;
}

/** `find_next_zero_bit`, or null. */
function findFree(space: AsidSpace, from: number): number | null {
  const taken = takenAsids(space);
  const pairs = pairsOnly(space);
  for (let asid = from; asid < 2 ** space.asidBits; asid++) {
    if (!(pairs && asid % 2 === 1) && !taken.has(asid)) return asid;
  }
  return null;
}

/** A new generation and `flush_context`. */
function rollOver(space: AsidSpace): AsidSpace {
  const asidCpus = space.asidCpus.map(({ active, reserved }) => {
    // A CPU that has not switched since the last rollover still runs what was reserved then.
    return { active: null, reserved: active ?? reserved, flushPending: true };
  });
  return { ...space, generation: space.generation + 1, rollovers: space.rollovers + 1, asidCpus };
}

function same(a: AsidId | null, b: AsidId): boolean {
  return a !== null && a.asid === b.asid && a.generation === b.generation;
}

/** The ASID of an mm in the present generation, or null. */
function currentAsid(space: AsidSpace, pid: number): AsidEntry | null {
  return space.asids.find((entry) => entry.pid === pid && entry.generation === space.generation) ?? null;
}

function withEntry(space: AsidSpace, entry: AsidEntry): AsidSpace {
  return { ...space, asids: [...space.asids.filter(({ pid }) => pid !== entry.pid), entry] };
}

/** `new_context`: keeps the number where it was reserved, is pinned or is still free; else the next free one. */
function newContext(space: AsidSpace, pid: number): AsidSpace {
  const old = space.asids.find((entry) => entry.pid === pid) ?? null;
  const { generation } = space;
  if (old !== null) {
    const kept = { ...old, generation };
    if (space.asidCpus.some(({ reserved }) => same(reserved, old))) {
      const asidCpus = space.asidCpus.map((cpu) =>
        same(cpu.reserved, old) ? { ...cpu, reserved: { asid: old.asid, generation } } : cpu,
      );
      return withEntry({ ...space, asidCpus }, kept);
    }
    const usable = !(pairsOnly(space) && old.asid % 2 === 1);
    if (old.pinned > 0 || (usable && !takenAsids(space).has(old.asid))) return withEntry(space, kept);
  }
  let next = space;
  let asid = findFree(next, next.nextAsid);
  if (asid === null) {
    next = rollOver(space);
    asid = findFree(next, 1);
  }
  invariant(asid !== null, 'there are more ASIDs than CPUs');
  return withEntry({ ...next, nextAsid: asid }, { pid, asid, generation: next.generation, pinned: old?.pinned ?? 0 });
}

/**
 * `check_and_switch_context`: the ASID that a CPU runs an mm under from now on, and whether it must first flush its TLBs.
 *
 * @throws GranuleError INVARIANT where there are not more ASIDs than CPUs
 * @example
 * ```ts
 * const space = initialAsids({ asidBits: 8, cpus: 1, kpti: true });
 * switchContext(space, 7, 0).asid; // 2
 * ```
 */
export function switchContext(
  before: AsidSpace,
  pid: number,
  cpu: number,
): { space: AsidSpace; asid: number; flush: boolean } {
  const slot = before.asidCpus[cpu];
  const known = currentAsid(before, pid);
  if (known !== null && slot.active !== null) {
    const active = { asid: known.asid, generation: known.generation };
    return {
      space: { ...before, asidCpus: before.asidCpus.with(cpu, { ...slot, active }) },
      asid: known.asid,
      flush: false,
    };
  }
  const space = known === null ? newContext(before, pid) : before;
  const entry = currentAsid(space, pid);
  invariant(entry !== null, 'an mm has an ASID once it has been given one');
  const { flushPending, reserved } = space.asidCpus[cpu];
  const active = { asid: entry.asid, generation: entry.generation };
  const asidCpus = space.asidCpus.with(cpu, { active, reserved, flushPending: false });
  return { space: { ...space, asidCpus }, asid: entry.asid, flush: flushPending };
}

/**
 * `arm64_mm_context_get`: pins the ASID of an mm. Answers null where too many are pinned.
 *
 * @example
 * ```ts
 * const space = initialAsids({ asidBits: 8, cpus: 1, kpti: false });
 * pinContext(space, 7)?.asids[0]?.pinned; // 1
 * ```
 */
export function pinContext(space: AsidSpace, pid: number): AsidSpace | null {
  const known = space.asids.find((entry) => entry.pid === pid);
  if (known !== undefined && known.pinned > 0) return withEntry(space, { ...known, pinned: known.pinned + 1 });
  if (space.asids.filter(({ pinned }) => pinned > 0).length >= maxPinnedAsids(space)) return null;
  const next = currentAsid(space, pid) === null ? newContext(space, pid) : space;
  const entry = currentAsid(next, pid);
  return entry === null ? null : withEntry(next, { ...entry, pinned: 1 });
}

/**
 * `arm64_mm_context_put`.
 *
 * @example
 * ```ts
 * const pinned = pinContext(initialAsids({ asidBits: 8, cpus: 1, kpti: false }), 7) as AsidSpace;
 * unpinContext(pinned, 7).asids[0]?.pinned; // 0
 * ```
 */
export function unpinContext(space: AsidSpace, pid: number): AsidSpace {
  const known = space.asids.find((entry) => entry.pid === pid);
  if (known === undefined || known.pinned === 0) return space;
  return withEntry(space, { ...known, pinned: known.pinned - 1 });
}
