/**
 * The blocks of code of a document.
 *
 * What stands behind the three marks says what becomes of a block, and no block is passed over:
 * - `ts`, `js`: a program. It is run, and the values that its comments state are compared: see examples.ts.
 * - `json`, `yaml`: a topology or a part of one. It is put where it fits, checked and run.
 * - any of these with the name of a file behind it, as `json small.json`: written to the folder of the page under this name, too.
 * - `sh`: commands. They are run, in the folder of the page.
 * - `console`: commands behind `$ `, each with what it prints. They are run, and what they print is compared; `…` stands for what is
 *   left out.
 * - `sh by-hand: WHY`, `console by-hand: WHY`: commands that no test can run, with the reason.
 * - `html`: a page. The tests in a browser open it, with the package and what it rests on in node_modules/.
 * - `text`: output, a scheme or a format: nothing that one would type.
 * - `mermaid`: a diagram.
 */

/** One block. `line` is the line of its first mark. */
export interface Fence {
  readonly language: string;
  /** What stands behind the language. */
  readonly info: string;
  readonly line: number;
  readonly text: string;
}

/** The blocks of a document, in order. */
export function fencesIn(document: string): Fence[] {
  const fences: Fence[] = [];
  let open: { mark: string; language: string; info: string; line: number; lines: string[] } | null = null;
  for (const [index, text] of document.split('\n').entries()) {
    const [, mark = '', language = '', info = ''] = /^ *(`{3,})(\S*) ?(.*)$/.exec(text) ?? [];
    if (open !== null && mark === open.mark && language === '') {
      const { lines, mark: _mark, ...rest } = open;
      fences.push({ ...rest, text: lines.map((line) => `${line}\n`).join('') });
      open = null;
    } else if (open !== null) open.lines.push(text);
    else if (mark !== '') open = { mark, language, info: info.trim(), line: index + 1, lines: [] };
  }
  return fences;
}

/** The name of the file that a block is; null where it is none. */
export function fileNameOf({ info }: Fence): string | null {
  return /^[a-z][\w.-]*\.[a-z]+$/i.test(info) ? info : null;
}

/** Why a block of commands is run by hand; null where a test runs it. */
export function byHandReason({ info }: Fence): string | null {
  return /^by-hand: (.+)$/.exec(info)?.[1] ?? null;
}
