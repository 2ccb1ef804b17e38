/** Runs mutants, some at a time, each in a child of its own, until a detector notices or none has. */
import { availableParallelism } from 'node:os';
import { bundled, runNode } from './build.ts';
import type { Verdict } from './detectors/verdict.ts';
import type { Mutant } from './mutant.ts';
import { PAGE_OF_STEP } from './mutants/rules.ts';
import { projectTests } from './projectTests.ts';

/** What became of a mutant. */
export interface Result {
  readonly name: string;
  /** Null: it survived. */
  readonly verdict: Verdict | null;
  /** Of this run; not kept. */
  readonly seconds?: number;
}

/** Where the results of the last whole run are kept. */
export const RESULTS = 'fixtures/mutation/results.json';

/** Results as a file: one line each, without times, which differ from run to run. */
export function resultsText(results: readonly Result[]): string {
  const lines = results.map(({ name, verdict }) => JSON.stringify({ name, verdict }));
  return `[\n${lines.join(',\n')}\n]\n`;
}

/** A child that goes on for longer than this has an endless loop in it: all detectors take a tenth of it. */
const CHILD_MS_MOST = 300_000;

/** All rules take some tens of seconds. */
const RULES_MS_MOST = 1_200_000;

async function verdictOn(mutant: Mutant): Promise<Verdict | null> {
  const { group, op } = mutant;
  const subject = JSON.stringify(op === undefined ? { group } : { group, op });
  const input = await bundled('test/mutation/detect.ts', mutant);
  const ended = await runNode(['--input-type=module', '-'], { input, env: { MUTANT: subject }, most: CHILD_MS_MOST });
  if (ended.tookTooLong) {
    return { by: 'end of run', run: 'the detectors', at: null, text: `no end within ${CHILD_MS_MOST / 1000} s` };
  }
  const line = /^\{"verdict":.*\}$/m.exec(ended.output)?.[0];
  if (line !== undefined) return (JSON.parse(line) as { verdict: Verdict | null }).verdict;
  // The sources do not even start, or stop the process: nobody could overlook that.
  const text = ended.errors.trim().split('\n').at(-1) ?? `exit code ${ended.code}`;
  return { by: 'invariant', run: 'the start', at: null, text };
}

/** Rule mutants by name, or all: a process takes its share of them one after the other. */
export async function rulesIn(names: readonly string[], shares = 1): Promise<Result[]> {
  const input = await bundled('test/mutation/detectRules.ts', { edits: [PAGE_OF_STEP] });
  const ran = await Promise.all(
    Array.from({ length: shares }, (_, at) => {
      const env = { ONLY: names.join(' '), SHARE: `${at + 1}/${shares}` };
      return runNode(['--input-type=module', '-'], { input, env, most: RULES_MS_MOST });
    }),
  );
  return ran.flatMap(({ output, errors, code }) => {
    if (code !== 0) throw new Error(`the mutants of rules ended with ${code}: ${errors}`);
    return output
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Result);
  });
}

/** Judges one mutant: by the detectors, and where they see nothing by tests of the project. */
export async function judge(mutant: Mutant, tests = true): Promise<Result> {
  const began = performance.now();
  const verdict = (await verdictOn(mutant)) ?? (tests ? await projectTests(mutant) : null);
  return { name: mutant.name, verdict, seconds: (performance.now() - began) / 1000 };
}

/** Judges many, as many at once as there are CPUs; answers come in the order of the list. */
export async function judgeAll(
  mutants: readonly Mutant[],
  {
    workers = availableParallelism(),
    onResult,
  }: { workers?: number; onResult?: (result: Result, done: number) => void } = {},
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < mutants.length; at = next++) {
      results[at] = await judge(mutants[at]);
      onResult?.(results[at], ++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, mutants.length) }, work));
  return results;
}
