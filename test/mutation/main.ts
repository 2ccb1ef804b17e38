/**
 * `npm run mutation`: every mutant in turn, and `docs/mutation.md` from what came of them.
 *
 *   npm run mutation                        all, and the document
 *   npm run mutation -- --only flush        those whose name has the word; no document
 *   npm run mutation -- --json FILE         results as JSON
 *   npm run mutation -- --list              names alone
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { mutants } from './mutants/index.ts';
import { mutationDocument } from './document.ts';
import { judgeAll, type Result, RESULTS, resultsText, rulesIn } from './run.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

function chosen(): typeof mutants {
  const words = values.only;
  return words.length === 0 ? mutants : mutants.filter(({ name }) => words.some((word) => name.includes(word)));
}

function told({ name, verdict, seconds = 0 }: Result, done: number, all: number): void {
  const what = verdict === null ? 'SURVIVED' : `${verdict.by} (${verdict.run}): ${verdict.text}`;
  process.stderr.write(`${done}/${all} ${name} ${seconds.toFixed(1)} s ${what}\n`);
}

async function main(): Promise<void> {
  const list = chosen();
  if (values.list) {
    process.stdout.write(list.map(({ name }) => `${name}\n`).join(''));
    return;
  }
  const began = performance.now();
  const rules = list.filter(({ group }) => group === 'rules');
  const others = list.filter(({ group }) => group !== 'rules');
  const ofRules =
    rules.length === 0
      ? []
      : await rulesIn(
          rules.map(({ name }) => name),
          availableParallelism(),
        );
  for (const [at, result] of ofRules.entries()) told(result, at + 1, rules.length);
  const found = await judgeAll(others, { onResult: (result, done) => told(result, done, others.length) });
  const byName = new Map([...ofRules, ...found].map((result) => [result.name, result]));
  const results = list.flatMap(({ name }) => byName.get(name) ?? []);
  if (values.json !== undefined) writeFileSync(values.json, resultsText(results));
  if (values.only.length === 0) {
    writeFileSync(RESULTS, resultsText(results));
    writeFileSync('docs/mutation.md', mutationDocument(mutants, results));
  }
  const survived = results.filter(({ verdict }) => verdict === null);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  process.stdout.write(`${results.length - survived.length} of ${results.length} noticed in ${seconds} s\n`);
  for (const { name } of survived) process.stdout.write(`survived: ${name}\n`);
}

await main();
