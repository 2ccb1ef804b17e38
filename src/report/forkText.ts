/** What a fork changed, in words. */
import { type ChangedDelivery, type Edit, editsOf } from '../timeline/edits.ts';
import { sendsOf } from '../timeline/outside.ts';
import type { ForkParent } from '../topology/meta.ts';
import { formatCount } from './format.ts';
import { payloadLine } from './recordText.ts';

function routeText({ from, to, type }: Omit<ChangedDelivery, 'seq'>): string {
  return `${type} ${from} -> ${to}`;
}

function editText(edit: Edit): string {
  if (edit.op === 'set') {
    return edit.changes.map(({ place, value }) => `set ${place.join('.')} to ${JSON.stringify(value)}`).join(', ');
  }
  if (edit.op === 'choose') return `delivered ${routeText(edit.was)} next`;
  const what = `${routeText(edit.was)} (event ${edit.was.seq} of the parent)`;
  if (edit.op === 'drop') return `dropped ${what}`;
  if (edit.op === 'delay') return `delayed ${what} by ${formatCount(edit.delayCycles)} cycles`;
  const { type: _, ...payload } = edit.message;
  return `replaced ${what} by ${payloadLine(payload)}`;
}

/**
 * What a fork changed, a line each, with the seq behind which it did; none for a run that is no fork.
 *
 * @throws GranuleError LOG_NOT_A_LOG where its header is malformed
 * @example
 * ```ts
 * const edits = [{ afterSeq: 9, op: 'set', changes: [{ place: ['pageCache'], value: 'sticky-order' }] }];
 * forkLines({ headHash: '', seq: 9, edits }); // ['after seq 9: set pageCache to "sticky-order"']
 * forkLines(null); // []
 * ```
 */
export function forkLines(parent: ForkParent | null): string[] {
  if (parent === null) return [];
  const edits = editsOf({ parent }).map((edit) => ({ afterSeq: edit.afterSeq, text: editText(edit) }));
  const sends = sendsOf({ parent }).map(({ afterSeq, to, message, delayCycles }) => {
    const { type, ...payload } = message;
    const due = delayCycles === 0 ? '' : `, due ${formatCount(delayCycles)} cycles later`;
    return { afterSeq, text: `sent ${type} to ${to} ${payloadLine(payload)}`.trimEnd() + due };
  });
  return [...edits, ...sends]
    .sort((a, b) => a.afterSeq - b.afterSeq)
    .map(({ afterSeq, text }) => (afterSeq < 0 ? `from the start: ${text}` : `after seq ${afterSeq}: ${text}`));
}

/**
 * Where a fork comes from, on one line.
 *
 * @example
 * ```ts
 * forkedFromText({ headHash: 'ab', seq: 9, holds: 'suffix' }, 10); // 'ab at seq 9; this file holds the events from 10 on'
 * ```
 */
export function forkedFromText({ headHash, seq, holds }: ForkParent, ownFirstSeq: number): string {
  if (seq < 0) return `${headHash}, run anew from the start`;
  return `${headHash} at seq ${seq}${holds === 'suffix' ? `; this file holds the events from ${ownFirstSeq} on` : ''}`;
}
