/** Made-up programs for the machines: every address a multiple of 64K, so that one trace runs at every page size. */
import type { ImageSegment, RunSource, TraceFile } from '../../../src/mm/runs.ts';
import { SeededRandom } from '../../../src/runtime/random.ts';
import { traceFromSteps, type TraceStep } from '../../../src/trace/memoryTrace.ts';

/** The unit of every address and length: the largest page size. */
export const UNIT = 65536;
const CODE = 0x400000;
const DATA = 0x500000;
const BRK = 0x600000;
const STACK_END = 0x7fff_0000_0000;
const MAPPINGS = 0x1000_0000;

/** Flags of mmap as the traces carry them. */
const SHARED = 1;
const PRIVATE = 2;
const FIXED = 0x10;
const ANONYMOUS = 0x20;

/** A program file with code and data, and a stack. */
export const image: ImageSegment[] = [
  { kind: 'program', addr: CODE, lengthBytes: 2 * UNIT, prot: 5, file: '/bin/made', offsetBytes: 0 },
  { kind: 'program', addr: DATA, lengthBytes: UNIT, prot: 3, file: '/bin/made', offsetBytes: 2 * UNIT },
  { kind: 'stack', addr: STACK_END - 2 * UNIT, lengthBytes: 2 * UNIT, prot: 3, file: null, offsetBytes: 0 },
];

/** The files that the programs use; `/data/b` ends inside a page of every size. */
export const files: TraceFile[] = [
  { path: '/bin/made', sizeBytes: 3 * UNIT },
  { path: '/data/a', sizeBytes: 4 * UNIT },
  { path: '/data/b', sizeBytes: 2 * UNIT + 5000 },
];

/** A trace of the given steps with the usual image; it begins with a fetch. */
export function program(steps: readonly TraceStep[], segments: ImageSegment[] = image): RunSource {
  return traceFromSteps([{ access: 'X', addr: CODE }, ...steps], { name: 'made', image: segments, files });
}

/** An anonymous private mapping. */
export function mapAnon(addr: number, units: number, prot = 3, flags = PRIVATE): TraceStep {
  const lengthBytes = units * UNIT;
  return { op: 'mmap', addr, lengthBytes, prot, flags: flags | ANONYMOUS | FIXED, file: null, offsetBytes: 0 };
}

/** A mapping of a file. */
export function mapFile(
  addr: number,
  units: number,
  file: string,
  prot = 1,
  shared = false,
  offsetUnits = 0,
): TraceStep {
  const flags = (shared ? SHARED : PRIVATE) | FIXED;
  return { op: 'mmap', addr, lengthBytes: units * UNIT, prot, flags, file, offsetBytes: offsetUnits * UNIT };
}

interface Region {
  addr: number;
  units: number;
  prot: number;
  file: string | null;
  shared: boolean;
}

/** What a random program may do beside touching memory and mapping it. */
export interface ProgramMix {
  /** Calls and bursts of accesses. */
  steps: number;
  files?: boolean;
  truncate?: boolean;
  /** Fork calls at most. */
  forks?: number;
  /** Now and then an access that no mapping allows, which ends the program. */
  crimes?: boolean;
}

/** Writes one random program, step by step. */
class ProgramWriter {
  readonly steps: TraceStep[] = [];
  private readonly random: SeededRandom;
  private readonly mix: ProgramMix;
  private readonly regions: Region[] = [{ addr: DATA, units: 1, prot: 3, file: '/bin/made', shared: false }];
  private nextAddr = MAPPINGS;
  private brkUnits = 0;
  private forks = 0;

