/**
 * What becomes of a program at a page size: each byte of its segments is held against what the loader made of it.
 *
 * Four outcomes. *As is*: every byte is there with the rights that its segment asks for. *Weaker*: every byte is there and
 * usable, and some have rights that they should not have: constants or code that can be written, data that can be
 * executed, RELRO that stays writable. *Broken*: the loader says nothing, and bytes of a segment are hidden, not cleared or
 * without a right that they need. *Refused*: exec or the dynamic linker gives up.
 *
 * @models L-11 X-03
 */
import { ByteRanges } from './byteRanges.ts';
import { type ElfFile, headersOf, type ProgramHeader, PT } from './elfFile.ts';
import { loaderOf, type Loader, type Played, playLoad, type Refusal } from './play.ts';
import { type Remedy, remedyOf } from './remedy.ts';

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;

/** Everything that can be wrong with bytes of a segment, with its weight and its words. */
export const FINDINGS = {
  'past-end': { weighs: 'broken', says: 'are past the end of the file' },
  unmapped: { weighs: 'broken', says: 'are not mapped' },
  replaced: { weighs: 'broken', says: 'are hidden by another part of the file' },
  cleared: { weighs: 'broken', says: 'are zero instead of what the file has' },
  'not-cleared': { weighs: 'broken', says: 'are not zero, as memory behind the file part must be' },
  'not-readable': { weighs: 'broken', says: 'cannot be read' },
  'not-writable': { weighs: 'broken', says: 'cannot be written' },
  'not-executable': { weighs: 'broken', says: 'cannot be executed' },
  'write-and-execute': { weighs: 'weaker', says: 'can be written and executed' },
  writable: { weighs: 'weaker', says: 'are read-only and can be written' },
  executable: { weighs: 'weaker', says: 'are data and can be executed' },
  'relro-writable': { weighs: 'weaker', says: 'of RELRO stay writable' },
} as const;

/** What can be wrong with bytes of a segment. */
export type FindingName = keyof typeof FINDINGS;

/** Bytes of one PT_LOAD segment that are not as they should be. */
export interface Finding {
  what: FindingName;
  /** Index among the PT_LOAD headers. */
  segment: number;
  bytes: number;
  /** The lowest such address, as the file has it. */
  firstVaddr: number;
}

/** What becomes of a file at a page size, from best to worst. */
export type Outcome = 'as-is' | 'weaker' | 'broken' | 'refused';

/** The judgement on one file at one page size. */
export interface Verdict {
  pageBytes: number;
  loader: Loader;
  outcome: Outcome;
  refusal: Refusal | null;
  findings: Finding[];
  /** Bytes that its areas take, rounded to pages. */
  mappedBytes: number;
  /**
   * The dynamic linker of glibc before 2.35 refuses it, because a p_align is no whole page; later ones look at address and
   * offset alone [elf/dl-load.c:_dl_map_object_from_fd].
   */
  oldGlibcRefuses: boolean;
  /** What a loader could do that merges rights and copies pages. */
  remedy: Remedy;
}

/**
 * Judges a file at a page size.
 *
 * @example
 * ```ts
 * const load = { type: PT.LOAD, offset: 0x1000, vaddr: 0x2000, fileBytes: 9, memoryBytes: 9, align: 4096, prot: 5 };
 * const about = { name: 'a', sizeBytes: 9999, bits: 64 as const, littleEndian: true, type: 3, machine: 183, entry: 0 };
 * const table = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true, interpreter: null };
 * const file: ElfFile = { ...about, ...table, headers: [load] };
 * GRANULES.map((pageBytes) => judgeElf(file, pageBytes).outcome); // ['as-is', 'refused', 'refused']
 * ```
 */
