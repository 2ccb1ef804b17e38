import fc from 'fast-check';
import type { ImageSegment, RunSource } from '../../src/mm/runs.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';
import { traceFromSteps, type TraceStep } from '../../src/trace/memoryTrace.ts';

/** A topology and the traces of its processes. */
export interface RandomRun {
  topology: Topology;
  traces: Map<number, RunSource>;
}

/** What one step of a made-up program does; numbers are taken modulo what there is. */
type Action = { what: number; area: number; page: number; size: number };

interface Area {
  addr: number;
  pages: number;
  writable: boolean;
}

const PROT_READ_WRITE = 3;
const MAP_PRIVATE_FIXED = 0x12;
const MAP_SHARED_FIXED = 0x11;
const MAP_ANONYMOUS = 0x20;
/** Where mmap puts areas: far from the image, room for the largest between two. */
const SLOTS_AT = 0x10_0000_0000;
const SLOT_BYTES = 0x100_0000;
const SLOTS = 5;
const PROGRAM_AT = 0x40_0000;
const DATA_AT = 0x80_0000;
const HEAP_AT = 0xc0_0000;
const STACK_AT = 0x7f_0000_0000;
const FILES = ['/data/a', '/data/b'];
const FILE_BYTES = 5 * 65536;

const actionArb: fc.Arbitrary<Action> = fc.record({
  what: fc.nat(10),
  area: fc.nat(100),
  page: fc.nat(100),
  size: fc.integer({ min: 1, max: 5 }),
});

function imageOf(pid: number, pageBytes: number): ImageSegment[] {
  const file = `/bin/program${pid % 2}`;
  return [
    { kind: 'program', addr: PROGRAM_AT, lengthBytes: 4 * pageBytes, prot: 5, file, offsetBytes: 0 },
    {
      kind: 'program',
      addr: DATA_AT,
      lengthBytes: 2 * pageBytes,
      prot: PROT_READ_WRITE,
      file,
      offsetBytes: 4 * pageBytes,
    },
    { kind: 'heap', addr: HEAP_AT, lengthBytes: pageBytes, prot: PROT_READ_WRITE, file: null, offsetBytes: 0 },
    { kind: 'stack', addr: STACK_AT, lengthBytes: 4 * pageBytes, prot: PROT_READ_WRITE, file: null, offsetBytes: 0 },
  ];
}

