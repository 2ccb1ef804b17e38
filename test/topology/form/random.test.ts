/** Random topologies in files: those in order all run, and those with something wrong are all refused before the run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import '../../support/propertySeed.ts';
import { main } from '../../../src/cli/program.ts';
import { textIo } from '../../../src/cli/textIo.ts';
import { openTopology } from '../../../src/library/openTopology.node.ts';
import { run } from '../../../src/library/run.ts';
import { replay } from '../../../src/library/timeline.ts';
import { breakages } from './breakages.ts';
import { type Made, madeTopologies } from './madeTopologies.ts';

const folder = mkdtempSync(join(tmpdir(), 'granule-random-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** How a topology is written down. */
interface Writing {
  format: 'json' | 'yaml';
  /** Which of its fields a base has. */
  inBase: (field: string) => boolean;
  /** The number of CPUs is a parameter. */
  hasParameter: boolean;
}

const writings: fc.Arbitrary<Writing> = fc.record({
  format: fc.constantFrom('json' as const, 'yaml' as const),
  inBase: fc.oneof(
    fc.constant(() => false),
    fc.func(fc.boolean()),
  ),
  hasParameter: fc.boolean(),
});

function textOf(data: unknown, format: Writing['format']): string {
  return format === 'json' ? JSON.stringify(data, null, 2) : stringify(data);
}

/** Writes a topology to a file, or to two, and gives the name of the one that is meant. */
function write(data: Made, { format, inBase, hasParameter }: Writing): string {
  const { cpus, ...rest } = data;
  const written = hasParameter ? { parameters: { n: { default: cpus } }, cpus: '${n}', ...rest } : data;
  const fields = Object.entries(written);
  const based = fields.filter(([name]) => inBase(name));
  const name = `made.${format}`;
  writeFileSync(join(folder, `base.${format}`), textOf(Object.fromEntries(based), format));
  const own =
    based.length === 0 ? fields : [['extends', `./base.${format}`], ...fields.filter(([each]) => !inBase(each))];
  writeFileSync(join(folder, name), textOf(Object.fromEntries(own), format));
  return name;
}

describe('a random topology', () => {
  it('that is in order runs, and replays, whatever it is written in', async () => {
    let records = 0;
    await fc.assert(
      fc.asyncProperty(madeTopologies, writings, async (data, writing) => {
        const name = write(data, writing);
        const made = run(await openTopology(join(folder, name), { cwd: folder }));
        expect(made.topology).toMatchObject({ name: 'made', cpus: data.cpus });
        expect(replay(made).divergence).toBeNull();
        records += made.log.records;
      }),
      { numRuns: 60 },
    );
    expect(records).toBeGreaterThan(6000);
  });

  it('with one thing wrong is refused before the run, with the place and the remedy', async () => {
    const told = new Map(breakages.map(({ what }) => [what, 0]));
    await fc.assert(
      fc.asyncProperty(madeTopologies, writings, fc.constantFrom(...breakages), async (data, writing, breakage) => {
        const broken = breakage.break(structuredClone(data));
        if (broken === null) return;
        const name = write(broken, writing);
        const io = textIo(folder);
        const code = await main(['run', name, '--json'], io);
        const seen = `${breakage.what}: ${io.stdout.text}${io.stderr.text}`;
        expect([code, io.stdout.text], seen).toEqual([2, '']);
        const { error } = JSON.parse(io.stderr.text) as { error: Refusal };
        const faults = error.faults ?? [error];
        for (const { where, next } of faults) {
          expect(where, seen).toMatch(/\/(?:made|base)\.(?:json|yaml):\d+:\d+/);
          expect(next, seen).not.toBe('');
        }
        expect(faults.map((fault) => ('what' in fault ? fault.what : error.message)).join('\n'), seen).toMatch(
          breakage.says,
        );
        told.set(breakage.what, (told.get(breakage.what) ?? 0) + 1);
      }),
      { numRuns: 500 },
    );
    expect([...told].filter(([, times]) => times === 0)).toEqual([]);
  });
});

interface Refusal {
  where: string;
  next: string;
  message: string;
  faults?: { where: string; next: string; what?: string }[];
}