  constructor(seed: number, mix: ProgramMix) {
    this.random = new SeededRandom(seed);
    this.mix = mix;
    this.steps.push({ op: 'brk', addr: BRK });
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)];
  }

  private region(): Region {
    if (this.regions.length === 0) this.map();
    return this.pick(this.regions);
  }

  private place(units: number): number {
    const addr = this.nextAddr;
    this.nextAddr += (units + this.random.below(3)) * UNIT;
    if (this.random.chance(0.1)) this.nextAddr += 2 ** 30;
    return addr;
  }

  touch(): void {
    const region = this.region();
    const accesses = 1 + this.random.below(6);
    for (let at = 0; at < accesses; at++) {
      const addr = region.addr + this.random.below((region.units * UNIT) / 4096) * 4096 + this.random.below(512) * 8;
      const writes = (region.prot & 2) !== 0 && this.random.chance(0.5);
      if (region.prot === 0 && this.mix.crimes !== true) return;
      if (region.file === '/data/b' && addr - region.addr > 2 * UNIT && this.mix.crimes !== true) continue;
      this.steps.push({ access: 'X', addr: CODE + this.random.below(32) * 4096 });
      this.steps.push({ access: writes ? 'W' : this.pick(['R', 'R', 'R']), addr, sizeBytes: 8 });
    }
    if (this.random.chance(0.3)) this.steps.push({ access: 'W', addr: STACK_END - 8 - this.random.below(300) * 4096 });
  }

  map(): void {
    const units = 1 + this.random.below(4);
    const file = this.mix.files === true && this.random.chance(0.5) ? this.pick(['/data/a', '/data/b']) : null;
    const shared = this.random.chance(0.4);
    const over = this.regions.length > 0 && this.random.chance(0.2);
    const addr = over ? this.region().addr : this.place(units);
    const prot = this.pick([1, 3, 3, 3, 0]);
    if (file === null) this.steps.push(mapAnon(addr, units, prot, shared ? SHARED : PRIVATE));
    else this.steps.push(mapFile(addr, units, file, prot, shared, file === '/data/b' ? 0 : this.random.below(2)));
    this.cut(addr, units);
    this.regions.push({ addr, units, prot, file, shared });
  }

  /** Takes a range out of the regions. */
  private cut(addr: number, units: number): void {
    const end = addr + units * UNIT;
    for (let at = this.regions.length - 1; at >= 0; at--) {
      const region = this.regions[at];
      const regionEnd = region.addr + region.units * UNIT;
      if (regionEnd <= addr || region.addr >= end) continue;
      this.regions.splice(at, 1);
      if (region.addr < addr) this.regions.push({ ...region, units: (addr - region.addr) / UNIT });
      if (regionEnd > end) this.regions.push({ ...region, addr: end, units: (regionEnd - end) / UNIT });
    }
  }

  unmap(): void {
    const region = this.region();
    const units = 1 + this.random.below(region.units);
    const addr = region.addr + this.random.below(region.units) * UNIT;
    this.steps.push({ op: 'munmap', addr, lengthBytes: units * UNIT });
    this.cut(addr, units);
  }

  protect(): void {
    const region = this.region();
    const prot = this.pick([1, 3, 3, 0]);
    this.steps.push({ op: 'mprotect', addr: region.addr, lengthBytes: region.units * UNIT, prot });
    region.prot = prot;
  }

  remap(): void {
    const region = this.region();
    if (region.addr === DATA) return;
    const newUnits = 1 + this.random.below(5);
    const newAddr = this.place(newUnits);
    const { addr } = region;
    const lengths = { oldLengthBytes: region.units * UNIT, newLengthBytes: newUnits * UNIT };
    this.steps.push({ op: 'mremap', addr, ...lengths, flags: 3, newAddr });
    region.addr = newAddr;
    region.units = newUnits;
  }

  brk(): void {
    this.brkUnits = Math.max(0, this.brkUnits + this.random.below(7) - 3);
    this.steps.push({ op: 'brk', addr: BRK + this.brkUnits * UNIT });
    this.cut(BRK, 64);
    if (this.brkUnits > 0) this.regions.push({ addr: BRK, units: this.brkUnits, prot: 3, file: null, shared: false });
  }

  advise(): void {
    const { addr, units } = this.region();
    const advice = this.pick([4, 4, 8, 8, 20, 21, 21, 22, 23, 1, 18, 19]);
    this.steps.push({ op: 'madvise', addr, lengthBytes: units * UNIT, advice });
  }

  sync(): void {
    const { addr, units } = this.region();
    const lengthBytes = units * UNIT;
    if (this.random.chance(0.5)) this.steps.push({ op: 'msync', addr, lengthBytes, flags: 4 });
    else this.steps.push({ op: this.random.chance(0.6) ? 'mlock' : 'munlock', addr, lengthBytes });
  }

  transfer(): void {
    if (this.mix.files !== true) return;
    const { addr } = this.region();
    const file = this.pick(['/data/a', '/data/b']);
    if (this.mix.truncate === true && this.random.chance(0.3)) {
      this.steps.push({ op: 'truncate', file, sizeBytes: this.random.below(5 * UNIT) });
      return;
    }
    const op = this.random.chance(0.5) ? 'read' : 'write';
    const offsetBytes = this.random.below(UNIT);
    const lengthBytes = 1 + this.random.below(30_000);
    const buffer = this.random.chance(0.1) ? 0 : addr + this.random.below(2000);
    this.steps.push({ op, file, offsetBytes, buffer, lengthBytes });
  }

  fork(): void {
    if (this.forks >= (this.mix.forks ?? 0)) return;
    this.forks++;
    this.steps.push({ op: 'fork', childPid: 0 });
  }

  write(): void {
    for (let step = 0; step < this.mix.steps; step++) {
      const at = this.random.below(100);
      if (at < 45) this.touch();
      else if (at < 58) this.map();
      else if (at < 66) this.unmap();
      else if (at < 73) this.protect();
      else if (at < 79) this.remap();
      else if (at < 83) this.brk();
      else if (at < 90) this.advise();
      else if (at < 93) this.sync();
      else if (at < 98) this.transfer();
      else this.fork();
    }
    this.steps.push({ access: 'X', addr: CODE });
  }
}

/** The steps of a random program; the same seed gives the same ones. */
export function randomSteps(seed: number, mix: ProgramMix): TraceStep[] {
  const writer = new ProgramWriter(seed, mix);
  writer.write();
  return writer.steps;
}
