/**
 * Random worlds in the checked mode: page sizes, designs, CPUs, memory, threads and the order of deliveries follow from a seed.
 * Two thirds are delivered in random order, and in half of them processes of several granules share the CPUs.
 */
import type { RunSource } from '../../../src/mm/runs.ts';
import type { TraceStep } from '../../../src/trace/memoryTrace.ts';
import { SeededRandom } from '../../../src/runtime/random.ts';
import type { System } from '../../../src/runtime/system.ts';
import { Laws } from '../../../src/topology/laws.ts';
import type { TopologyInput } from '../../../src/topology/schema.ts';
import { fuzzWorld } from '../../machines/support/fuzz.ts';
import { mapAnon, program, randomSteps } from '../../machines/support/programs.ts';
import { checkEnd, topologyOf, worldOf } from '../../machines/support/world.ts';
import { reclaimWorld, runShadowed, slotFault } from '../../reclaim/support/reclaimWorld.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** Designs and parts beside the defaults: each brings steps of its own. */
const VARIANTS: readonly { name: string; topology: Partial<TopologyInput> }[] = [
  { name: 'plain', topology: {} },
  { name: 'lazy', topology: { design: { nativeFill: 'lazy' } } },
  { name: 'folios', topology: { design: { thp: { enabled: 'always', sizes: { '64K': 'always', '16K': 'always' } } } } },
  {
    name: 'groups',
    topology: {
      design: { contiguousTlb: 'per-group', thp: { enabled: 'always', sizes: { '64K': 'always', '2M': 'always' } } },
    },
  },
  { name: 'asid-flush', topology: { design: { crossGranuleTlbi: 'ignored', crossGranuleFlush: 'asid' } } },
  { name: 'torn', topology: { design: { copyOnWrite: 'kernel-page' } } },
  {
    name: 'torn-live',
    topology: { design: { copyOnWrite: 'kernel-page' }, liveFallback: { returnToNative: 'when-whole' } },
  },
  { name: 'torn-for-ever', topology: { design: { copyOnWrite: 'kernel-page' }, liveFallback: {} } },
  { name: 'refused', topology: { design: { copyOnWrite: 'kernel-page', untranslatable: 'fail' } } },
  { name: 'kpti', topology: { design: { kpti: true } } },
];
const CORES = ['cortex-a76', 'cortex-a53', 'neoverse-v1'] as const;

/** The world of a seed. */
export function variedWorld(seed: number): { system: System; pids: number[]; name: string } {
  const random = new SeededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const variant = VARIANTS[seed % VARIANTS.length];
  const cpus = 2 + random.below(2);
  const programs = new Map<number, RunSource>();
  const processes: NonNullable<TopologyInput['processes']> = [];
  const pids: number[] = [];
  const core = pick(CORES);
  const sizes = [4096, 16384, 65536, 65536];
  for (let pid = 1; pid <= 2; pid++) {
    const base = { pageSize: pick(sizes), layout: 65536, trace: 'made' };
    const children = random.chance(0.5) ? [pid + 10] : [];
    const steps = randomSteps(seed * 100 + pid, {
      steps: 50,
      files: true,
      truncate: random.chance(0.4),
      forks: children.length,
    });
    const threads = children.length === 0 && random.chance(0.6) ? [pid + 20] : [];
    const cloned = threads.map((tid) => ({ op: 'clone' as const, tid }));
    programs.set(pid, program([...cloned, ...steps]));
    processes.push({ ...base, pid, children });
    pids.push(pid);
    for (const child of children) {
      programs.set(child, program(randomSteps(seed * 100 + child, { steps: 30 })));
      processes.push({ ...base, pid: child, forked: true });
      pids.push(child);
    }
    for (const tid of threads) {
      programs.set(tid, program(randomSteps(seed * 100 + pid, { steps: 40, files: true })));
      processes.push({ ...base, pid: tid, threadOf: pid });
    }
  }
  const topology = topologyOf({
    cpus,
    core,
    asidBits: pick([4, 4, 16]),
    memory: 2 ** 26,
    quantumCycles: pick([1000, 5000, 3_000_000]),
    chooser: random.chance(0.66) ? 'seeded-random' : 'time-order',
    seed,
    processes,
    ...variant.topology,
  });
  return { system: worldOf(topology, programs), pids, name: variant.name };
}

/** Where a fine program works, and how many pages of 4K it has there: four blocks. */
const FINE = 0x3000_0000;
const FINE_PAGES = 64;

