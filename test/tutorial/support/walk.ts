/**
 * A page of the tutorial as what a reader does with it: files that are written, commands that are typed, and what they print.
 *
 * - A block of code whose info string has a file name after the language (`json ping-pong.json`) is that file.
 * - A block `console` has commands, each on a line that begins with `$ `, and what each of them prints.
 * - `…` stands for what is left out: within a line for any text, on a line of its own for any number of lines. Times, rates and
 *   hashes are left out so; all else is held to the letter.
 */

/** One step of a walk, with the line of the page where it is. */
export type Step =
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly text: string }
  | { readonly kind: 'command'; readonly line: number; readonly command: string; readonly prints: readonly string[] };

interface Block {
  readonly info: string;
  readonly line: number;
  readonly lines: readonly string[];
}

function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | null = null;
  for (const [index, text] of page.split('\n').entries()) {
    if (!text.startsWith('```')) open?.lines.push(text);
    else if (open === null) open = { info: text.slice(3), line: index + 1, lines: [] };
    else {
      blocks.push(open);
      open = null;
    }
  }
  return blocks;
}

function commandsIn({ line, lines }: Block): Step[] {
  const commands: { kind: 'command'; line: number; command: string; prints: string[] }[] = [];
  for (const [index, text] of lines.entries()) {
    if (text.startsWith('$ '))
      commands.push({ kind: 'command', line: line + 1 + index, command: text.slice(2), prints: [] });
    else commands.at(-1)?.prints.push(text);
  }
  return commands;
}

/** The steps of a page, in order. */
export function stepsOf(page: string): Step[] {
  return blocksOf(page).flatMap((block): Step[] => {
    if (block.info === 'console') return commandsIn(block);
    const [, name] = block.info.split(' ');
    if (name === undefined) return [];
    return [{ kind: 'file', line: block.line, name, text: `${block.lines.join('\n')}\n` }];
  });
}

/** The blocks of a language that are no files: parts of something that is elsewhere. */
export function snippetsOf(page: string, language: string): string[] {
  return blocksOf(page)
    .filter(({ info }) => info === language)
    .map(({ lines }) => lines.join('\n'));
}

function fits(shown: string, printed: string): boolean {
  if (!shown.includes('…')) return shown === printed;
  const parts = shown.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed);
}

/**
 * Where what is shown departs from what was printed: the first line of it that has no place. Null where all fits.
 *
 * A line `…` takes as few lines as it can, so that the next shown line stands for the first that fits it.
 */
export function departure(shown: readonly string[], printed: readonly string[]): string | null {
  let at = 0;
  let skips = false;
  for (const line of shown) {
    if (line === '…') {
      skips = true;
      continue;
    }
    const found = skips ? printed.findIndex((candidate, index) => index >= at && fits(line, candidate)) : at;
    const candidate = printed[found];
    if (candidate === undefined || !fits(line, candidate)) return line;
    at = found + 1;
    skips = false;
  }
  return skips || at === printed.length ? null : `(nothing more, but it prints: ${printed[at]})`;
}

const trimmed = (lines: readonly string[]): string[] => {
  const kept = lines.map((line) => line.trimEnd());
  while (kept.length > 0 && kept.at(-1) === '') kept.pop();
  return kept;
};

/** The lines of some output, without spaces at their ends and empty lines at its end. */
export function linesOf(output: string | readonly string[]): string[] {
  return trimmed(typeof output === 'string' ? output.split('\n') : output);
}
