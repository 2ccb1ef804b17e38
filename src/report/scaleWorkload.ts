/**
 * Made-up workloads of any size: programs that map, read, write and fault on memory and files, so that every kind of actor
 * takes part. Processes share a few traces; everything follows from the size alone.
 */
import { MAP } from '../mm/abi/numbers.ts';
import { PROT } from '../mm/pte.ts';
import type { ImageSegment, RunSource } from '../mm/runs.ts';
import { SeededRandom } from '../runtime/random.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';
import { type TraceStep, traceFromSteps } from '../trace/memoryTrace.ts';

/** How large a workload is. */
export interface ScaleSize {
  cpus: number;
  processes: number;
  files: number;
  /** Distinct programs; processes share them in turn. */
  traces: number;
  /** Times that a program maps memory and a file, works on both, and lets go of them. */
  rounds: number;
}

/** What a run is made of. */
export interface Workload {
  topology: Topology;
  traces: Map<number, RunSource>;
}

const PAGE_BYTES = 4096;
/** Everything is placed in pages of the largest size, so that one trace serves processes of all three. */
const PLACE_BYTES = 65536;
const CODE_ADDRESS = 0x40_0000;
const STACK_ADDRESS = 0x7fff_0000;
const BUFFER_ADDRESS = 0x1000_0000;
const PRIVATE_ADDRESS = 0x2000_0000;
const FILE_ADDRESS = 0x4000_0000;
const SHARED_ADDRESS = 0x5000_0000;
const PROGRAM = '/scale/program';
const FILE_PAGES = 16;
const PRIVATE_PAGES = 16;
const ACCESSES_PER_ROUND = 200;
const READ_BYTES = 8192;
const PAGE_SIZES = ['4K', '16K', '64K'] as const;
/** Every so many processes one forks the next. */
const FORK_EVERY = 8;

const pathOf = (file: number): string => `/scale/data/${file}`;

/** The program with its code and its stack, as execve lays them out. */
const IMAGE: ImageSegment[] = [
  {
    kind: 'program',
    addr: CODE_ADDRESS,
    lengthBytes: PLACE_BYTES,
    prot: PROT.READ | PROT.EXEC,
    file: PROGRAM,
    offsetBytes: 0,
  },
  {
    kind: 'stack',
    addr: STACK_ADDRESS,
    lengthBytes: PLACE_BYTES,
    prot: PROT.READ | PROT.WRITE,
    file: null,
    offsetBytes: 0,
  },
];

function mapped(
  addr: number,
  pages: number,
  prot: number,
  file: string | null,
  sharing: number = MAP.PRIVATE,
): TraceStep {
  const flags = sharing | MAP.FIXED | (file === null ? MAP.ANONYMOUS : 0);
  return { op: 'mmap', addr, lengthBytes: pages * PAGE_BYTES, prot, flags, file, offsetBytes: 0 };
}

/** A fetch and a data access; stretches can then end at any of them. */
function* access(random: SeededRandom, kind: 'R' | 'W', addr: number): Generator<TraceStep> {
  yield { access: 'X', addr: CODE_ADDRESS + random.below(PLACE_BYTES / PAGE_BYTES) * PAGE_BYTES };
  yield { access: kind, addr: addr + random.below(PAGE_BYTES) };
}

/** One round: private memory and a file are mapped, worked on, and unmapped. */
function* roundSteps(random: SeededRandom, round: number, files: number): Generator<TraceStep> {
  const privateAt = PRIVATE_ADDRESS + (round % 4) * PLACE_BYTES;
  yield mapped(privateAt, PRIVATE_PAGES, PROT.READ | PROT.WRITE, null);
  // The stack is what a child shares with its parent until one of them writes to it.
  yield* access(random, 'W', STACK_ADDRESS + random.below(PRIVATE_PAGES) * PAGE_BYTES);
  const file = pathOf(random.below(files));
  yield { op: 'read', file, offsetBytes: 0, buffer: BUFFER_ADDRESS, lengthBytes: READ_BYTES };
  yield mapped(FILE_ADDRESS, FILE_PAGES, PROT.READ, pathOf(random.below(files)));
  for (let at = 0; at < ACCESSES_PER_ROUND; at++) {
    if (at % 4 === 0) yield* access(random, 'R', FILE_ADDRESS + random.below(FILE_PAGES) * PAGE_BYTES);
    else yield* access(random, 'W', privateAt + random.below(PRIVATE_PAGES) * PAGE_BYTES);
  }
  yield { op: 'munmap', addr: FILE_ADDRESS, lengthBytes: FILE_PAGES * PAGE_BYTES };
}

function* programSteps(random: SeededRandom, { rounds, files }: ScaleSize, forks: boolean): Generator<TraceStep> {
  yield mapped(BUFFER_ADDRESS, PRIVATE_PAGES, PROT.READ | PROT.WRITE, null);
  yield* access(random, 'W', BUFFER_ADDRESS);
  yield mapped(SHARED_ADDRESS, PRIVATE_PAGES, PROT.READ | PROT.WRITE, null, MAP.SHARED);
  for (let round = 0; round < rounds; round++) {
    yield* access(random, 'W', SHARED_ADDRESS + (round % PRIVATE_PAGES) * PAGE_BYTES);
    yield* roundSteps(random, round, files);
    if (forks && round === 0) yield { op: 'fork', childPid: 0 };
  }
}

/** A program that works through its rounds on files of its own choice. */
function scaleTrace(size: ScaleSize, seed: number, forks: boolean): RunSource {
  const random = new SeededRandom(seed);
  return traceFromSteps(programSteps(random, size, forks), { name: `scale-${seed}`, image: IMAGE });
}

/**
 * So many processes of 4K, 16K and 64K pages on so many CPUs, a part of them forked, over so many files.
 *
 * @example
 * ```ts
 * const size = { cpus: 2, processes: 16, files: 30, traces: 2, rounds: 1 };
 * scaleWorkload(size).topology.processes.filter(({ forked }) => forked).length; // 2
 * ```
 */
export function scaleWorkload(size: ScaleSize): Workload {
  const { cpus, processes, files } = size;
  const made = Array.from({ length: size.traces }, (_, seed) => ({
    plain: scaleTrace(size, seed, false),
    forking: scaleTrace(size, seed, true),
  }));
  const traces = new Map<number, RunSource>();
  const rows = Array.from({ length: processes }, (_, at) => {
    const forks = at % FORK_EVERY === 0 && at + 1 < processes;
    const forked = at % FORK_EVERY === 1;
    // A child has its parent's page size.
    const family = forked ? at - 1 : at;
    const { plain, forking } = made[family % made.length];
    const trace = forks ? forking : plain;
    traces.set(at + 1, trace);
    const children = forks ? [at + 2] : [];
    return { pid: at + 1, trace: trace.name, pageSize: PAGE_SIZES[family % PAGE_SIZES.length], forked, children };
  });
  const data = Array.from({ length: files }, (_, file) => ({ path: pathOf(file), size: FILE_PAGES * PAGE_BYTES }));
  const topology = parseTopology(
    {
      name: 'scale',
      cpus,
      memory: '1T',
      processes: rows,
      files: [{ path: PROGRAM, size: PLACE_BYTES }, ...data],
    },
    'scale',
  );
  return { topology, traces };
}
