import { join, posix } from 'node:path';
import { inspect } from 'node:util';
import * as rxjs from 'rxjs';
import * as xstate from 'xstate';
import { GranuleError } from '../../src/errors.ts';
import { claimsOf, isValueClaimed, valueOf, type Claim, type Example } from './examples.ts';
import {
  exportsOf,
  freeTypes,
  freeValues,
  importsOf,
  isNode,
  nameOf,
  parseText,
  statementsOf,
  syntaxOf,
} from './syntax.ts';
import { lineAt, PROJECT_ROOT, type ProjectFile } from './tree.ts';

/** What users import, and the file it is here. */
const PUBLIC_MODULES = new Map([
  ['granule', 'src/index.ts'],
  ['granule/node', 'src/node.ts'],
  ['granule/machines', 'machines/index.ts'],
]);

/** Where each name an example may use comes from: a path of the project, or a package. */
export type NameSources = (name: string) => { from: string; imported: string } | null;

/** A claim that did not hold. */
export interface FailedClaim {
  line: number;
  what: string;
}

/** Checks one claim while the example runs, before later statements can change the value. */
export type ClaimChecker = (index: number, evaluate: () => unknown) => Promise<unknown>;

/** The names that a source file gives to its examples; the head of examples.ts says which. */
export function namesFor(file: ProjectFile, sources: readonly ProjectFile[]): NameSources {
  const own = new Set(exportsOf(syntaxOf(file).program).map(({ name }) => name));
  const imported = new Map<string, { from: string; imported: string }>();
  for (const use of importsOf(syntaxOf(file).program)) {
    const from = use.specifier.startsWith('.') ? posix.join(posix.dirname(file.path), use.specifier) : use.specifier;
    for (const name of use.names) imported.set(name.local, { from, imported: name.imported });
  }
  return (name) => {
    if (own.has(name)) return { from: file.path, imported: name };
    const direct = imported.get(name);
    if (direct !== undefined) return direct;
    const offering = sources.filter((other) => exportsOf(syntaxOf(other).program).some((found) => found.name === name));
    const near = offering.filter((other) => posix.dirname(other.path) === posix.dirname(file.path));
    const [only, more] = near.length > 0 ? near : offering;
    if (only !== undefined) return more === undefined ? { from: only.path, imported: name } : null;
    if (name === 'z') return { from: 'zod', imported: name };
    if (name in xstate) return { from: 'xstate', imported: name };
    return name in rxjs ? { from: 'rxjs', imported: name } : null;
  };
}

/** The place to import from, as the module in the temporary folder has to write it. */
function moduleUrl(from: string, example: Example): string {
  // A file that the document has its reader write lies beside the module.
  if (from.startsWith('./') && example.path.endsWith('.md')) return from;
  if (from.startsWith('.')) return join(PROJECT_ROOT, posix.dirname(example.path), from);
  const path = PUBLIC_MODULES.get(from) ?? from;
  return /^(?:machines|src|test)\//.test(path) ? join(PROJECT_ROOT, path) : path;
}

/** The text of a module that runs an example and hands each claim to the checker it is given. */
export function moduleOf(example: Example, names: NameSources): string {
  const { program } = parseText(example.code);
  const edits: { start: number; end: number; text: string }[] = [];
  for (const statement of statementsOf(program)) {
    const { source } = statement;
    if (!isNode(source)) continue;
    edits.push({ start: source.start, end: source.end, text: JSON.stringify(moduleUrl(nameOf(source), example)) });
  }
  for (const [index, { statement }] of claimsOf(example.code).entries()) {
    const value = valueOf(statement);
    if (value === null) continue;
    const text = `await __check(${index}, async () => (${example.code.slice(value.start, value.end)}));`;
    const start = statement.type === 'ExpressionStatement' ? statement.start : statement.end;
    edits.push({ start, end: statement.end, text });
  }
  const body = edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), example.code);
  return `${importsFor(example, names).join('\n')}\nconst { __check } = globalThis.__granuleExample;\n${body}\nexport {};\n`;
}

/** Import lines for the names that an example uses and does not bind itself. */
function importsFor(example: Example, names: NameSources): string[] {
  const { program } = parseText(example.code);
  const wanted = new Set([...freeValues(program).map(({ name }) => name), ...freeTypes(program)]);
  return [...wanted].flatMap((name) => {
    const found = names(name);
    if (found === null) return [];
    const part =
      found.imported === '*'
        ? `* as ${name}`
        : found.imported === name
          ? `{ ${name} }`
          : `{ ${found.imported} as ${name} }`;
    return [`import ${part} from ${JSON.stringify(moduleUrl(found.from, example))};`];
  });
}

/** A checker for the claims of one example; what does not hold is added to `failed`. */
export function checkerFor(example: Example, failed: FailedClaim[]): ClaimChecker {
  const claims = claimsOf(example.code);
  return async (index, evaluate) => {
    const found = claims[index];
    if (found === undefined) throw new Error(`example without claim ${index}`);
    const line = example.line + lineAt(example.code, found.statement.end) - 1;
    const what = await failureOf(found.claim, evaluate);
    if (what !== null) failed.push({ line, what });
  };
}

async function failureOf(claim: Claim, evaluate: () => unknown): Promise<string | null> {
  if (claim.kind === 'value') {
    const actual = await evaluate();
    if (isValueClaimed(actual, claim.value)) return null;
    return `says ${inspect(claim.value)} and gives ${inspect(actual, { depth: 4, breakLength: Infinity })}`;
  }
  try {
    await evaluate();
  } catch (error) {
    const hasCode = error instanceof GranuleError && error.code === claim.code;
    return hasCode ? null : `says it throws ${claim.code} and throws ${inspect(error)}`;
  }
  return `says it throws ${claim.code} and does not throw`;
}
