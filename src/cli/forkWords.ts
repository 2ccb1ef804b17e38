/** The words by which the command line says what a fork changes. */
import { GranuleError } from '../errors.ts';
import type { ForkChange } from '../timeline/forkPlan.ts';

/** The options that name changes, each with all its words. */
export interface ChangeWords {
  readonly drop: readonly string[];
  readonly delay: readonly string[];
  readonly replace: readonly string[];
  readonly send: readonly string[];
  readonly set: readonly string[];
  readonly choice?: number;
}

/** The fields of a message that say where and when it goes, and are none of its own. */
const ROUTE_FIELDS: ReadonlySet<string> = new Set(['to', 'delayCycles']);

function usage(what: string, where: string, next: string): never {
  throw new GranuleError('USAGE', what, where, next);
}

function seqOf(text: string, where: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return usage(`"${text}" is no seq`, where, 'Give the seq of the event in the parent that delivers the message.');
}

/**
 * A value as it is written: JSON, a number in hex, or text.
 *
 * @example
 * ```ts
 * ['7', '0x1000', 'true', 'write', '[1, 2]'].map(valueOf); // [7, 4096, true, 'write', [1, 2]]
 * ```
 */
export function valueOf(text: string): unknown {
  if (/^0x[\da-f]+$/i.test(text)) return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `name=value`. */
function assignment(word: string, where: string): [string, string] {
  const at = word.indexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  return usage(`"${word}" is no FIELD=VALUE`, where, 'Write it as in va=0x400000.');
}

/** Words in groups: each begins with one that assigns nothing. */
function grouped(words: readonly string[], where: string): { head: string; fields: [string, string][] }[] {
  const groups: { head: string; fields: [string, string][] }[] = [];
  for (const word of words) {
    const last = groups.at(-1);
    if (!word.includes('=') || last === undefined) groups.push({ head: word, fields: [] });
    else last.fields.push(assignment(word, where));
  }
  return groups;
}

function fieldsOf(fields: readonly [string, string][]): Record<string, unknown> {
  return Object.fromEntries(fields.map(([name, text]) => [name, valueOf(text)]));
}

function delays(words: readonly string[]): ForkChange[] {
  const next = 'Write it as in --delay 812 5000.';
  if (words.length % 2 !== 0) usage('a seq or its cycles are missing', '--delay', next);
  return words.flatMap((word, at): ForkChange[] => {
    const cycles = words[at + 1] ?? '';
    if (at % 2 !== 0) return [];
    if (!/^\d+$/.test(cycles)) usage(`"${cycles}" is no number of cycles`, `--delay ${word}`, next);
    return [{ op: 'delay', seq: seqOf(word, '--delay'), delayCycles: Number(cycles) }];
  });
}

function sent({ head: type, fields }: { head: string; fields: [string, string][] }): ForkChange {
  const where = `--send ${type}`;
  const route = fieldsOf(fields.filter(([name]) => ROUTE_FIELDS.has(name)));
  const { to, delayCycles = 0 } = route;
  if (typeof to !== 'string') usage('the receiver is missing', where, 'Write it as in --send STOP to=process:200.');
  if (typeof delayCycles !== 'number')
    usage(`"${String(delayCycles)}" is no number of cycles`, where, 'Write delayCycles=5000.');
  return {
    op: 'send',
    to,
    message: { ...fieldsOf(fields.filter(([name]) => !ROUTE_FIELDS.has(name))), type },
    delayCycles,
  };
}

/**
 * What the words of the command line ask for, in the order of the options.
 *
 * @throws GranuleError USAGE, saying how it is written
 * @example
 * ```ts
 * const none = { drop: [], delay: [], replace: [], send: [], set: [] };
 * forkChanges({ ...none, replace: ['812', 'va=0x4000'] }); // [{ op: 'replace', seq: 812, fields: { va: 16384 } }]
 * forkChanges({ ...none, delay: ['812'] }); // throws USAGE
 * ```
 */
export function forkChanges({ drop, delay, replace, send, set, choice }: ChangeWords): ForkChange[] {
  return [
    ...set.map((word): ForkChange => {
      const [key, value] = settingOf(word);
      return { op: 'set', key, value };
    }),
    ...drop.map((word): ForkChange => ({ op: 'drop', seq: seqOf(word, '--drop') })),
    ...grouped(replace, '--replace').map(({ head, fields }): ForkChange => {
      if (fields.length === 0)
        usage('what it is replaced by is missing', `--replace ${head}`, 'Write it as in --replace 812 va=0x4000.');
      return { op: 'replace', seq: seqOf(head, '--replace'), fields: fieldsOf(fields) };
    }),
    ...delays(delay),
    ...grouped(send, '--send').map(sent),
    ...(choice === undefined ? [] : [{ op: 'choose', index: choice } as const]),
  ];
}

/** The key of a setting may hold a `=`, as in `processes.pid=100.signals=skip`: the last one counts. */
function settingOf(word: string): [string, string] {
  const at = word.lastIndexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  return usage(`"${word}" is no PATH=VALUE`, '--set', 'Write it as in --set pageCache=sticky-order.');
}