/** A program whose every access lies in what it has mapped. */
class Program {
  readonly steps: TraceStep[] = [];
  readonly #pageBytes: number;
  readonly #areas: Area[];
  readonly #slots = new Map<number, Area>();

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
    this.#areas = [
      { addr: DATA_AT, pages: 2, writable: true },
      { addr: STACK_AT, pages: 4, writable: true },
    ];
    this.steps.push({ access: 'X', addr: PROGRAM_AT, sizeBytes: 4 });
  }

  do({ what, area, page, size }: Action): void {
    if (what <= 3) this.#touch(area, page, what);
    else if (what <= 5) this.#map(area % SLOTS, size, what === 5 ? (FILES[page % 2] ?? null) : null, page % 3 === 0);
    else if (what === 6) this.#unmap(area % SLOTS);
    else if (what === 7) this.#protect(area % SLOTS);
    else if (what === 8) this.steps.push({ op: 'madvise', ...this.#rangeOf(area), advice: 4 });
    else if (what === 9) this.#copy(area, page, size);
    else this.steps.push({ access: 'X', addr: PROGRAM_AT + (page % 4) * this.#pageBytes, sizeBytes: 4 });
  }

  #pick(area: number): Area {
    const areas = [...this.#areas, ...this.#slots.values()];
    const picked = areas[area % areas.length];
    if (picked === undefined) throw new Error('there is always an area');
    return picked;
  }

  #rangeOf(area: number): { addr: number; lengthBytes: number } {
    const { addr, pages } = this.#pick(area);
    return { addr, lengthBytes: pages * this.#pageBytes };
  }

  #touch(area: number, page: number, what: number): void {
    const { addr, pages, writable } = this.#pick(area);
    const at = addr + (page % pages) * this.#pageBytes + ((page * 4096) % this.#pageBytes);
    this.steps.push({ access: 'X', addr: PROGRAM_AT + (page % 4) * this.#pageBytes, sizeBytes: 4 });
    this.steps.push({ access: writable && what > 1 ? 'W' : 'R', addr: at, sizeBytes: 8 });
  }

  #map(slot: number, pages: number, file: string | null, shared: boolean): void {
    const addr = SLOTS_AT + slot * SLOT_BYTES;
    const flags =
      (file !== null && shared ? MAP_SHARED_FIXED : MAP_PRIVATE_FIXED) | (file === null ? MAP_ANONYMOUS : 0);
    const lengthBytes = pages * this.#pageBytes;
    this.#unmap(slot);
    this.steps.push({ op: 'mmap', addr, lengthBytes, prot: PROT_READ_WRITE, flags, file, offsetBytes: 0 });
    this.#slots.set(slot, { addr, pages: Math.min(pages, FILE_BYTES / 65536), writable: true });
  }

  #unmap(slot: number): void {
    const area = this.#slots.get(slot);
    if (area === undefined) return;
    this.#slots.delete(slot);
    this.steps.push({ op: 'munmap', addr: area.addr, lengthBytes: area.pages * this.#pageBytes });
  }

  #protect(slot: number): void {
    const area = this.#slots.get(slot);
    if (area === undefined) return;
    const writable = !area.writable;
    this.#slots.set(slot, { ...area, writable });
    const lengthBytes = area.pages * this.#pageBytes;
    this.steps.push({ op: 'mprotect', addr: area.addr, lengthBytes, prot: writable ? PROT_READ_WRITE : 1 });
  }

  #copy(area: number, page: number, size: number): void {
    const writable = this.#pick(area).writable ? this.#pick(area) : this.#pick(0);
    const call = { file: FILES[page % 2] ?? '', offsetBytes: (page % 7) * 4096, buffer: writable.addr };
    this.steps.push({ op: page % 3 === 0 ? 'write' : 'read', ...call, lengthBytes: size * 3000 });
  }

  trace(pid: number): RunSource {
    const files = [...FILES, '/bin/program0', '/bin/program1'].map((path) => ({ path, sizeBytes: FILE_BYTES * 2 }));
    const options = { name: `made${pid}`, image: imageOf(pid, this.#pageBytes), files };
    return traceFromSteps(this.steps, options);
  }
}

/** A place in a log, 0 to 1, each as likely as any other; doubles of fast-check are nearly all next to 0. */
export const placeArb: fc.Arbitrary<number> = fc.nat(9999).map((part) => part / 10_000);

const pageSizeArb = fc.constantFrom(4096, 16384, 65536);

const processArb = fc.record({
  pageSize: pageSizeArb,
  startCycles: fc.nat(200_000),
  forks: fc.boolean(),
  actions: fc.array(actionArb, { minLength: 1, maxLength: 40 }),
});

/** Systems of 1 to 4 CPUs and 1 to 4 processes of mixed page sizes, some of which fork. */
export const runArb: fc.Arbitrary<RandomRun> = fc
  .record({
    kernelPageSize: fc.constantFrom(4096, 4096, 16384),
    cpus: fc.integer({ min: 1, max: 4 }),
    chooser: fc.constantFrom('time-order' as const, 'seeded-random' as const),
    seed: fc.nat(1_000_000),
    nativeTables: fc.boolean(),
    pageCache: fc.constantFrom('drop-and-re-read' as const, 'sticky-order' as const),
    quantumCycles: fc.constantFrom(1000, 100_000),
    asidBits: fc.constantFrom(3, 16),
    processes: fc.array(processArb, { minLength: 1, maxLength: 4 }),
  })
  .map(({ processes, kernelPageSize, ...fields }) => {
    const traces = new Map<number, RunSource>();
    const listed: unknown[] = [];
    for (const [index, { pageSize, startCycles, forks, actions }] of processes.entries()) {
      const pid = 100 + index;
      const pageBytes = Math.max(pageSize, kernelPageSize);
      const program = new Program(pageBytes);
      for (const [at, action] of actions.entries()) {
        if (forks && at === Math.floor(actions.length / 2)) program.steps.push({ op: 'fork', childPid: 0 });
        program.do(action);
      }
      traces.set(pid, program.trace(pid));
      const children = forks ? [pid + 100] : [];
      listed.push({ pid, trace: 'made', pageSize: pageBytes, startCycles, children });
      if (!forks) continue;
      const child = new Program(pageBytes);
      for (const action of actions.slice(0, 10)) child.do(action);
      traces.set(pid + 100, child.trace(pid + 100));
      listed.push({ pid: pid + 100, trace: 'made', pageSize: pageBytes, forked: true });
    }
    const memory = '64M';
    const topology = parseTopology({ name: 'random', kernelPageSize, memory, ...fields, processes: listed }, 'test');
    return { topology, traces };
  });
