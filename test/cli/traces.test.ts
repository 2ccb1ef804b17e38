import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
afterAll(() => place.remove());

interface Oracle {
  traces: Record<string, Record<string, unknown>>;
}

const oracle: Oracle = JSON.parse(readFileSync(fixture('oracle/tlb.json'), 'utf8'));
const PAGES = [
  ['4K', '4096'],
  ['16K', '16384'],
  ['64K', '65536'],
] as const;

describe('granule tlb', () => {
  const cases = Object.keys(oracle.traces).flatMap((name) =>
    PAGES.map(([page, bytes]) => [name, page, bytes] as const),
  );
  it.each(cases)('counts %s at %s pages as an independent model does', async (name, page, bytes) => {
    const { code, stdout } = await place.run(['tlb', fixture(`traces/${name}.gtr`), '--page', page, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(oracle.traces[name]?.[bytes]);
  });

  it('counts raw text as it counts the page-run form', async () => {
    const { stdout } = await place.run(['tlb', fixture('traces/true-kernel.lackey.gz'), '--json']);
    expect(JSON.parse(stdout)).toEqual(oracle.traces['true-kernel']);
  });

  it('prints a table of all page sizes', async () => {
    const { stdout } = await place.run(['tlb', fixture('traces/true-kernel.gtr')]);
    expect(stdout).toMatch(/^page size +4K +16K +64K$/m);
    expect(stdout).toMatch(/^L2 misses +139 +55 +23$/m);
  });

  it('leaves out the page sizes that a core does not have', async () => {
    const { stdout } = await place.run(['tlb', fixture('traces/true-kernel.gtr'), '--core', 'apple-m1-firestorm']);
    expect(stdout).toMatch(/^page size +4K +16K$/m);
  });

  it('refuses a page size or a core that there is not', async () => {
    const trace = fixture('traces/true-kernel.gtr');
    expect((await place.run(['tlb', trace, '--page', '8K'])).stderr).toMatch(/^USAGE: .*4K, 16K or 64K/);
    expect((await place.run(['tlb', trace, '--core', 'z80'])).stderr).toMatch(/^USAGE: .*cortex-a76/);
  });
});

describe('granule make-trace', () => {
  const made = async (pattern: string, ...options: string[]) => {
    const args = ['make-trace', pattern, '--bytes', '256K', '--accesses', '2000', '--json', ...options];
    return JSON.parse((await place.run(args)).stdout) as { out: string; hash: string; references: number };
  };

  it('writes every page once, and then accesses the area, an instruction before each', async () => {
    const { out, references } = await made('random');
    expect([out, references]).toEqual([place.path('random.gtr'), 2 * (64 + 2000)]);
    const { stdout } = await place.run(['info', 'random.gtr']);
    expect(stdout).toContain('make-trace random --bytes 262144 --accesses 2000 --seed 1');
  });

  it('gives the same trace for the same seed, and another for another', async () => {
    const hashes = [await made('random'), await made('random', '--seed', '1'), await made('random', '--seed', '2')];
    expect(hashes[0].hash).toBe(hashes[1].hash);
    expect(hashes[0].hash).not.toBe(hashes[2].hash);
  });

  it('misses a TLB least where it stays on a page', async () => {
    const misses = [];
    for (const pattern of ['sequential', 'random', 'strided']) {
      await made(pattern, '--bytes', '16M');
      const { stdout } = await place.run(['tlb', `${pattern}.gtr`, '--page', '4K', '--json']);
      misses.push((JSON.parse(stdout) as { l2: { misses: number } }).l2.misses);
    }
    expect(misses[0]).toBeLessThan(Math.min(misses[1], misses[2]) / 1.1);
  });

  it('says where it wrote, and refuses a pattern or a size that there is not', async () => {
    const { stdout } = await place.run(['make-trace', 'strided', '--bytes', '1M', '--accesses', '9', '--out', 's.gtr']);
    expect(stdout).toMatch(/^.*s\.gtr: 530 references in 532 runs, /);
    expect((await place.run(['make-trace', 'zigzag'])).stderr).toMatch(/^USAGE: .*sequential, strided, random/);
    expect((await place.run(['make-trace', 'random', '--bytes', '5'])).stderr).toMatch(/^USAGE: .*whole pages/);
  });
});

describe('granule import', () => {
  it('makes the trace that comes with granule out of its text', async () => {
    const { code, stdout } = await place.run(['import', fixture('traces/true-kernel.lackey.gz'), '--json']);
    expect(code).toBe(0);
    const info: unknown = JSON.parse((await place.run(['info', fixture('traces/true-kernel.gtr'), '--json'])).stdout);
    const { hash, references, out } = JSON.parse(stdout);
    expect(info).toMatchObject({ hash, references });
    expect(out).toBe(place.path('true-kernel.gtr'));
  });

  it('lays a program out again', async () => {
    const text = fixture('traces/true-kernel.lackey.gz');
    const { code, stdout } = await place.run(['import', text, '--relayout', '64K']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/true-kernel-64K\.gtr: 167,440 references/);
    const info = await place.run(['info', 'true-kernel-64K.gtr']);
    expect(info.stdout).toMatch(/^program +0x[0-9a-f]+0000 /m);
  });

  it('refuses a layout that programs have anyway', async () => {
    const { code, stderr } = await place.run(['import', 'a.gz', '--relayout', '4K']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^USAGE: .*16K or 64K/);
  });

  it('needs a name for what comes from standard input', async () => {
    expect((await place.run(['import', '-'])).stderr).toMatch(/^USAGE: .*--out/);
  });
});
