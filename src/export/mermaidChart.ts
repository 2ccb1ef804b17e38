/** A sequence chart in Mermaid, which code forges show in place. */
import { formatCount } from '../report/format.ts';
import type { MailChart } from './mailChart.ts';

/** What ends a statement or begins a comment or an entity in Mermaid. */
function safe(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll(';', (mark, at: number, whole: string) => {
    return whole.slice(0, at).endsWith('#35') ? mark : '#59;';
  });
}

/**
 * The text of the chart.
 *
 * @example
 * ```ts
 * const messages = [{ seq: 4, timeCycles: 9, from: 'mm:1', to: 'zone', type: 'ALLOC', text: 'order=4' }];
 * mermaidChart({ title: 'one', actors: ['mm:1', 'zone'], messages }).split('\n')[4]; // '  a0->>a1: 4 ALLOC order=4'
 * ```
 */
export function mermaidChart({ title, actors, messages }: MailChart): string {
  const names = new Map(actors.map((actor, at) => [actor, `a${at}`]));
  const lines = [`%% ${title}`, 'sequenceDiagram'];
  for (const [actor, name] of names) lines.push(`  participant ${name} as ${safe(actor)}`);
  let timeCycles = -1;
  for (const { seq, timeCycles: at, from, to, type, text } of messages) {
    const [sender = '', receiver = ''] = [names.get(from), names.get(to)];
    // The time stands where it passes: most messages are delivered in the moment in which they are sent.
    if (timeCycles >= 0 && at > timeCycles) lines.push(`  Note over ${receiver}: ${formatCount(at)} cycles`);
    timeCycles = at;
    lines.push(`  ${sender}->>${receiver}: ${safe(`${seq} ${type} ${text}`.trimEnd())}`);
  }
  return `${lines.join('\n')}\n`;
}
