/**
 * `npm run mutation`: every mutant in turn, and `docs/mutation.md` from what came of them.
 *
 *   npm run mutation                        all, and the document
 *   npm run mutation -- --only flush        those whose name has the word; no document
 *   npm run mutation -- --json FILE         results as JSON
 *   npm run mutation -- --list              names alone
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { mutants } from './mutants/index.ts';
import { judgeAll, type Result } from './run.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    from: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

function chosen(): typeof mutants {
  const words = values.only;
  return words.length === 0 ? mutants : mutants.filter(({ name }) => words.some((word) => name.includes(word)));
}

function told({ name, verdict, seconds }: Result, done: number, all: number): void {
  const what = verdict === null ? 'SURVIVED' : `${verdict.by} (${verdict.run}): ${verdict.text}`;
  process.stderr.write(`${done}/${all} ${name} ${seconds.toFixed(1)} s ${what}\n`);
}

async function main(): Promise<void> {
  const list = chosen();
  if (values.list) {
    process.stdout.write(list.map(({ name }) => `${name}\n`).join(''));
    return;
  }
  const known = values.from === undefined ? [] : (JSON.parse(readFileSync(values.from, 'utf8')) as Result[]);
  const open = list.filter(({ name }) => !known.some((result) => result.name === name));
  const began = performance.now();
  const found = await judgeAll(open, { onResult: (result, done) => told(result, done, open.length) });
  const results = list.flatMap(({ name }) => [...known, ...found].filter((result) => result.name === name));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 1)}\n`);
  const survived = results.filter(({ verdict }) => verdict === null);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  process.stdout.write(`${results.length - survived.length} of ${results.length} detected in ${seconds} s\n`);
  for (const { name } of survived) process.stdout.write(`survived: ${name}\n`);
}

await main();
