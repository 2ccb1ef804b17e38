/** The fault plans that come with granule, by name. */
import type { FaultPlanDefinition } from './define.ts';
import { cpuStall, crashAtSeq, crashAtWrite } from './machine.ts';
import { allocationFailureAt, failingAllocations, forgottenUnpin, memoryError, pinHeldForEver } from './memory.ts';
import { droppedWrites, duplicateCompletion, lostIo, reorderedCompletions, slowDisk } from './storage.ts';
import { lateAcknowledgement, lostTlbi } from './translation.ts';

/** Plans by name. */
export type FaultPlans = ReadonlyMap<string, FaultPlanDefinition>;

const plans: readonly FaultPlanDefinition[] = [
  lostTlbi,
  lateAcknowledgement,
  slowDisk,
  lostIo,
  duplicateCompletion,
  reorderedCompletions,
  droppedWrites,
  allocationFailureAt,
  failingAllocations,
  pinHeldForEver,
  forgottenUnpin,
  memoryError,
  cpuStall,
  crashAtSeq,
  crashAtWrite,
];

/**
 * Every plan that comes with granule.
 *
 * @example
 * ```ts
 * builtInFaultPlans.get('slow-disk')?.says.startsWith('Every transfer'); // true
 * ```
 */
export const builtInFaultPlans: FaultPlans = new Map(plans.map((plan) => [plan.name, plan]));
