/** How a moment and the event before it are told. */
import { changeInBrief } from '../timeline/changes.ts';
import type { LogRecord } from '../log/record.ts';
import { recordChangeText } from '../report/changeText.ts';
import { recordLine } from '../report/recordText.ts';
import type { Session } from './session.ts';

/** Lines of what an event changed. */
const CHANGES_SHOWN = 8;
const INDENT = ' '.repeat(8);

/**
 * The moment that one is at: the event before it, and what that changed and sent.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * momentText(session); // 'before the first event\n'
 * session.moveTo(0);
 * momentText(session).includes('new -> in-syscall.active'); // true
 * ```
 */
export function momentText(session: Session): string {
  const { record } = session;
  if (record === null) return 'before the first event\n';
  return `${recordLine(record)}\n${session.showsChanges && session.hasStates ? changeText(session, record) : ''}`;
}

function changeText(session: Session, record: LogRecord): string {
  const { view } = session;
  const change = changeInBrief(view.run, view.snapshot(record.to, record.seq - 1), record);
  return recordChangeText(change, { lines: CHANGES_SHOWN, indent: INDENT });
}

/**
 * The event before a moment on one line, without columns.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * briefly(session, 0); // '0 0 outside -> process:1 START'
 * ```
 */
export function briefly(session: Session, seq: number): string {
  if (seq < session.reader.firstSeq) return 'before the first event';
  return recordLine(session.reader.read(seq)).trim().replaceAll(/ +/g, ' ');
}

/**
 * Goes to a moment and tells it.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * arrive(session, 2).trim().split(' ')[0]; // '2'
 * ```
 */
export function arrive(session: Session, seq: number): string {
  session.moveTo(seq);
  return momentText(session);
}
