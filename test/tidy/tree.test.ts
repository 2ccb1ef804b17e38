import { beforeAll, describe, expect, it } from 'vitest';
import { syntaxOf } from '../support/syntax.ts';
import {
  listProblems,
  projectFile,
  projectFileBytes,
  projectPaths,
  projectTextFiles,
  type Problem,
  type ProjectFile,
} from '../support/tree.ts';
import {
  dependenciesArePinned,
  lockIsComplete,
  lockNamesNoHost,
  readManifest,
  topLevelIsListed,
} from './rules/house.ts';
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

let paths: string[] = [];
let files: ProjectFile[] = [];

beforeAll(() => {
  paths = projectPaths();
  files = projectTextFiles();
});

function expectNone(problems: readonly Problem[]): void {
  expect(problems.length, `\n${listProblems(problems)}\n`).toBe(0);
}

function expectKept(rule: (file: ProjectFile) => Problem[]): void {
  expectNone(files.flatMap(rule));
}

describe('in the tree', () => {
  it('the walk sees code, documents and settings', () => {
    const seen = new Set(files.map((file) => file.path));
    for (const path of ['src/errors.ts', 'test/tidy/tree.test.ts', 'docs/errors.md', '.ci/run', 'LICENSE', '.npmrc']) {
      expect(seen).toContain(path);
    }
    expect(paths.some((path) => /(?:^|\/)(?:node_modules|dist|\.git)\//.test(path))).toBe(false);
  });

  it('every source file parses', () => {
    const sources = files.filter((file) => file.path.endsWith('.ts'));
    const broken = sources.flatMap((file) => syntaxOf(file).errors.map((error) => `${file.path}: ${error}`));
    expect(broken).toEqual([]);
  });

  it('imports run downward only', () => expectKept(importsRunDownward));
  it('machines import no package but xstate and immer', () => expectKept(machinesUseFewPackages));
  it('every package that is imported is declared', () => {
    const manifest = readManifest(projectFile('package.json'));
    const runtime = new Set(Object.keys(manifest.dependencies));
    expectKept(packagesAreDeclared(runtime, new Set(Object.keys(manifest.devDependencies))));
  });
  it('folders that run in a browser use no Node API', () => expectKept(browserFilesUseNoNode));
  it('folders that run in a browser reach no Node module through their imports', () => {
    expectNone(browserFilesReachNoNode(files));
  });
  it('the modelled world is pure', () => expectKept(transitionsArePure));
  it('no file is longer than 350 lines', () => expectKept(filesAreShort));
  it('no function is longer than 70 lines', () => expectKept(functionsAreShort));
  it('no line of code is longer than 140 characters', () => expectKept(linesAreShort));
  it('every export is documented, and whatever can be called has an example', () => expectKept(exportsAreDocumented));
  it('nothing is left unfinished', () => expectKept(nothingIsUnfinished));
  it('nothing holds a character that an eye cannot see', () => expectKept(nothingIsInvisible));
  it('no type turns checking off', () => expectKept(typesAreKnown));
  it('no test is left to run alone or not at all', () => expectKept(testsAllRun));
  it('names of files and folders follow one habit', () => expectNone(paths.flatMap(namesAreRegular)));
  it('the top level holds what the house lists', () => expectNone(topLevelIsListed(paths)));
  it('no file is larger than 8 MiB', () => {
    expectNone(blobsAreSmall(paths.map((path) => ({ path, bytes: projectFileBytes(path) }))));
  });
  it('every dependency is pinned to one version', () => expectNone(dependenciesArePinned(projectFile('package.json'))));
  it('the lock file is complete for every platform', () =>
    expectNone(lockIsComplete(projectFile('package-lock.json'))));
  it('the lock file names no host', () => expectNone(lockNamesNoHost(projectFile('package-lock.json'))));
});
