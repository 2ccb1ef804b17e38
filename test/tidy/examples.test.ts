import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkerFor, moduleOf, namesFor, type ClaimChecker, type FailedClaim } from '../support/exampleModule.ts';
import { fencesIn, fileNameOf } from '../support/fences.ts';
import { claimOf, claimsOf, examplesOf, isValueClaimed, type Example } from '../support/examples.ts';
import { listProblems, PROJECT_ROOT, projectTextFiles, type Problem, type ProjectFile } from '../support/tree.ts';

declare global {
  // How an example's module reaches the checker of its claims.
  var __granuleExample: { __check: ClaimChecker };
}

const texts = projectTextFiles();
const sources = texts.filter((file) => /^(?:machines|src)\/.*\.ts$/.test(file.path));
const documents = texts.filter((file) => /^(?:README|docs\/.*)\.md$/.test(file.path));
let root = '';
let folder = '';
let written = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'granule-examples-'));
});

/** A folder for the examples of one file, with the files that it has its reader write. */
function enterFolderOf(file: ProjectFile): void {
  written += 1;
  folder = join(root, `${written}`);
  mkdirSync(folder);
  // Packages are looked for beside the module; fixtures are read by the path they have in the project.
  for (const name of ['node_modules', 'fixtures']) symlinkSync(join(PROJECT_ROOT, name), join(folder, name));
  for (const fence of file.path.endsWith('.md') ? fencesIn(file.text) : []) {
    const name = fileNameOf(fence);
    if (name !== null) writeFileSync(join(folder, name), fence.text);
  }
  // What an example writes goes here, not into the project.
  process.chdir(folder);
}

afterAll(() => {
  process.chdir(PROJECT_ROOT);
  rmSync(root, { recursive: true, force: true });
});

/** Runs one example; the problems are the claims that do not hold, or the error it ended with. */
async function problemsOf(example: Example, file: ProjectFile): Promise<Problem[]> {
  const failed: FailedClaim[] = [];
  written += 1;
  const path = join(folder, `example${written}.ts`);
  writeFileSync(path, moduleOf(example, file.path.endsWith('.md') ? () => null : namesFor(file, sources)));
  globalThis.__granuleExample = { __check: checkerFor(example, failed) };
  try {
    await import(/* @vite-ignore */ path);
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    failed.push({ line: example.line, what: `does not run: ${message}` });
  }
  return failed.map(({ line, what }) => ({ path: file.path, line, what, remedy: 'Mend the example or the code' }));
}

async function problemsIn(file: ProjectFile): Promise<Problem[]> {
  const problems: Problem[] = [];
  enterFolderOf(file);
  for (const example of examplesOf(file)) problems.push(...(await problemsOf(example, file)));
  return problems;
}

describe('every example runs and gives the values it states', () => {
  const files = [...sources, ...documents].filter((file) => examplesOf(file).length > 0);
  it.each(files.map((file) => [file.path, file] as const))('in %s', async (_path, file) => {
    const problems = await problemsIn(file);
    expect(problems.length, `\n${listProblems(problems)}\n`).toBe(0);
  });

  it('and there are such examples', () => {
    const claims = files.flatMap(examplesOf).flatMap((example) => claimsOf(example.code));
    expect(claims.length).toBeGreaterThan(0);
  });
});

describe('the check of examples', () => {
  const sample = (body: string): ProjectFile => ({
    path: 'src/errors.ts',
    text: `/**\n * A.\n *\n * @example\n * \`\`\`ts\n${body.replaceAll(/^/gm, ' * ')}\n * \`\`\`\n */\nexport const GranuleError = 1;\n`,
  });

  it('finds a value that is not the one stated, at its line', async () => {
    const found = await problemsIn(
      sample("const error = new GranuleError('USAGE', 'a');\nerror.exitCode; // 3\n1 + 1; // 2"),
    );
    expect(found.map(({ line, what }) => ({ line, what }))).toEqual([{ line: 7, what: 'says 3 and gives 2' }]);
  });

  it('finds an example that ends with an error', async () => {
    const found = await problemsIn(sample('\nnoSuchName();'));
    expect(found[0]?.line).toBe(6);
    expect(found[0]?.what).toContain('noSuchName is not defined');
  });

  it('finds a wrong error code and a missing throw', async () => {
    const body =
      "const fail = () => { throw new GranuleError('USAGE', 'a'); };\nfail(); // throws USAGE\nfail(); // throws TRACE_EMPTY";
    const found = await problemsIn(sample(`${body}\n1; // throws USAGE`));
    expect(found.map((problem) => problem.line)).toEqual([8, 9]);
  });

  it('compares a value before later statements change it', async () => {
    const found = await problemsIn(sample('const a = [1]; // [1]\na.push(2); // 2\na; // [1, 2]'));
    expect(found).toEqual([]);
  });

  it('runs the fences of a document with the imports a user would write', async () => {
    const text =
      "Text.\n\n```ts\nimport { errorTable } from '../src/errors.ts';\n\nerrorTable().length > 3; // false\n```\n";
    const found = await problemsIn({ path: 'docs/sample.md', text });
    expect(found.map(({ line, what }) => ({ line, what }))).toEqual([{ line: 6, what: 'says false and gives true' }]);
  });

  it('gives the fences of a document the files that it names, in both languages', async () => {
    const text =
      "```js one.mjs\nexport const one = 1;\n```\n\n```js\nimport { one } from './one.mjs';\none; // 2\n```\n";
    const found = await problemsIn({ path: 'docs/sample.md', text });
    expect(found.map(({ line, what }) => ({ line, what }))).toEqual([{ line: 7, what: 'says 2 and gives 1' }]);
  });

  it('runs examples in a folder of their own, in which the fixtures are found', async () => {
    const text =
      "```ts\nimport { existsSync } from 'node:fs';\nexistsSync('package.json'); // false\nexistsSync('fixtures'); // true\n```\n";
    expect(await problemsIn({ path: 'docs/sample.md', text })).toEqual([]);
  });

  it('takes a literal for a claim and anything else for prose', () => {
    const claims = ['1', '-0x10', "'a'", '[1, { a: null }]', '{ a: 1n }', 'undefined', 'NaN', '1_000'];
    expect(claims.map((text) => claimOf(text)?.kind)).toEqual(claims.map(() => 'value'));
    for (const prose of ['=> 1', '16 pages', 'a', '[1, ...]', 'f(1)', '', '1; 2', '/a/', 'throws up']) {
      expect(claimOf(prose), prose).toBe(null);
    }
  });

  it('compares forgivingly, and still tells values apart', () => {
    expect(isValueClaimed(new Uint8Array([1, 2]), [1, 2])).toBe(true);
    expect(isValueClaimed(new Map([['a', new Set([1])]]), [['a', [1]]])).toBe(true);
    expect(isValueClaimed({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(isValueClaimed({ a: 1, b: 2 }, { a: 1 })).toBe(false);
    expect(isValueClaimed([1, 2], [2, 1])).toBe(false);
    expect(isValueClaimed(1n, 1)).toBe(false);
    expect(isValueClaimed('1', 1)).toBe(false);
  });
});
