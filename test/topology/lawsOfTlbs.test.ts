/**
 * What the TLBs of a CPU may not keep of a table.
 *
 * @models S-12 D-01 D-02 D-05
 */
import { describe, expect, test } from 'vitest';
import { corePresets } from '../../src/arch/cores.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { packPte, PTE } from '../../src/mm/pte.ts';
import { Tlb } from '../../src/mm/tlb.ts';
import { MAY_READ, MAY_WRITE } from '../../src/mm/tlbArray.ts';
import { keptFault, unbrokenFault } from '../../src/topology/lawsOfTlbs.ts';
import { walkGeometry } from '../../machines/tlbMaintenance.ts';

const ASID = 3;
const USED = PTE.VALID | PTE.WRITE | PTE.YOUNG | PTE.DIRTY;

function table(...entries: [page: number, flags: number][]): PageTable {
  const linux = PageTable.empty(4096).edit();
  for (const [page, flags] of entries) linux.set(page * 4096, packPte(page, flags));
  return linux.done();
}

function faultOf(linux: PageTable, keep: (tlb: Tlb) => void, late = 0): string | null {
  const tlb = Tlb.empty(corePresets['cortex-a76']);
  keep(tlb);
  return keptFault({ tlb }, { asid: ASID, linux, native: null, lateAcknowledgements: late });
}

const reads = (page: number) => (tlb: Tlb) => tlb.fill(false, ASID, page, page, MAY_READ);
const writes = (page: number) => (tlb: Tlb) => tlb.fill(false, ASID, page, page, MAY_READ | MAY_WRITE);

describe('a TLB may not keep', () => {
  test('leave to write where the entry must note the next write', () => {
    const clean = table([5, (USED & ~PTE.DIRTY) | PTE.READONLY]);
    expect(faultOf(clean, writes(5))).toBe('writes page 5, whose entry is clean');
    expect(faultOf(clean, reads(5))).toBeNull();
    expect(faultOf(table([5, USED]), writes(5))).toBeNull();
  });

  test('a page whose entry must note the next access, unless its maintenance is still under way', () => {
    const old = table([5, USED & ~PTE.YOUNG]);
    expect(faultOf(old, reads(5))).toBe('has page 5, whose entry is old');
    expect(faultOf(old, reads(5), 1)).toBeNull();
  });

  test('a group as one entry where the table has single ones', () => {
    const group = (flags: number): PageTable => {
      return table(...Array.from({ length: 16 }, (_, page): [number, number] => [16 + page, flags]));
    };
    const keep = (tlb: Tlb): void => {
      tlb.groupPages = 16;
      tlb.fillGroup(false, ASID, 16, 16, MAY_READ);
    };
    expect(faultOf(group(USED), keep)).toBe('has pages 16 to 31 as one, which are none');
    expect(faultOf(group(USED | PTE.CONT), keep)).toBeNull();
  });

  test('a part of a walk whose next table is gone', () => {
    const keep = (tlb: Tlb): void => tlb.keepWalk(ASID, 0x5000, walkGeometry(4096), 4);
    expect(faultOf(table(), keep)).toBe('walks on from 0x0, where no table is');
    expect(faultOf(table([5, USED]), keep)).toBeNull();
    expect(faultOf(table(), (tlb) => tlb.keepWalk(ASID + 1, 0x5000, walkGeometry(4096), 4))).toBeNull();
  });

  test('and a block of contiguous entries has noted what any of them has', () => {
    const flags = USED | PTE.CONT;
    const entries = Array.from({ length: 16 }, (_, page): [number, number] => [
      page,
      page === 3 ? flags : flags & ~PTE.YOUNG,
    ]);
    expect(faultOf(table(...entries), reads(9))).toBeNull();
    expect(faultOf(table(...entries.map(([page]): [number, number] => [page, flags & ~PTE.YOUNG])), reads(9))).toBe(
      'has page 9, whose entry is old',
    );
  });
});

describe('a table that hardware walks', () => {
  const before = table([5, USED], [6, USED]);
  const changed = (page: number, pte: number): PageTable => {
    const edit = before.edit();
    edit.set(page * 4096, pte);
    return edit.done();
  };

  test('goes from one frame or block to another by way of an invalid entry', () => {
    expect(unbrokenFault(before, changed(5, packPte(9, USED)))).toBe(
      'the entry at 0x5000 goes from frame 5 to 9 without a break',
    );
    expect(unbrokenFault(before, changed(6, packPte(6, USED | PTE.CONT)))).toBe(
      'the entry at 0x6000 goes from one size of block to another without a break',
    );
  });

  test('may come, go, lose rights and grow old as it is', () => {
    expect(unbrokenFault(before, changed(7, packPte(7, USED)))).toBeNull();
    expect(unbrokenFault(before, changed(5, 0))).toBeNull();
    expect(unbrokenFault(before, changed(5, packPte(5, PTE.VALID | PTE.READONLY)))).toBeNull();
    expect(unbrokenFault(before, before)).toBeNull();
    expect(unbrokenFault(before, PageTable.empty(65536))).toBeNull();
  });
});
