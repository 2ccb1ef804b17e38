/** What a fork is to change, as it is put together in the page. */
import type { ForkChange } from '../../../timeline/forkPlan.ts';

/** One change as it stands in the form; fields that its kind does not need are left as they are. */
export interface DraftChange {
  readonly op: 'drop' | 'delay' | 'replace' | 'set';
  /** The event that delivers the message; null before one was chosen. */
  readonly seq: number | null;
  readonly delayCycles: number;
  /** `name = value`, several apart by `;`. */
  readonly fields: string;
  readonly key: string;
  readonly value: string;
}

/** A change that nothing was chosen for yet. */
export const NEW_CHANGE: DraftChange = { op: 'delay', seq: null, delayCycles: 100_000, fields: '', key: '', value: '' };

function valueOf(text: string): unknown {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Fields as they are written: `va = 0x1000; kind = "R"`.
 *
 * @example
 * ```ts
 * fieldsOf('va = 0x1000; purpose = anon'); // { va: 4096, purpose: 'anon' }
 * ```
 */
export function fieldsOf(text: string): Record<string, unknown> {
  const pairs = text.split(';').flatMap((part): [string, unknown][] => {
    const at = part.indexOf('=');
    return at < 0 ? [] : [[part.slice(0, at).trim(), valueOf(part.slice(at + 1).trim())]];
  });
  return Object.fromEntries(pairs);
}

/**
 * The change that a draft means; null while something of it is missing.
 *
 * @example
 * ```ts
 * changeOf({ ...NEW_CHANGE, op: 'drop', seq: 12 }); // { op: 'drop', seq: 12 }
 * changeOf(NEW_CHANGE); // null
 * ```
 */
export function changeOf({ op, seq, delayCycles, fields, key, value }: DraftChange): ForkChange | null {
  if (op === 'set') return key === '' || value === '' ? null : { op, key, value: valueOf(value) };
  if (seq === null) return null;
  if (op === 'drop') return { op, seq };
  if (op === 'delay') return delayCycles > 0 ? { op, seq, delayCycles } : null;
  const read = fieldsOf(fields);
  return Object.keys(read).length === 0 ? null : { op, seq, fields: read };
}

/**
 * A change in words.
 *
 * @example
 * ```ts
 * changeLine({ op: 'delay', seq: 12, delayCycles: 500 }); // 'message of event 12 comes 500 cycles later'
 * ```
 */
export function changeLine(change: ForkChange): string {
  if (change.op === 'set') return `${change.key} = ${JSON.stringify(change.value)}`;
  if (change.op === 'send') return `${change.message.type} is sent to ${change.to}`;
  if (change.op === 'choose') return `choice ${change.index} comes next`;
  const message = `message of event ${change.seq}`;
  if (change.op === 'drop') return `${message} never comes`;
  if (change.op === 'delay') return `${message} comes ${change.delayCycles} cycles later`;
  const fields = Object.entries(change.fields).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return `${message}: ${fields.join(', ')}`;
}
