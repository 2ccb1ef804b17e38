/**
 * What a more helpful loader could do for a program that was linked for smaller pages: give a page that several segments
 * share the rights of all of them, and copy into anonymous memory what cannot be mapped from the file. A 4K kernel has it
 * easier than a kernel of larger pages in one respect only: it can be told to run the program at 4K instead.
 *
 * @models L-11 X-03
 */
import type { ByteRanges } from './byteRanges.ts';
import { type ElfFile, headersOf, type ProgramHeader, PT } from './elfFile.ts';

const PROT_WRITE = 2;
const PROT_EXEC = 4;

/** What merging rights and copying pages would bring and cost; all in bytes of whole pages, RELRO aside. */
export interface Remedy {
  /** Pages that cannot be mapped from the file: anonymous copies that no other process shares. */
  copiedBytes: number;
  /** Pages of several segments that get the rights of all of them. */
  mergedBytes: number;
  /** Of these, pages that can be written and executed. */
  writeAndExecuteBytes: number;
  /** Bytes of RELRO on pages that have to stay writable. */
  relroLostBytes: number;
  /** Nothing is ever broken or refused then: only rights are lost. */
  outcome: 'as-is' | 'weaker';
}

/**
 * Works out the remedy for a file at a page size.
 *
 * @param wanted the rights that each byte should have in the end
 * @example
 * ```ts
 * const about = { name: 'a', sizeBytes: 0, bits: 64 as const, littleEndian: true, type: 3, machine: 183, entry: 0 };
 * const table = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true, headers: [], interpreter: null };
 * remedyOf({ ...about, ...table }, new ByteRanges(), 65536).outcome; // 'as-is'
 * ```
 */
export function remedyOf(file: ElfFile, wanted: ByteRanges<number>, pageBytes: number): Remedy {
  const segments = headersOf(file, PT.LOAD).filter(({ memoryBytes }) => memoryBytes > 0);
  const remedy: Remedy = {
    copiedBytes: 0,
    mergedBytes: 0,
    writeAndExecuteBytes: 0,
    relroLostBytes: 0,
    outcome: 'as-is',
  };
  for (const run of runsOfPages(segments, wanted, pageBytes)) addRun(run, segments, wanted, remedy);
  if (remedy.mergedBytes > 0 || remedy.relroLostBytes > 0) remedy.outcome = 'weaker';
  return remedy;
}

interface PageRun {
  start: number;
  end: number;
  pageBytes: number;
}

/** Pages alike in what lies on them, together: cut around the first and last page of each stretch of bytes. */
function runsOfPages(segments: readonly ProgramHeader[], wanted: ByteRanges<number>, pageBytes: number): PageRun[] {
  const stretches = [
    ...segments.map(({ vaddr, fileBytes }) => ({ start: vaddr, end: vaddr + Math.max(fileBytes, 1) })),
    ...wanted.within(0, Number.MAX_SAFE_INTEGER),
  ];
  const cuts = new Set<number>();
  for (const { start, end } of stretches) {
    for (const byte of [start, end - 1]) {
      const page = Math.floor(byte / pageBytes) * pageBytes;
      cuts.add(page);
      cuts.add(page + pageBytes);
    }
  }
  const sorted = [...cuts].sort((a, b) => a - b);
  return sorted.slice(1).map((end, at) => ({ start: sorted[at], end, pageBytes }));
}

function addRun(run: PageRun, segments: readonly ProgramHeader[], wanted: ByteRanges<number>, remedy: Remedy): void {
  const { start, end, pageBytes } = run;
  const here = segments.filter(({ vaddr, memoryBytes }) => vaddr < end && vaddr + memoryBytes > start);
  if (here.length === 0) return;
  const fromFile = here.filter(({ vaddr, fileBytes }) => vaddr + fileBytes > start && fileBytes > 0);
  const biases = new Set(fromFile.map(({ vaddr, offset }) => vaddr - offset));
  const misaligned = [...biases].some((bias) => bias % pageBytes !== 0);
  // Zeroes of a segment that cannot be written are no part of the file, nor can the kernel clear them in place.
  const clears = here.some(
    (s) => s.memoryBytes > s.fileBytes && (s.prot & PROT_WRITE) === 0 && s.vaddr + s.fileBytes < end,
  );
  if (fromFile.length > 0 && (misaligned || biases.size > 1 || clears)) remedy.copiedBytes += end - start;
  const rights = wanted.within(start, end);
  const merged = rights.reduce((all, range) => all | range.value, 0);
  const isRelro = (range: { start: number; end: number; value: number }): boolean =>
    (range.value & PROT_WRITE) === 0 &&
    here.some((s) => (s.prot & PROT_WRITE) !== 0 && s.vaddr < range.end && s.vaddr + s.memoryBytes > range.start);
  for (const range of rights) {
    if (isRelro(range) && (merged & PROT_WRITE) !== 0) remedy.relroLostBytes += range.end - range.start;
  }
  // RELRO that only stays writable is counted above.
  const stays = (range: { start: number; end: number; value: number }): boolean =>
    isRelro(range) && (range.value | PROT_WRITE) === merged;
  if (!rights.some((range) => range.value !== merged && !stays(range))) return;
  remedy.mergedBytes += end - start;
  const both = PROT_WRITE | PROT_EXEC;
  if ((merged & both) === both && !rights.some((range) => (range.value & both) === both)) {
    remedy.writeAndExecuteBytes += end - start;
  }
}
