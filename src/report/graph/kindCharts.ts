/** Which machines there are to draw: those of kinds that granule has, and those of definitions. */
import { machines, type ActorKind } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import { kindOfId } from './actorGraph.ts';
import { type Statechart, statechartOf } from './statechart.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import { machineOf } from '../../topology/definitions/machineOf.ts';
import type { Topology } from '../../topology/schema.ts';

/** What is made around transition logic has one state and one action, which is named nowhere in the definition. */
function withoutWrapping(chart: Statechart): Statechart {
  const { root } = chart;
  const states = root.states.map((state) => {
    const on = state.reactions.flatMap((reaction) => reaction.on);
    return { ...state, reactions: [{ on, guard: null, actions: [] }] };
  });
  return { ...chart, root: { ...root, states } };
}

/**
 * The statechart of a kind.
 *
 * @throws GranuleError USAGE where there is no such kind
 * @example
 * ```ts
 * chartOfKind(builtIns, 'disk').title; // 'disk'
 * ```
 */
export function chartOfKind(catalogue: Catalogue, kind: string): Statechart {
  const definition = catalogue.actors.get(kind);
  if (definition !== undefined) {
    const { replaces } = definition;
    const chart = statechartOf(machineOf(definition), replaces === null ? kind : `${kind}, for ${replaces}`);
    return 'root' in definition.logic ? chart : withoutWrapping(chart);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked up just before
  if (kind in machines) return statechartOf(machines[kind as ActorKind], kind);
  const known = [...Object.keys(machines), ...catalogue.actors.keys()].join(', ');
  throw new GranuleError('USAGE', `there is no kind "${kind}"`, `the kinds are ${known}`);
}

/**
 * The statecharts of the kinds that a system has, with a definition's in the place of the kind that it stands in for; without a
 * system, of all kinds.
 *
 * @example
 * ```ts
 * chartsOf(builtIns, null).length === Object.keys(machines).length; // true
 * ```
 */
export function chartsOf(
  catalogue: Catalogue,
  system: { readonly topology: Topology; readonly ids: readonly string[] } | null,
): Statechart[] {
  const kinds =
    system === null ? [...Object.keys(machines), ...catalogue.actors.keys()] : [...new Set(system.ids.map(kindOfId))];
  const replaced = Object.entries(system?.topology.replace ?? {});
  return kinds.map((kind) => {
    const named = replaced.find(([builtIn]) => builtIn === kind)?.[1];
    return chartOfKind(catalogue, named === undefined ? kind : typeof named === 'string' ? named : named.kind);
  });
}
