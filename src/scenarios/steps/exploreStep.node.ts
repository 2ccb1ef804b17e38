/**
 * Searches the orders of a topology for a scenario: whether one breaks a property is a figure, and the way to it is kept as a log.
 *
 * @models S-09 S-36 T-02 T-07 T-16 D-01 D-02 D-03 D-04 D-05 D-06 D-15
 */
import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { GranuleError } from '../../errors.ts';
import type { Discovery } from '../../explore/model.ts';
import { exploreAll } from '../../explore/search/explore.ts';
import { isFault } from '../../explore/search/types.ts';
import { shrinkPath } from '../../explore/shrink/shrinkPath.ts';
import { modelOfTopology } from '../../explore/world/openModel.node.ts';
import { exploredTopology, runPath } from '../../explore/world/runPath.ts';
import { createLogFile } from '../../log/fileStorage.node.ts';
import { LogWriter } from '../../log/logWriter.ts';
import { zlibCompression } from '../../log/zlib.node.ts';
import { formatCount } from '../../report/format.ts';
import { pointsOf } from '../../sweep/points.ts';
import { variedKeys } from '../../sweep/varied.ts';
import { writingTo } from '../../sweep/wholeFile.node.ts';
import { fixturesFolder, TOPOLOGY_ENDINGS } from '../../topology/fixtures.node.ts';
import { loadSystem } from '../../topology/loadSystem.node.ts';
import { logMeta } from '../../topology/meta.ts';
import type { FigureValue } from '../expression.ts';
import type { ExploreStep } from '../schema.ts';
import { type Evidence, eventEvidence, type MeasuredFigure, type StepResult } from './step.ts';

/** A search, as a worker is sent it. */
export type ExploreTask = ExploreStep & { readonly kind: 'explore'; readonly name: string };

/** Steps of walks for each state that they may see: where there are few states, walks see the same ones again and would never end. */
const WALK_STEPS_PER_STATE = 50;

function fileOf(name: string): string {
  const folder = fixturesFolder('exploration');
  const file = TOPOLOGY_ENDINGS.map((ending) => join(folder, `${name}${ending}`)).find((path) => existsSync(path));
  if (file !== undefined) return file;
  throw new GranuleError('SCENARIO_INVALID', `fixtures/exploration has no topology "${name}"`, name);
}

/** The topology with its settings: names of parameters, or places of fields. */
async function openSearch({ explore: name, set, property }: ExploreTask) {
  const what = fileOf(name);
  const cwd = dirname(what);
  const loaded = await loadSystem(what, { cwd });
  const form = { ...loaded, set: new Map<string, string>() };
  const settings = Object.entries(set).map(([key, value]) => `${key}=${value}`);
  const [point] = pointsOf(loaded.topology, variedKeys(loaded.topology, settings, form), form);
  const topology = exploredTopology(point?.topology ?? loaded.topology);
  const request = { what, cwd, properties: [property] };
  const { catalogue, parameterNames } = loaded;
  return { ...(await modelOfTopology({ topology, loaded, request, folder: undefined })), catalogue, parameterNames };
}

function isWalk(strategy: ExploreTask['strategy']): boolean {
  return strategy === 'random' || strategy === 'pct';
}

/** The command that does the same search alone. */
function commandOf(
  { explore: name, set, property, strategy, seed, states }: ExploreTask,
  parameterNames: readonly string[],
): string {
  // A field is no parameter: it is varied, over one value.
  const settings = Object.entries(set).map(
    ([key, value]) => ` ${parameterNames.includes(key) ? '--set' : '--vary'} ${key}=${value}`,
  );
  const walks = isWalk(strategy) ? ` --seed ${seed}` : '';
  const file = `fixtures/exploration/${basename(fileOf(name))}`;
  return `granule explore ${file}${settings.join('')} --property ${property} --strategy ${strategy}${walks} --budget ${states}states`;
}

/** Runs the way that was found, made small, and keeps its log. */
function keepWay(opened: Awaited<ReturnType<typeof openSearch>>, found: Discovery, path: string): Discovery {
  const { topology, traces, catalogue, model } = opened;
  const { discovery } = shrinkPath(model, found);
  writingTo(path, () => mkdirSync(dirname(path), { recursive: true }));
  const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces, null, catalogue));
  runPath({ topology, traces, catalogue, path: discovery.path, writer });
  return discovery;
}

/**
 * Searches. `found` is 1 where an order breaks the property, and then `lengthDeliveries` is the length of the way that shrinking left,
 * `fault` what is wrong at its end; `complete` is 1 where every order was looked at.
 *
 * @throws GranuleError SCENARIO_INVALID for a topology that is not there; what loading a topology and `explore` throw
 * @example
 * ```ts
 * const search = { property: 'laws-of-definitions', strategy: 'breadth-first', seed: 1, states: 20_000 } as const;
 * const topology = { explore: 'native-table-install', set: { install: 'check-then-store' } };
 * const task = { kind: 'explore' as const, name: 'D-03-store', ...topology, ...search };
 * (await exploreTask(task, '/tmp/out')).figures.found?.value; // 1
 * ```
 */
export async function exploreTask(task: ExploreTask, folder: string): Promise<StepResult> {
  const started = performance.now();
  const { property, strategy, seed, states, name } = task;
  const opened = await openSearch(task);
  if (!opened.model.properties.some((each) => each.name === property))
    throw new GranuleError('SCENARIO_INVALID', `${task.explore} has no property "${property}"`, name);
  const result = exploreAll(opened.model, {
    strategy,
    seed,
    maxStates: states,
    properties: [property],
    livelocks: false,
    stopAtFirst: true,
    // Walks go on until the states are used up.
    ...(isWalk(strategy) ? { walks: 2 ** 40, maxTransitions: WALK_STEPS_PER_STATE * states } : {}),
  });
  const found = result.discoveries.filter(isFault).find((each) => each.property === property);
  const log = `logs/${name}.glog`;
  const discovery = found === undefined ? null : keepWay(opened, found, join(folder, log));
  const lengthDeliveries = discovery?.path.keys.length ?? 0;
  const command = commandOf(task, opened.parameterNames);
  const evidence: Evidence =
    discovery === null ? { log: null, seq: null, command } : eventEvidence(log, lengthDeliveries - 1);
  const values: Record<string, FigureValue> = {
    found: discovery === null ? 0 : 1,
    states: result.states,
    transitions: result.transitions,
    lengthDeliveries,
    complete: result.complete ? 1 : 0,
    fault: discovery?.fault ?? 'none',
  };
  const figures: Record<string, MeasuredFigure> = Object.fromEntries(
    Object.entries(values).map(([figure, value]) => [figure, { value, evidence }]),
  );
  const came =
    discovery === null
      ? result.complete
        ? 'nothing in any order'
        : 'nothing'
      : `broken after ${lengthDeliveries} deliveries`;
  const account = `${command}: ${formatCount(result.states)} states, ${came}`;
  const logs = discovery === null ? [] : [log];
  return { figures, series: {}, logs, account, seconds: (performance.now() - started) / 1000 };
}
