/**
 * Architectures as data, and the two layers that those without a granule for each root could have.
 *
 * @models S-06 S-45 T-03 T-12 X-02
 */
import { describe, expect, test } from 'vitest';
import { architectures, indexBits, rangePlan } from '../../src/arch/architectures.ts';
import { geometryOf } from '../../src/arch/granule.ts';
import { GranuleError } from '../../src/errors.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

const others = ['x86-64', 'riscv64', 'loongarch64'] as const;

describe('table layouts', () => {
  test('of arm64 are those of its geometry', () => {
    for (const { pageBytes, vaBits, levels } of architectures.arm64.layouts) {
      const geometry = geometryOf(pageBytes, vaBits).levels;
      expect(geometry.map(({ entries }) => Math.log2(entries))).toEqual(indexBits({ pageBytes, vaBits, levels }));
    }
  });

  test.each([
    ['x86-64', 57, 4096, [9, 9, 9, 9, 9]],
    ['riscv64', 39, 4096, [9, 9, 9]],
    ['loongarch64', 47, 16384, [11, 11, 11]],
    ['loongarch64', 55, 65536, [13, 13, 13]],
  ] as const)('of %s with %i bits and pages of %i bytes', (name, vaBits, pageBytes, bits) => {
    const layout = architectures[name].layouts.find((each) => each.vaBits === vaBits && each.pageBytes === pageBytes);
    expect(layout === undefined ? [] : indexBits(layout)).toEqual(bits);
  });

  test('of every architecture hold one that a 4K Linux table of four levels stands for', () => {
    for (const { layouts } of Object.values(architectures)) {
      expect(layouts).toContainEqual({ pageBytes: 4096, vaBits: 48, levels: 4 });
    }
  });
});

test('a range is dropped page by page up to a limit, then as a whole', () => {
  const most = { 'x86-64': 33, riscv64: 64, loongarch64: 528 };
  for (const name of others) {
    const pages = most[name];
    expect(rangePlan(architectures[name], pages * 4096, 4096).by).toBe('address');
    expect(rangePlan(architectures[name], (pages + 1) * 4096, 4096)).toEqual({ by: 'address-space', instructions: 1 });
  }
});

describe.each(others)('layers 1 and 2 on %s', (name) => {
  const topology = loadTopology(`layers-1-and-2-${name}`);
  const run = () =>
    runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null, checked: true });

  test('give a 64K process fewer faults and no shorter walks', () => {
    const { system } = run();
    const [small, large] = [1, 2].map((pid) => system.snapshot(`mm:${pid}`).context);
    expect(small.minorFaults / large.minorFaults).toBeGreaterThan(10);
    expect(system.snapshot('mmu:2').context.native).toBe(null);
  });

  test('maintain TLBs by interrupts: fewer operations once the limit is passed', () => {
    const seen = new Set<string>();
    runTopology({
      topology,
      traces: loadTraces(topology, { folders: [] }),
      writer: null,
      onRecord: ({ type, payload }) => {
        if (type !== 'TLBI') return;
        for (const { op } of (payload as { operations: { op: string }[] }).operations) seen.add(op);
      },
    });
    expect([...seen].filter((op) => !op.startsWith('FLUSH_'))).toEqual([]);
    expect(seen.has('FLUSH_ADDRESS_SPACE')).toBe(true);
    expect(seen.has(name === 'x86-64' ? 'FLUSH_PAGES_AND_WALKS' : 'FLUSH_PAGES')).toBe(true);
  });

  test.each([
    [{ nativeTables: true }, 'nativeTables'],
    [{ core: 'cortex-a76' }, 'core'],
    [{ design: { contpte: true } }, 'contpte'],
    [{ kernelPageSize: '16K' }, 'kernelPageSize'],
  ])('are all that it can have: %j is refused', (change, field) => {
    const changed = parseTopology({ ...topology, ...change }, 'test');
    const start = (): unknown =>
      runTopology({ topology: changed, traces: loadTraces(changed, { folders: [] }), writer: null });
    expect(start).toThrow(GranuleError);
    expect(start).toThrow(new RegExp(name));
    try {
      start();
    } catch (error) {
      expect((error as GranuleError).where).toContain(field);
    }
  });
});
