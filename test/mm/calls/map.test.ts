import { describe, expect, test } from 'vitest';
import { planBrk } from '../../../src/mm/calls/brk.ts';
import { rootLimits } from '../../../src/mm/calls/limits.ts';
import { type MapCall, planMap, planRemapFilePages } from '../../../src/mm/calls/map.ts';
import { planUnmap, planDetach } from '../../../src/mm/calls/unmap.ts';
import { VM } from '../../../src/mm/vma.ts';
import { area, areasAfter, deeds, PAGE, spaceOf } from './support/spaces.ts';

const FIXED = 0x10;
const ANON_PRIVATE = 0x22;
const anon = (first: number, pages: number, flags: number, prot = 3): MapCall => {
  return { addr: first * PAGE, lengthBytes: pages * PAGE, prot, flags, file: null, offsetBytes: 0 };
};

describe('mmap (mm/mmap.c:do_mmap, mmap_region)', () => {
  test('what is in the way goes before the areas change', () => {
    const space = spaceOf([area(0x100, 0x110), area(0x118, 0x120)]);
    const plan = planMap(space, anon(0x108, 0x14, ANON_PRIVATE | FIXED, 1));
    expect(deeds(plan)).toEqual(['clear 108-110 118-11c', 'vmas']);
    expect(areasAfter(space, plan)).toEqual(['100-108 rw', '108-11c r-', '11c-120 rw']);
  });

  test('MAP_FIXED_NOREPLACE finds its place taken: EEXIST', () => {
    const space = spaceOf([area(0x100, 0x110)]);
    expect(planMap(space, anon(0x10f, 2, ANON_PRIVATE | 0x100000)).errno).toBe(17);
    expect(planMap(space, anon(0x110, 2, ANON_PRIVATE | 0x100000)).result).toBe(0x110 * PAGE);
  });

  test('a hint is taken where it is free, and goes to the top where it is not', () => {
    const space = spaceOf([area(0x100, 0x110)]);
    expect(planMap(space, anon(0x110, 2, ANON_PRIVATE)).result).toBe(0x110 * PAGE);
    expect(planMap(space, anon(0x10f, 2, ANON_PRIVATE)).result).toBe(2 ** 48 - 128 * 2 ** 20 - 2 * PAGE);
  });

  test('a hint at mmap_min_addr is taken as it is', () => {
    expect(planMap(spaceOf([]), anon(1, 2, ANON_PRIVATE)).result).toBe(PAGE);
  });

  test('without room below the stack the search goes upwards, and finds the lowest gap', () => {
    const top = (2 ** 48 - 128 * 2 ** 20) / PAGE;
    const space = spaceOf([area(1, top + 1)]);
    expect(planMap(space, anon(0, 2, ANON_PRIVATE)).result).toBe((top + 1) * PAGE);
  });

  test('a hint within the guard gap of a stack is not free', () => {
    const space = spaceOf([area(0x1000, 0x1010, { flags: VM.GROWSDOWN })]);
    expect(planMap(space, anon(0xf00, 1, ANON_PRIVATE)).result).not.toBe(0xf00 * PAGE);
    expect(planMap(space, anon(0xeff, 1, ANON_PRIVATE)).result).toBe(0xeff * PAGE);
  });

  test('a whole PMD of anonymous memory without a hint is aligned to one', () => {
    const plan = planMap(spaceOf([]), anon(0, 512, ANON_PRIVATE));
    expect(plan.result % (512 * PAGE)).toBe(0);
  });

  test('shared anonymous memory is an inode of its own from offset 0, so two never merge', () => {
    const space = spaceOf([]);
    const plan = planMap(space, { ...anon(0x100, 4, 0x31), offsetBytes: PAGE });
    expect(plan.effects[0]).toEqual({ do: 'create', file: 'shmem:1.0', sizeBytes: 4 * PAGE });
    const [, commit] = plan.effects;
    const vma = commit?.do === 'vmas' ? commit.vmas.find(0x100 * PAGE) : null;
    expect(vma).toMatchObject({ file: 'shmem:1.0', offsetBytes: 0, flags: VM.SHARED });
  });

  test('private writable memory is charged for, and read-only memory is not: they do not merge', () => {
    const space = spaceOf([area(0x100, 0x104, { flags: VM.ACCOUNT })]);
    expect(areasAfter(space, planMap(space, anon(0x104, 4, ANON_PRIVATE | FIXED)))).toEqual(['100-108 rw']);
    const free = planMap(space, anon(0x104, 4, ANON_PRIVATE | FIXED | 0x4000));
    expect(areasAfter(space, free)).toEqual(['100-104 rw', '104-108 rw']);
  });

  test('MAP_LOCKED populates; MAP_POPULATE does not with MAP_NONBLOCK; mlockall(MCL_FUTURE) does', () => {
    const space = spaceOf([]);
    const of = (flags: number, from = space): string[] =>
      deeds(planMap(from, anon(0x100, 4, ANON_PRIVATE | FIXED | flags)));
    expect(of(0x2000)).toEqual(['vmas', 'populate 100-104']);
    expect(of(0x8000)).toEqual(['vmas', 'populate 100-104']);
    expect(of(0x18000)).toEqual(['vmas']);
    expect(of(0, { ...space, lockFuture: VM.LOCKED })).toEqual(['vmas', 'populate 100-104']);
    expect(of(0, { ...space, lockFuture: VM.LOCKED | VM.LOCKONFAULT })).toEqual(['vmas']);
  });

  test('a limit on locked memory is EAGAIN, none at all EPERM, and CAP_IPC_LOCK is above both', () => {
    const call = anon(0x100, 4, ANON_PRIVATE | FIXED | 0x2000);
    const limited = (memlockBytes: number, ipcLock: boolean): number =>
      planMap(spaceOf([], { limits: { ...rootLimits, memlockBytes, ipcLock } }), call).errno;
    expect(limited(2 * PAGE, false)).toBe(11);
    expect(limited(0, false)).toBe(1);
    expect(limited(0, true)).toBe(0);
  });

  test('a sealed area is not mapped over, and nothing else of the range goes', () => {
    const space = spaceOf([area(0x100, 0x104), area(0x108, 0x10c, { sealed: true })]);
    const plan = planMap(space, anon(0x100, 0x10, ANON_PRIVATE | FIXED));
    expect(plan).toMatchObject({ errno: 1, effects: [] });
  });
});

