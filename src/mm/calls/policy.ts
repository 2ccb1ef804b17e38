/** Memory policy on a machine of one node (`mm/mempolicy.c`), move_pages (`mm/migrate.c`) and mseal (`mm/mseal.c`). */
import { ERRNO } from '../abiRules.ts';
import { isSealed } from './areas.ts';
import { beforeHole, type Effect, ended, type Plan, refuses, type Space, succeeds } from './plan.ts';

const MPOL_DEFAULT = 0;

/**
 * Plans mbind (`do_mbind`, `queue_pages_test_walk`): a hole is EFAULT, but MPOL_DEFAULT passes over it where there is any
 * area at all. With one node every page is where a policy wants it, and the policy itself is not kept.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planBind(space, { addr: 0x10000, lengthBytes: 4096, mode: 2 }).errno; // 14
 * ```
 */
export function planBind(space: Space, call: { addr: number; lengthBytes: number; mode: number }): Plan {
  const endVa = call.addr + call.lengthBytes;
  const isAny = space.vmas.overlapping(call.addr, endVa).length > 0;
  const suffices = call.mode === MPOL_DEFAULT ? isAny : space.vmas.covered(call.addr, endVa);
  return suffices ? succeeds() : refuses(ERRNO.EFAULT);
}

/**
 * Plans set_mempolicy_home_node: it needs areas with a policy of their own (ENOENT).
 *
 * @example
 * ```ts
 * planHomeNode().errno; // 2
 * ```
 */
export function planHomeNode(): Plan {
  return refuses(ERRNO.ENOENT);
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
  return ended(vmas === space.vmas ? [] : [{ do: 'vmas', vmas }], 0);
}
