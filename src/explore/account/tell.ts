/** Accounts as Markdown, and as plain text for terminals and mails. */
import { MAIL_COLUMNS, wrapText } from '../../report/wrapText.ts';
import type { Account, AccountStep } from './account.ts';

function wrapped(text: string, how?: Parameters<typeof wrapText>[1]): string {
  return wrapText(text, how).join('\n');
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
  const lines = [account.title, '='.repeat(Math.min(account.title.length, MAIL_COLUMNS)), ''];
  lines.push(wrapped(account.says), '', wrapped(`Seen instead: ${account.fault}`));
  if (account.setting.length > 0) {
    lines.push(
      '',
      'Setting',
      '-------',
      ...account.setting.map((line) => wrapped(line, { indent: '  ', hanging: '    ' })),
    );
  }
  if (account.steps.length > 0) lines.push('', 'What happened', '-------------', wrapped(account.told));
  for (const { who, steps } of turnsOf(account.steps)) {
    lines.push('', `${who}:`);
    for (const { number, step } of steps) {
      if (step.before !== '') lines.push(wrapped(`(${step.before})`, { indent: '      ', hanging: '       ' }));
      lines.push(
        wrapped(`${number}. ${stepText(step)}`, {
          indent: ' '.repeat(Math.max(0, 4 - String(number).length)),
          hanging: '      ',
        }),
      );
    }
  }
  for (const { heading, lines: inside, isLiteral } of account.parts) {
    if (inside.length === 0) continue;
    lines.push('', heading, '-'.repeat(heading.length));
    lines.push(...inside.map((line) => (isLiteral ? line : wrapped(line, { indent: '  ', hanging: '    ' }))));
  }
  return `${lines.join('\n')}\n`;
}
