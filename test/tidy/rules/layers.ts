import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { freeValues, importsOf, syntaxOf, type ImportUse } from '../../support/syntax.ts';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** The levels of the house from the lowest up: a folder imports from levels below its own. */
const LEVELS: readonly (readonly string[])[] = [
  ['src/arch'],
  ['src/mm'],
  ['machines'],
  ['src/runtime', 'src/log', 'src/trace'],
  ['src/topology', 'src/timeline', 'src/metrics'],
  ['src/report', 'src/validate', 'src/explore', 'src/library', 'src/query'],
  ['src/sweep', 'src/export'],
  ['src/scenarios'],
  ['src/inspector', 'src/debugger', 'src/cli'],
];

/**
 * Imports between two folders of one level that are allowed: a replay builds its system; what a search found is told as reports tell
 * events; a command serves the page, or reads lines for the debugger; page and debugger see memory alike.
 */
const SIDEWAYS = new Set([
  'src/timeline -> src/topology',
  'src/explore -> src/report',
  'src/cli -> src/inspector',
  'src/cli -> src/debugger',
  'src/debugger -> src/inspector',
]);

/** The one file that every folder may import. */
const SHARED = 'src/errors.ts';
/** What others import the library by; inside the house only commands and tests may. */
const FACES = new Set(['src/index.ts', 'src/node.ts']);
/** A statechart knows nothing of logs, clocks or wires. */
const MACHINE_PACKAGES = new Set(['xstate', 'immer']);

/** Folders that also run in a browser; there, files named *.node.ts are the exception. */
const BROWSER_FOLDERS = [
  'machines',
  'src/mm',
  'src/arch',
  'src/log',
  'src/timeline',
  'src/runtime',
  'src/topology',
  'src/metrics',
  'src/library',
  'src/inspector',
  'src/query',
  'src/debugger',
  'src/export',
  'src/explore',
];
/** By this name tests import what users do. */
const ITSELF = 'granule';
const NODE_GLOBALS = new Set(['Buffer', 'process', '__dirname', '__filename', 'require']);
const NODE_MODULES = new Set(builtinModules);

/** The folder of the house that a path lies in; null for faces, tests and settings. */
function folderOf(path: string): string | null {
  return LEVELS.flat().find((folder) => path.startsWith(`${folder}/`)) ?? null;
}

function levelOf(folder: string): number {
  return LEVELS.findIndex((level) => level.includes(folder));
}

