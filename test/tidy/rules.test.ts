import { describe, expect, it } from 'vitest';
import type { Problem, ProjectFile } from '../support/tree.ts';
import { dependenciesArePinned, lockIsComplete, lockNamesNoHost, topLevelIsListed } from './rules/house.ts';
import {
  browserFilesReachNoNode,
  browserFilesUseNoNode,
  importsRunDownward,
  machinesUseFewPackages,
  packagesAreDeclared,
} from './rules/layers.ts';
import { transitionsArePure } from './rules/purity.ts';
import { blobsAreSmall, filesAreShort, functionsAreShort, linesAreShort } from './rules/size.ts';
import { exportsAreDocumented } from './rules/tsdoc.ts';
import { namesAreRegular, nothingIsInvisible, nothingIsUnfinished, testsAllRun, typesAreKnown } from './rules/words.ts';

function file(path: string, text: string): ProjectFile {
  return { path, text };
}

/** The lines that a rule complains of in a text. */
function lines(rule: (sample: ProjectFile) => Problem[], path: string, text: string): number[] {
  return rule(file(path, text)).map((problem) => problem.line);
}

describe('the rule of layers', () => {
  const refused: [from: string, specifier: string][] = [
    ['src/arch/granule.ts', '../mm/runs.ts'],
    ['src/mm/vma.ts', '../../machines/mm.ts'],
    ['machines/mm.ts', '../src/log/record.ts'],
    ['src/log/record.ts', '../trace/read.ts'],
    ['src/log/record.ts', '../runtime/loop.ts'],
    ['src/runtime/loop.ts', '../log/record.ts'],
    ['src/topology/build.ts', '../timeline/replay.ts'],
    ['src/report/table.ts', '../cli/run.ts'],
    ['src/cli/run.ts', '../../test/support/tree.ts'],
    ['src/report/table.ts', '../index.ts'],
    ['src/index.ts', './node.ts'],
    ['src/errors.ts', './mm/runs.ts'],
    ['src/cli/run.ts', '../report/table'],
  ];
  it.each(refused)('refuses that %s imports %s', (path, specifier) => {
    expect(lines(importsRunDownward, path, `\nimport { a } from '${specifier}';`)).toEqual([2]);
    expect(lines(importsRunDownward, path, `\nexport * from '${specifier}';`)).toEqual([2]);
    expect(lines(importsRunDownward, path, `\nimport type { A } from '${specifier}';`)).toEqual([2]);
    expect(lines(importsRunDownward, path, `\nawait import('${specifier}');`)).toEqual([2]);
  });

  const allowed: [from: string, specifier: string][] = [
    ['src/mm/vma.ts', '../arch/granule.ts'],
    ['src/mm/vma.ts', './runs.ts'],
    ['machines/mm.ts', '../src/errors.ts'],
    ['machines/tlb/walk.ts', '../messages.ts'],
    ['src/timeline/replay.ts', '../topology/build.ts'],
    ['src/cli/run.ts', '../index.ts'],
    ['src/index.ts', '../machines/index.ts'],
  ];
  it.each(allowed)('lets %s import %s', (path, specifier) => {
    expect(importsRunDownward(file(path, `import { a } from '${specifier}';`))).toEqual([]);
  });

  it('refuses a machine any package but xstate and immer', () => {
    const text = "import { setup } from 'xstate';\nimport { produce } from 'immer';\nimport { Subject } from 'rxjs';";
    expect(lines(machinesUseFewPackages, 'machines/mm.ts', text)).toEqual([3]);
  });

  it('refuses a package that package.json does not name, and in src/ one that is only for development', () => {
    const rule = packagesAreDeclared(new Set(['rxjs']), new Set(['vitest']));
    const text =
      "import 'rxjs/operators';\nimport 'vitest';\nimport '@far/away/deep';\nimport 'node:fs';\nimport 'fs';";
    expect(lines(rule, 'src/cli/run.ts', text)).toEqual([2, 3]);
    expect(lines(rule, 'test/cli/run.test.ts', text)).toEqual([3]);
  });
});

