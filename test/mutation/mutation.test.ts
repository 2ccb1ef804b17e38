/**
 * The mutation test of the model: every edit still fits, what survives is explained, and a few of each kind are noticed here and now.
 * All of them run by `npm run mutation`.
 *
 * @models S-20 S-42
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { abiRules } from '../../src/mm/abi/rules.ts';
import { bundled, runNode } from './build.ts';
import type { Verdict } from './detectors/verdict.ts';
import { mutationDocument } from './document.ts';
import { applied, mutatedSources } from './mutant.ts';
import { mutantNamed, mutants, sourceMutants } from './mutants/index.ts';
import { PAGE_OF_STEP, ruleMutants, rowsWithoutSteps } from './mutants/rules.ts';
import { type Result, rulesIn } from './run.ts';
import { survivors } from './survivors.ts';

const results = JSON.parse(readFileSync('fixtures/mutation/results.json', 'utf8')) as Result[];

describe('a mutant', () => {
  it.each(sourceMutants.map(({ name }) => name))('%s is edits that fit, once', (name) => {
    expect(mutatedSources(mutantNamed(name)).size).toBeGreaterThan(0);
  });

  it('that does not fit any more says so', () => {
    const edit = { file: 'a.ts', find: 'one', replace: 'two' };
    expect(() => applied('two', [edit])).toThrow('a.ts has this 0 times');
    expect(() => applied('one one', [edit])).toThrow('a.ts has this 2 times');
    expect(applied('one', [edit])).toBe('two');
  });

  it('has a name of its own, and there is one for every step of every rule', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    for (const [op, { steps, late = [] }] of Object.entries(abiRules)) {
      const gone = ruleMutants.filter(({ name }) => name.startsWith(`rule/${op}/`) && name.endsWith('/gone'));
      expect(gone.length, op).toBe(steps.length + late.length);
      expect(rowsWithoutSteps.includes(op)).toBe(gone.length === 0);
    }
    expect(sourceMutants.filter(({ group }) => group === 'maintenance').length).toBeGreaterThanOrEqual(40);
  });
});

describe('the results that are kept', () => {
  it('are of all mutants', () => {
    expect(results.map(({ name }) => name).sort()).toEqual(mutants.map(({ name }) => name).sort());
  });

  it('have a reason for every survivor', () => {
    const left = results.filter(({ verdict }) => verdict === null).map(({ name }) => name);
    expect(left.filter((name) => survivors[name] === undefined)).toEqual([]);
  });

  it('are what docs/mutation.md shows', () => {
    expect(readFileSync('docs/mutation.md', 'utf8')).toBe(mutationDocument(mutants, results));
  });
});

async function firstStage(name: string): Promise<Verdict | null> {
  const mutant = mutantNamed(name);
  const input = await bundled('test/mutation/detect.ts', mutant);
  const env = { MUTANT: JSON.stringify({ group: mutant.group }), MUTANT_STAGE: 'first' };
  const { output, errors } = await runNode(['--input-type=module', '-'], { input, env, most: 230_000 });
  const line = /^\{"verdict":.*\}$/m.exec(output)?.[0];
  if (line === undefined) throw new Error(errors);
  return (JSON.parse(line) as { verdict: Verdict | null }).verdict;
}

describe('without one step of it the model is noticed', () => {
  it.each([
    ['maintenance/flush-after-clear', 'law 8'],
    ['maintenance/flush-at-fork', 'law 8'],
    ['tables/twin-of-copy', 'law 7'],
    ['memory/put-of-cleared', 'end of run'],
    ['answers/mincore-vector', 'kernel answers'],
  ])('%s, by %s', { timeout: 240_000 }, async (name, by) => {
    expect((await firstStage(name))?.by).toBe(by);
  });

  it('in rules: what kernels answered, or what their functions say', { timeout: 240_000 }, async () => {
    const names = [
      'rule/munmap/0/gone',
      'rule/mremap/4/kernel-page',
      'rule/mlock/0/gone',
      'rule/uffdio_copy/4/gone',
      'rule/mbind/7/as-ENOMEM',
    ];
    const found = await rulesIn(names);
    expect(
      found
        .filter(({ verdict }) => verdict !== null)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
  });

  it('and with all steps nothing is', { timeout: 240_000 }, async () => {
    const input = await bundled('test/mutation/detect.ts', { edits: [PAGE_OF_STEP] });
    const env = { MUTANT: JSON.stringify({ group: 'tables' }), MUTANT_STAGE: 'first' };
    const { output } = await runNode(['--input-type=module', '-'], { input, env, most: 230_000 });
    expect(output).toBe('{"verdict":null}\n');
  });
});
