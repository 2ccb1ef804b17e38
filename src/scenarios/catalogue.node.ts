/** The scenarios that come with the package: a file each, by the id of the objection. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { fixturesFolder } from '../topology/fixtures.node.ts';
import { checkScenario } from './check.ts';
import { parseScenario, type Scenario } from './schema.ts';

/** Ids are in the order of the sheet: S, T, L, X, D. */
const ORDER = 'STLXD';
const FILE = /^[STLXD]-\d\d\.json$/;

function compareIds(a: string, b: string): number {
  return ORDER.indexOf(a.slice(0, 1)) - ORDER.indexOf(b.slice(0, 1)) || a.localeCompare(b);
}

function readScenario(path: string): Scenario {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = error instanceof SyntaxError ? 'SCENARIO_INVALID' : 'FILE_UNREADABLE';
    throw new GranuleError(code, (error as Error).message, path);
  }
  const file = basename(path);
  const scenario = parseScenario(data, file);
  if (`${scenario.id}.json` !== file) throw new GranuleError('SCENARIO_INVALID', `its id is ${scenario.id}`, file);
  checkScenario(scenario, file);
  return scenario;
}

/**
 * Reads all scenarios of a folder, those of the package unless another is given, in the order of the sheet.
 *
 * @throws GranuleError SCENARIO_INVALID naming file and field, FILE_UNREADABLE
 * @example
 * ```ts
 * readScenarios()[0]?.id; // 'S-01'
 * ```
 */
export function readScenarios(folder: string = fixturesFolder('scenarios')): Scenario[] {
  const files = readdirSync(folder).filter((file) => FILE.test(file));
  return files.map((file) => readScenario(join(folder, file))).sort((a, b) => compareIds(a.id, b.id));
}

/**
 * The scenarios of some ids; all where none is given.
 *
 * @throws GranuleError SCENARIO_UNKNOWN
 * @example
 * ```ts
 * chosenScenarios(readScenarios(), ['s-36']).map(({ id }) => id); // ['S-36']
 * chosenScenarios(readScenarios(), ['S-99']); // throws SCENARIO_UNKNOWN
 * ```
 */
export function chosenScenarios(all: readonly Scenario[], ids: readonly string[]): Scenario[] {
  if (ids.length === 0) return [...all];
  const wanted = new Set(ids.map((id) => id.toUpperCase()));
  const unknown = [...wanted].find((id) => !all.some((scenario) => scenario.id === id));
  if (unknown !== undefined) throw new GranuleError('SCENARIO_UNKNOWN', `there is no scenario "${unknown}"`);
  return all.filter(({ id }) => wanted.has(id));
}
