/** `granule compare-designs` at the command line. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { DesignComparison } from '../../src/report/designs/comparison.ts';
import { Workplace } from './harness.ts';

const workplace = new Workplace();
afterAll(() => workplace.remove());

const QUICK = ['compare-designs', 'true-kernel', '--coverage', '100'];

describe('granule compare-designs', () => {
  it('prints every design with bars, terms, break-even and the costs that they rest on', async () => {
    const { code, stdout } = await workplace.run([...QUICK, '--workers', '1']);
    expect(code).toBe(0);
    for (const said of [
      'plain-4K',
      'mthp-100',
      'proposal-64K',
      'layers-1-2-16K',
      'TLB reach',
      'break-even',
      'lineMiss',
    ]) {
      expect(stdout).toContain(said);
    }
  });

  it('writes the same CSV and JSON on one thread and on two', async () => {
    const one = await workplace.run([...QUICK, '--workers', '1', '--csv', 'one.csv', '--json']);
    const two = await workplace.run([...QUICK, '--workers', '2', '--csv', 'two.csv', '--json']);
    expect(two.stdout).toBe(one.stdout);
    const csv = readFileSync(workplace.path('one.csv'), 'utf8');
    expect(readFileSync(workplace.path('two.csv'), 'utf8')).toBe(csv);
    const rows = csv.trimEnd().split('\n');
    expect(rows.length).toBe(1 + 8);
    expect(new Set(rows.map((row) => row.split(',').length)).size).toBe(1);
    const [comparison] = JSON.parse(one.stdout) as DesignComparison[];
    expect(comparison.columns.map(({ design }) => design.name)).toHaveLength(8);
  }, 60_000);

  it('shows what a warm page cache costs the proposal: what 4K readers cached is dropped and read again', async () => {
    const reread = async (cache: string): Promise<number> => {
      const { stdout } = await workplace.run([...QUICK, '--workers', '1', '--cache', cache, '--json']);
      const [{ columns }] = JSON.parse(stdout) as DesignComparison[];
      return columns.find(({ design }) => design.name === 'proposal-64K')?.figures.rereadBytes ?? -1;
    };
    expect(await reread('warm')).toBeGreaterThan(await reread('cold'));
  });

  it('counts compaction where memory is fragmented', async () => {
    const args = [...QUICK, '--workers', '1', '--memory', '32M', '--kernel-page-every', '16', '--json'];
    const { stdout } = await workplace.run(args);
    const [{ columns }] = JSON.parse(stdout) as DesignComparison[];
    const failed = ({ figures }: DesignComparison['columns'][number]): number =>
      figures.allocationFailures + figures.compactionStalls;
    const of = (name: string): number => failed(columns.find(({ design }) => design.name === name) ?? columns[0]);
    expect(of('plain-4K')).toBe(0);
    expect(of('proposal-64K')).toBeGreaterThan(0);
  });

  it.each([
    [['compare-designs', 'no-such-trace'], 'FILE_NOT_FOUND'],
    [['compare-designs', 'true-kernel', '--coverage', '101'], 'USAGE'],
    [['compare-designs', 'true-kernel', '--coverage', 'half'], 'USAGE'],
    [['compare-designs', 'true-kernel', '--core', 'apple-m1-firestorm'], 'USAGE'],
    [['compare-designs', 'true-kernel', '--memory', 'much'], 'USAGE'],
    [['compare-designs', 'true-kernel', '--workers', '0'], 'USAGE'],
  ])('refuses %j', async (args, error) => {
    const ran = await workplace.run([...args, '--csv', 'refused.csv']);
    expect(ran.code).toBe(2);
    expect(ran.stderr.split(':')[0]).toBe(error);
    expect(existsSync(workplace.path('refused.csv'))).toBe(false);
  });
});
