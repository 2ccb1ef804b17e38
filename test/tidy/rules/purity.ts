import { freeValues, isNode, nameOf, statementsOf, syntaxOf, visit, type SyntaxNode } from '../../support/syntax.ts';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** A transition is a pure function of (snapshot, message): these folders hold nothing else. */
const PURE_FOLDER = /^(?:machines|src\/mm|src\/arch)\/.*\.ts$/;

/** Global names by which the host, its clock or its chance would come in. */
const IMPURE_GLOBALS = new Set(
  `Date performance Intl crypto console fetch Promise WeakRef FinalizationRegistry
  setTimeout setInterval setImmediate queueMicrotask requestAnimationFrame globalThis eval`.split(/\s+/),
);

/** Methods whose answer depends on the host's language settings. */
const LOCALE_METHODS = new Set(['localeCompare', 'toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase']);

/** What a node by itself breaks; null when nothing. */
function impurityOf(node: SyntaxNode): string | null {
  if (/Function/.test(node.type) && node['async'] === true) return 'has an async function';
  switch (node.type) {
    case 'AwaitExpression':
      return 'waits for a promise';
    case 'ImportExpression':
      return 'imports while it runs';
    case 'ForInStatement':
      return "walks keys with for..in, whose order is nobody's promise";
    case 'MemberExpression': {
      const method = nameOf(node['property']);
      if (nameOf(node['object']) === 'Math' && method === 'random') return 'uses Math.random';
      return LOCALE_METHODS.has(method) ? `uses ${method}` : null;
    }
    default:
      return null;
  }
}

/** No clock, chance, promise, timer, host or module-level variable in the modelled world. */
export function transitionsArePure(file: ProjectFile): Problem[] {
  if (!PURE_FOLDER.test(file.path)) return [];
  const { program } = syntaxOf(file);
  const found: { start: number; what: string; remedy: string }[] = [];
  const remedy = 'A transition may depend on nothing but snapshot and message; let it come in as a logged message';
  visit(program, (node) => {
    const what = impurityOf(node);
    if (what !== null) found.push({ start: node.start, what, remedy });
  });
  for (const use of freeValues(program)) {
    if (IMPURE_GLOBALS.has(use.name)) found.push({ start: use.start, what: `uses ${use.name}`, remedy });
  }
  for (const statement of statementsOf(program)) {
    const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement;
    if (declaration.type !== 'VariableDeclaration' || declaration['kind'] === 'const') continue;
    const keep = 'State lives in a snapshot; make it a const or a field';
    found.push({ start: statement.start, what: 'keeps a variable in the module', remedy: keep });
  }
  return found.map(({ start, what, remedy: next }) => {
    return { path: file.path, line: lineAt(file.text, start), what, remedy: next };
  });
}
