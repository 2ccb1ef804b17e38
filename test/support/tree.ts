import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json, without a slash at the end. */
export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A text file of the project: `path` is relative to the project's root, with forward slashes. */
export interface ProjectFile {
  path: string;
  text: string;
}

/** A breach of a rule of the house: where, what, and what to do about it. */
export interface Problem {
  path: string;
  line: number;
  what: string;
  remedy: string;
}

/** Endings of files that are read as text. Whatever else lies in the tree is only weighed. */
const TEXT_FILE = /(?:\.(?:ts|js|mjs|md|json|html|css|svg|yml|yaml|sh|txt)|(?:^|\/)(?:LICENSE|\.[a-z]+|\.ci\/run))$/;

/** What .gitignore leaves out: the walk must see in a working folder what a fresh clone holds, and no more. */
function isIgnored(path: string): boolean {
  if (/(?:^|\/)(?:node_modules|dist|\.git)$/.test(path) || path === 'runs') return true;
  return path.endsWith('.tsbuildinfo') || (path.endsWith('.glog') && !path.startsWith('fixtures/'));
}

/** Paths of all files of the project, sorted, relative to its root. */
export function projectPaths(folder = ''): string[] {
  const entries = readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true });
  const paths = entries.flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (isIgnored(path)) return [];
    return entry.isDirectory() ? projectPaths(path) : [path];
  });
  return paths.sort();
}

/** One file of the project as text. */
export function projectFile(path: string): ProjectFile {
  return { path, text: readFileSync(join(PROJECT_ROOT, path), 'utf8') };
}

/** Size of one file of the project. */
export function projectFileBytes(path: string): number {
  return statSync(join(PROJECT_ROOT, path)).size;
}

/** All text files of the project but the recorded ones in fixtures/ and the generated lock file. */
export function projectTextFiles(): ProjectFile[] {
  const paths = projectPaths().filter((path) => TEXT_FILE.test(path));
  return paths.filter((path) => !path.startsWith('fixtures/') && path !== 'package-lock.json').map(projectFile);
}

/** 1-based line of an offset in a text. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Problems as a test prints them: one `file:line` a row, then what is wrong and the remedy. */
export function listProblems(problems: readonly Problem[]): string {
  return problems.map((found) => `${found.path}:${found.line} ${found.what}. ${found.remedy}`).join('\n');
}
