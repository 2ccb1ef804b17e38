import { syntaxOf, visit } from '../../support/syntax.ts';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** A file of one concept can be read in one sitting. */
export const FILE_LINES_MAX = 350;
/** A function fits on a screen. */
export const FUNCTION_LINES_MAX = 70;
/** Two files fit side by side; the formatter aims at 120, and only what it cannot break may pass that. */
export const LINE_CHARACTERS_MAX = 140;
/** Larger files make every clone slow for ever. */
export const BLOB_BYTES_MAX = 8 * 1024 * 1024;

const CODE_FILE = /^(?:machines|src|test)\/.*\.(?:ts|css|html|js)$/;

/** No source file is longer than FILE_LINES_MAX lines. */
export function filesAreShort(file: ProjectFile): Problem[] {
  if (!CODE_FILE.test(file.path)) return [];
  const lines = file.text.split('\n').length - (file.text.endsWith('\n') ? 1 : 0);
  if (lines <= FILE_LINES_MAX) return [];
  const what = `has ${lines} lines, more than ${FILE_LINES_MAX}`;
  return [{ path: file.path, line: lines, what, remedy: 'Split it by concept' }];
}

/** No function is longer than FUNCTION_LINES_MAX lines. Bodies handed to describe() in tests are no functions of the house. */
export function functionsAreShort(file: ProjectFile): Problem[] {
  if (!CODE_FILE.test(file.path) || !file.path.endsWith('.ts')) return [];
  const problems: Problem[] = [];
  visit(syntaxOf(file).program, (node, parent) => {
    if (!/^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    if (file.path.startsWith('test/') && parent?.type === 'CallExpression') return;
    const line = lineAt(file.text, node.start);
    const lines = lineAt(file.text, node.end) - line + 1;
    if (lines <= FUNCTION_LINES_MAX) return;
    const what = `has a function of ${lines} lines, more than ${FUNCTION_LINES_MAX}`;
    problems.push({ path: file.path, line, what, remedy: 'Give its parts names of their own' });
  });
  return problems;
}

/** No line of code is longer than LINE_CHARACTERS_MAX characters. */
export function linesAreShort(file: ProjectFile): Problem[] {
  if (!CODE_FILE.test(file.path) && file.path !== '.ci/run') return [];
  return file.text.split('\n').flatMap((line, index) => {
    if (line.length <= LINE_CHARACTERS_MAX) return [];
    const what = `is ${line.length} characters long, more than ${LINE_CHARACTERS_MAX}`;
    return [{ path: file.path, line: index + 1, what, remedy: 'Break the line' }];
  });
}

/** No file of the tree, recorded ones too, is larger than BLOB_BYTES_MAX. */
export function blobsAreSmall(files: readonly { path: string; bytes: number }[]): Problem[] {
  return files.flatMap(({ path, bytes }) => {
    if (bytes <= BLOB_BYTES_MAX) return [];
    const what = `holds ${bytes} bytes, more than ${BLOB_BYTES_MAX}`;
    return [{ path, line: 1, what, remedy: 'Shorten the recording, or compress it' }];
  });
}
