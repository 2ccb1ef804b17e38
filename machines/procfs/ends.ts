/** How a read of procfs ends or waits, whatever it is about. */
import { type Verdict, verdictErrno } from '../../src/mm/procfs/matrix.ts';
import type { Send } from '../support.ts';
import type { ProcfsContext, ProcRead } from './procfsState.ts';

/** The name that procfs asks under. */
export const SENDER = 'procfs';
/** Bytes of an entry of pagemap, kpagecount and kpageflags. */
export const ENTRY_BYTES = 8;
/** Files made of entries: reads of them must begin and end at one. */
export const OF_ENTRIES: readonly string[] = ['pagemap', 'kpagecount', 'kpageflags'];
/**
 * Ends a read: the part of the bytes that was asked for, or an errno.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'system' as const, name: 'meminfo' };
 * const read = newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 1, lengthBytes: 2, text: null });
 * const sent: Message[] = [];
 * ends(procfs, read, 'value', [7, 8, 9, 10], (_to, message) => sent.push(message));
 * sent[0]?.data; // [8, 9]
 * ```
 */
export function ends(
  context: ProcfsContext,
  read: ProcRead,
  verdict: Verdict,
  bytes: readonly number[],
  send: Send,
): ProcfsContext {
  const errno = verdictErrno(verdict);
  const name = read.path.name;
  // Of entries and of kcore only the part that was asked for is made.
  const whole = OF_ENTRIES.includes(name) || name === 'kcore';
  const { offsetBytes, lengthBytes } = read;
  const data = whole ? bytes.slice(0, lengthBytes) : bytes.slice(offsetBytes, offsetBytes + lengthBytes);
  send('abi', { type: 'PROC_DATA', request: read.pid, errno, data: errno === 0 ? [...data] : [] });
  const ended = { ...context.ends, [verdict]: (context.ends[verdict] ?? 0) + 1 };
  return { ...context, reads: context.reads.without(read.pid), ends: ended };
}

/**
 * Notes a read that waits for answers.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'system' as const, name: 'meminfo' };
 * const read = newRead({ pid: 5, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 2, text: null });
 * waits(procfs, read).reads.has(5); // true
 * ```
 */
export function waits(context: ProcfsContext, read: ProcRead): ProcfsContext {
  return { ...context, reads: context.reads.with(read.pid, read) };
}
