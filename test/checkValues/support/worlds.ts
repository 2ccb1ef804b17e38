import type { TopologyInput } from '../../../src/topology/schema.ts';
import { type AbiRun, abiWorld, runAbi } from '../../../src/validate/abiRun.ts';
import { abiDesign } from '../../../src/validate/abiDesign.ts';
import type { AbiAction } from '../../../src/validate/abiStep.ts';
import {
  type FootprintRun,
  type FootprintSetting,
  footprintSystem,
  runFootprint,
} from '../../../src/validate/footprintRun.ts';
import type { Workload } from '../../../src/trace/workloads/foot/footSteps.ts';

export const KB = 1024;
export const MB = 2 ** 20;
export const GB = 2 ** 30;
/** Where the calls of these tests work. */
export const BASE = 0x2_0000_0000;
/** What mmap and shmat call a private anonymous place of one's own choice. */
export const ANONYMOUS_FIXED = 0x32;
export const EINVAL = 22;

/** A kernel, and a process on it. */
export interface World {
  name: string;
  kernel: number;
  page: number;
  design?: string[];
}

/** The three kernels, each with a process of its own page size. */
export const PLAIN: readonly World[] = [
  { name: 'a 4K kernel', kernel: 4 * KB, page: 4 * KB },
  { name: 'a 16K kernel', kernel: 16 * KB, page: 16 * KB },
  { name: 'a 64K kernel', kernel: 64 * KB, page: 64 * KB },
];

/** Processes of larger pages on a 4K kernel. */
export const PROPOSAL: readonly World[] = [
  { name: 'a 16K process on 4K', kernel: 4 * KB, page: 16 * KB },
  { name: 'a 64K process on 4K', kernel: 4 * KB, page: 64 * KB },
];

/** Every file that a program may map beside its own. */
export const TEN_KILOBYTES = { path: '/data/ten', size: 10 * KB };

/** Plays calls and accesses, and answers what the program saw of each. */
export function play({ kernel, page, design = [] }: World, actions: AbiAction[]): AbiRun['answers'] {
  const files: TopologyInput['files'] = [TEN_KILOBYTES];
  const run = runAbi(abiWorld(page, kernel, abiDesign(design)), { name: 'check', fileBytes: 0, files, actions });
  if (run.failure !== null) throw run.failure;
  return run.answers;
}

/** A private anonymous mapping, readable and writable, at BASE. */
export function map(lengthBytes: number, addr = BASE): AbiAction {
  return { op: 'mmap', addr, lengthBytes, prot: 3, flags: ANONYMOUS_FIXED, file: null, offsetBytes: 0 };
}

/** Plays a workload, and answers what its counters said. */
export function measure(work: Workload, setting: FootprintSetting): NonNullable<FootprintRun['measured']> {
  const { measured, failure } = runFootprint(footprintSystem(work, setting));
  if (measured === null) throw new Error(failure ?? 'nothing was measured');
  return measured;
}
