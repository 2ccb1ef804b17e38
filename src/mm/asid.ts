/**
 * The ASID allocator of arm64 Linux [arch/arm64/mm/context.c]: an mm keeps its ASID for a generation; when all are used up
 * a new generation begins, in which only the ASIDs that CPUs have active, and pinned ones, keep their meaning, and every CPU
 * flushes its TLBs at its next switch. An ASID is not freed when its mm goes: only a rollover takes it back.
 */
import { invariant } from '../errors.ts';
import { IntMap } from './intMap.ts';
import { KeyedList } from './keyedList.ts';
import { PersistentList } from './persistentList.ts';

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

/** The allocator's state. */
export interface AsidSpace {
  /** 8 or 16 on real cores (`ID_AA64MMFR0_EL1.ASIDBits`). */
  asidBits: number;
  /** Kernel page-table isolation: ASIDs go in pairs, and user space runs under the odd one. */
  kpti: boolean;
  generation: number;
  rollovers: number;
  /** `cur_idx`. */
  nextAsid: number;
  asids: AsidTable;
  asidCpus: PersistentList<AsidCpu>;
}

const pidOf = ({ pid }: AsidEntry): number => pid;

/**
 * What the allocator knows of every mm, last given last, and the bits of `asid_map` that these have set. Its plain form is
 * the list of entries.
 *
 * @example
 * ```ts
 * const table = AsidTable.fromPlain([{ pid: 7, asid: 2, generation: 1, pinned: 0 }], 1);
 * [table.isTaken(2), table.rolledOver(2).isTaken(2)]; // [true, false]
 * ```
 */
export class AsidTable {
  readonly #entries: KeyedList<AsidEntry>;
  readonly #generation: number;
  /** How many entries keep each number. */
  readonly #taken: IntMap<number>;
  /** Mms whose number is pinned. */
  readonly pinned: number;

  constructor(entries: KeyedList<AsidEntry>, generation: number, taken: IntMap<number>, pinned: number) {
    this.#entries = entries;
    this.#generation = generation;
    this.#taken = taken;
    this.pinned = pinned;
  }

  /** The inverse of `toPlain`, in a generation. */
  static fromPlain(plain: readonly AsidEntry[], generation: number): AsidTable {
    const none = new AsidTable(KeyedList.empty(pidOf), generation, IntMap.empty(), 0);
    return plain.reduce((table, entry) => table.with(entry), none);
  }

  get(pid: number): AsidEntry | undefined {
    return this.#entries.get(pid);
  }

  /** Whether an mm keeps the number in this generation. */
  isTaken(asid: number): boolean {
    return this.#taken.has(asid);
  }

