/**
 * copy_to_user and copy_from_user through the native table: across 4K borders inside a process page, and into a hole half-way.
 * What a 64K process on a 4K kernel gets is what a 64K kernel gives.
 *
 * @models S-07
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VmaSet } from '../../src/mm/vmaSet.ts';
import { faultIn } from '../../src/mm/uaccess/faultIn.ts';
import { BASE, mapped, ran, resultsOf } from '../gup/support.ts';

const SPACE = 0x40000;
const files = [{ path: 'data', size: '1M', cached: true }];

interface Copy {
  op: 'read' | 'write';
  at: number;
  lengthBytes: number;
}

const copy: fc.Arbitrary<Copy> = fc.record({
  op: fc.constantFrom('read' as const, 'write' as const),
  at: fc.oneof(
    fc.nat({ max: SPACE - 1 }),
    // Beside a border of 4K or 64K.
    fc.tuple(fc.integer({ min: 1, max: 63 }), fc.integer({ min: -9, max: 9 })).map(([page, by]) => page * 4096 + by),
  ),
  lengthBytes: fc.oneof(fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 0x18000 })),
});

/** Four process pages: a hole, a page that is only read, and two that are written to. */
function answers(copies: readonly Copy[], kernelPageSize: string, nativeTables: boolean) {
  const program = [
    mapped(`${SPACE}`),
    { op: 'munmap', addr: BASE + 0x20000, lengthBytes: '64K' },
    { op: 'mprotect', addr: BASE + 0x30000, lengthBytes: '64K', prot: 'r' },
    ...copies.map(({ op, at, lengthBytes }) => ({ op, file: 'data', buffer: BASE + at, lengthBytes })),
  ];
  const run = ran({
    kernelPageSize,
    nativeTables,
    files,
    processes: [{ pid: 1, program, pageSize: '64K', signals: 'skip' }],
  });
  return { results: resultsOf(run.records, 1).slice(3), faults: run.mm(1).minorFaults, fallbacks: run.mm(1).fallbacks };
}

describe('copies to and from user memory of a 64K process', () => {
  test('end as they do on a 64K kernel, with as many faults, and never fall back', () => {
    fc.assert(
      fc.property(fc.array(copy, { minLength: 1, maxLength: 12 }), (copies) => {
        const mixed = answers(copies, '4K', true);
        const plain = answers(copies, '64K', true);
        expect(mixed).toEqual(plain);
        expect(answers(copies, '4K', false).results).toEqual(plain.results);
      }),
      { numRuns: 40 },
    );
  });

  test('stop in the middle of a process page only where that ends, not at each 4K page', () => {
    const intoHole = answers([{ op: 'read', at: 0x1c123, lengthBytes: 0x8000 }], '4K', true);
    expect(intoHole.results).toEqual([0x20000 - 0x1c123]);
    const intoReadOnly = answers([{ op: 'read', at: 0x30010, lengthBytes: 16 }], '4K', true);
    expect(intoReadOnly.results).toEqual([-14]);
    const fromReadOnly = answers([{ op: 'write', at: 0x31ff8, lengthBytes: 16 }], '4K', true);
    expect(fromReadOnly.results).toEqual([16]);
  });
});

describe('fault_in_readable and fault_in_writeable', () => {
  test('leave the same bytes whatever page the touches go by', () => {
    const area = (at: number, prot: number) => {
      return { startVa: at * 0x10000, endVa: (at + 1) * 0x10000, prot, flags: 0, file: null, offsetBytes: 0 };
    };
    const prots = fc.array(fc.constantFrom(-1, 0, 1, 3), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(prots, fc.nat({ max: 0x3ffff }), fc.integer({ min: 1, max: 0x20000 }), (pages, at, lengthBytes) => {
        const areas = pages.flatMap((prot, index) => (prot < 0 ? [] : [area(index, prot)]));
        const vmas = VmaSet.fromPlain({ pageBytes: 65536, vmas: areas });
        for (const access of ['read', 'write'] as const) {
          const left = (pageBytes: number) => faultIn(vmas, { addr: at, lengthBytes }, access, pageBytes);
          expect(left(4096)).toBe(left(65536));
          expect(left(4096)).toBeLessThanOrEqual(lengthBytes);
        }
      }),
    );
  });
});
