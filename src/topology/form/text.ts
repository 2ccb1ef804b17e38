/** The text of a topology, JSON or YAML: the plain data in it, and where in the text each field stands. */
import { type Document, isCollection, isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';

/** Fields and positions that lead to a value, from the top. */
export type FieldPath = readonly (string | number)[];

/** A place in a text, counted from 1. */
export interface TextPlace {
  line: number;
  column: number;
}

/** Something that keeps a text from being read at all. */
export interface TextFault extends TextPlace {
  what: string;
  next: string;
}

/** A text that was read. */
export interface FormText {
  data: unknown;
  faults: TextFault[];
  /** Where a field stands: its key, or the item of a list; the nearest one around it where it is not there itself. */
  placeOf: (path: FieldPath) => TextPlace;
}

/** Characters of a message of the YAML reader that are kept: what follows is a picture of the line. */
const FIRST_LINE = /^[^\n]*?(?= at line \d+, column \d+)|^[^\n]*/;

/** How JSON.parse of V8 says where it stopped; of an unexpected token it does not. */
const JSON_POSITION = /at position (\d+)/;
/** What it says of a text that only lacks its end. */
const JSON_CUT_SHORT = /end of JSON|Unterminated|missing|No number/;
/** How it quotes the text around. */
const JSON_QUOTED = /(?:, (?:\.\.\.)?".*"(?:\.\.\.)? is not valid JSON| in JSON at position.*| at position.*)$/s;

function offsetOf(node: unknown): number | null {
  return isCollection(node) || isScalar(node) ? (node.range?.[0] ?? null) : null;
}

/** The node at one step, and the offset at which whoever reads a message wants to look: that of the key. */
function stepInto(node: Node, step: string | number): { inner: unknown; offset: number | null } | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
    return pair === undefined ? null : { inner: pair.value, offset: offsetOf(pair.key) };
  }
  if (!isCollection(node)) return null;
  const inner: unknown = node.items[Number(step)];
  return inner === undefined || isPair(inner) ? null : { inner, offset: offsetOf(inner) };
}

function offsetAt(document: Document, path: FieldPath): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const step of path) {
    // What an alias stands for was written elsewhere: the alias is the place to look at.
    const next = isCollection(node) ? stepInto(node, step) : null;
    if (next === null) break;
    offset = next.offset ?? offset;
    node = next.inner;
  }
  return offset;
}

/** Finds places in a text, which is taken apart once somebody asks. */
function finder(text: string): (path: FieldPath) => TextPlace {
  let read: { document: Document; lines: LineCounter } | null = null;
  return (path) => {
    if (read === null) {
      const lines = new LineCounter();
      read = { document: parseDocument(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'error' }), lines };
    }
    const { line, col } = read.lines.linePos(offsetAt(read.document, path));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
}

function lineAt(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where JSON stops to be JSON: behind the longest beginning that only lacks its end. */
function brokenAt(text: string, message: string): number {
  const position = JSON_POSITION.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const fault = jsonFault(text.slice(0, middle));
    const isCut = fault !== null && Number(JSON_POSITION.exec(fault)?.[1]) === middle;
    if (fault === null || isCut || JSON_CUT_SHORT.test(fault)) good = middle;
    else bad = middle;
  }
  return good;
}

function readJson(text: string): FormText {
  const message = jsonFault(text);
  if (message === null) return { data: JSON.parse(text) as unknown, faults: [], placeOf: finder(text) };
  const isCut = /end of JSON/.test(message);
  const place = lineAt(text, isCut ? text.trimEnd().length : brokenAt(text, message));
  const next = 'Mend the text there; comments, single quotes and names without quotes are for a .yaml file.';
  const what = `it is not JSON: ${message.replace(JSON_QUOTED, '')}`;
  return { data: null, faults: [{ what, next, ...place }], placeOf: () => place };
}

function readYaml(text: string): FormText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }): TextFault => {
    const { line, col: column } = lines.linePos(pos[0]);
    const isTwice = code === 'DUPLICATE_KEY';
    const what = isTwice ? 'a field is given twice' : `it is not YAML: ${FIRST_LINE.exec(message)?.[0] ?? message}`;
    return { what, next: isTwice ? 'Keep one of them.' : 'Mend the text there.', line, column };
  });
  const whole = { line: 1, column: 1 };
  if (faults.length > 0) return { data: null, faults, placeOf: () => faults[0] ?? whole };
  try {
    return { data: document.toJS() as unknown, faults, placeOf: finder(text) };
  } catch (error) {
    // An alias without its anchor, or one that unfolds without end, is found only now.
    const what = `it is not YAML: ${(error as Error).message}`;
    return { data: null, faults: [{ what, next: 'Mend the text there.', ...whole }], placeOf: () => whole };
  }
}

/**
 * Reads the text of a topology. JSON is read strictly as JSON; of YAML, version 1.2 with one document.
 *
 * @example
 * ```ts
 * const { data, placeOf } = readFormText('name: one\ncpus: 2\n', 'yaml');
 * data; // { name: 'one', cpus: 2 }
 * placeOf(['cpus']); // { line: 2, column: 1 }
 * readFormText("{ 'name': 'one' }", 'json').faults[0]?.column; // 3
 * ```
 */
export function readFormText(text: string, format: 'json' | 'yaml'): FormText {
  // A mark of the byte order says nothing in UTF-8, and neither reader wants it.
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text;
  return format === 'json' ? readJson(plain) : readYaml(plain);
}