  /** The table with what is known of one mm now. */
  with(entry: AsidEntry): AsidTable {
    const before = this.#entries.get(entry.pid);
    const taken = this.#taken.edit();
    const count = ({ asid, generation, pinned }: AsidEntry, by: 1 | -1): void => {
      if (generation !== this.#generation && pinned === 0) return;
      const users = (taken.get(asid) ?? 0) + by;
      if (users > 0) taken.set(asid, users);
      else taken.delete(asid);
    };
    if (before !== undefined) count(before, -1);
    count(entry, 1);
    const pinned = this.pinned + (entry.pinned > 0 ? 1 : 0) - (before !== undefined && before.pinned > 0 ? 1 : 0);
    return new AsidTable(this.#entries.with(entry), this.#generation, taken.done(), pinned);
  }

  /** The table at the beginning of a generation: only pinned numbers keep their meaning. One pass, once a generation. */
  rolledOver(generation: number): AsidTable {
    return AsidTable.fromPlain(this.toPlain(), generation);
  }

  toPlain(): AsidEntry[] {
    return this.#entries.toPlain();
  }
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
  const idle = Array.from({ length: cpus }, () => ({ active: null, reserved: null, flushPending: false }));
  const asids = AsidTable.fromPlain([], 1);
  return { asidBits, kpti, generation: 1, rollovers: 0, nextAsid: 1, asids, asidCpus: PersistentList.fromPlain(idle) };
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

/**
 * What CPUs ran at the last rollover. One pass over the CPUs, as in `check_update_reserved_asid`; an mm needs it once a
 * generation at most.
 */
function reservedAsids({ asidCpus }: AsidSpace): Set<number> {
  return new Set([...asidCpus].flatMap(({ reserved }) => (reserved === null ? [] : [reserved.asid])));
}

/** `find_next_zero_bit`, or null. Numbers are handed out rising, so in one generation none is passed by twice. */
function findFree(space: AsidSpace, from: number): number | null {
  const reserved = reservedAsids(space);
  const pairs = pairsOnly(space);
  for (let asid = from; asid < 2 ** space.asidBits; asid++) {
    if (!(pairs && asid % 2 === 1) && !space.asids.isTaken(asid) && !reserved.has(asid)) return asid;
  }
  return null;
}

/** A new generation and `flush_context`. */
function rollOver(space: AsidSpace): AsidSpace {
  const cpus = [...space.asidCpus].map(({ active, reserved }) => {
    // A CPU that has not switched since the last rollover still runs what was reserved then.
    return { active: null, reserved: active ?? reserved, flushPending: true };
  });
  const generation = space.generation + 1;
  const asids = space.asids.rolledOver(generation);
  const asidCpus = PersistentList.fromPlain(cpus);
  return { ...space, generation, rollovers: space.rollovers + 1, asids, asidCpus };
}

function same(a: AsidId | null, b: AsidId): boolean {
  return a !== null && a.asid === b.asid && a.generation === b.generation;
}

/** The ASID of an mm in the present generation, or null. */
function currentAsid(space: AsidSpace, pid: number): AsidEntry | null {
  const entry = space.asids.get(pid);
  return entry?.generation === space.generation ? entry : null;
}

function slotOf({ asidCpus }: AsidSpace, cpu: number): AsidCpu {
  const slot = asidCpus.at(cpu);
  invariant(slot !== undefined, `there is a CPU ${cpu}`);
  return slot;
}

function withEntry(space: AsidSpace, entry: AsidEntry): AsidSpace {
  return { ...space, asids: space.asids.with(entry) };
}

/** `new_context`: keeps the number where it was reserved, is pinned or is still free; else the next free one. */
function newContext(space: AsidSpace, pid: number): AsidSpace {
  const old = space.asids.get(pid);
  const { generation } = space;
  if (old !== undefined) {
    const kept = { ...old, generation };
    let { asidCpus } = space;
    for (const [at, cpu] of [...asidCpus].entries()) {
      if (same(cpu.reserved, old)) asidCpus = asidCpus.with(at, { ...cpu, reserved: { asid: old.asid, generation } });
    }
    if (asidCpus !== space.asidCpus) return withEntry({ ...space, asidCpus }, kept);
    const usable = !(pairsOnly(space) && old.asid % 2 === 1);
    const taken = space.asids.isTaken(old.asid) || reservedAsids(space).has(old.asid);
    if (old.pinned > 0 || (usable && !taken)) return withEntry(space, kept);
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
  const slot = slotOf(before, cpu);
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
  const { flushPending, reserved } = slotOf(space, cpu);
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
 * pinContext(space, 7)?.asids.pinned; // 1
 * ```
 */
export function pinContext(space: AsidSpace, pid: number): AsidSpace | null {
  const known = space.asids.get(pid);
  if (known !== undefined && known.pinned > 0) return withEntry(space, { ...known, pinned: known.pinned + 1 });
  if (space.asids.pinned >= maxPinnedAsids(space)) return null;
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
 * unpinContext(pinned, 7).asids.pinned; // 0
 * ```
 */
export function unpinContext(space: AsidSpace, pid: number): AsidSpace {
  const known = space.asids.get(pid);
  if (known === undefined || known.pinned === 0) return space;
  return withEntry(space, { ...known, pinned: known.pinned - 1 });
}