export function judgeElf(file: ElfFile, pageBytes: number, loader: Loader = loaderOf(file)): Verdict {
  const played = playLoad(file, { pageBytes, loader });
  const findings = played.refusal === null ? findingsOf(file, played) : [];
  const weights = findings.map(({ what }) => FINDINGS[what].weighs);
  const worst = weights.includes('broken') ? 'broken' : weights.length > 0 ? 'weaker' : 'as-is';
  const outcome = played.refusal === null ? worst : 'refused';
  return {
    pageBytes,
    loader,
    outcome,
    refusal: played.refusal,
    findings,
    mappedBytes: played.rights.bytes,
    oldGlibcRefuses: loader === 'ld.so' && headersOf(file, PT.LOAD).some(({ align }) => align % pageBytes !== 0),
    remedy: remedyOf(file, wantedRights(file), pageBytes),
  };
}

/** The rights that each byte of the segments should have once the program runs. */
function wantedRights(file: ElfFile): ByteRanges<number> {
  const wanted = new ByteRanges<number>();
  for (const { vaddr, memoryBytes, prot } of headersOf(file, PT.LOAD)) wanted.put(vaddr, vaddr + memoryBytes, prot);
  for (const { vaddr, memoryBytes } of headersOf(file, PT.GNU_RELRO)) {
    wanted.change(vaddr, vaddr + memoryBytes, (prot) => prot & ~PROT_WRITE);
  }
  return wanted;
}

/** Adds up bytes by what is wrong with them. */
class Tally {
  readonly findings: Finding[] = [];

  add(what: FindingName, segment: number, start: number, end: number): void {
    if (start >= end) return;
    const known = this.findings.find((finding) => finding.what === what && finding.segment === segment);
    if (known === undefined) this.findings.push({ what, segment, bytes: end - start, firstVaddr: start });
    else {
      known.bytes += end - start;
      known.firstVaddr = Math.min(known.firstVaddr, start);
    }
  }
}

function findingsOf(file: ElfFile, played: Played): Finding[] {
  const tally = new Tally();
  const wanted = wantedRights(file);
  headersOf(file, PT.LOAD).forEach((header, segment) => {
    checkContent(file, header, segment, played, tally);
    const end = header.vaddr + header.memoryBytes;
    for (const want of wanted.within(header.vaddr, end)) {
      const relro = (header.prot & PROT_WRITE) !== 0 && (want.value & PROT_WRITE) === 0;
      for (const have of played.rights.within(want.start, want.end)) {
        for (const what of rightsFindings(want.value, have.value, relro))
          tally.add(what, segment, have.start, have.end);
      }
    }
  });
  return tally.findings;
}

function checkContent(file: ElfFile, header: ProgramHeader, segment: number, played: Played, tally: Tally): void {
  const { vaddr, offset, fileBytes, memoryBytes } = header;
  const fileEnd = vaddr + fileBytes;
  tally.add('past-end', segment, Math.max(vaddr, vaddr + file.sizeBytes - offset), fileEnd);
  const there = played.content.within(vaddr, vaddr + memoryBytes);
  const covered = there.reduce((sum, range) => sum + range.end - range.start, 0);
  tally.add('unmapped', segment, vaddr, vaddr + memoryBytes - covered);
  for (const range of there) {
    const inFile = Math.min(range.end, fileEnd);
    if (range.value === null) tally.add('cleared', segment, range.start, inFile);
    else if (range.value !== vaddr - offset) tally.add('replaced', segment, range.start, inFile);
    if (range.value !== null) tally.add('not-cleared', segment, Math.max(range.start, fileEnd), range.end);
  }
}

function rightsFindings(want: number, have: number, relro: boolean): FindingName[] {
  const missing = want & ~have;
  const extra = have & ~want;
  const both = PROT_WRITE | PROT_EXEC;
  const found: FindingName[] = [];
  if ((missing & PROT_READ) !== 0) found.push('not-readable');
  if ((missing & PROT_WRITE) !== 0) found.push('not-writable');
  if ((missing & PROT_EXEC) !== 0) found.push('not-executable');
  if ((have & both) === both && (want & both) !== both) found.push('write-and-execute');
  else if ((extra & PROT_WRITE) !== 0) found.push(relro ? 'relro-writable' : 'writable');
  else if ((extra & PROT_EXEC) !== 0) found.push('executable');
  return found;
}