describe('the rule of the browser', () => {
  it('refuses Node modules and globals outside of files named *.node.ts', () => {
    const text =
      "import { readFileSync } from 'node:fs';\nimport 'zlib';\nconst a = Buffer.from('');\nprocess.exit(1);";
    expect(lines(browserFilesUseNoNode, 'src/log/codec.ts', text)).toEqual([1, 2, 3, 4]);
    expect(lines(browserFilesUseNoNode, 'src/log/codec.node.ts', text)).toEqual([]);
    expect(lines(browserFilesUseNoNode, 'src/trace/record.ts', text)).toEqual([]);
  });

  it('takes a process of the model for what it is', () => {
    const text = 'function run(process: { pid: number }) { return process.pid; }\nconst a = { process: 1 }; a.process;';
    expect(lines(browserFilesUseNoNode, 'src/log/codec.ts', text)).toEqual([]);
  });

  it('finds a Node module behind a chain of imports, but not behind one of types', () => {
    const chain = (middle: string): ProjectFile[] => [
      file('src/timeline/replay.ts', "import { a } from '../log/read.ts';"),
      file('src/log/read.ts', middle),
      file('src/log/disk.node.ts', "import 'node:fs';"),
    ];
    const found = browserFilesReachNoNode(chain("import { b } from './disk.node.ts';"));
    expect(found.map((problem) => problem.path)).toEqual(['src/timeline/replay.ts', 'src/log/read.ts']);
    expect(found[0]?.what).toContain('src/log/read.ts -> src/log/disk.node.ts -> node:fs');
    expect(browserFilesReachNoNode(chain("import type { B } from './disk.node.ts';"))).toEqual([]);
  });
});

describe('the rule of purity', () => {
  const impure = [
    'const a = Date.now();',
    'const a = new Date(0);',
    'const a = Math.random();',
    'const a = performance.now();',
    'setTimeout(() => 1, 0);',
    'const a = Promise.resolve(1);',
    'const a = async () => 1;',
    'async function a() {}',
    "const a = fetch('x');",
    'console.log(1);',
    'for (const a in {}) {}',
    "const a = 'b'.localeCompare('c');",
    'const a = { Date };',
    "const a = import('./b.ts');",
    'let a = 0;',
    'export let a = 0;',
  ];
  it.each(impure)('refuses: %s', (text) => {
    for (const path of ['machines/mm.ts', 'src/mm/vma.ts', 'src/arch/granule.ts']) {
      expect(lines(transitionsArePure, path, `\n${text}`)).toEqual([2]);
    }
    expect(lines(transitionsArePure, 'src/cli/run.ts', text)).toEqual([]);
  });

  it('lets a pure function be, and names of fields and types', () => {
    const text =
      'export function f(a: Promise<number>[]) { let b = 0; for (const c of [1]) b += c; return { Date: b }; }';
    expect(lines(transitionsArePure, 'machines/mm.ts', text)).toEqual([]);
  });
});

describe('the rules of size', () => {
  it('refuse a file of 351 lines and let one of 350 be', () => {
    expect(lines(filesAreShort, 'src/mm/vma.ts', 'a;\n'.repeat(351))).toEqual([351]);
    expect(lines(filesAreShort, 'src/mm/vma.ts', 'a;\n'.repeat(350))).toEqual([]);
  });

  it('refuse a function of 71 lines and let one of 70 be', () => {
    const body = (count: number): string => `\nfunction f() {\n${'  g();\n'.repeat(count - 2)}}\n`;
    expect(lines(functionsAreShort, 'src/mm/vma.ts', body(71))).toEqual([2]);
    expect(lines(functionsAreShort, 'src/mm/vma.ts', body(70))).toEqual([]);
    const arrow = body(71).replace('function f() {', 'const f = () => {');
    expect(lines(functionsAreShort, 'src/mm/vma.ts', arrow)).toEqual([2]);
  });

  it('refuse a line of 141 characters', () => {
    expect(lines(linesAreShort, 'src/mm/vma.ts', `\n//${'x'.repeat(139)}\n`)).toEqual([2]);
    expect(lines(linesAreShort, 'src/mm/vma.ts', `\n//${'x'.repeat(138)}\n`)).toEqual([]);
  });

  it('refuse a file above 8 MiB', () => {
    const files = [8 * 1024 * 1024, 8 * 1024 * 1024 + 1].map((bytes) => ({ path: `fixtures/${bytes}`, bytes }));
    expect(blobsAreSmall(files).map((problem) => problem.path)).toEqual(['fixtures/8388609']);
  });
});

