import { describe, expect, test } from 'vitest';
import { VM, type Vma } from '../../src/mm/vma.ts';
import { mergeExistingRange, mergeNewRange } from '../../src/mm/vmaMerge.ts';
import { VmaSet } from '../../src/mm/vmaSet.ts';

const PAGE = 4096;

/** Pages [from, to) as an area of memory that nobody has written. */
function area(from: number, to: number, more: Partial<Vma> = {}): Vma {
  const place = { startVa: from * PAGE, endVa: to * PAGE, offsetBytes: from * PAGE };
  return { prot: 3, flags: 0, file: null, anonVma: 0, ...place, ...more };
}

const written = (anonVma: number, anonChain = 1): Partial<Vma> => ({ anonVma, anonChain });

/** Areas as text: pages, protection, `anon_vma`. */
function shown(vmas: readonly Vma[] | null): string {
  if (vmas === null) return 'none';
  return vmas.map((vma) => `${vma.startVa / PAGE}-${vma.endVa / PAGE}:${vma.prot}:${vma.anonVma ?? 0}`).join(' ');
}

function setOf(...vmas: Vma[]): VmaSet {
  return VmaSet.fromPlain({ pageBytes: PAGE, vmas });
}

function protect(set: VmaSet, from: number, to: number, prot: number): string {
  return shown(set.modify(from * PAGE, to * PAGE, (part) => ({ ...part, prot })).set.list());
}