/** The path in the project that a relative import means. */
function targetOf(file: ProjectFile, use: ImportUse): string {
  return posix.normalize(posix.join(posix.dirname(file.path), use.specifier));
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith('node:') || NODE_MODULES.has(specifier.split('/')[0] ?? '');
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function problem(file: ProjectFile, start: number, what: string, remedy: string): Problem {
  return { path: file.path, line: lineAt(file.text, start), what, remedy };
}

/** Whether `from` may import `target`; the reason why not otherwise. */
function whyForbidden(from: string, target: string): string | null {
  const fromFolder = folderOf(from);
  const targetFolder = folderOf(target);
  if (target === SHARED) return null;
  if (FACES.has(target)) return fromFolder === 'src/cli' ? null : 'only src/cli and tests may import a public face';
  if (from === SHARED) return 'everything imports src/errors.ts, so it imports nothing of the house';
  if (targetFolder === null) return `${target} is no folder of the house`;
  if (fromFolder === null || fromFolder === targetFolder) return null;
  if (SIDEWAYS.has(`${fromFolder} -> ${targetFolder}`)) return null;
  if (levelOf(targetFolder) < levelOf(fromFolder)) return null;
  return `${targetFolder} does not lie below ${fromFolder}`;
}

/** Imports run downward only, and relative ones name the file with its `.ts`. */
export function importsRunDownward(file: ProjectFile): Problem[] {
  if (!/^(?:machines|src)\/.*\.ts$/.test(file.path)) return [];
  return importsOf(syntaxOf(file).program).flatMap((use) => {
    if (!isRelative(use.specifier)) return [];
    const target = targetOf(file, use);
    const reason = whyForbidden(file.path, target);
    if (reason !== null) {
      const remedy = 'Move what is shared to a lower folder, or pass it in';
      return [problem(file, use.start, `imports ${target}, but ${reason}`, remedy)];
    }
    if (/\.(?:tsx?|json)$/.test(target)) return [];
    return [problem(file, use.start, `imports '${use.specifier}' without an ending`, 'Name the .ts file')];
  });
}

/** Machines use XState and Immer and no other package. */
export function machinesUseFewPackages(file: ProjectFile): Problem[] {
  if (!file.path.startsWith('machines/') || !file.path.endsWith('.ts')) return [];
  return importsOf(syntaxOf(file).program).flatMap((use) => {
    if (isRelative(use.specifier) || MACHINE_PACKAGES.has(packageOf(use.specifier))) return [];
    const what = `imports the package '${use.specifier}'`;
    return [problem(file, use.start, what, 'A machine imports only xstate and immer; move the work to src/')];
  });
}

/** A package that is imported is one that package.json names: for use in src/, as a dependency at run time. */
export function packagesAreDeclared(runtime: ReadonlySet<string>, development: ReadonlySet<string>) {
  return (file: ProjectFile): Problem[] => {
    if (!file.path.endsWith('.ts')) return [];
    const shipped = /^(?:machines|src)\//.test(file.path) && !BUNDLED.test(file.path);
    return importsOf(syntaxOf(file).program).flatMap((use) => {
      const name = packageOf(use.specifier);
      if (isRelative(use.specifier) || isNodeModule(use.specifier) || runtime.has(name)) return [];
      if (!shipped && (development.has(name) || name === ITSELF)) return [];
      const what = `imports '${name}', which package.json does not name${shipped ? ' as a dependency' : ''}`;
      return [problem(file, use.start, what, 'Add it and its row in docs/dependencies.md, or do without')];
    });
  };
}

/** What the page is made of is bundled when the package is built: whoever installs it needs none of these packages. */
const BUNDLED = /^src\/inspector\/(?:page\/|bundle\.node\.ts$)/;

/** Whether a file has to run in a browser. */
function isBrowserFile(path: string): boolean {
  if (!path.endsWith('.ts') || path.endsWith('.node.ts')) return false;
  return path === 'src/errors.ts' || BROWSER_FOLDERS.some((folder) => path.startsWith(`${folder}/`));
}

/** No Node API in the folders that also run in a browser. */
export function browserFilesUseNoNode(file: ProjectFile): Problem[] {
  if (!isBrowserFile(file.path)) return [];
  const { program } = syntaxOf(file);
  const remedy = 'This folder runs in a browser: move it to a file named *.node.ts, or do without';
  const imports = importsOf(program).filter((use) => isNodeModule(use.specifier));
  const globals = freeValues(program).filter((use) => NODE_GLOBALS.has(use.name));
  return [
    ...imports.map((use) => problem(file, use.start, `imports '${use.specifier}'`, remedy)),
    ...globals.map((use) => problem(file, use.start, `uses ${use.name}`, remedy)),
  ];
}

/** No browser file, nor the public face, reaches a Node module through what it imports, however long the way. */
export function browserFilesReachNoNode(files: readonly ProjectFile[]): Problem[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files
    .filter((file) => isBrowserFile(file.path) || file.path === 'src/index.ts')
    .flatMap((file) => {
      const way = wayToNode(file, byPath, new Set());
      if (way === null || way.length < 3) return [];
      const remedy = 'Import the part that needs no Node, or take what is needed as an argument';
      return [{ path: file.path, line: 1, what: `reaches Node by ${way.join(' -> ')}`, remedy }];
    });
}

const importsByFile = new WeakMap<ProjectFile, ImportUse[]>();

/** Imports of a file, found once: ways from many files lead through it. */
function cachedImports(file: ProjectFile): ImportUse[] {
  let imports = importsByFile.get(file);
  if (imports === undefined) {
    imports = importsOf(syntaxOf(file).program);
    importsByFile.set(file, imports);
  }
  return imports;
}

/** The files on a way from `file` to a Node module, with that module at the end; null when there is none. */
function wayToNode(file: ProjectFile, byPath: Map<string, ProjectFile>, seen: Set<string>): string[] | null {
  seen.add(file.path);
  for (const use of cachedImports(file)) {
    if (use.isType) continue;
    if (isNodeModule(use.specifier)) return [file.path, use.specifier];
    const next = isRelative(use.specifier) ? byPath.get(targetOf(file, use)) : undefined;
    if (next === undefined || seen.has(next.path)) continue;
    const way = wayToNode(next, byPath, seen);
    if (way !== null) return [file.path, ...way];
  }
  return null;
}
