/** What is declared, as a reader of a reference sees it: signatures without bodies, and what the comments say. */
import { isNode, nodes, syntaxOf, type SyntaxNode } from '../../support/syntax.ts';
import type { ProjectFile } from '../../support/tree.ts';

/** A TSDoc block in its parts. */
export interface Documented {
  readonly says: string;
  readonly parameters: readonly string[];
  readonly throws: string;
  readonly examples: readonly string[];
}

/** The TSDoc block that stands directly before an offset. */
export function documentedAt(file: ProjectFile, offset: number): Documented {
  const near = syntaxOf(file).comments.findLast(({ end }) => end <= offset);
  const isBlock =
    near?.kind === 'Block' && near.text.startsWith('*') && file.text.slice(near.end, offset).trim() === '';
  const text = isBlock ? near.text.slice(1).replaceAll(/^[ \t]*\*(?: |$)/gm, '') : '';
  const [says = '', ...tags] = text.split(/^@(?=param|throws|example)/m);
  const of = (tag: string): string[] =>
    tags.filter((part) => part.startsWith(tag)).map((part) => part.slice(tag.length).trim());
  const fences = of('example').map((part) => /```ts\n([\s\S]*?)```/.exec(part)?.[1]?.trimEnd() ?? '');
  return { says: says.trim(), parameters: of('param'), throws: of('throws').join('\n'), examples: fences };
}

/** The kind of thing that a declaration is, in a word. */
export function kindOf(declaration: SyntaxNode): string {
  if (/^(?:FunctionDeclaration|TSDeclareFunction)$/.test(declaration.type)) return 'function';
  if (declaration.type === 'ClassDeclaration') return 'class';
  if (/^TS(?:Interface|TypeAlias)Declaration$/.test(declaration.type)) return 'type';
  return 'value';
}

/** The text from the start of a node to where another begins, without the mark in between. */
function upTo(file: ProjectFile, node: SyntaxNode, end: unknown): string {
  const text = file.text.slice(node.start, isNode(end) ? end.start : node.end);
  return text.replace(/\s*(?:=>|=|;)?\s*$/, '');
}

function isHidden(member: SyntaxNode): boolean {
  const { key } = member;
  const isPrivate = member['accessibility'] === 'private' || member['accessibility'] === 'protected';
  return isPrivate || member.type === 'StaticBlock' || (isNode(key) && key.type === 'PrivateIdentifier');
}

/** What of a class is seen from outside; without its constructor where only its type is exported. */
function classShown(file: ProjectFile, declaration: SyntaxNode, isType: boolean): string {
  const { body } = declaration;
  if (!isNode(body)) return '';
  const isShown = (member: SyntaxNode): boolean => !isHidden(member) && !(isType && member['kind'] === 'constructor');
  const members = nodes(body['body']).filter(isShown);
  const lines = members.map((member) => {
    const { value } = member;
    const isMethod = isNode(value) && value.type.endsWith('FunctionExpression');
    const { says } = documentedAt(file, member.start);
    const comment = says === '' ? '' : `  /** ${says.replaceAll(/\s*\n\s*/g, ' ')} */\n`;
    return `${comment}  ${upTo(file, member, isMethod ? (value['body'] ?? null) : value)};`;
  });
  return `${upTo(file, declaration, body)} {\n${lines.join('\n')}\n}`;
}

/** A constant: what it is called and of what type, and its value where that is short. */
function constantShown(file: ProjectFile, declaration: SyntaxNode): string {
  const [part] = nodes(declaration['declarations']);
  const init = part?.['init'];
  const id = part?.['id'];
  if (isNode(init) && init.type === 'ArrowFunctionExpression') return `${upTo(file, declaration, init['body'])};`;
  const isTyped = isNode(id) && isNode(id['typeAnnotation']);
  const whole = file.text.slice(declaration.start, declaration.end);
  return isTyped || whole.length > 120 ? `${upTo(file, declaration, init)};` : whole;
}

/** A declaration without what only its author needs. */
export function shownOf(file: ProjectFile, declaration: SyntaxNode, isType: boolean): string {
  switch (declaration.type) {
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return `${upTo(file, declaration, declaration['body'])};`;
    case 'ClassDeclaration':
      return classShown(file, declaration, isType);
    case 'VariableDeclaration':
      return constantShown(file, declaration);
    default:
      return file.text.slice(declaration.start, declaration.end);
  }
}
