/** The topologies of the package in the checked mode, as they are and with deliveries in random order. */
import { loadTopology, loadTraces } from '../../../src/topology/load.node.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/**
 * Those without modules of users, without laws broken on purpose, and short ones first. A run of any takes less than a second.
 */
export const TOPOLOGIES = [
  'gup-vs-fork',
  'uffd-missing-64k',
  'order-4-demand',
  'hwpoison-one-frame',
  'ksm-mixed-sizes',
  'mthp-controls',
  'lazy-native-table',
  'live-fallback-two-cpus',
  'direct-io-beside-mappings',
  'swap-by-4k-pages',
  'khugepaged-64k',
  'shared-memory-mixed',
  'mixed-page-sizes',
  'mthp-contpte-4k',
  'hugetlb-sharing',
] as const;

/** Those that are also run in random order, with so many seeds. */
const SHUFFLED = 8;
const SEEDS = [1];

/** The first topology that breaks a law. */
export function shippedTopologies(): Verdict | null {
  for (const [at, name] of TOPOLOGIES.entries()) {
    for (const seed of at < SHUFFLED ? [0, ...SEEDS] : [0]) {
      const verdict = played(name, seed);
      if (verdict !== null) return verdict;
    }
  }
  return null;
}

function played(name: string, seed: number): Verdict | null {
  const run = seed === 0 ? name : `${name} in random order ${seed}`;
  try {
    const loaded = loadTopology(name);
    const topology = seed === 0 ? loaded : { ...loaded, chooser: 'seeded-random' as const, seed };
    runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null, checked: true });
    return null;
  } catch (error) {
    return verdictOf(error, run);
  }
}
