/** Random worlds that are short of memory, and what must hold in them. */
import type { KswapdContext, MmuContext, SwapContext, ZoneContext } from '../../../machines/index.ts';
import { kindOfEntry } from '../../../src/mm/nonPresent.ts';
import { pfnOf } from '../../../src/mm/pte.ts';
import type { TraceStep } from '../../../src/trace/memoryTrace.ts';
import type { RunSource } from '../../../src/mm/runs.ts';
import { SeededRandom } from '../../../src/runtime/random.ts';
import type { System } from '../../../src/runtime/system.ts';
import { Laws } from '../../../src/topology/laws.ts';
import type { TopologyInput } from '../../../src/topology/schema.ts';
import { mapAnon, program, type ProgramMix, randomSteps, UNIT } from '../../machines/support/programs.ts';
import { topologyOf, worldOf } from '../../machines/support/world.ts';
import { ShadowMemory } from './shadow.ts';

export const kswapdOf = (system: System): KswapdContext => system.snapshot('kswapd').context;
export const swapOf = (system: System): SwapContext => system.snapshot('swap').context;
export const zoneOf = (system: System): ZoneContext => system.snapshot('zone').context;

/** Entries that name each slot, over all page tables. */
export function namedSlots(system: System): Map<number, number> {
  const named = new Map<number, number>();
  for (const [id, { context }] of system.snapshots()) {
    if (!id.startsWith('mmu:')) continue;
    const { linux }: MmuContext = context;
    linux.forEach(0, 2 ** 48, (_va, pte) => {
      if (kindOfEntry(pte) === 'swap') named.set(pfnOf(pte), (named.get(pfnOf(pte)) ?? 0) + 1);
    });
  }
  return named;
}

/** Slots are conserved when nothing is under way: each is free, named as often as it counts, or in the swap cache. */
export function slotFault(system: System): string | null {
  const named = namedSlots(system);
  const { map, cache, frames } = swapOf(system);
  let fault: string | null = null;
  let used = 0;
  map.forEach((slot, count, cached) => {
    used++;
    if (count !== (named.get(slot) ?? 0))
      fault = `slot ${slot} counts ${count}, ${named.get(slot) ?? 0} entries name it`;
    if (cached !== frames.has(slot)) fault = `slot ${slot} is ${cached ? '' : 'not '}marked as cached`;
    named.delete(slot);
  });
  if (named.size > 0) fault = `${named.size} free slots are named by entries`;
  let inCache = 0;
  cache.forEach(0, Number.MAX_SAFE_INTEGER, (_pfn, { slots }) => {
    inCache += slots.length;
  });
  if (inCache !== frames.size) fault = `${inCache} slots of folios in the cache, ${frames.size} known`;
  return used + map.freeSlots === map.slots
    ? fault
    : `${used} used and ${map.freeSlots} free slots are not ${map.slots}`;
}

/** Runs to the end under the laws and the shadow. */
export function runShadowed(system: System, laws = new Laws()): ShadowMemory {
  const shadow = new ShadowMemory();
  for (let record = system.step(); record !== null; record = system.step()) {
    shadow.take(record, system);
    laws.check(record, system);
  }
  return shadow;
}

/** Where a program keeps what it comes back to all the time, and how much that is, in units of 64K. */
const HOG = 0x7000_0000;
const HOG_UNITS = 14;

/** A random program that goes on using memory of its own beside everything else it does. */
function hungry(seed: number, mix: ProgramMix, maps: boolean): RunSource {
  const random = new SeededRandom(seed);
  const steps: TraceStep[] = maps ? [mapAnon(HOG, HOG_UNITS)] : [];
  for (const step of randomSteps(seed, mix)) {
    steps.push(step);
    if (random.chance(0.4)) {
      const addr = HOG + random.below((HOG_UNITS * UNIT) / 4096) * 4096;
      steps.push({ access: random.chance(0.5) ? 'W' : 'R', addr, sizeBytes: 8 });
    }
    const lengthBytes = UNIT * (1 + random.below(4));
    const addr = HOG + random.below(HOG_UNITS - 4) * UNIT;
    // MADV_COLD, MADV_PAGEOUT, MADV_FREE, MADV_WILLNEED; mincore.
    if (random.chance(0.04))
      steps.push({ op: 'madvise', addr, lengthBytes, advice: [20, 21, 21, 8, 3][random.below(5)] });
    if (random.chance(0.02)) steps.push({ op: 'mincore', addr, lengthBytes });
  }
  return program(steps);
}

/** The world of a seed: page sizes, memory, swap, programs and chooser follow from it. */
export function reclaimWorld(
  seed: number,
  change: { topology?: Partial<TopologyInput>; swap?: object } = {},
): { system: System; pids: number[] } {
  const random = new SeededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const count = 1 + random.below(3);
  const programs = new Map<number, RunSource>();
  const processes = [];
  const pids: number[] = [];
  const cpus = 1 + random.below(3);
  for (let pid = 1; pid <= count; pid++) {
    const children = random.chance(0.5) ? [pid + 10] : [];
    const base = { pageSize: pick([4096, 16384, 65536]), layout: 65536, trace: 'made' };
    const mix = { steps: 60 + random.below(60), files: random.chance(0.5), truncate: random.chance(0.2) };
    programs.set(pid, hungry(seed * 100 + pid, { ...mix, forks: children.length }, true));
    processes.push({ ...base, pid, children });
    pids.push(pid);
    for (const child of children) {
      programs.set(child, hungry(seed * 100 + child, { steps: 40, files: false, forks: 0 }, false));
      processes.push({ ...base, pid: child, forked: true });
      pids.push(child);
    }
  }
  const lazy = random.chance(0.3);
  const topology = topologyOf({
    ...(lazy ? { design: { nativeFill: 'lazy' } } : {}),
    cpus,
    memory: pick([14, 16, 20, 24]) * 2 ** 17,
    nativeTables: random.chance(0.85),
    quantumCycles: pick([1000, 5000, 3_000_000]),
    chooser: random.chance(0.6) ? 'seeded-random' : 'time-order',
    seed,
    processes,
    reclaim: {
      nativeTables: lazy ? 'drop' : 'keep',
      swappiness: pick([30, 60, 100, 200]),
      swap: { size: pick(['8M', '32M']), ...change.swap },
    },
    ...change.topology,
  });
  return { system: worldOf(topology, programs), pids };
}