describe('a range of an area that changes (vma_merge_existing_range)', () => {
  const prev = area(0, 3, { prot: 1 });
  const vma = area(3, 7);
  const next = area(7, 9, { prot: 1 });

  test('takes its left part to the area before, and shrinks', () => {
    expect(protect(setOf(prev, vma), 3, 5, 1)).toBe('0-5:1:0 5-7:3:0');
  });

  test('joins the area before whole, and is gone', () => {
    expect(protect(setOf(prev, vma), 3, 7, 1)).toBe('0-7:1:0');
  });

  test('takes its right part to the area behind, and shrinks', () => {
    expect(protect(setOf(vma, next), 5, 7, 1)).toBe('3-5:3:0 5-9:1:0');
  });

  test('joins the area behind whole, and is gone', () => {
    expect(protect(setOf(vma, next), 3, 7, 1)).toBe('3-9:1:0');
  });

  test('joins both into the one before', () => {
    expect(protect(setOf(prev, vma, next), 3, 7, 1)).toBe('0-9:1:0');
  });

  test('is split off where it touches no side of the area, even beside areas like it', () => {
    expect(protect(setOf(prev, vma, next), 4, 6, 1)).toBe('0-3:1:0 3-4:3:0 4-6:1:0 6-7:3:0 7-9:1:0');
  });

  test('is split off where a hole lies between', () => {
    expect(protect(setOf(area(0, 2, { prot: 1 }), vma), 3, 5, 1)).toBe('0-2:1:0 3-5:1:0 5-7:3:0');
  });

  test('leaves alone what a change of nothing else could have merged before', () => {
    const set = setOf(area(0, 3), area(3, 5), area(5, 7, { prot: 1 }));
    expect(protect(set, 5, 7, 0)).toBe('0-3:3:0 3-5:3:0 5-7:0:0');
  });

  test('keeps offsets linear on both sides', () => {
    const file = { file: 'a', offsetBytes: 0x100000 };
    const set = setOf(area(0, 8, file)).modify(2 * PAGE, 5 * PAGE, (part) => ({ ...part, prot: 1 })).set;
    expect(set.list().map((part) => (part.offsetBytes - 0x100000) / PAGE)).toEqual([0, 2, 5]);
    const back = set.modify(2 * PAGE, 5 * PAGE, (part) => ({ ...part, prot: 3 })).set;
    expect(back.list()).toEqual([area(0, 8, file)]);
    const gap = area(8, 9, { ...file, offsetBytes: 0x100000 + 9 * PAGE });
    expect(shown(set.insert(gap).list()), 'the offset does not go on').toBe('0-2:3:0 2-5:1:0 5-8:3:0 8-9:3:0');
  });

  test('merges nothing that is special', () => {
    for (const flags of [VM.IO, VM.DONTEXPAND, VM.PFNMAP, VM.MIXEDMAP]) {
      const set = setOf(area(0, 3, { prot: 1, flags }), area(3, 7, { flags }));
      expect(protect(set, 3, 7, 1)).toBe('0-3:1:0 3-7:1:0');
    }
  });

  test('does not make an area vanish that has a close operation, nor the one behind', () => {
    const shm = { file: 'shmem:1.0', hasClose: true };
    const [left, middle, right] = [area(0, 3, { ...shm, prot: 1 }), area(3, 7, shm), area(7, 9, { ...shm, prot: 1 })];
    expect(protect(setOf(left, middle), 3, 7, 1)).toBe('0-3:1:0 3-7:1:0');
    expect(protect(setOf(left, middle), 3, 5, 1)).toBe('0-5:1:0 5-7:3:0');
    expect(protect(setOf(left, { ...middle, hasClose: false }, right), 3, 7, 1)).toBe('0-7:1:0 7-9:1:0');
    expect(protect(setOf({ ...middle, hasClose: false }, right), 3, 7, 1)).toBe('3-9:1:0');
  });

  test('needs every attribute to agree but the one that changes', () => {
    const others: Partial<Vma>[] = [
      { flags: VM.ACCOUNT },
      { flags: VM.LOCKED },
      { flags: VM.MERGEABLE },
      { flags: VM.MAYWRITE },
      { file: 'a' },
      { file: 'a', vmFile: 2 },
      { policy: 'bind:0' },
      { pkey: 1 },
      { sealed: true },
      { name: '[anon:x]' },
      { offsetBytes: 64 * PAGE },
    ];
    for (const other of others) {
      expect(mergeExistingRange({ prev: { ...prev, ...other }, next }, vma, { ...vma, prot: 1 })).toHaveLength(2);
      expect(shown([mergeNewRange({ prev: { ...vma, ...other }, next: null }, area(7, 8))])).toBe('7-8:3:0');
    }
    const file = { file: 'a', vmFile: 1 };
    expect(mergeNewRange({ prev: { ...vma, ...file }, next: null }, area(7, 8, { ...file, vmFile: 2 })).startVa).toBe(
      7 * PAGE,
    );
    // What is only shown makes no difference: the heap merges with anonymous memory that touches it.
    expect(shown([mergeNewRange({ prev: { ...vma, name: '[heap]' }, next: null }, area(7, 8))])).toBe('3-8:3:0');
  });

  test('reads bit 31 of the flags as the same number, however it was made', () => {
    const flags = VM.MERGEABLE | VM.ACCOUNT;
    const set = setOf(area(0, 3, { flags: flags >>> 0, prot: 1 }), area(3, 7, { flags }));
    expect(protect(set, 3, 7, 1)).toBe('0-7:1:0');
  });
});

