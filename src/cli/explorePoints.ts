/** What a command explores: one model, or the topologies that come of varying one. */
import { GranuleError } from '../errors.ts';
import {
  type ModelRequest,
  openModel,
  type OpenedModel,
  type OpenedTopology,
} from '../explore/world/openModel.node.ts';
import { exploredTopology } from '../explore/world/runPath.ts';
import { pointsOf } from '../sweep/points.ts';
import { firstValues, variedKeys } from '../sweep/varied.ts';
import { withFaults } from '../topology/faultPlans/withFaults.ts';
import { settingsOf } from '../topology/form/form.node.ts';
import { loadSystem } from '../topology/loadSystem.node.ts';

/** Something to explore. */
export interface ExplorePoint {
  readonly name: string;
  readonly opened: OpenedTopology | OpenedModel;
  /** What a thread opens for the same. */
  readonly request: ModelRequest;
}

/**
 * What a request asks for, once for each combination of the values that are varied.
 *
 * @throws GranuleError USAGE where a model that is no topology is varied; what `openModel`, `variedKeys` and `pointsOf` throw
 * @example
 * ```ts
 * (await explorePoints({ what: 'classic:lost-update', cwd: '/' }, [])).length; // 1
 * (await explorePoints({ what: 'plain-4k', cwd: '/' }, ['cpus=2,3'])).map(({ name }) => name); // ['cpus=2', 'cpus=3']
 * ```
 */
export async function explorePoints(request: ModelRequest, varies: readonly string[]): Promise<ExplorePoint[]> {
  const { set: texts = [] } = request;
  if (varies.length === 0) {
    const opened = await openModel(request);
    return [{ name: opened.model.name, opened, request }];
  }
  const first = await openModel({ ...request, set: [...texts, ...(await firstTexts(request, varies))] });
  if (first.kind === 'model') throw new GranuleError('USAGE', `${request.what} is no topology`, '--vary');
  const { loaded, catalogue } = first;
  const { topology } = loaded;
  const form = { ...loaded, set: settingsOf(texts) };
  const points: ExplorePoint[] = [];
  for (const point of pointsOf(topology, variedKeys(topology, varies, form), form)) {
    const own = {
      ...request,
      topology: exploredTopology(withFaults(point.topology, request.faults ?? [], catalogue.faultPlans)),
    };
    points.push({ name: point.name, opened: await openModel(own), request: own });
  }
  return points;
}

/** Parameters that are varied need a value before the topology can be read at all. */
async function firstTexts({ what, cwd, uses = [] }: ModelRequest, varies: readonly string[]): Promise<string[]> {
  let texts: string[] = [];
  await loadSystem(what, {
    cwd,
    uses,
    set: (names) => {
      const values = firstValues(names, varies);
      texts = [...values].map(([name, value]) => `${name}=${value}`);
      return values;
    },
  });
  return texts;
}
