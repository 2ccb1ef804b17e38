/**
 * Registering and unregistering, page by page against a plain list of pages; and what waits and is woken.
 *
 * @models L-08 X-05
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { armingOf, registerRange, releaseAreas, unregisterRange } from '../../src/mm/userfaultfd/areas.ts';
import {
  agreeOn,
  closedDescriptor,
  deliver,
  type Descriptor,
  openDescriptor,
  wakeRange,
  type WaitingFault,
} from '../../src/mm/userfaultfd/descriptor.ts';
import { fillErrno, movedErrno, moveErrno, pageErrno, progressOf, resultOf } from '../../src/mm/userfaultfd/fill.ts';
import { UFFD } from '../../src/mm/userfaultfd/numbers.ts';
import { VM } from '../../src/mm/vma.ts';
import { VmaSet } from '../../src/mm/vmaSet.ts';

const P = 4096;
const PAGES = 24;

type Kind = 'hole' | 'anonymous' | 'shmem' | 'ext4' | 'tmpfs';
const area = (at: number, kind: Exclude<Kind, 'hole'>) => ({
  startVa: at * P,
  endVa: (at + 1) * P,
  prot: 3,
  flags: kind === 'shmem' ? VM.SHARED : 0,
  file: { anonymous: null, shmem: 'shmem:1.0', ext4: '/disk/file', tmpfs: '/tmp/file' }[kind],
  offsetBytes: at * P,
});

interface Step {
  does: 'register' | 'unregister' | 'release';
  fd: string;
  first: number;
  pages: number;
  modes: number;
}

const kinds = fc.array(fc.constantFrom<Kind>('hole', 'anonymous', 'anonymous', 'shmem', 'ext4', 'tmpfs'), {
  minLength: PAGES,
  maxLength: PAGES,
});
const steps = fc.array(
  fc.record<Step>({
    does: fc.constantFrom('register', 'register', 'unregister', 'release'),
    fd: fc.constantFrom('a', 'b'),
    first: fc.integer({ min: 0, max: PAGES - 1 }),
    pages: fc.integer({ min: 1, max: 8 }),
    modes: fc.integer({ min: 1, max: 7 }),
  }),
  { maxLength: 20 },
);

/** One page of the plain model. */
interface Page {
  kind: Kind;
  fd: string;
  modes: number;
}

const fitsMode = (page: Page, modes: number): boolean =>
  page.kind !== 'ext4' && ((modes & UFFD.REGISTER_MINOR) === 0 || page.kind === 'shmem' || page.kind === 'tmpfs');

/** What the kernel's loops come to, on single pages. */
function modelErrno(pages: Page[], { does, fd, modes }: Step): number {
  if (does === 'release') return 0;
  const mapped = pages.filter(({ kind }) => kind !== 'hole');
  if (mapped.length === 0) return ERRNO.EINVAL;
  for (const page of mapped) {
    if (does === 'register') {
      if (!fitsMode(page, modes)) return ERRNO.EINVAL;
      if (page.fd !== '' && page.fd !== fd) return ERRNO.EBUSY;
    } else if ((page.fd !== '' && page.fd !== fd) || page.kind === 'ext4') return ERRNO.EINVAL;
  }
  return 0;
}

function modelApply(pages: Page[], { does, fd, modes }: Step): void {
  for (const page of pages) {
    if (page.kind === 'hole') continue;
    if (does === 'register') {
      if ((page.modes & modes) === modes) continue;
      Object.assign(page, { fd, modes });
    } else if (page.fd === fd) Object.assign(page, { fd: '', modes: 0 });
  }
}

