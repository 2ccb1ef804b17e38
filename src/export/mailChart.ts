/** What a sequence chart shows: actors in a row, and the messages between them in the order of delivery. */
import { OUTSIDE as OUTSIDE_ID } from '../runtime/envelope.ts';
import { payloadLine } from '../report/recordText.ts';
import { checkLength, eventsOf, type ToExport } from './stretch.ts';

/** What a mail to a list can hold, and a reader go through. */
export const CHART_MESSAGES_MOST = 200;
/** Columns that an eye follows beside each other. */
export const CHART_ACTORS_MOST = 20;
const PAYLOAD_CHARACTERS = 48;

/** One arrow of a chart. */
export interface ChartMessage {
  readonly seq: number;
  readonly timeCycles: number;
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly text: string;
}

/** A chart, not yet written in any form. */
export interface MailChart {
  readonly title: string;
  /** In the order in which they come first. */
  readonly actors: readonly string[];
  readonly messages: readonly ChartMessage[];
}

/** With an actor: what it received, and what it sent to others. */
function* messagesOf(toExport: ToExport): Generator<ChartMessage, void, undefined> {
  const { actor, ...all } = toExport;
  for (const { seq, timeCycles, from, to, type, payload } of eventsOf(all)) {
    if (actor !== undefined && to !== actor && from !== actor) continue;
    yield { seq, timeCycles, from, to, type, text: payloadLine(payload, PAYLOAD_CHARACTERS) };
  }
}

/**
 * The chart of a stretch. It is read whole, so what is too long or too wide is refused, and not cut.
 *
 * @throws GranuleError EXPORT_TOO_LONG, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * mailChart(stretchOf(reader, { to: 1 })).actors; // [ 'outside', 'process:1', 'abi' ]
 * ```
 */
export function mailChart(toExport: ToExport): MailChart {
  const { title, from, to, actor, type } = toExport;
  const messages: ChartMessage[] = [];
  const isWhole = actor === undefined && type === undefined;
  if (isWhole) checkLength(to - from + 1, CHART_MESSAGES_MOST, 'a sequence chart', 'messages');
  for (const message of messagesOf(toExport)) {
    messages.push(message);
    checkLength(messages.length, CHART_MESSAGES_MOST, 'a sequence chart', 'messages');
  }
  toExport.tally.events = messages.length;
  const actors = new Set<string>();
  for (const message of messages) actors.add(message.from === '' ? OUTSIDE_ID : message.from).add(message.to);
  checkLength(actors.size, CHART_ACTORS_MOST, 'a sequence chart', 'actors');
  return { title: `${title}, seq ${from} to ${to}`, actors: [...actors], messages };
}
