/** Accounts as Markdown, and as plain text for terminals and mails. */
import type { Account, AccountStep } from './account.ts';

/** Columns of plain text: what a mail quotes twice without breaking lines. */
const COLUMNS = 72;

/** A line broken at spaces; what it begins with stays, and lines after the first begin with `indent`. */
function wrapped(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  let line = /^ */.exec(text)?.[0] ?? '';
  let isBegun = false;
  for (const word of text.trim().split(' ')) {
    if (isBegun && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else line = isBegun ? `${line} ${word}` : line + word;
    isBegun = true;
  }
  return [...lines, line].join('\n');
}

function stepText({ text, says }: AccountStep): string {
  return says === '' ? text : `${text}. ${says}`;
}

/** Steps that follow each other and are done by one. */
interface Turn {
  readonly who: string;
  readonly steps: { readonly number: number; readonly step: AccountStep }[];
}

function turnsOf(steps: readonly AccountStep[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const [at, step] of steps.entries()) {
    if (turns.at(-1)?.who !== step.who) turns.push({ who: step.who, steps: [] });
    turns.at(-1)?.steps.push({ number: at + 1, step });
  }
  return turns;
}

/** What Markdown would take for its own; an underscore inside a word is none of it. */
function escaped(text: string): string {
  return text.replaceAll(/[*<`\\]|\b_|_\b/g, (character) => `\\${character}`);
}

/**
 * An account as Markdown.
 *
 * @example
 * ```ts
 * const account = { title: 'up: small is broken', says: 'It stays small.', fault: 'it is 2', setting: [], steps: [], told: '', parts: [] };
 * markdownOf(account).split('\n')[0]; // '# up: small is broken'
 * ```
 */
export function markdownOf(account: Account): string {
  const lines = [
    `# ${escaped(account.title)}`,
    '',
    escaped(account.says),
    '',
    `**Seen instead:** ${escaped(account.fault)}`,
  ];
  if (account.setting.length > 0)
    lines.push('', '## Setting', '', ...account.setting.map((line) => `- ${escaped(line)}`));
  if (account.steps.length > 0) lines.push('', '## What happened', '', escaped(account.told));
  for (const { who, steps } of turnsOf(account.steps)) {
    lines.push('', `**${escaped(who)}**`, '');
    for (const { number, step } of steps) {
      const before = step.before === '' ? '' : `*(${escaped(step.before)})* `;
      const says = step.says === '' ? '' : `: ${escaped(step.says)}`;
      lines.push(`${number}. ${before}\`${step.text.replaceAll('`', "'")}\`${says}`);
    }
  }
  for (const { heading, lines: inside, isLiteral } of account.parts) {
    if (inside.length === 0) continue;
    lines.push('', `## ${heading}`, '');
    if (isLiteral) lines.push('```text', ...inside, '```');
    else lines.push(...inside.map((line) => `- ${escaped(line)}`));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * An account as text of 72 columns; literal lines, which are commands and events, are as wide as they are.
 *
 * @example
 * ```ts
 * const account = { title: 'up: small is broken', says: 'It stays small.', fault: 'it is 2', setting: [], steps: [], told: '', parts: [] };
 * plainTextOf(account).split('\n')[0]; // 'up: small is broken'
 * ```
 */
export function plainTextOf(account: Account): string {
  const lines = [account.title, '='.repeat(Math.min(account.title.length, COLUMNS)), ''];
  lines.push(wrapped(account.says, COLUMNS), '', wrapped(`Seen instead: ${account.fault}`, COLUMNS));
  if (account.setting.length > 0) {
    lines.push('', 'Setting', '-------', ...account.setting.map((line) => wrapped(`  ${line}`, COLUMNS, '    ')));
  }
  if (account.steps.length > 0) lines.push('', 'What happened', '-------------', wrapped(account.told, COLUMNS));
  for (const { who, steps } of turnsOf(account.steps)) {
    lines.push('', `${who}:`);
    for (const { number, step } of steps) {
      if (step.before !== '') lines.push(wrapped(`      (${step.before})`, COLUMNS, '       '));
      lines.push(wrapped(`${String(number).padStart(4)}. ${stepText(step)}`, COLUMNS, '      '));
    }
  }
  for (const { heading, lines: inside, isLiteral } of account.parts) {
    if (inside.length === 0) continue;
    lines.push('', heading, '-'.repeat(heading.length));
    lines.push(...inside.map((line) => (isLiteral ? line : wrapped(`  ${line}`, COLUMNS, '    '))));
  }
  return `${lines.join('\n')}\n`;
}
