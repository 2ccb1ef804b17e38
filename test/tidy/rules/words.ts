import { isNode, nameOf, syntaxOf, visit } from '../../support/syntax.ts';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** Marks of unfinished work; written with classes so that this file does not hold them. */
const UNFINISHED = /\b(?:T[O]DO|F[I]XME|X[X]X)\b/g;

/** C0 controls but tab and newline, DEL, C1 controls, zero-width and bidirectional marks: what an eye cannot see. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const TEST_FUNCTIONS = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const LEFTOVERS = new Set(['only', 'skip', 'todo', 'fails']);

/** Files and folders are named in camel or kebab case and begin with a small letter; documents in kebab case. */
const SOURCE_NAME = /^(?:[a-z][a-zA-Z0-9]*|[a-z0-9]+(?:-[a-z0-9]+)*)(?:\.[a-z]+)*\.[a-z]+$/;
const FOLDER_NAME = /^(?:[a-z][a-zA-Z0-9]*|[a-z0-9]+(?:-[a-z0-9]+)*)$/;
const DOCUMENT_NAME = /^(?:README|[a-z0-9]+(?:-[a-z0-9]+)*)(?:\.schema)?\.[a-z0-9]+$/;
const FIXTURE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function matches(file: ProjectFile, pattern: RegExp, what: (found: string) => string, remedy: string): Problem[] {
  return [...file.text.matchAll(pattern)].map((match) => {
    return { path: file.path, line: lineAt(file.text, match.index), what: what(match[0]), remedy };
  });
}

/** No mark of unfinished work in code or documents. */
export function nothingIsUnfinished(file: ProjectFile): Problem[] {
  return matches(file, UNFINISHED, (word) => `holds the mark ${word}`, 'Do it, or say plainly what is not done');
}

/** No character that an eye cannot see. */
export function nothingIsInvisible(file: ProjectFile): Problem[] {
  const code = (found: string): string => `U+${found.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`;
  return matches(
    file,
    INVISIBLE,
    (found) => `holds the character ${code(found)}`,
    'Write it as an escape, or remove it',
  );
}

/** The type that turns checking off is not used. */
export function typesAreKnown(file: ProjectFile): Problem[] {
  if (!file.path.endsWith('.ts')) return [];
  const problems: Problem[] = [];
  visit(syntaxOf(file).program, (node) => {
    if (node.type !== 'TSAnyKeyword') return;
    const line = lineAt(file.text, node.start);
    problems.push({
      path: file.path,
      line,
      what: 'turns type checking off with any',
      remedy: 'Use unknown and narrow it',
    });
  });
  return problems;
}

/** The name at the root of `it.each(...)`-like chains. */
function rootName(node: unknown): string {
  return isNode(node) && node.type === 'MemberExpression' ? rootName(node['object']) : nameOf(node);
}

/** Every test runs: none is left marked to run alone or to be passed over. */
export function testsAllRun(file: ProjectFile): Problem[] {
  if (!file.path.startsWith('test/') || !file.path.endsWith('.ts')) return [];
  const problems: Problem[] = [];
  visit(syntaxOf(file).program, (node) => {
    if (node.type !== 'MemberExpression' || !TEST_FUNCTIONS.has(rootName(node))) return;
    const mark = nameOf(node['property']);
    if (!LEFTOVERS.has(mark)) return;
    const line = lineAt(file.text, node.start);
    problems.push({ path: file.path, line, what: `leaves .${mark} on a test`, remedy: 'Let it run, or remove it' });
  });
  return problems;
}

function componentNamed(path: string): Problem {
  return { path, line: 1, what: 'has a name out of the habit', remedy: 'Name a component InCapitals.tsx' };
}

/** Names of files and folders follow one habit. */
export function namesAreRegular(path: string): Problem[] {
  const parts = path.split('/');
  const [top] = parts;
  const name = parts.pop() ?? '';
  if (top === undefined || !/^(?:machines|src|test|docs|fixtures)$/.test(top) || parts.length === 0) return [];
  // Components are written as their tags are.
  if (name.endsWith('.tsx')) return /^(?:main|[A-Z]\w*)\.tsx$/.test(name) ? [] : [componentNamed(path)];
  const wanted = top === 'fixtures' ? FIXTURE_NAME : top === 'docs' ? DOCUMENT_NAME : SOURCE_NAME;
  const folder = top === 'fixtures' ? FIXTURE_NAME : FOLDER_NAME;
  if ((wanted.test(name) || name === 'README.md') && parts.every((part) => folder.test(part))) return [];
  const remedy = top === 'docs' ? 'Name it in-small-letters.md' : 'Name it camelCase or kebab-case';
  return [{ path, line: 1, what: 'has a name out of the habit', remedy }];
}
