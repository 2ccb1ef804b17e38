import { describe, expect, it } from 'vitest';
import type { AbiAction } from '../../src/validate/abiStep.ts';
import { BASE, EINVAL, KB, map, MB, PLAIN, play, PROPOSAL, TEN_KILOBYTES, type World } from './support/worlds.ts';

const WORLDS = [...PLAIN, ...PROPOSAL];

/** What a call answers behind a mapping of 1M. */
function answerTo(world: World, action: AbiAction): { ret: number | null; err: number | null } {
  const { ret, err } = play(world, [map(MB), action])[1];
  return { ret, err };
}

describe.each(WORLDS)('on $name', (world) => {
  it('mincore of 1M answers a byte for each page', () => {
    const [, { vec }] = play(world, [map(MB), { op: 'mincore', addr: BASE, lengthBytes: MB }]);
    expect(vec).toHaveLength(MB / world.page);
  });

  it('mlock of a byte that begins no page locks the page that holds it', () => {
    const [, locked, vector] = play(world, [
      map(MB),
      { op: 'mlock', addr: BASE + 1, lengthBytes: 1 },
      { op: 'mincore', addr: BASE, lengthBytes: MB },
    ]);
    expect(locked).toMatchObject({ ret: 0, err: null });
    expect(vector.vec?.indexOf('0')).toBe(1);
    expect(locked.maps?.map(([start, end]) => [start, end])).toEqual([
      [BASE.toString(16), (BASE + world.page).toString(16)],
      [(BASE + world.page).toString(16), (BASE + MB).toString(16)],
    ]);
  });

  it.each<AbiAction>([
    { op: 'msync', addr: BASE + 1, lengthBytes: 4096, flags: 4 },
    { op: 'mprotect', addr: BASE + 1, lengthBytes: 4096, prot: 1 },
    { op: 'munmap', addr: BASE + 1, lengthBytes: 4096 },
    { op: 'madvise', addr: BASE + 1, lengthBytes: 4096, advice: 4 },
  ])('$op of an address that begins no page is refused', (action) => {
    expect(answerTo(world, action)).toEqual({ ret: null, err: EINVAL });
  });

  it('mmap takes a file offset of 4096 only where a page is no larger', () => {
    const call: AbiAction = {
      op: 'mmap',
      addr: BASE,
      lengthBytes: 64 * KB,
      prot: 1,
      flags: 0x12,
      file: TEN_KILOBYTES.path,
      offsetBytes: 4096,
    };
    const expected = world.page === 4096 ? { ret: BASE, err: null } : { ret: null, err: EINVAL };
    expect(answerTo(world, call)).toEqual(expected);
  });

  it('shmat takes an address that is a multiple of 4K alone only where a page is no larger, or with SHM_RND', () => {
    const SHM_RND = 0o20000;
    const odd = BASE + 2 * MB + 4096;
    const attach = (flags: number): AbiAction => ({ op: 'shmat', shmid: 1, addr: odd, flags, placedAddr: 0 });
    const get: AbiAction = { op: 'shmget', key: 0, lengthBytes: 64 * KB, flags: 0o1600, shmid: 1 };
    const expected = world.page === 4096 ? { ret: odd, err: null } : { ret: null, err: EINVAL };
    expect(play(world, [get, attach(0)])[1]).toMatchObject(expected);
    expect(play(world, [get, attach(SHM_RND)])[1]).toMatchObject({ ret: odd - (odd % world.page), err: null });
  });
});

describe('the stack guard gap', () => {
  /** The stack of these programs ends here and is 128K large when they begin. */
  const STACK_START = 0xffff_ffff_0000 - 0x2_0000;

  /** Signals of touching the page below the stack, where a mapping ends the gap below it, and a page nearer. */
  function signals(world: World): (number | null)[] {
    const touched = STACK_START - world.page;
    const touchWith = (end: number): number | null => {
      const below: AbiAction = { ...(map(world.page, end - world.page) as Extract<AbiAction, { op: 'mmap' }>) };
      return play(world, [below, { op: 'store', addr: touched }])[1].signal;
    };
    const gap = world.design === undefined ? 256 * world.page : 256 * world.kernel;
    return [touchWith(touched - gap), touchWith(touched - gap + world.page)];
  }

  it.each([
    ['1 MiB on a 4K kernel', PLAIN[0]],
    ['4 MiB on a 16K kernel', PLAIN[1]],
    ['16 MiB on a 64K kernel', PLAIN[2]],
    ['16 MiB for a 64K process on a 4K kernel', PROPOSAL[1]],
    ['1 MiB there with the gap of the kernel', { ...PROPOSAL[1], design: ['stackGuardGap=kernel-pages'] }],
  ])('is %s', (_what, world) => {
    expect(signals(world)).toEqual([0, 11]);
  });
});

describe('a file of 10 KB that is mapped by 64K pages', () => {
  const mapFile: AbiAction = {
    op: 'mmap',
    addr: BASE,
    lengthBytes: 128 * KB,
    prot: 1,
    flags: 0x12,
    file: TEN_KILOBYTES.path,
    offsetBytes: 0,
  };
  const reading = (world: World, at: number): { signal: number | null; code: number | null } => {
    const { signal, code } = play(world, [mapFile, { op: 'load', addr: BASE + at }])[1];
    return { signal, code };
  };
  const SIGBUS = { signal: 7, code: 2 };
  const unmodified: World = { ...PROPOSAL[1], design: ['fileTail=kernel-page'] };

  it('reads as zero at byte 20000 on a 64K kernel, and in a 64K process whose last page is whole', () => {
    expect(reading(PLAIN[2], 20_000)).toEqual({ signal: 0, code: null });
    expect(reading(PROPOSAL[1], 20_000)).toEqual({ signal: 0, code: null });
  });

  it('is SIGBUS at byte 20000 where an unmodified 4K kernel says where the file ends', () => {
    expect(reading(unmodified, 20_000)).toEqual(SIGBUS);
    expect(reading(unmodified, 10_239)).toEqual({ signal: 0, code: null });
  });

  it('is SIGBUS at byte 70000 everywhere', () => {
    for (const world of [PLAIN[0], PLAIN[2], PROPOSAL[1], unmodified]) expect(reading(world, 70_000)).toEqual(SIGBUS);
  });
});
