/** Races of the topologies of fixtures/exploration: the setting that is wrong, and what it breaks. */
import { openTopology } from '../../../src/library/openTopology.node.ts';
import { type SystemModel } from '../../../src/explore/world/systemModel.ts';
import { topologyModel } from '../../../src/explore/world/topologyModel.ts';
import { EXPLORATION } from './kernelSteps.ts';

/** A topology with one setting that breaks a property in some order of deliveries. */
export interface Race {
  readonly topology: string;
  /** What is wrong; without it the topology has the design that is right. */
  readonly set: Readonly<Record<string, string>>;
  readonly property: string;
  /** What the property says of it. */
  readonly fault: RegExp;
  /** States within which it is found, nearest first. */
  readonly states: number;
}

const LAWS = 'laws-of-definitions';
const law = (topology: string, set: Race['set'], fault: RegExp, states: number): Race => {
  return { topology, set, property: LAWS, fault, states };
};

/** Those of kernel code that is executed step by step. */
export const STEP_RACES: readonly Race[] = [
  law('native-table-install', { install: 'check-then-store' }, /no pointer is written over the only one/, 200),
  law('native-table-lifetime', { release: 'with-first-table' }, /freed that can be reached.*linux1\.section/, 2500),
  law('native-table-lifetime', { release: 'count-read-then-write' }, /the slot of the native table is empty/, 15_000),
  law('native-table-lifetime', { release: 'count-free-at-once' }, /walker .*goes to native, which is freed/, 12_000),
  law('native-table-reuse', { take: 'blindly' }, /frees native, to which .*linux1\.section points/, 1000),
  law('gup-fast-teardown', { tableFree: 'immediate' }, /gup_fast_pte_range.*goes to linux, which is freed/, 5000),
  law('gup-fast-teardown', { recheck: 'none' }, /the pinned page belongs to the process: cpu:gup/, 12_000),
  law('gup-fast-teardown', { flush: 'after-free' }, /walker .*goes to native, which is freed/, 5000),
  law('collapse-vs-gup-fast', { recheck: 'pte-only', sync: 'none' }, /holder and process see one page/, 1000),
  law('native-dirty-clear', { clear: 'linux-first' }, /what was written is read again/, 1000),
  law('native-dirty-clear', { clear: 'linux-table-only' }, /what was written is read again/, 1000),
  law('native-dirty-clear', { flush: 'after-pageout' }, /what was written is read again/, 1500),
  law('native-table-drop', { drop: 'harvest-then-detach' }, /a page that was written to is dirty/, 1000),
  law('lazy-native-fill', { fill: 'unlocked' }, /hardware reaches a page of the process/, 3000),
  law('ksm-write-protect', { protect: 'linux-table' }, /what was written is read again/, 25_000),
  law('ksm-write-protect', { check: 'before-clear' }, /the process sees what the device has written/, 30_000),
  law('native-contiguous-fold', { fold: 'in-place' }, /no TLB has two translations of one address/, 500),
  law('table-flush-order', { order: 'store-tlbi' }, /level 3\) goes to native, which is freed/, 1000),
  law('root-and-granule', { order: 'granule-first' }, /a table is walked with its own granule/, 200),
  law('root-and-granule', { order: 'root-first' }, /a table is walked with its own granule/, 200),
  law('root-and-granule', { flush: 'none' }, /an entry is used with the granule that it was made with/, 500),
];

/** Those of granule's own actors. */
export const ACTOR_RACES: readonly Race[] = [
  {
    topology: 'live-fallback-race',
    set: { protocol: 'in-place' },
    property: 'no-stale-translation',
    fault: /walked a table of mmu:1 that is gone, or with the other granule/,
    states: 500,
  },
  {
    topology: 'live-fallback-race',
    set: { protocol: 'no-flush' },
    property: 'no-stale-translation',
    fault: /tlb:0 has page 64 of 1 .*the table says/,
    states: 500,
  },
];

/** Other settings that are right as well. */
export const ALSO_RIGHT: readonly Pick<Race, 'topology' | 'set'>[] = [
  { topology: 'native-table-install', set: { install: 'recheck-under-lock' } },
  { topology: 'lazy-native-fill', set: { fill: 'under-ptl' } },
  { topology: 'collapse-vs-gup-fast', set: { recheck: 'pte-only' } },
  { topology: 'collapse-vs-gup-fast', set: { sync: 'none' } },
];

/** A topology of the folder as a model. */
export async function modelOf(topology: string, set: Race['set'] = {}): Promise<SystemModel> {
  const ready = await openTopology(`${EXPLORATION}/${topology}.yaml`, { cwd: EXPLORATION, set });
  return topologyModel({ ...ready, topology: { ...ready.topology, chooser: 'explored' } });
}