describe('private pages (is_mergeable_anon_vma, dup_anon_vma)', () => {
  test('written memory does not join an unwritten neighbour; unwritten memory joins a written one', () => {
    expect(protect(setOf(area(0, 3, { prot: 1 }), area(3, 7, written(1))), 3, 7, 1)).toBe('0-3:1:0 3-7:1:1');
    expect(protect(setOf(area(3, 7, written(1)), area(7, 9, { prot: 1 })), 3, 7, 1)).toBe('3-7:1:1 7-9:1:0');
    expect(protect(setOf(area(0, 3, { prot: 1, ...written(1) }), area(3, 7)), 3, 7, 1)).toBe('0-7:1:1');
    expect(protect(setOf(area(3, 7), area(7, 9, { prot: 1, ...written(1) })), 3, 7, 1)).toBe('3-9:1:1');
  });

  test('memory of two kinds stays two areas', () => {
    const set = setOf(area(0, 3, { prot: 1, ...written(1) }), area(3, 7, written(2)));
    expect(protect(set, 3, 7, 1)).toBe('0-3:1:1 3-7:1:2');
  });

  test('an unwritten range between two kinds joins the one before', () => {
    const set = setOf(area(0, 3, { prot: 1, ...written(1) }), area(3, 7), area(7, 9, { prot: 1, ...written(2) }));
    expect(protect(set, 3, 7, 1)).toBe('0-7:1:1 7-9:1:2');
    const hole = setOf(area(0, 3, written(1)), area(7, 9, written(2)));
    expect(shown(hole.insert(area(3, 7)).list())).toBe('0-7:3:1 7-9:3:2');
  });

  test('the one that grows over all takes what the last of them had', () => {
    const set = setOf(area(0, 3, { prot: 1 }), area(3, 7), area(7, 9, { prot: 1, ...written(2) }));
    expect(protect(set, 3, 7, 1)).toBe('0-9:1:2');
    expect(
      shown(
        setOf(area(0, 3), area(7, 9, written(2)))
          .insert(area(3, 7))
          .list(),
      ),
    ).toBe('0-9:3:2');
  });

  test('memory that a fork has cloned joins nothing but its own', () => {
    const parent = setOf(area(0, 3, { prot: 1, ...written(1) }), area(3, 7));
    expect(protect(parent, 3, 7, 1)).toBe('0-7:1:1');
    const child = parent.forked();
    expect(protect(child, 3, 7, 1)).toBe('0-3:1:2 3-7:1:0');
    expect(shown(child.insert(area(7, 8)).list()), 'neither was written').toBe('0-3:1:2 3-8:3:0');
    const parts = setOf(area(0, 4, written(1)))
      .forked()
      .modify(0, PAGE, (part) => ({ ...part, prot: 1 })).set;
    expect(protect(parts, 0, 1, 3), 'parts of one clone').toBe('0-4:3:2');
  });

  test('two areas of one memory are two memories in a child', () => {
    const set = setOf(area(0, 3, written(1)), area(3, 7, { prot: 1, ...written(1) }));
    expect(protect(set, 3, 7, 3)).toBe('0-7:3:1');
    expect(protect(set.forked(), 3, 7, 3)).toBe('0-3:3:2 3-7:3:3');
  });

  test('the first private page asks the next area, then the one before, then takes a number of its own', () => {
    const set = setOf(area(0, 2, { prot: 1, ...written(4) }), area(2, 4), area(4, 6, { prot: 0, ...written(7) }));
    expect(shown(set.prepareAnonVma(2 * PAGE).list())).toBe('0-2:1:4 2-4:3:7 4-6:0:7');
    expect(
      shown(
        set
          .remove(4 * PAGE, 6 * PAGE)
          .set.prepareAnonVma(2 * PAGE)
          .list(),
      ),
    ).toBe('0-2:1:4 2-4:3:4');
    expect(
      shown(
        set
          .remove(0, PAGE)
          .set.remove(PAGE, 2 * PAGE)
          .set.remove(5 * PAGE, 6 * PAGE)
          .set.list(),
      ),
    ).toBe('2-4:3:0 4-6:0:7'.replace('4-6', '4-5'));
    const alone = set.remove(PAGE, 2 * PAGE).set.remove(4 * PAGE, 5 * PAGE).set;
    expect(shown(alone.prepareAnonVma(3 * PAGE).list())).toBe('0-1:1:4 2-4:3:8 5-6:0:7');
    const locked = setOf(area(0, 2, { flags: VM.LOCKED, ...written(4) }), area(2, 4));
    expect(shown(locked.prepareAnonVma(2 * PAGE).list()), 'flags must agree').toBe('0-2:3:4 2-4:3:5');
    expect(
      shown(
        setOf(area(0, 2, written(4, 2)), area(2, 4))
          .prepareAnonVma(2 * PAGE)
          .list(),
      ),
    ).toBe('0-2:3:4 2-4:3:5');
  });
});

