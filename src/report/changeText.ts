/** Differences of states, and what an event did, as text. */
import type { ChangeInBrief } from '../timeline/changes.ts';
import type { Change } from '../timeline/diff.ts';
import { formatHex } from './format.ts';
import { ADDRESS_FIELD } from './recordText.ts';
import { valueText } from './actorStates.ts';

/** Characters of a value on one line. */
const VALUE_CHARACTERS = 100;

/** How much to show. */
export interface ChangeTextOptions {
  /** Lines at most; what is left out is counted. */
  lines: number;
  /** Put before every line. */
  indent?: string;
}

function shown(value: unknown, field: string): string {
  if (typeof value === 'number' && ADDRESS_FIELD.test(field)) return formatHex(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS)}...`;
}

/**
 * One difference on one line.
 *
 * @example
 * ```ts
 * changeLine({ path: 'context.brk', kind: 'changed', before: 0, after: 4096 }); // '~ context.brk: 0x0 -> 0x1000'
 * changeLine({ path: 'job', kind: 'added', after: 1 }); // '+ job: 1'
 * ```
 */
export function changeLine({ path, kind, before, after }: Change): string {
  const field = /(\w+)$/.exec(path)?.[1] ?? '';
  if (kind === 'added') return `+ ${path}: ${shown(after, field)}`;
  if (kind === 'removed') return `- ${path}: ${shown(before, field)}`;
  return `~ ${path}: ${shown(before, field)} -> ${shown(after, field)}`;
}

/**
 * Differences, a line each.
 *
 * @example
 * ```ts
 * changesText([], { lines: 5 }); // ''
 * ```
 */
export function changesText(changes: readonly Change[], { lines, indent = '' }: ChangeTextOptions): string {
  const text = changes.slice(0, lines).map((change) => `${indent}${changeLine(change)}\n`);
  const left = changes.length - text.length;
  if (left > 0) text.push(`${indent}and ${left} differences more\n`);
  return text.join('');
}

/**
 * What an event did: the step of its receiver's statechart, what changed in the state, and what was sent.
 *
 * @example
 * ```ts
 * const record = { seq: 0, timeCycles: 0, to: 'disk', from: 'file:a', cause: -1, type: 'READ_BLOCKS', payload: {} };
 * const change = { record, from: 'idle', to: 'busy', microsteps: [], changes: [], forward: [], inverse: [], sent: [] };
 * recordChangeText(change, { lines: 5 }); // '  idle -> busy\n'
 * ```
 */
export function recordChangeText(change: ChangeInBrief, options: ChangeTextOptions): string {
  const { from, to, changes, sent } = change;
  const indent = options.indent ?? '  ';
  const [before, after] = [valueText(from), valueText(to)];
  const step = before === after ? `stays ${after}` : `${before} -> ${after}`;
  const messages = sent.map(({ to: receiver, type, delayCycles }) => {
    return `${indent}sends ${type} to ${receiver}${delayCycles === 0 ? '' : ` in ${delayCycles} cycles`}\n`;
  });
  // The value of the statechart is in the first line already.
  const inside = changes.filter(({ path }) => path !== 'value' && !path.startsWith('value.'));
  return `${indent}${step}\n${changesText(inside, { lines: options.lines, indent })}${messages.join('')}`;
}
