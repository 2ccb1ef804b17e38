import { parseSync } from 'oxc-parser';
import { lineAt, type ProjectFile } from './tree.ts';

/** A node of the ESTree syntax tree; what it holds beside these depends on its type. */
export interface SyntaxNode {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/** A comment; `text` is what stands between the marks. */
export interface SyntaxComment {
  kind: 'Block' | 'Line';
  text: string;
  start: number;
  end: number;
}

/** A parsed TypeScript file. */
export interface Syntax {
  program: SyntaxNode;
  comments: SyntaxComment[];
  errors: string[];
}

/** One import or re-export. `isType` when nothing of it is left at run time. */
export interface ImportUse {
  specifier: string;
  isType: boolean;
  /** Names taken from the module, as that module calls them; `*` for all. */
  names: { imported: string; local: string }[];
  start: number;
}

/** One name a module offers. */
export interface ExportedName {
  name: string;
  isType: boolean;
}

const parsed = new WeakMap<ProjectFile, Syntax>();

/** The syntax tree of a file, parsed once. */
export function syntaxOf(file: ProjectFile): Syntax {
  let syntax = parsed.get(file);
  if (syntax === undefined) {
    syntax = parseText(file.text, file.path);
    parsed.set(file, syntax);
  }
  return syntax;
}

/** The syntax tree of a text; errors are those of the parser, each with its line. */
export function parseText(text: string, path = 'text.ts'): Syntax {
  const result = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  const program: unknown = result.program;
  if (!isNode(program)) throw new Error(`${path} gives no syntax tree`);
  return {
    program,
    comments: result.comments.map(({ type, value, start, end }) => ({ kind: type, text: value, start, end })),
    errors: result.errors.map((error) => `line ${lineAt(text, error.labels[0]?.start ?? 0)}: ${error.message}`),
  };
}

/** Whether a value found in a tree is a node. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The nodes directly under a node, each with the key it hangs on. */
export function childrenOf(node: SyntaxNode): { key: string; child: SyntaxNode }[] {
  return Object.entries(node).flatMap(([key, value]) => {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.filter(isNode).map((child) => ({ key, child }));
  });
}

/** Calls `each` for every node of a tree, parents first; below a node for which it answers false it does not go. */
export function visit(
  node: SyntaxNode,
  each: (node: SyntaxNode, parent: SyntaxNode | null, key: string) => unknown,
  parent: SyntaxNode | null = null,
  parentKey = '',
): void {
  if (each(node, parent, parentKey) === false) return;
  for (const { key, child } of childrenOf(node)) visit(child, each, node, key);
}

/** The name of an identifier or the text of a string node. */
export function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  if (typeof node['name'] === 'string') return node['name'];
  return typeof node['value'] === 'string' ? node['value'] : '';
}

/** The statements at the top of a file. */
export function statementsOf(program: SyntaxNode): SyntaxNode[] {
  return nodes(program['body']);
}

/** The nodes in a list of a tree; none when it is no list. */
export function nodes(value: unknown): SyntaxNode[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** Every module a file names: imports, re-exports and `import()` with a fixed name. */
export function importsOf(program: SyntaxNode): ImportUse[] {
  const uses: ImportUse[] = [];
  visit(program, (node) => {
    if (!/^(?:Import(?:Declaration|Expression)|TSImportType|Export(?:Named|All)Declaration)$/.test(node.type)) return;
    const specifier = nameOf(node['source']);
    if (specifier === '') return;
    const parts = nodes(node['specifiers']);
    const names = parts.map((part) => ({
      imported: importedName(part),
      local: nameOf(part['local']),
    }));
    const marked = node['importKind'] === 'type' || node['exportKind'] === 'type' || node.type === 'TSImportType';
    const allTypes = parts.length > 0 && parts.every((part) => (part['importKind'] ?? part['exportKind']) === 'type');
    uses.push({ specifier, isType: marked || allTypes, names, start: node.start });
  });
  return uses;
}

function importedName(part: SyntaxNode): string {
  if (part.type === 'ImportDefaultSpecifier') return 'default';
  return part.type === 'ImportNamespaceSpecifier' ? '*' : nameOf(part['imported'] ?? part['local']);
}

/** The names a file exports by declaration or in a local list; what it passes on from elsewhere is not its own. */
export function exportsOf(program: SyntaxNode): ExportedName[] {
  return statementsOf(program).flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration' || isNode(statement['source'])) return [];
    const declaration = statement['declaration'];
    if (!isNode(declaration)) {
      return nodes(statement['specifiers']).map((part) => ({ name: nameOf(part['exported']), isType: false }));
    }
    const isType = /^TS(?:Interface|TypeAlias)Declaration$/.test(declaration.type);
    return declaredBy(declaration).map((name) => ({ name, isType }));
  });
}

