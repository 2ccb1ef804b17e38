/** Events as comma-separated values (RFC 4180), the payload as JSON. */
import { csvField } from '../report/csvField.ts';
import { eventsOf, type ToExport } from './stretch.ts';

const COLUMNS = ['seq', 'timeCycles', 'to', 'from', 'cause', 'type', 'payload'];

/** Typed arrays as lists of their numbers: JSON would make objects of them. */
function plain(_key: string, value: unknown): unknown {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? Array.from(value as Uint8Array) : value;
}

/**
 * The text of the file, line by line; the first one names the columns.
 *
 * @throws GranuleError LOG_DAMAGED while it goes on
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * [...csvOf(stretchOf(reader, { to: 0 }))][0]; // 'seq,timeCycles,to,from,cause,type,payload\r\n'
 * ```
 */
export function* csvOf(toExport: ToExport): Generator<string, void, undefined> {
  yield `${COLUMNS.join(',')}\r\n`;
  for (const { seq, timeCycles, to, from, cause, type, payload } of eventsOf(toExport)) {
    const texts = [String(seq), String(timeCycles), to, from, String(cause), type, JSON.stringify(payload, plain)];
    yield `${texts.map((text) => csvField(text ?? '')).join(',')}\r\n`;
  }
}
