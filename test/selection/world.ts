/** Programs and a small world of tasks for the tests of selecting a page size. */
import { type ProgramHeader, PT } from '../../src/mm/elf/elfFile.ts';
import { decide, type Decision, type SelectionCommand } from '../../src/mm/selection/decide.ts';
import type { ProgramImage } from '../../src/mm/selection/image.ts';
import { defaultSelection, type SelectionSettings } from '../../src/mm/selection/settings.ts';
import { evolve, firstTask, memoryPageBytes, noTasks, type SelectionState } from '../../src/mm/selection/state.ts';

/** Page sizes, in bytes. */
export const K4 = 4096;
export const K16 = 16384;
export const K64 = 65536;
/** Bits of personality. */
export const PER_64K = 0x40000000;
export const PER_16K = 0x20000000;

function segment(vaddr: number, offset: number, prot: number, align: number): ProgramHeader {
  return { type: PT.LOAD, vaddr, offset, fileBytes: 0x2000, memoryBytes: 0x2000, align, prot };
}

/** A program that suits every page size, but for what is given. */
export function image(path: string, more: Partial<ProgramImage> = {}): ProgramImage {
  const headers = [segment(0x400000, 0, 5, K64), segment(0x420000, 0x20000, 3, K64)];
  const plain = {
    type: 'exec' as const,
    headers,
    sizeBytes: 0x40000,
    notedPageBytes: 0,
    interpreter: null,
    setId: false,
  };
  return { path, ...plain, ...more };
}

/** Linked for 4K: its data does not agree with the file at 64K. */
export const misfit = [segment(0x400000, 0, 5, K4), segment(0x403000, 0x2000, 3, K4)];
/** Linked for 4K, in one stretch of the file: at 64K code and data share a page. */
const shared = [segment(0x400000, 0, 5, K4), segment(0x403000, 0x3000, 3, K4)];
/** What execve finds. */
export const IMAGES: ProgramImage[] = [
  image('/bin/plain'),
  image('/bin/noted', { notedPageBytes: K64 }),
  image('/bin/small', { headers: misfit }),
  image('/bin/shared', { headers: shared }),
  image('/bin/su', { setId: true }),
  image('/bin/su-noted', { setId: true, notedPageBytes: K16 }),
  image('/bin/linked', { interpreter: '/lib/ld.so' }),
  image('/bin/linked-small', { interpreter: '/lib/ld-small.so' }),
  image('/bin/linked-noted', { interpreter: '/lib/ld-16k.so' }),
  image('/bin/lost', { interpreter: '/lib/none.so' }),
  image('/lib/ld.so', { type: 'dyn', headers: [segment(0, 0, 5, K64)] }),
  image('/lib/ld-small.so', { type: 'dyn', headers: misfit }),
  image('/lib/ld-16k.so', { type: 'dyn', headers: [segment(0, 0, 5, K64)], notedPageBytes: K16 }),
];

/** Plays commands one after the other on one process of 4K pages. */
export class World {
  state: SelectionState = firstTask(noTasks, 1, K4);
  private readonly settings: SelectionSettings;
  constructor(settings: Partial<SelectionSettings> = {}) {
    this.settings = { ...defaultSelection, ...settings };
  }
  do(command: SelectionCommand): Decision {
    const decision = decide(this.state, command, this.settings, IMAGES);
    for (const event of decision.events) this.state = evolve(this.state, event);
    return decision;
  }
  exec(path: string, tid = 1, longestArgumentBytes = 0): Decision {
    return this.do({ type: 'exec', tid, path, longestArgumentBytes });
  }
  clone(child: number, shares: 'nothing' | 'memory' | 'thread', pageBytes = 0, tid = 1): Decision {
    return this.do({ type: 'clone', tid, child, shares, pageBytes, alignedTo: K64 });
  }
  size(tid = 1): number {
    return memoryPageBytes(this.state, tid);
  }
}
