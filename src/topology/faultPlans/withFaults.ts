/** Fault plans that a command line adds to a topology. */
import { GranuleError } from '../../errors.ts';
import { TopologyError } from '../form/topologyError.ts';
import type { Topology } from '../schema.ts';
import { planOfText } from './describe.ts';
import { expandFaultPlan } from './expand.ts';
import { builtInFaultPlans, type FaultPlans } from './index.ts';

/**
 * A topology with the fault plans of the command line behind its own. `plans`: those that may be named.
 *
 * @throws GranuleError USAGE for text that is no PLAN:name=value,...; TOPOLOGY_INVALID where the plan says no
 * @example
 * ```ts
 * withFaults(loadTopology('plain-4k'), ['crash-at-seq:seq=100']).faultPlan[0]?.op; // 'stop'
 * ```
 */
export function withFaults(
  topology: Topology,
  texts: readonly string[],
  plans: FaultPlans = builtInFaultPlans,
): Topology {
  const faultPlan = texts.flatMap((text) => {
    const entry = planOfText(text);
    if (entry === null) throw new GranuleError('USAGE', `"${text}" is no PLAN or PLAN:name=value,...`, '--fault');
    const { rules, faults } = expandFaultPlan([entry], plans);
    if (rules !== null) return rules;
    throw new TopologyError(
      faults.map(({ what, steps, next }) => {
        const path = steps.slice(2).join('.');
        return { code: 'TOPOLOGY_INVALID', what, where: `--fault ${text}${path === '' ? '' : `: ${path}`}`, next };
      }),
    );
  });
  return texts.length === 0 ? topology : { ...topology, faultPlan: [...topology.faultPlan, ...faultPlan] };
}
