/** The entries of a page table as runs, a list for each part of one: the form of checkpoints. */
import type { PageTableReader } from './pageTableReader.ts';
import { flagsOf, packPte, pfnOf } from './pte.ts';

/** Runs of entries that map consecutive frames with the same flags: page, frame, entries, flags of each. */
export interface EntryRuns {
  pages: number[];
  pfns: number[];
  nrs: number[];
  flags: number[];
}

/** A page table packed for a checkpoint; `tables` as in its plain form. */
export interface PageTablePacked extends EntryRuns {
  granuleBytes: number;
  vaBits: number;
  tables: number[][];
}

/**
 * The runs of a page table, ascending.
 *
 * @example
 * ```ts
 * const edit = PageTable.empty(65536).edit();
 * edit.setRange(0x10000, 100, 3, PTE.VALID);
 * runsOf(edit).nrs; // [3]
 * ```
 */
export function runsOf(table: PageTableReader): EntryRuns {
  const pages: number[] = [];
  const pfns: number[] = [];
  const nrs: number[] = [];
  const flags: number[] = [];
  let nextPage = -1;
  let nextPte = 0;
  const nextFrame = packPte(1, 1) - packPte(0, 1);
  table.forEachChunk((firstPage, ptes) => {
    for (let slot = 0; slot < ptes.length; slot++) {
      const pte = ptes[slot];
      if (pte === 0) continue;
      const page = firstPage + slot;
      if (page === nextPage && pte === nextPte) nrs[nrs.length - 1] += 1;
      else {
        pages.push(page);
        pfns.push(pfnOf(pte));
        nrs.push(1);
        flags.push(flagsOf(pte));
      }
      nextPage = page + 1;
      nextPte = pte + nextFrame;
    }
  });
  return { pages, pfns, nrs, flags };
}

/**
 * Runs given as quadruples: page, frame, entries, flags.
 *
 * @example
 * ```ts
 * runsFromQuadruples([7, 100, 3, 1]).pages; // [7]
 * ```
 */
export function runsFromQuadruples(quadruples: readonly number[]): EntryRuns {
  const runs: EntryRuns = { pages: [], pfns: [], nrs: [], flags: [] };
  for (let at = 0; at < quadruples.length; at += 4) {
    runs.pages.push(quadruples[at]);
    runs.pfns.push(quadruples[at + 1]);
    runs.nrs.push(quadruples[at + 2]);
    runs.flags.push(quadruples[at + 3]);
  }
  return runs;
}
