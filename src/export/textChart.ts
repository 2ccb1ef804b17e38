/** A sequence chart in plain text, for a mail: a column for each actor, an arrow for each message. */
import { formatCount } from '../report/format.ts';
import type { ChartMessage, MailChart } from './mailChart.ts';

/** Between the middles of two columns at least. */
const COLUMN_LEAST = 10;
/** Blanks around the name of an actor, and around a type on its arrow. */
const AROUND = 2;

/** Columns so wide that the names of actors beside each other do not touch, nor a type on the arrow between them. */
function middlesOf({ actors, messages }: MailChart): number[] {
  const gaps = actors.map((actor, at) => {
    const next = actors[at + 1] ?? actor;
    const own = messages.filter(({ from, to }) => {
      const ends = [actors.indexOf(from), actors.indexOf(to)].toSorted((a, b) => a - b);
      return ends[0] === at && ends[1] === at + 1;
    });
    const longest = Math.max(0, ...own.map(({ type }) => type.length + 2 * AROUND));
    return Math.max(COLUMN_LEAST, Math.ceil((actor.length + next.length) / 2) + AROUND, longest);
  });
  let middle = Math.ceil((actors[0]?.length ?? 0) / 2);
  return gaps.map((gap) => {
    const here = middle;
    middle += gap;
    return here;
  });
}

/** A line with texts put over it. */
function over(line: string, parts: readonly (readonly [at: number, text: string])[]): string {
  let made = line;
  for (const [at, text] of parts) {
    const padded = made.padEnd(at);
    made = padded.slice(0, at) + text + padded.slice(at + text.length);
  }
  return made;
}

function arrow(message: ChartMessage, middles: ReadonlyMap<string, number>, lines: string): string {
  const from = middles.get(message.from) ?? 0;
  const to = middles.get(message.to) ?? 0;
  if (from === to) return over(lines, [[to, `+> ${message.type}`]]);
  const [left, right] = from < to ? [from, to] : [to, from];
  const length = right - left - 1;
  const shaft = '-'.repeat(length);
  const label = ` ${message.type} `.slice(0, length - 1);
  const begin = Math.floor((length - label.length) / 2);
  const body = over(shaft, [[begin, label]]);
  return over(lines, [[left + 1, from < to ? `${body.slice(0, -1)}>` : `<${body.slice(1)}`]]);
}

/**
 * The text of the chart: seq, virtual time, the arrow, and the payload behind it.
 *
 * @example
 * ```ts
 * const messages = [{ seq: 4, timeCycles: 9, from: 'mm:1', to: 'zone', type: 'ALLOC', text: 'order=4' }];
 * textChart({ title: 'one', actors: ['mm:1', 'zone'], messages }).split('\n')[3]; // '  4       9    |- ALLOC >|    order=4'
 * ```
 */
export function textChart(chart: MailChart): string {
  const { title, actors, messages } = chart;
  const middles = middlesOf(chart);
  const byActor = new Map(actors.map((actor, at) => [actor, middles[at] ?? 0]));
  const names = over(
    '',
    actors.map((actor, at) => [(middles[at] ?? 0) - Math.floor(actor.length / 2), actor] as const),
  );
  const lines = over(
    '',
    middles.map((middle) => [middle, '|'] as const),
  );
  const width = Math.max(names.length, lines.length) + AROUND;
  const seqWidth = Math.max(3, ...messages.map(({ seq }) => String(seq).length));
  const timeWidth = Math.max(6, ...messages.map(({ timeCycles }) => formatCount(timeCycles).length));
  const row = (seq: string, time: string, middle: string, text: string): string =>
    `${seq.padStart(seqWidth)}  ${time.padStart(timeWidth)}  ${middle.padEnd(width)} ${text}`.trimEnd();
  const made = messages.map((message) => {
    return row(String(message.seq), formatCount(message.timeCycles), arrow(message, byActor, lines), message.text);
  });
  return `${[title, '', row('seq', 'cycles', names, ''), ...made].join('\n')}\n`;
}