/** The names that one declaration (variables, function, class, interface, type) binds in the scope around it. */
export function declaredBy(declaration: SyntaxNode): string[] {
  if (declaration.type !== 'VariableDeclaration') return [nameOf(declaration['id'])].filter((name) => name !== '');
  return nodes(declaration['declarations']).flatMap((part) => patternNames(part['id']));
}

/** The names that a binding pattern binds. */
function patternNames(pattern: unknown): string[] {
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case 'Identifier':
      return [nameOf(pattern)];
    case 'ObjectPattern':
      return nodes(pattern['properties']).flatMap((part) => patternNames(part['value'] ?? part['argument']));
    case 'ArrayPattern':
      return nodes(pattern['elements']).flatMap(patternNames);
    case 'AssignmentPattern':
      return patternNames(pattern['left']);
    case 'RestElement':
      return patternNames(pattern['argument']);
    default:
      return [];
  }
}

/** All names that a file binds anywhere: a name among them is not taken for a global one. */
export function boundNames(program: SyntaxNode): Set<string> {
  const names: string[] = [];
  visit(program, (node) => {
    if (
      /^(?:VariableDeclaration|ClassDeclaration|ClassExpression|TS(?:Interface|TypeAlias)Declaration)$/.test(node.type)
    ) {
      names.push(...declaredBy(node));
    } else if (/Function/.test(node.type)) {
      names.push(nameOf(node['id']), ...nodes(node['params']).flatMap(patternNames));
    } else if (node.type === 'CatchClause') {
      names.push(...patternNames(node['param']));
    } else if (/^Import.*Specifier$/.test(node.type)) {
      names.push(nameOf(node['local']));
    }
  });
  return new Set(names);
}

/** Expression wrappers of TypeScript: the only nodes of its own in which a value can be used. */
const TYPED_EXPRESSION = /^TS(?:As|Satisfies|NonNull|Instantiation)Expression$|^TSTypeAssertion$/;

/** The free names that a file uses as values, with each place; property names and types do not count. */
export function freeValues(program: SyntaxNode): { name: string; start: number }[] {
  const bound = boundNames(program);
  const found: { name: string; start: number }[] = [];
  visit(program, (node, parent, key) => {
    if (/^(?:Import|Export(?:All|Specifier))/.test(node.type) && node.type !== 'ImportExpression') return false;
    if (node.type.startsWith('TS') && !TYPED_EXPRESSION.test(node.type)) return false;
    if (node.type !== 'Identifier') return true;
    const isPropertyName = (key === 'property' || key === 'key') && parent?.['computed'] !== true;
    if (isPropertyName || key === 'label' || parent?.type === 'MetaProperty') return true;
    const name = nameOf(node);
    if (!bound.has(name)) found.push({ name, start: node.start });
    return true;
  });
  return found;
}

/** The free names that a file uses as types. */
export function freeTypes(program: SyntaxNode): string[] {
  const bound = boundNames(program);
  const found: string[] = [];
  visit(program, (node) => {
    if (node.type === 'TSTypeReference') found.push(nameOf(node['typeName']));
    if (node.type === 'TSTypeQuery') found.push(nameOf(node['exprName']));
  });
  return found.filter((name) => name !== '' && !bound.has(name));
}
