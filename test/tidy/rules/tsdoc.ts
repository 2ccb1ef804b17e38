import {
  declaredBy,
  isNode,
  nameOf,
  nodes,
  statementsOf,
  syntaxOf,
  type Syntax,
  type SyntaxNode,
} from '../../support/syntax.ts';
import { lineAt, type Problem, type ProjectFile } from '../../support/tree.ts';

/** An `@example` tag with a fence under it. */
const EXAMPLE = /@example[\s\S]*?```[a-z]+\n/;

/** The `/** ... *\/` block that stands directly before an offset, without its marks; null when there is none. */
function blockBefore(text: string, syntax: Syntax, offset: number): string | null {
  const near = syntax.comments.filter((comment) => comment.end <= offset).pop();
  if (near === undefined || near.kind !== 'Block' || !near.text.startsWith('*')) return null;
  return text.slice(near.end, offset).trim() === '' ? near.text : null;
}

/** Whether a declaration is something to call: a function, a class, or a constant that holds a function. */
function isCallable(declaration: SyntaxNode): boolean {
  if (/^(?:FunctionDeclaration|TSDeclareFunction|ClassDeclaration)$/.test(declaration.type)) return true;
  if (declaration.type !== 'VariableDeclaration') return false;
  const inits = nodes(declaration['declarations']).map((part) => part['init']);
  return inits.some((init) => isNode(init) && /^(?:Arrow)?FunctionExpression$/.test(init.type));
}

/** The declarations a file exports, each with the statement that its block must stand before. */
function exportedDeclarations(program: SyntaxNode): { declaration: SyntaxNode; statement: SyntaxNode }[] {
  const statements = statementsOf(program);
  const listed = new Set<string>();
  for (const statement of statements) {
    if (statement.type !== 'ExportNamedDeclaration' || isNode(statement['source'])) continue;
    for (const part of nodes(statement['specifiers'])) listed.add(nameOf(part['local']));
  }
  return statements.flatMap((statement) => {
    if (/^Export(?:Named|Default)Declaration$/.test(statement.type)) {
      const declaration = statement['declaration'];
      return isNode(declaration) ? [{ declaration, statement }] : [];
    }
    if (!statement.type.endsWith('Declaration') || /^(?:Import|Export)/.test(statement.type)) return [];
    return declaredBy(statement).some((name) => listed.has(name)) ? [{ declaration: statement, statement }] : [];
  });
}

/** Every export carries a TSDoc block, and whatever can be called carries an example in it. */
export function exportsAreDocumented(file: ProjectFile): Problem[] {
  if (!/^(?:machines|src)\/.*\.ts$/.test(file.path)) return [];
  const syntax = syntaxOf(file);
  const done = new Set<string>();
  return exportedDeclarations(syntax.program).flatMap(({ declaration, statement }) => {
    const name = declaredBy(declaration).join(', ') || 'the default export';
    if (done.has(name)) return []; // a further overload: the first one speaks for all
    done.add(name);
    const line = lineAt(file.text, statement.start);
    const block = blockBefore(file.text, syntax, statement.start);
    if (block === null) {
      return [{ path: file.path, line, what: `exports ${name} without a TSDoc block`, remedy: 'Say what it is' }];
    }
    // The page runs in a browser alone; what it does is looked at there, by the tests of the inspector.
    if (file.path.startsWith('src/inspector/page/')) return [];
    if (!isCallable(declaration) || EXAMPLE.test(block.replaceAll(/^\s*\* ?/gm, ''))) return [];
    const remedy = 'Add @example with a ```ts fence; it will be run';
    return [{ path: file.path, line, what: `exports ${name} without an example`, remedy }];
  });
}