describe('the rule of documentation', () => {
  const example = '/**\n * Says.\n *\n * @example\n * ```ts\n * f(); // 1\n * ```\n */\n';
  const refused: [why: string, text: string, line: number][] = [
    ['a function without a block', 'export function f() {}', 1],
    ['a function without an example', '/** Says. */\nexport function f() {}', 2],
    ['a function held by a constant without an example', '/** Says. */\nexport const f = () => 1;', 2],
    ['a class without an example', '/** Says. */\nexport class F {}', 2],
    ['an interface without a block', 'export interface F { a: number }', 1],
    ['a type with a plain comment', '// Says.\nexport type F = 1;', 2],
    ['a constant with a block of something else', `${example}function g() {}\nexport const F = 1;`, 10],
    ['a name exported by a list', 'const f = 1;\nexport { f };', 1],
    ['an example without a fence', '/**\n * @example f()\n */\nexport function f() {}', 4],
  ];
  it.each(refused)('refuses %s', (_why, text, line) => {
    expect(lines(exportsAreDocumented, 'machines/mm.ts', text)).toEqual([line]);
  });

  it('lets documented exports be, and what is only passed on', () => {
    const text = `${example}export function f() {}\n/** One. */\nexport const A = 1;\nexport { b } from './b.ts';\nconst c = 1;`;
    expect(lines(exportsAreDocumented, 'machines/mm.ts', text)).toEqual([]);
  });

  it('asks for one block where a function has several signatures', () => {
    const text = `${example}export function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: 1 | 2) { return a; }`;
    expect(lines(exportsAreDocumented, 'src/mm/vma.ts', text)).toEqual([]);
  });
});

describe('the rules of words', () => {
  it('refuse marks of unfinished work', () => {
    const text = ['// TO', 'DO\n// FIX', 'ME: b\n// a X', 'XX'].join('');
    expect(lines(nothingIsUnfinished, 'docs/a.md', text)).toEqual([1, 2, 3]);
  });

  it('refuse characters that an eye cannot see', () => {
    expect(lines(nothingIsInvisible, 'docs/a.md', 'a\tb\nc\u0007\nd\r\ne\u200b\nf\u202e\n\ufeff')).toEqual([
      2, 3, 4, 5, 6,
    ]);
  });

  it('refuse the type that turns checking off', () => {
    expect(lines(typesAreKnown, 'src/mm/vma.ts', 'const a = 1;\nconst b = a as any;\nconst any = 1;')).toEqual([2]);
  });

  it('refuse a test that is left to run alone or not at all', () => {
    const text =
      "it.only('a', f);\ndescribe.skip('b', f);\nit.each([1]).skip;\nit('c', f);\ntest.concurrent.only('d', f);";
    expect(lines(testsAllRun, 'test/mm/vma.test.ts', text)).toEqual([1, 2, 5]);
  });

  it('refuse irregular names of files', () => {
    const bad = ['src/mm/Vma.ts', 'src/mm/my_vma.ts', 'src/My/a.ts', 'docs/Errors.md', 'fixtures/a b.json'];
    const good = [
      'src/mm/pageTable.ts',
      'src/log/read.node.ts',
      'test/mm/page-table.test.ts',
      'docs/README.md',
      'README.md',
    ];
    expect([...bad, ...good].filter((path) => namesAreRegular(path).length > 0)).toEqual(bad);
  });
});

describe('the rules of the house', () => {
  it('refuse a stranger at the top of the tree', () => {
    const paths = ['.ci/run', 'machines/mm.ts', 'notes.md', 'tsconfig.build.json', 'scripts/a.ts', 'README.md'];
    expect(topLevelIsListed(paths).map((problem) => problem.path)).toEqual(['notes.md', 'scripts']);
  });

  it('refuse a dependency that is not pinned', () => {
    const text =
      '{"dependencies": {\n"xstate": "^5.33.3",\n"rxjs": "7.8.2"},\n"devDependencies": {\n"vitest": "latest"}}';
    expect(lines(dependenciesArePinned, 'package.json', text)).toEqual([5, 2]);
  });

  it('refuse a lock file without the parts for another platform', () => {
    const text =
      '{"packages": {\n"node_modules/a": {"optionalDependencies": {"a-mac": "1.0.0", "a-linux": "1.0.0"}},\n';
    expect(lines(lockIsComplete, 'package-lock.json', `${text}"node_modules/a-linux": {}}}`)).toEqual([2]);
    expect(
      lines(lockIsComplete, 'package-lock.json', `${text}"node_modules/a-linux": {}, "node_modules/a-mac": {}}}`),
    ).toEqual([]);
  });

  it('refuse a lock file that names a host', () => {
    const text = '{\n"version": "1.0.0",\n"resolved": "somewhere"\n}';
    expect(lines(lockNamesNoHost, 'package-lock.json', text)).toEqual([3]);
  });
});
