/** Events as lines of text. */
import type { LogRecord } from '../log/record.ts';
import { formatCount } from './format.ts';

/** Characters of a payload on one line; `--json` gives all of it. */
const PAYLOAD_CHARACTERS = 120;
/** Names of the fields that hold addresses and frame numbers: shown in hex. */
export const ADDRESS_FIELD =
  /^(?:va|startVa|endVa|fromVa|toVa|addr|newAddr|buffer|brk|startBrk|pfn|ptePfn|zeroPfn|signalVa)$/;
const SEQ_WIDTH = 7;
const TIME_WIDTH = 13;
const ROUTE_WIDTH = 26;
const TYPE_WIDTH = 14;

function payloadText(value: unknown, field: string): string {
  if (typeof value === 'number') return ADDRESS_FIELD.test(field) ? `0x${value.toString(16)}` : String(value);
  if (typeof value === 'string') return value === '' ? '""' : value;
  if (Array.isArray(value)) return `[${value.map((entry) => payloadText(entry, field)).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, entry]) => {
      const inner = payloadText(entry, name);
      return `${name}=${typeof entry === 'object' && entry !== null && !Array.isArray(entry) ? `{${inner}}` : inner}`;
    })
    .join(' ');
}

/**
 * A record's payload on one line, cut where it is long.
 *
 * @example
 * ```ts
 * payloadLine({ pid: 1, va: 4096 }); // 'pid=1 va=0x1000'
 * ```
 */
export function payloadLine(payload: unknown, charactersMax: number = PAYLOAD_CHARACTERS): string {
  const text = payloadText(payload, '');
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}...`;
}

/**
 * A record on one line: seq, virtual time, sender and receiver, type, payload, and the seq that caused it.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'abi', from: 'process:1', cause: 2, type: 'SYSCALL', payload: { pid: 1 } };
 * recordLine(record).replaceAll(/ +/g, ' ').trim(); // '3 9 process:1 -> abi SYSCALL pid=1 <- 2'
 * ```
 */
export function recordLine(record: LogRecord): string {
  const { seq, timeCycles, to, from, cause, type, payload } = record;
  const head = [
    String(seq).padStart(SEQ_WIDTH),
    formatCount(timeCycles).padStart(TIME_WIDTH),
    `${from} -> ${to}`.padEnd(ROUTE_WIDTH),
    type.padEnd(TYPE_WIDTH),
  ].join(' ');
  return `${head} ${payloadLine(payload)}${cause < 0 ? '' : `  <- ${cause}`}`.trimEnd();
}

/**
 * The head of a list of records.
 *
 * @example
 * ```ts
 * recordHead().trim().split(/ +/)[0]; // 'seq'
 * ```
 */
export function recordHead(): string {
  const names = ['seq'.padStart(SEQ_WIDTH), 'cycles'.padStart(TIME_WIDTH), 'from -> to'.padEnd(ROUTE_WIDTH)];
  return `${names.join(' ')} ${'type'.padEnd(TYPE_WIDTH)} payload  <- cause`;
}
