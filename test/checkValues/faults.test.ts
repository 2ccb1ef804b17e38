import { describe, expect, it } from 'vitest';
import { GB, KB, MB, measure } from './support/worlds.ts';

/** A gigabyte written from end to end, 4K by 4K. */
const gigabyte = { kind: 'seq', lengthBytes: GB } as const;
const MINUTES = 60_000;

describe('touching 1G of anonymous memory by writes', () => {
  it.each([
    ['on a 4K kernel', 4 * KB, 4 * KB, 262_144],
    ['as a 16K process on a 4K kernel', 4 * KB, 16 * KB, 65_536],
    ['as a 64K process on a 4K kernel', 4 * KB, 64 * KB, 16_384],
    ['on a 64K kernel', 64 * KB, 64 * KB, 16_384],
  ])(
    'takes a fault for each page %s',
    (_where, kernelPageBytes, pageBytes, faults) => {
      const { counters } = measure(gigabyte, { kernelPageBytes, pageBytes, thpAlwaysBytes: [] });
      expect(counters.minflt).toBe(faults);
      expect(counters.dRssAnonKB).toBe(GB / KB);
    },
    3 * MINUTES,
  );

  it(
    'takes 512 faults on a 4K kernel with 2M huge pages',
    () => {
      const design = { thp: { enabled: 'always' as const } };
      const { counters } = measure(gigabyte, {
        kernelPageBytes: 4 * KB,
        pageBytes: 4 * KB,
        thpAlwaysBytes: [],
        design,
      });
      expect(counters.minflt).toBe(512);
      expect(counters.dRssAnonKB).toBe(GB / KB);
    },
    MINUTES,
  );

  it(
    'takes 16384 faults as a 4K process with 64K mTHP always on, where every order-4 allocation succeeds',
    () => {
      const { counters } = measure(gigabyte, { kernelPageBytes: 4 * KB, pageBytes: 4 * KB, thpAlwaysBytes: [64 * KB] });
      expect(counters.minflt).toBe(16_384);
      expect(counters.dRssAnonKB).toBe(GB / KB);
    },
    MINUTES,
  );
});

describe('touching a cached file of 1M on a 4K kernel', () => {
  const file = { path: '/data/big1m', sizeBytes: MB };
  const setting = { kernelPageBytes: 4 * KB, pageBytes: 4 * KB, thpAlwaysBytes: [] };

  it('takes 16 faults to read it, since each maps the 64K around it', () => {
    const { counters, majflt } = measure({ kind: 'fmap', file, strideBytes: 4 * KB, warm: true }, setting);
    expect({ minflt: counters.minflt, majflt }).toEqual({ minflt: 16, majflt: 0 });
    expect(counters.dRssFileKB).toBe(MB / KB);
  });

  it('takes 256 faults to write private copies, around which nothing is mapped', () => {
    const { counters } = measure({ kind: 'fmapw', file, strideBytes: 4 * KB }, setting);
    expect(counters.minflt).toBe(256);
    expect(counters.dRssAnonKB).toBe(MB / KB);
  });

  it('takes 16 faults with 64K pages as well, of which each maps one', () => {
    const pages = { kernelPageBytes: 64 * KB, pageBytes: 64 * KB, thpAlwaysBytes: [] };
    const { counters } = measure({ kind: 'fmap', file, strideBytes: 4 * KB, warm: true }, pages);
    expect(counters.minflt).toBe(16);
  });
});