/** A program that changes single pages of blocks which it uses: they are folded, and unfolded again. */
function fineSteps(seed: number, maps: boolean): TraceStep[] {
  const random = new SeededRandom(seed);
  const at = (): number => FINE + random.below(FINE_PAGES) * 4096;
  const steps: TraceStep[] = maps ? [mapAnon(FINE, FINE_PAGES / 16)] : [];
  for (let page = 0; page < FINE_PAGES; page++) steps.push({ access: 'W', addr: FINE + page * 4096, sizeBytes: 8 });
  for (let step = 0; step < 80; step++) {
    const range = { addr: at(), lengthBytes: 4096 };
    if (random.chance(0.2)) steps.push({ op: 'mprotect', ...range, prot: 1 }, { op: 'mprotect', ...range, prot: 3 });
    if (random.chance(0.1)) steps.push({ op: 'madvise', ...range, advice: random.chance(0.5) ? 4 : 20 });
    steps.push({ access: random.chance(0.5) ? 'W' : 'R', addr: at(), sizeBytes: 8 });
  }
  return steps;
}

/** The first world of 4K processes that change single pages, where TLBs keep an entry a page or one a group. */
export function fineWorlds(first: number, last: number): Verdict | null {
  for (let seed = first; seed <= last; seed++) {
    const contiguousTlb = seed % 2 === 0 ? 'per-page' : 'per-group';
    const verdict = tried(`fineWorlds ${seed}, ${contiguousTlb}`, () => {
      const base = { pageSize: '4K', layout: 65536, trace: 'made' };
      const topology = topologyOf({
        cpus: 2,
        asidBits: 3,
        quantumCycles: 2000,
        chooser: seed % 3 === 0 ? 'time-order' : 'seeded-random',
        seed,
        design: { contiguousTlb, thp: { enabled: 'always', sizes: { '64K': 'always' } } },
        processes: [
          { ...base, pid: 1, children: [11] },
          { ...base, pid: 11, forked: true },
          { ...base, pid: 2 },
          { ...base, pid: 3 },
          { ...base, pid: 4 },
        ],
      });
      const fork: TraceStep = { op: 'fork', childPid: 0 };
      const programs = new Map<number, RunSource>(
        [1, 2, 3, 4].map((pid) => [pid, program(fineSteps(seed * 10 + pid, true))]),
      );
      programs.set(1, program([...fineSteps(seed, true), fork, ...fineSteps(seed + 1, false)]));
      programs.set(11, program(fineSteps(seed + 2, false)));
      lawful(worldOf(topology, programs), [1, 2, 3, 4, 11]);
    });
    if (verdict !== null) return verdict;
  }
  return null;
}

/** Runs under the laws, then looks at what is left. */
function lawful(system: System, pids: readonly number[]): void {
  const laws = new Laws();
  for (let record = system.step(); record !== null; record = system.step()) laws.check(record, system);
  checkEnd(
    system,
    pids.filter((pid) => system.snapshot(`process:${pid}`).value !== 'new'),
  );
}

function tried(run: string, play: () => void): Verdict | null {
  try {
    play();
    return null;
  } catch (error) {
    return verdictOf(error, run);
  }
}

/** The first varied world of the seeds [first, last] that breaks something. */
export function variedWorlds(first: number, last: number): Verdict | null {
  for (let seed = first; seed <= last; seed++) {
    const verdict = tried(`variedWorld(${seed}), ${VARIANTS[seed % VARIANTS.length].name}`, () => {
      const { system, pids } = variedWorld(seed);
      lawful(system, pids);
    });
    if (verdict !== null) return verdict;
  }
  return null;
}

/** The first fuzzed world: other kernels' page sizes, little memory, programs that die. */
export function fuzzedWorlds(first: number, last: number): Verdict | null {
  for (let seed = first; seed <= last; seed++) {
    const verdict = tried(`fuzzWorld(${seed})`, () => {
      const { system, pids } = fuzzWorld(seed);
      lawful(system, pids);
    });
    if (verdict !== null) return verdict;
  }
  return null;
}

/** The first world short of memory: swap, reclaim, and a shadow of all contents. */
export function reclaimWorlds(first: number, last: number): Verdict | null {
  for (let seed = first; seed <= last; seed++) {
    const verdict = tried(`reclaimWorld(${seed})`, () => {
      const swap = seed % 3 === 0 ? { size: '8M', unit: 'kernel-page', fragmented: 'scatter' } : {};
      const { system, pids } = reclaimWorld(seed, { swap });
      runShadowed(system);
      checkEnd(
        system,
        pids.filter((pid) => system.snapshot(`process:${pid}`).value !== 'new'),
      );
      const fault = slotFault(system);
      if (fault !== null) throw new Error(`after seq ${system.nextSeq - 1}: ${fault}`);
    });
    if (verdict !== null) return verdict;
  }
  return null;
}