describe('brk, mremap and a growing stack', () => {
  test('brk looks at what lies before only', () => {
    const set = setOf(area(0, 2), area(4, 6));
    expect(shown(set.insert(area(2, 4)).list())).toBe('0-6:3:0');
    expect(shown(set.insert(area(2, 4), true).list())).toBe('0-4:3:0 4-6:3:0');
  });

  test('new memory counts its offset from its address, whatever it was given', () => {
    const set = setOf().insert(area(8, 9, { offsetBytes: 0 }));
    expect(shown(set.insert(area(7, 8, { offsetBytes: 0 })).list())).toBe('7-9:3:0');
  });

  test('an area that grows in place joins the one behind', () => {
    const set = setOf(area(0, 2), area(4, 6));
    expect(shown(set.extend(area(0, 2), 4 * PAGE).list())).toBe('0-6:3:0');
    const moved = setOf(area(0, 2, { ...written(1), offsetBytes: 64 * PAGE }), area(4, 6));
    expect(shown(moved.extend(moved.find(0) as Vma, 4 * PAGE).list())).toBe('0-4:3:1 4-6:3:0');
  });

  test('memory that was written keeps its offset when it moves, and can merge again where it came from', () => {
    const set = setOf(area(0, 4, written(1)));
    const away = set.copyTo(set.find(0) as Vma, PAGE, 16 * PAGE, PAGE, false).remove(PAGE, 2 * PAGE).set;
    expect(away.list().map((vma) => vma.offsetBytes / PAGE)).toEqual([0, 2, 1]);
    const home = away
      .copyTo(away.find(16 * PAGE) as Vma, 16 * PAGE, PAGE, PAGE, false)
      .remove(16 * PAGE, 17 * PAGE).set;
    expect(shown(home.list())).toBe('0-4:3:1');
    const beside = away.copyTo(away.find(16 * PAGE) as Vma, 16 * PAGE, 4 * PAGE, PAGE, false);
    expect(shown(beside.list())).toBe('0-1:3:1 2-4:3:1 4-5:3:1 16-17:3:1');
  });

  test('memory that was not written takes the offset of its new place and merges there, even with itself', () => {
    const set = setOf(area(0, 2), area(8, 10));
    const source = set.find(0) as Vma;
    expect(shown(set.copyTo(source, 0, 6 * PAGE, 2 * PAGE, false).list())).toBe('0-2:3:0 6-10:3:0');
    expect(shown(set.copyTo(source, 0, 2 * PAGE, 2 * PAGE, false).list())).toBe('0-4:3:0 8-10:3:0');
    expect(shown(set.copyTo(source, 0, 2 * PAGE, 2 * PAGE, true).list())).toBe('0-2:3:0 2-4:3:0 8-10:3:0');
  });

  test('MREMAP_DONTUNMAP leaves a whole area as if never written, and a part of one as it was', () => {
    const set = setOf(area(0, 4, { ...written(1), flags: VM.LOCKED, offsetBytes: 9 * PAGE }));
    expect(set.vacate(0, 4 * PAGE).list()).toEqual([area(0, 4)]);
    expect(shown(set.vacate(0, 2 * PAGE).list())).toBe('0-4:3:1');
    expect(
      shown(
        set
          .split(2 * PAGE)
          .vacate(0, 2 * PAGE)
          .list(),
      ),
    ).toBe('0-2:3:0 2-4:3:1');
    expect(
      set
        .split(2 * PAGE)
        .split(2 * PAGE)
        .split(40 * PAGE).count,
    ).toBe(2);
  });

  test('a stack that grows down merges with nothing', () => {
    const stack = area(8, 10, { flags: VM.GROWSDOWN });
    const set = setOf(area(4, 6, { flags: VM.GROWSDOWN }), stack).growDown(stack, 6 * PAGE);
    expect(shown(set.list())).toBe('4-6:3:0 6-10:3:0');
    expect(set.find(6 * PAGE)?.offsetBytes).toBe(6 * PAGE);
  });

  test('a child has neither locks nor the areas of MADV_DONTFORK, nor the memory of MADV_WIPEONFORK', () => {
    const set = setOf(
      area(0, 1, { flags: VM.LOCKED | VM.LOCKONFAULT, ...written(1) }),
      area(2, 3, { flags: VM.DONTCOPY, ...written(1) }),
      area(4, 5, { flags: VM.WIPEONFORK, ...written(1) }),
    );
    expect(set.forked().list()).toEqual([
      area(0, 1, { anonVma: 2, anonChain: 2 }),
      area(4, 5, { flags: VM.WIPEONFORK }),
    ]);
  });
});
