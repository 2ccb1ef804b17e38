/** The system of `smmu-native-table.json` and others like it, for tests: a nic, its SMMU, and the process whose tables they share. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../../../src/errors.ts';
import { run } from '../../../src/library/run.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { loadSystem } from '../../../src/topology/loadSystem.node.ts';
import { parseTopology } from '../../../src/topology/schema.ts';
import { PROJECT } from '../../cli/harness.ts';

/** The kinds of the two modules of `fixtures/topologies`. */
export const { catalogue } = await loadSystem('smmu-native-table', { cwd: PROJECT });

export interface NicState {
  accesses: number;
  faults: number;
  entriesMost: number;
  atc: unknown[];
  todo: unknown[];
}

export interface SmmuState {
  walks: number;
  walkedAgain: number;
  descriptorsRead: number;
  timeouts: number;
  outstanding: number[];
}

export type Fields = Record<string, unknown>;

const example = readFileSync(join(PROJECT, 'fixtures/topologies/smmu-native-table.json'), 'utf8');

/** The example with other fields; `input` is that of its SMMU. */
export function exampleWith(fields: Fields, input: Fields = {}): Fields {
  const data = JSON.parse(example) as Fields & { actors: Fields[] };
  const [smmu, ...others] = data.actors;
  return { ...data, actors: [{ ...smmu, input }, ...others], ...fields };
}

/** Runs a topology, in the checked mode. */
export function runOf(data: Fields, checked = true): ReturnType<typeof run> {
  const topology = parseTopology(data, 'test');
  return run({ topology, catalogue, traces: loadTraces(topology, { folders: [] }) }, { checked });
}

/** What the nic and its SMMU hold at the end. */
export function devicesOf(made: ReturnType<typeof run>): { nic: NicState; smmu: SmmuState } {
  const contextOf = (id: string): unknown => made.system.snapshot(id).context;
  return { nic: contextOf('nic:0') as NicState, smmu: contextOf('smmu:0') as SmmuState };
}

/** The code and the words of what a run is refused or ended with. */
export function failureOf(data: Fields): string {
  try {
    runOf(data);
  } catch (error) {
    if (error instanceof GranuleError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'it runs';
}
