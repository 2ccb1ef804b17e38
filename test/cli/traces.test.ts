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
