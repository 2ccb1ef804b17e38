/** Topologies to explore in tests, and ways through them. */
import { join } from 'node:path';
import type { Model } from '../../../src/explore/model.ts';
import { type ExploreOptions, type ExplorationResult } from '../../../src/explore/search/types.ts';
import { exploreAll } from '../../../src/explore/search/explore.ts';
import type { SystemModel, SystemModelOptions } from '../../../src/explore/world/systemModel.ts';
import { SystemModel as Made } from '../../../src/explore/world/systemModel.ts';
import { topologyModel } from '../../../src/explore/world/topologyModel.ts';
import type { World } from '../../../src/explore/world/world.ts';
import type { RunSource } from '../../../src/mm/runs.ts';
import { SeededRandom } from '../../../src/runtime/random.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../../src/topology/schema.ts';
import { loadTopology, loadTraces } from '../../../src/topology/load.node.ts';

/** A topology with the traces that it runs. */
export interface Case {
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
}

/** A topology of the folder of explorations, or one of the package's by its name. */
export function named(name: string): Case {
  const path = name.includes('.json') ? join(import.meta.dirname, '../../../fixtures/exploration', name) : name;
  return withTraces({ ...loadTopology(path), core: 'tlb-small' });
}

/** A topology that a test writes out. */
export function written(input: Omit<TopologyInput, 'name'>): Case {
  return withTraces(parseTopology({ name: 'made', core: 'tlb-small', memory: '8M', ...input }, 'a test'));
}

function withTraces(topology: Topology): Case {
  return { topology, traces: loadTraces(topology, { folders: [] }) };
}

/** A model without anything to look at. */
export function bareModel({ topology, traces }: Case, options: SystemModelOptions = {}): SystemModel {
  return new Made(topology, traces, options);
}

/** What an exploration of a case comes to. */
export function explored(of: Case, options: ExploreOptions): ExplorationResult {
  return exploreAll(topologyModel(of), { livelocks: false, stopAtFirst: true, ...options });
}

/** A way that a seed draws: the states on it, and its keys. */
export function walk<A>(model: Model<World, A>, seed: number, steps: number): { worlds: World[]; keys: string[] } {
  const random = new SeededRandom(seed);
  let [world] = model.initial();
  const worlds = [world];
  const keys: string[] = [];
  for (let step = 0; step < steps; step++) {
    const actions = model.actions(world);
    if (actions.length === 0) break;
    const action = actions[random.below(actions.length)];
    keys.push(model.keyOf(action));
    const next = model.next(world, action);
    if (next === null) break;
    world = next;
    worlds.push(world);
  }
  return { worlds, keys };
}

/** Two processes of two page sizes on a shared file, with memory that goes and comes: small, and of many messages. */
export const sharing: Omit<TopologyInput, 'name'> = {
  cpus: 2,
  files: [{ path: 'data', size: '64K', cached: true, kind: 'tmpfs' }],
  processes: [
    {
      pid: 1,
      pageSize: '4K',
      layout: '64K',
      cpu: 0,
      children: [3],
      program: [
        { op: 'mmap', addr: '0x300000000', lengthBytes: '64K', flags: 'SHARED|FIXED', file: 'data', prot: 'rw' },
        { op: 'store', addr: '0x300001000' },
        { op: 'fork', childPid: 3 },
        { op: 'munmap', addr: '0x300000000', lengthBytes: '64K' },
      ],
    },
    {
      pid: 2,
      pageSize: '64K',
      cpu: 1,
      program: [
        { op: 'mmap', addr: '0x200000000', lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
        { op: 'store', addr: '0x200002000' },
        { op: 'mmap', addr: '0x300000000', lengthBytes: '64K', flags: 'SHARED|FIXED', file: 'data', prot: 'rw' },
        { op: 'load', addr: '0x300000000' },
        { op: 'madvise', addr: '0x200000000', lengthBytes: '64K', advice: 'DONTNEED' },
        { op: 'store', addr: '0x300002000' },
      ],
    },
    { pid: 3, pageSize: '4K', layout: '64K', forked: true, program: [{ op: 'load', addr: '0x300001000' }] },
  ],
};
