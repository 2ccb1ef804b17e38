/** One random world a seed: page sizes, CPUs, memory, programs and chooser all follow from it. */
import type { RunSource } from '../../../src/mm/runs.ts';
import { SeededRandom } from '../../../src/runtime/random.ts';
import type { System } from '../../../src/runtime/system.ts';
import { program, randomSteps } from './programs.ts';
import { checkEnd, runChecked, topologyOf, worldOf } from './world.ts';

/** Page sizes that a kernel can run. */
const PROCESS_SIZES: Record<number, number[]> = { 4096: [4096, 16384, 65536], 16384: [16384, 65536], 65536: [65536] };

/** Builds the world of a seed. */
export function fuzzWorld(seed: number, freeze = false): { system: System; pids: number[] } {
  const random = new SeededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const kernelPageSize = pick([4096, 4096, 4096, 16384, 65536]);
  const count = 1 + random.below(3);
  const programs = new Map<number, RunSource>();
  const processes = [];
  const pids: number[] = [];
  const cpus = 1 + random.below(4);
  const mix = {
    steps: 25 + random.below(50),
    files: random.chance(0.8),
    truncate: random.chance(0.4),
    crimes: random.chance(0.2),
  };
  for (let pid = 1; pid <= count; pid++) {
    const pageSize = pick(PROCESS_SIZES[kernelPageSize]);
    const children = random.chance(0.4) ? [pid + 10] : [];
    const base = { pageSize, layout: 65536, trace: 'made' };
    programs.set(pid, program(randomSteps(seed * 100 + pid, { ...mix, forks: children.length })));
    const pinned = random.chance(0.3) ? { cpu: random.below(cpus) } : {};
    processes.push({ ...base, pid, children, startCycles: random.below(20_000), ...pinned });
    pids.push(pid);
    for (const child of children) {
      programs.set(
        child,
        program(randomSteps(seed * 100 + child, { ...mix, steps: 20, files: false, forks: 0, crimes: true })),
      );
      processes.push({ ...base, pid: child, forked: true });
      pids.push(child);
    }
  }
  const topology = topologyOf({
    kernelPageSize,
    cpus,
    asidBits: cpus < 3 ? pick([2, 3, 16]) : pick([3, 16]),
    memory: random.chance(0.25) ? pick([10, 12, 16, 20, 24]) * 2 ** 17 * (kernelPageSize / 4096) : 2 ** 26,
    nativeTables: random.chance(0.85),
    pageCache: pick(['drop-and-re-read', 'sticky-order', 'convert-at-first-mmap', 'large-folios-to-eof']),
    quantumCycles: pick([1000, 5000, 3_000_000]),
    chooser: random.chance(0.75) ? 'seeded-random' : 'time-order',
    seed,
    processes,
  });
  return { system: worldOf(topology, programs, freeze), pids };
}

/** Runs the world of a seed with every check. */
export function fuzz(seed: number, stride = 7): void {
  const { system, pids } = fuzzWorld(seed);
  runChecked(system, stride);
  const begun = pids.filter((pid) => system.snapshot(`process:${pid}`).value !== 'new');
  checkEnd(system, begun);
}