describe('registering', () => {
  it('changes what the loops of fs/userfaultfd.c change, page by page, and all or nothing', () => {
    fc.assert(
      fc.property(kinds, steps, (layout, todo) => {
        const model: Page[] = layout.map((kind) => ({ kind, fd: '', modes: 0 }));
        let vmas = VmaSet.empty(P);
        for (const [at, kind] of layout.entries()) if (kind !== 'hole') vmas = vmas.map(area(at, kind));
        for (const step of todo) {
          const range = { startVa: step.first * P, endVa: Math.min(step.first + step.pages, PAGES) * P };
          const space = { vmas, writeNotify: ['/disk/file'] };
          const touched = step.does === 'release' ? model : model.slice(range.startVa / P, range.endVa / P);
          const done =
            step.does === 'register'
              ? registerRange(space, range, { fd: step.fd, modes: step.modes, features: 0 }, false)
              : step.does === 'unregister'
                ? unregisterRange(space, range, step.fd, false)
                : releaseAreas(vmas, step.fd);
          expect(done.errno).toBe(modelErrno(touched, step));
          if (done.errno === 0) modelApply(touched, step);
          else expect(done.vmas).toBe(vmas);
          vmas = done.vmas;
          for (const [at, page] of model.entries()) {
            const found = vmas.find(at * P);
            expect(found === null).toBe(page.kind === 'hole');
            if (found === null) continue;
            expect(armingOf(found)).toEqual(page.fd === '' ? null : { fd: page.fd, modes: page.modes, features: 0 });
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lets any memory be watched for asynchronous write protection alone', () => {
    const vmas = VmaSet.empty(P).map(area(1, 'ext4'));
    const space = { vmas, writeNotify: ['/disk/file'] };
    const range = { startVa: P, endVa: 2 * P };
    expect(registerRange(space, range, { fd: 'a', modes: UFFD.REGISTER_WP, features: 0 }, true).errno).toBe(0);
    expect(registerRange(space, range, { fd: 'a', modes: UFFD.REGISTER_WP, features: 0 }, false).errno).toBe(
      ERRNO.EINVAL,
    );
  });

  it('is not inherited by fork and does not move', () => {
    const vmas = VmaSet.empty(P).map({ ...area(1, 'anonymous'), uffd: '1 0 a' });
    expect(vmas.forked().find(P)?.uffd).toBeUndefined();
    const watched = vmas.find(P);
    expect(watched).not.toBeNull();
    if (watched !== null) expect(vmas.copyTo(watched, P, 8 * P, P, false).find(8 * P)?.uffd).toBeUndefined();
  });
});

const fault = fc.record<WaitingFault>({
  pid: fc.integer({ min: 1, max: 6 }),
  address: fc.integer({ min: 16, max: 40 }).map((page) => page * P),
  flags: fc.integer({ min: 0, max: 7 }),
  read: fc.boolean(),
});

describe('a descriptor', () => {
  const open: Descriptor = {
    ...openDescriptor(7, 0, { pageBytes: P, kernelPageBytes: P }, 'process-page'),
    features: 0,
  };

  it('wakes every fault with an address in the range, and no other', () => {
    fc.assert(
      fc.property(
        fc.array(fault),
        fc.integer({ min: 10, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        (faults, at, nr) => {
          const { descriptor, woken } = wakeRange({ ...open, faults }, at * P, nr * P);
          const inside = ({ address }: WaitingFault): boolean => address >= at * P && address < (at + nr) * P;
          expect(woken).toEqual(faults.filter(inside).map(({ pid }) => pid));
          expect(descriptor.faults).toEqual(faults.filter((each) => !inside(each)));
        },
      ),
    );
  });

  it('gives each fault to one reader, in order, and keeps it waiting', () => {
    fc.assert(
      fc.property(fc.array(fault), fc.array(fc.integer({ min: 8, max: 12 })), (faults, readers) => {
        let at: Descriptor = { ...open, faults, readers };
        const got: number[] = [];
        for (let step = deliver(at); step.delivered !== null; step = deliver(at)) {
          got.push(step.delivered.data[2] ?? -1);
          at = step.descriptor;
        }
        const unread = faults.filter(({ read }) => !read).map(({ address }) => address);
        expect(got).toEqual(unread.slice(0, Math.min(unread.length, readers.length)));
        expect(at.faults.length).toBe(faults.length);
      }),
    );
  });

  it('agrees on features once, and on none where it is defeatured', () => {
    const agreed = agreeOn({ ...closedDescriptor(), pid: 7 }, 0x8000);
    expect(agreed).toMatchObject({ errno: 0, descriptor: { features: 0xa000 } });
    expect(agreeOn(agreed.descriptor, 0).errno).toBe(ERRNO.EINVAL);
    const sizes = { pageBytes: 65536, kernelPageBytes: P };
    expect(agreeOn(openDescriptor(7, 0, sizes, 'defeature'), 1).errno).toBe(ERRNO.EINVAL);
    expect(agreeOn(openDescriptor(7, 0, sizes, 'defeature'), 0).errno).toBe(0);
    expect(openDescriptor(7, 0, { pageBytes: P, kernelPageBytes: P }, 'defeature').defeatured).toBe(false);
  });
});

describe('filling', () => {
  const watched = { ...area(1, 'anonymous'), endVa: 4 * P, uffd: '3 0 a' };
  const space = { vmas: VmaSet.empty(P).map(watched), writeNotify: [] };
  const wish = { kind: 'copy' as const, startVa: P, lengthBytes: P, writeProtect: false };

  it.each([
    ['inside one watched area', wish, 0],
    ['no area', { ...wish, startVa: 9 * P }, ERRNO.ENOENT],
    ['past the end of the area', { ...wish, lengthBytes: 4 * P }, ERRNO.ENOENT],
    ['protected, registered for it', { ...wish, writeProtect: true }, 0],
    ['going on where there is no file', { ...wish, kind: 'continue' as const }, ERRNO.EINVAL],
  ])('asks of the area: %s', (_says, given, errno) => {
    expect(fillErrno(space, given)).toBe(errno);
  });

  it('asks for registration, for write protection where it is wanted, and for memory of the right kind', () => {
    const of = (vma: object) => ({ vmas: VmaSet.empty(P).map({ ...watched, ...vma }), writeNotify: ['/disk/file'] });
    expect(fillErrno(of({ uffd: undefined }), wish)).toBe(ERRNO.ENOENT);
    expect(fillErrno(of({ uffd: '1 0 a' }), { ...wish, writeProtect: true })).toBe(ERRNO.EINVAL);
    expect(fillErrno(of({ file: '/disk/file' }), wish)).toBe(ERRNO.EINVAL);
    expect(fillErrno(of({ file: 'shmem:1.0' }), { ...wish, kind: 'continue' })).toBe(0);
  });

  it('stops at the first page that cannot be filled, and says how far it got', () => {
    expect(resultOf(progressOf([0, 0, ERRNO.EEXIST]), 3, P)).toEqual({ doneBytes: 2 * P, errno: ERRNO.EAGAIN });
    expect(resultOf(progressOf([ERRNO.EEXIST, 0]), 2, P)).toEqual({ doneBytes: -ERRNO.EEXIST, errno: ERRNO.EEXIST });
    expect(resultOf(progressOf([0, 0]), 2, P)).toEqual({ doneBytes: 2 * P, errno: 0 });
  });

  const free = { entry: 'none' as const, cached: false, beyond: false, readable: true };
  it.each([
    ['copy', false, free, 0],
    ['copy', false, { ...free, readable: false, entry: 'any' as const }, ERRNO.EFAULT],
    ['copy', false, { ...free, entry: 'any' as const }, ERRNO.EEXIST],
    ['copy', false, { ...free, entry: 'wp-marker' as const }, 0],
    ['copy', true, { ...free, cached: true }, ERRNO.EEXIST],
    ['copy', false, { ...free, cached: true }, 0],
    ['zeropage', false, { ...free, entry: 'wp-marker' as const }, ERRNO.EEXIST],
    ['zeropage', false, { ...free, beyond: true, entry: 'any' as const }, ERRNO.EFAULT],
    ['continue', true, free, ERRNO.EFAULT],
    ['continue', true, { ...free, cached: true }, 0],
    ['poison', true, { ...free, entry: 'wp-marker' as const }, ERRNO.EEXIST],
    ['poison', true, free, 0],
  ] as const)('asks of a page: %s, shared %s, %o', (kind, shared, page, errno) => {
    expect(pageErrno(kind, shared, page)).toBe(errno);
  });
});

describe('moving', () => {
  const both = VmaSet.empty(P)
    .map({ ...area(1, 'anonymous'), endVa: 4 * P, uffd: '1 0 a' })
    .map({ ...area(8, 'anonymous'), endVa: 12 * P });
  const wish = { fd: 'a', toVa: P, fromVa: 8 * P, lengthBytes: 2 * P };
  const errnoOf = (vmas: VmaSet, change: Partial<typeof wish> = {}): number =>
    moveErrno({ vmas, writeNotify: [] }, { ...wish, ...change });

  it('asks of both areas what validate_move_areas asks', () => {
    expect(errnoOf(both)).toBe(0);
    expect(errnoOf(both, { fromVa: 20 * P })).toBe(ERRNO.ENOENT);
    expect(errnoOf(both, { toVa: 20 * P })).toBe(ERRNO.ENOENT);
    expect(errnoOf(both, { fd: 'b' })).toBe(ERRNO.EINVAL);
    expect(errnoOf(both, { lengthBytes: 5 * P })).toBe(ERRNO.EINVAL);
    const change = (at: number, field: object): VmaSet =>
      both.modify(at * P, (at + 3) * P, (part) => ({ ...part, ...field })).set;
    expect(errnoOf(change(8, { prot: 1 }))).toBe(ERRNO.EINVAL);
    expect(errnoOf(change(8, { flags: VM.LOCKED }))).toBe(ERRNO.EINVAL);
    expect(errnoOf(change(8, { flags: VM.SHARED }))).toBe(ERRNO.EINVAL);
    expect(errnoOf(change(1, { file: 'shmem:1.0' }))).toBe(ERRNO.EINVAL);
  });

  it.each([
    [false, 'none', true, ERRNO.EEXIST],
    [true, 'none', false, ERRNO.ENOENT],
    [true, 'none', true, 0],
    [true, 'shared', true, ERRNO.EBUSY],
    [true, 'marker', true, ERRNO.EFAULT],
    [true, 'zero-page', false, 0],
    [true, 'exclusive', false, 0],
  ] as const)('asks of a page: free %s, source %s, holes %s', (targetFree, source, holes, errno) => {
    expect(movedErrno({ targetFree, source }, holes)).toBe(errno);
  });
});
