/** Topologies of fixtures/exploration, searched. */
import { readFileSync } from 'node:fs';
import { explore, runExploration } from '../../../src/explore/search/explore.ts';
import type { ExplorationResult, ExploreOptions } from '../../../src/explore/search/types.ts';
import { topologyModel } from '../../../src/explore/world/topologyModel.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { parseTopology, type Topology } from '../../../src/topology/schema.ts';

const FOLDER = new URL('../../../fixtures/exploration/', import.meta.url);

/** Fields of a topology, and of its fields, in the place of those that it has. */
export type Settings = Readonly<Record<string, unknown>>;

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A topology of the folder with other settings. */
export function raceTopology(name: string, settings: Settings = {}): Topology {
  const plain = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Record<string, unknown>;
  const changed = Object.entries(settings).map(([field, value]) => {
    const before = plain[field];
    return [field, isGroup(value) && isGroup(before) ? { ...before, ...value } : value] as const;
  });
  return parseTopology({ ...plain, ...Object.fromEntries(changed) }, name);
}

/** What a search of its orders comes to. */
export function searched(name: string, settings: Settings, options: ExploreOptions): ExplorationResult {
  const topology = raceTopology(name, { ...settings, chooser: 'explored' });
  const model = topologyModel({ topology, traces: loadTraces(topology, { folders: [] }) });
  return runExploration(explore(model, options));
}