describe('munmap (mm/vma.c:do_vmi_align_munmap)', () => {
  test('a range without areas is no error and does nothing', () => {
    expect(planUnmap(spaceOf([area(0x100, 0x104)]), { addr: 0x200 * PAGE, lengthBytes: PAGE })).toMatchObject({
      effects: [],
      errno: 0,
    });
  });

  test('tables go up to the neighbours, and not beyond what is left of a split area', () => {
    const space = spaceOf([area(0x100, 0x110), area(0x120, 0x130)]);
    const [clear] = planUnmap(space, { addr: 0x108 * PAGE, lengthBytes: 8 * PAGE }).effects;
    expect(clear).toMatchObject({ freeWithin: { startVa: 0x108 * PAGE, endVa: 0x120 * PAGE } });
  });

  test('the middle of an area needs one area more than the limit allows: ENOMEM', () => {
    const space = spaceOf([area(0x100, 0x110)], { limits: { ...rootLimits, areas: 1 } });
    expect(planUnmap(space, { addr: 0x108 * PAGE, lengthBytes: PAGE }).errno).toBe(12);
    expect(planUnmap(space, { addr: 0x100 * PAGE, lengthBytes: PAGE }).errno).toBe(0);
  });
});

describe('shmdt (ipc/shm.c:ksys_shmdt)', () => {
  const attached = { file: 'shmem:1.0', flags: VM.SHARED };
  test('takes the first part of the attachment and what is left of the rest, and nothing that was mapped between', () => {
    const space = spaceOf([
      area(0x100, 0x102, { ...attached, offsetBytes: 0 }),
      area(0x102, 0x103),
      area(0x103, 0x104, { ...attached, offsetBytes: 3 * PAGE }),
    ]);
    const plan = planDetach(space, { addr: 0x100 * PAGE, segments: { 'shmem:1.0': 4 * PAGE } });
    expect(areasAfter(space, plan)).toEqual(['102-103 rw']);
  });

  test('an address where nothing was attached is EINVAL', () => {
    const space = spaceOf([area(0x100, 0x102, { ...attached, offsetBytes: 0 })]);
    expect(planDetach(space, { addr: 0x101 * PAGE, segments: { 'shmem:1.0': 4 * PAGE } }).errno).toBe(22);
  });
});

describe('brk (mm/mmap.c:sys_brk)', () => {
  const heap = { startBrk: 0x100 * PAGE, brk: 0x100 * PAGE };
  test('keeps the break as given and maps whole pages', () => {
    const space = spaceOf([], heap);
    const plan = planBrk(space, { addr: 0x101 * PAGE + 1 });
    expect(plan.result).toBe(0x101 * PAGE + 1);
    expect(areasAfter(space, plan)).toEqual(['100-102 rw']);
  });

  test('keeps a page free below the next area, and the guard gap below a stack', () => {
    const next = spaceOf([area(0x110, 0x111)], heap);
    expect(planBrk(next, { addr: 0x10f * PAGE }).result).toBe(0x10f * PAGE);
    expect(planBrk(next, { addr: 0x10f * PAGE + 1 }).result).toBe(heap.brk);
    const stack = spaceOf([area(0x300, 0x301, { flags: VM.GROWSDOWN })], heap);
    expect(planBrk(stack, { addr: 0x1ff * PAGE }).result).toBe(0x1ff * PAGE);
    expect(planBrk(stack, { addr: 0x1ff * PAGE + 1 }).result).toBe(heap.brk);
  });
});

describe('remap_file_pages (mm/mmap.c)', () => {
  test('maps the offset anew, shared, fixed and populated, and answers 0', () => {
    const file = { file: 'a', flags: VM.SHARED, offsetBytes: 0 };
    const space = spaceOf([area(0x100, 0x110, file)]);
    const call = { addr: 0x104 * PAGE, lengthBytes: 2 * PAGE, pgoff: 9, flags: 0 };
    const plan = planRemapFilePages(space, call);
    expect(plan.result).toBe(0);
    expect(deeds(plan)).toEqual(['clear 104-106', 'vmas', 'populate 104-106']);
    expect(planRemapFilePages(spaceOf([area(0x100, 0x110)]), call).errno).toBe(22);
  });
});
