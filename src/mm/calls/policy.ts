/** Memory policy on a machine of one node (`mm/mempolicy.c`), move_pages (`mm/migrate.c`) and mseal (`mm/mseal.c`). */
import { MPOL, MPOL_MODE_FLAGS } from '../abi/numbers.ts';
import { ERRNO } from '../abiRules.ts';
import type { Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { isSealed } from './areas.ts';
import {
  beforeHole,
  committed,
  type Effect,
  ended,
  type Plan,
  refuses,
  type Space,
  succeeds,
  type VaRange,
} from './plan.ts';

/** A policy as text: mode with its flags, nodes, and the home node if it has one; what `mpol_equal` compares. */
function policyText(mode: number, nodes: readonly number[]): string {
  // Preferring no node is preferring the local one (`mpol_new`).
  const actual = (mode & ~MPOL_MODE_FLAGS) === MPOL.PREFERRED && nodes.length === 0 ? MPOL.LOCAL : mode;
  return `${actual}:${nodes.join(',')}`;
}

function withPolicy({ policy: _old, ...vma }: Vma, policy: string | undefined): Vma {
  return policy === undefined ? vma : { ...vma, policy };
}

/** `mbind_range`: the part of an area that lies in a range gets a policy. */
function bound(vmas: VmaSet, vma: Vma, range: VaRange, policy: string | undefined): VmaSet {
  if (vma.policy === policy) return vmas;
  const startVa = Math.max(vma.startVa, range.startVa);
  const endVa = Math.min(vma.endVa, range.endVa);
  return vmas.modify(startVa, endVa, (part) => withPolicy(part, policy)).set;
}

/**
 * Plans mbind (`do_mbind`, `queue_pages_test_walk`): a hole is EFAULT, but MPOL_DEFAULT passes over it where there is any
 * area at all. With one node every page is where a policy wants it, so no page moves.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planBind(space, { addr: 0x10000, lengthBytes: 4096, mode: 2 }).errno; // 14
 * ```
 */
export function planBind(
  space: Space,
  call: { addr: number; lengthBytes: number; mode: number; nodes?: readonly number[] },
): Plan {
  const range = { startVa: call.addr, endVa: call.addr + call.lengthBytes };
  const { vmas: before } = space;
  const areas = before.overlapping(range.startVa, range.endVa);
  const isDefault = (call.mode & ~MPOL_MODE_FLAGS) === MPOL.DEFAULT;
  if (isDefault ? areas.length === 0 : !before.covered(range.startVa, range.endVa)) return refuses(ERRNO.EFAULT);
  const policy = isDefault ? undefined : policyText(call.mode, call.nodes ?? []);
  const vmas = areas.reduce((set: VmaSet, vma) => bound(set, vma, range, policy), before);
  return succeeds(committed(space, vmas));
}

/**
 * Plans set_mempolicy_home_node: areas without a policy are passed over, ENOENT if all are; one whose policy has no use for
 * a home node ends it with EOPNOTSUPP, after those before it.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planHomeNode(space, { addr: 0x10000, lengthBytes: 4096, homeNode: 0 }).errno; // 2
 * ```
 */
export function planHomeNode(space: Space, call: { addr: number; lengthBytes: number; homeNode: number }): Plan {
  const range = { startVa: call.addr, endVa: call.addr + call.lengthBytes };
  let { vmas } = space;
  let errno: number = ERRNO.ENOENT;
  for (const vma of space.vmas.overlapping(range.startVa, range.endVa)) {
    if (vma.policy === undefined) continue;
    const [mode = '', nodes = ''] = vma.policy.split(':');
    const kind = Number(mode) & ~MPOL_MODE_FLAGS;
    if (kind !== MPOL.BIND && kind !== MPOL.PREFERRED_MANY) return refuses(ERRNO.EOPNOTSUPP, committed(space, vmas));
    vmas = bound(vmas, vma, range, `${mode}:${nodes}:${call.homeNode}`);
    errno = 0;
  }
  return ended(committed(space, vmas), errno);
}

/**
 * Plans move_pages (`do_pages_move`, `do_pages_stat`): one status an address, which is the node of its page or the negative
 * errno of what is there instead.
 *
 * @example
 * ```ts
 * planMovePages({ addresses: [4096] }).effects; // [{ do: 'node', va: 4096 }]
 * ```
 */
export function planMovePages(call: { addresses: number[] }): Plan {
  return succeeds(call.addresses.map((va): Effect => ({ do: 'node', va })));
}

/**
 * Plans mseal: all of the range or nothing.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planSeal(space, { addr: 0x10000, lengthBytes: 4096 }).errno; // 12
 * ```
 */
export function planSeal(space: Space, call: { addr: number; lengthBytes: number }): Plan {
  const { parts, complete } = beforeHole(space.vmas, call.addr, call.addr + call.lengthBytes);
  if (!complete) return refuses(ERRNO.ENOMEM);
  let { vmas } = space;
  for (const { vma, startVa, endVa } of parts) {
    if (!isSealed(vma)) vmas = vmas.modify(startVa, endVa, (part) => ({ ...part, sealed: true as const })).set;
  }
  return succeeds(committed(space, vmas));
}
