/** Every call on an address space that is decided by a plan, by name. */
import type { MemoryCall } from '../abiRules.ts';
import { planAdvise, planName } from './advise.ts';
import { planBrk } from './brk.ts';
import { planLock, planLockAll, planUnlock, planUnlockAll } from './lock.ts';
import { planMap, planRemapFilePages } from './map.ts';
import { type Plan, type Space, succeeds } from './plan.ts';
import { planBind, planHomeNode, planMovePages, planSeal } from './policy.ts';
import { planProtect } from './protect.ts';
import { planRemap } from './remap.ts';
import { planRemoteAccess } from './remote.ts';
import { planResidency, planSync } from './sync.ts';
import type { UserfaultMmCall } from '../userfaultfd/calls.ts';
import { userfaultPlanners } from '../userfaultfd/plans.ts';
import { planClearRefs } from './clearRefs.ts';
import { planDetach, planUnmap } from './unmap.ts';

/** The calls that have a plan: those of the ABI table, and those that the ABI adapter makes of others. */
export type PlannedCall =
  | MemoryCall
  | { op: 'shmdt'; addr: number; segments: Record<string, number> }
  | { op: 'move_pages'; addresses: number[]; nodes: number[] | null; flags: number }
  | { op: 'remote_access'; addr: number; lengthBytes: number; write: boolean }
  | UserfaultMmCall
  | { op: 'pattern'; addr: number; lengthBytes: number; value: number }
  | { op: 'clear_refs'; targetPid: number; value: number };

type Planner<O extends PlannedCall['op']> = (space: Space, call: Extract<PlannedCall, { op: O }>) => Plan;

const planners: { [O in PlannedCall['op']]: Planner<O> } = {
  mmap: planMap,
  munmap: (space, call) => planUnmap(space, call),
  mprotect: planProtect,
  mremap: planRemap,
  brk: planBrk,
  madvise: planAdvise,
  msync: planSync,
  mincore: planResidency,
  mlock: planLock,
  mlock2: planLock,
  munlock: planUnlock,
  mlockall: planLockAll,
  munlockall: planUnlockAll,
  remap_file_pages: planRemapFilePages,
  mbind: planBind,
  set_mempolicy_home_node: planHomeNode,
  mseal: planSeal,
  set_vma_anon_name: planName,
  shmdt: planDetach,
  remote_access: planRemoteAccess,
  move_pages: (_space, call) => planMovePages(call),
  ...userfaultPlanners,
  clear_refs: planClearRefs,
  pattern: (_space, { addr: startVa, lengthBytes, value }) =>
    succeeds([{ do: 'pattern', startVa, endVa: startVa + lengthBytes, value }]),
};

/**
 * Whether a call is decided by a plan.
 *
 * @example
 * ```ts
 * isPlanned({ op: 'munmap' }); // true
 * isPlanned({ op: 'fork' }); // false
 * ```
 */
export function isPlanned(call: { op: string }): call is PlannedCall {
  return call.op in planners;
}

/**
 * The plan of a call whose arguments the ABI adapter has checked.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planCall(space, { op: 'munmap', addr: 0x10000, lengthBytes: 4096 }); // { effects: [], result: 0, errno: 0 }
 * ```
 */
export function planCall(space: Space, call: PlannedCall): Plan {
  return (planners[call.op] as Planner<PlannedCall['op']>)(space, call);
}
