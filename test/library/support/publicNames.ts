/** What the entries of the package export, found by following the exports to the declarations. */
import { posix } from 'node:path';
import { declaredBy, isNode, nameOf, nodes, statementsOf, type SyntaxNode, syntaxOf } from '../../support/syntax.ts';
import type { ProjectFile } from '../../support/tree.ts';

/** An entry of the package, as users import it. */
export interface Entry {
  readonly module: string;
  readonly path: string;
}

/** The entries whose every export the reference has. */
export const ENTRIES: readonly Entry[] = [
  { module: 'granule', path: 'src/index.ts' },
  { module: 'granule/node', path: 'src/node.ts' },
];

/** Where a name is declared; `file` is null for what comes from another package. */
export interface Origin {
  readonly name: string;
  readonly from: string;
  readonly file: ProjectFile | null;
  readonly statements: readonly { readonly declaration: SyntaxNode; readonly start: number }[];
}

/** One export of an entry: its name there, the heading that it stands under, and where it is declared. */
export interface PublicName {
  readonly name: string;
  readonly group: string;
  /** Nothing of it is left at run time: a class of which only the type is exported has no constructor for users. */
  readonly isType: boolean;
  readonly origin: Origin;
}

/** Finds the declaration behind a name that a file exports. */
export function originOf(path: string, name: string, files: ReadonlyMap<string, ProjectFile>): Origin {
  const origin = foundOrigin(path, name, files);
  if (origin === null) throw new Error(`${path} exports ${name}, and nothing declares it`);
  return origin;
}

function foundOrigin(path: string, name: string, files: ReadonlyMap<string, ProjectFile>): Origin | null {
  const file = files.get(path);
  if (file === undefined) return { name, from: path, file: null, statements: [] };
  const statements = statementsOf(syntaxOf(file).program);
  const declared = statements.flatMap((statement) => {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement['declaration'] : statement;
    if (!isNode(declaration) || !declaredBy(declaration).includes(name)) return [];
    return [{ declaration, start: statement.start }];
  });
  if (declared.length > 0) return { name, from: path, file, statements: declared };
  for (const statement of statements) {
    const source = nameOf(statement['source']);
    if (source === '') continue;
    const next = source.startsWith('.') ? posix.join(posix.dirname(path), source) : source;
    const behind = nameBehind(statement, name);
    const found = behind === '' ? null : foundOrigin(next, behind, files);
    if (found !== null && (found.file !== null || statement.type !== 'ExportAllDeclaration')) return found;
  }
  return null;
}

/** How the module that a statement imports or passes on calls a name; empty where the statement is of others. */
function nameBehind(statement: SyntaxNode, name: string): string {
  if (statement.type === 'ExportAllDeclaration') return name;
  // Passed on by one statement, or imported by one and listed by another.
  const [here, there] = statement.type === 'ImportDeclaration' ? ['local', 'imported'] : ['exported', 'local'];
  const part = nodes(statement['specifiers']).find((specifier) => nameOf(specifier[here]) === name);
  return part === undefined ? '' : nameOf(part[there]);
}

/** The exports of an entry in its order, each under the line comment that was last before it. */
export function publicNames({ path }: Entry, files: ReadonlyMap<string, ProjectFile>): PublicName[] {
  const file = files.get(path);
  if (file === undefined) throw new Error(`there is no ${path}`);
  const { program, comments } = syntaxOf(file);
  const headings = comments.filter(({ kind }) => kind === 'Line');
  return statementsOf(program).flatMap((statement) => {
    if (statement.type === 'ExportAllDeclaration') throw new Error(`${path} exports without naming what`);
    const group = headings.findLast(({ end }) => end <= statement.start)?.text.trim() ?? '';
    if (statement.type !== 'ExportNamedDeclaration') return [];
    const { declaration } = statement;
    const own = isNode(declaration) ? declaredBy(declaration).map((name) => ({ name, kind: '' })) : [];
    const passedOn = nodes(statement['specifiers']).map((part) => {
      return { name: nameOf(part['exported']), kind: part['exportKind'] };
    });
    return [...own, ...passedOn].map(({ name, kind }): PublicName => {
      const isType = statement['exportKind'] === 'type' || kind === 'type';
      return { name, group, isType, origin: originOf(path, name, files) };
    });
  });
}
