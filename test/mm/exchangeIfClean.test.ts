/**
 * What MADV_FREE gave up goes only where nobody has written to it since (`mm/rmap.c:try_to_unmap_one`), whatever table the write was
 * noted in.
 *
 * @models D-02 X-07
 */
import { describe, expect, it } from 'vitest';
import { PageTable } from '../../src/mm/pageTable.ts';
import { packPte, PTE } from '../../src/mm/pte.ts';
import { operate, type Tables } from '../../src/mm/tableOps.ts';

const AREA = 0x1000_0000;
const CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.ANON | PTE.YOUNG;
const DIRTY = (CLEAN & ~PTE.READONLY) | PTE.DIRTY;

function tables(linuxFlags: number, nativeFlags: number | null): Tables {
  const linux = PageTable.empty(4096).edit();
  linux.setRange(AREA, 16, 16, linuxFlags);
  if (nativeFlags === null) return { linux: linux.done(), native: null };
  const native = PageTable.empty(65536).edit();
  native.set(AREA, packPte(1, nativeFlags));
  return { linux: linux.done(), native: native.done() };
}

const discard = (of: Tables) => {
  const changes = [{ va: AREA, nr: 16, expects: { pfn: 16, flags: CLEAN }, to: null, ifClean: true }];
  const { linux, cleared, rejected } = operate(of, { op: 'exchange', changes });
  return { left: linux.entryCount, gone: cleared.length, kept: rejected.length };
};

describe('pages that were given up', () => {
  it('go where they are clean', () => {
    expect(discard(tables(CLEAN, null))).toEqual({ left: 0, gone: 1, kept: 0 });
    expect(discard(tables(CLEAN, CLEAN))).toEqual({ left: 0, gone: 1, kept: 0 });
  });

  it('stay where somebody wrote, and be it noted in the native table alone', () => {
    expect(discard(tables(DIRTY, null))).toEqual({ left: 16, gone: 0, kept: 16 });
    expect(discard(tables(CLEAN, DIRTY))).toEqual({ left: 16, gone: 0, kept: 16 });
  });
});
