/**
 * Examples in the documentation are programs that are run.
 *
 * Where they stand: every ```ts fence under an `@example` tag in machines/ and src/, and every ```ts and ```js fence of
 * README.md and docs/. Fences of other kinds (```sh, ```console, ```json, ```yaml) are judged by test/docs. In docs/api,
 * which is written from the source, `ts declaration` is a signature, and `ts inside` an example that is run beside the source.
 *
 * What they may use without importing it: the exports of the file they stand in, then the names that file imports
 * itself, then any name that only one file of its folder, or of all machines/ and src/, exports, then what xstate and
 * rxjs export.
 * Examples in documents import like a user would: from 'granule', 'granule/node' and 'granule/machines'. Each fence is
 * a module of its own; it runs in an empty folder that holds fixtures/ alone, and the files of the document: fences that have a
 * name behind their language, as ```js smmu.mjs. Those are imported as './smmu.mjs'.
 *
 * What is checked: that it runs to its end; and each `statement; // value` on the statement's last line, where the
 * comment is exactly one JavaScript literal: a number, string, bigint, boolean, null, undefined, NaN, Infinity, or an
 * array or object of such. The statement is an expression, or a `const` of one name. Any other comment is prose and is
 * not checked. `expression; // throws CODE` checks that it throws a GranuleError of that code.
 *
 * How it is compared: typed arrays and sets count as arrays, maps as arrays of pairs, instances of classes as their
 * fields; fields that are undefined count as missing.
 */
import { isDeepStrictEqual } from 'node:util';
import { isNode, nameOf, nodes, parseText, statementsOf, syntaxOf, type SyntaxNode } from './syntax.ts';
import { lineAt, type ProjectFile } from './tree.ts';

/** One fence of code in the documentation: `line` is the line of its first statement in the file. */
export interface Example {
  path: string;
  line: number;
  code: string;
}

/** What a comment behind a statement claims. */
export type Claim = { kind: 'value'; value: unknown } | { kind: 'throws'; code: string };

/** The examples of one file, of whichever kind it is. */
export function examplesOf(file: ProjectFile): Example[] {
  return file.path.endsWith('.md') ? fencesOf(file, file.text, 0) : examplesInBlocks(file);
}

function examplesInBlocks(file: ProjectFile): Example[] {
  const blocks = syntaxOf(file).comments.filter((comment) => comment.kind === 'Block' && comment.text.startsWith('*'));
  return blocks.flatMap((block) => {
    const tag = block.text.indexOf('@example');
    if (tag < 0) return [];
    const shown = block.text.slice(tag).replaceAll(/^[ \t]*\*(?: |$)/gm, '');
    return fencesOf(file, shown, lineAt(file.text, block.start + 2 + tag) - 1);
  });
}

/** The ts fences of a text whose first line is line `linesBefore + 1` of the file. */
function fencesOf(file: ProjectFile, text: string, linesBefore: number): Example[] {
  return [...text.matchAll(/^([ \t]*)```(?:ts|js|typescript)\b([^\n]*)\n([\s\S]*?)^[ \t]*```/gm)].flatMap((fence) => {
    const line = linesBefore + lineAt(text, fence.index) + 1;
    const isRun = !(file.path.startsWith('docs/api/') && /^ (?:declaration|inside)$/.test(fence[2] ?? ''));
    return isRun ? [{ path: file.path, line, code: fence[3] ?? '' }] : [];
  });
}

/** The statements of an example that a comment makes a claim about, with the claim. */
export function claimsOf(code: string): { statement: SyntaxNode; claim: Claim }[] {
  const { program, comments } = parseText(code);
  return statementsOf(program).flatMap((statement) => {
    const comment = comments.find(({ kind, start }) => {
      return kind === 'Line' && start >= statement.end && /^[ \t]*$/.test(code.slice(statement.end, start));
    });
    const claim = comment === undefined ? null : claimOf(comment.text.trim());
    if (claim === null || valueOf(statement) === null) return [];
    return [{ statement, claim }];
  });
}

/** What a statement says the value of: an expression, or the one name a const binds; null when neither. */
export function valueOf(statement: SyntaxNode): SyntaxNode | null {
  const { expression } = statement;
  if (statement.type === 'ExpressionStatement') return isNode(expression) ? expression : null;
  if (statement.type !== 'VariableDeclaration') return null;
  const [first, second] = nodes(statement['declarations']);
  const id = first?.['id'];
  return second === undefined && isNode(id) && id.type === 'Identifier' ? id : null;
}

/** The claim that a comment makes; null when it is prose. */
export function claimOf(comment: string): Claim | null {
  const code = /^throws ([A-Z][A-Z_]+)$/.exec(comment)?.[1];
  if (code !== undefined) return { kind: 'throws', code };
  const { program, errors } = parseText(`(${comment}\n);`);
  const [statement, more] = statementsOf(program);
  if (errors.length > 0 || statement?.type !== 'ExpressionStatement' || more !== undefined) return null;
  try {
    return { kind: 'value', value: literal(statement['expression']) };
  } catch (error) {
    if (error instanceof NotALiteral) return null;
    throw error;
  }
}

class NotALiteral extends Error {}

const NAMED_LITERALS = new Map<string, unknown>([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
]);

/** The value of a literal expression. */
function literal(node: unknown): unknown {
  if (!isNode(node)) throw new NotALiteral();
  switch (node.type) {
    case 'ParenthesizedExpression':
      return literal(node['expression']);
    case 'Literal':
      if (node['regex'] !== undefined) throw new NotALiteral();
      return typeof node['bigint'] === 'string' ? BigInt(node['bigint']) : node['value'];
    case 'Identifier':
      if (!NAMED_LITERALS.has(nameOf(node))) throw new NotALiteral();
      return NAMED_LITERALS.get(nameOf(node));
    case 'UnaryExpression':
      return negative(node);
    case 'ArrayExpression':
      return elements(node).map(literal);
    case 'ObjectExpression':
      return Object.fromEntries(nodes(node['properties']).map(field));
    default:
      throw new NotALiteral();
  }
}

/** Elements of an array expression; a hole is no node, and so no literal. */
function elements(node: SyntaxNode): unknown[] {
  const list: unknown = node['elements'];
  return Array.isArray(list) ? list : [];
}

function negative(node: SyntaxNode): number | bigint {
  const value = literal(node['argument']);
  if (node['operator'] !== '-' || (typeof value !== 'number' && typeof value !== 'bigint')) throw new NotALiteral();
  return -value;
}

function field(part: SyntaxNode): [string, unknown] {
  if (part.type !== 'Property' || part['computed'] === true || part['shorthand'] === true) throw new NotALiteral();
  const { key } = part;
  const isQuoted = isNode(key) && key.type === 'Literal';
  return [isQuoted ? String(key['value']) : nameOf(key), literal(part['value'])];
}

/** Whether a value is the one claimed, by the comparison that the head of this file defines. */
export function isValueClaimed(actual: unknown, claimed: unknown): boolean {
  return isDeepStrictEqual(plain(actual), plain(claimed));
}

/** A value as plain arrays and objects. */
function plain(value: unknown): unknown {
  if (value === 0) return 0; // -0 is 0 to a reader
  if (typeof value !== 'object' || value === null) return value;
  if (isSequence(value)) return Array.from(value, plain);
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(fields.map(([name, part]) => [name, plain(part)]));
}

/** Arrays, typed arrays, sets and maps: what is compared element by element. */
function isSequence(value: object): value is Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) return true;
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
