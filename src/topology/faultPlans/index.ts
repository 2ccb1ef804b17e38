/** The fault plans that come with granule, by name. */
import { z } from 'zod';
import { defineFaultPlan, type FaultPlanDefinition } from './define.ts';
import { cpuStall, crashAtSeq, crashAtWrite } from './machine.ts';
import { allocationFailureAt, failingAllocations, forgottenUnpin, memoryError, pinHeldForEver } from './memory.ts';
import { droppedWrites, duplicateCompletion, lostIo, reorderedCompletions, slowDisk } from './storage.ts';
import { lateAcknowledgement, lostTlbi } from './translation.ts';

/** Plans by name. */
export type FaultPlans = Pick<ReadonlyMap<string, FaultPlanDefinition>, 'get' | 'keys'>;

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
export const builtInFaultPlans: ReadonlyMap<string, FaultPlanDefinition> = new Map(
  plans.map((plan) => [plan.name, plan]),
);

/** Stands for a plan whose definition has not been looked at yet. */
const anyPlan = defineFaultPlan({ name: 'any', says: 'Anything.', parameters: z.looseObject({}), rules: () => [] });

/**
 * Plans for the first look at a topology, which is to say what modules it uses: names that are not of granule's own are let
 * pass, and noted, for a module may define them.
 *
 * @example
 * ```ts
 * const noted = new Set<string>();
 * notingPlans(noted).get('late-wakeups')?.parameters.safeParse({ cycles: 3 }).success; // true
 * [...noted]; // ['late-wakeups']
 * ```
 */
export function notingPlans(noted: Set<string>): FaultPlans {
  return {
    keys: () => builtInFaultPlans.keys(),
    get: (name) => {
      const plan = builtInFaultPlans.get(name);
      if (plan === undefined) noted.add(name);
      return plan ?? anyPlan;
    },
  };
}
