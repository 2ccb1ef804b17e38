/** A comparison of two runs as text. */
import type { ActorTimeline, Stretch } from '../timeline/align.ts';
import type { RunDivergence } from '../timeline/compare.ts';
import { changesText } from './changeText.ts';
import type { ComparedFacts, Comparison, MetricDifference } from './comparison.ts';
import { formatCount } from './format.ts';
import { recordLine } from './recordText.ts';
import { formatTable } from './table.ts';

/** Characters of a value that are shown. */
const VALUE_CHARACTERS = 160;

/** How much is printed. */
export interface ComparisonTextOptions {
  /** Rows of each list at most. */
  readonly lines: number;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS)}... (${text.length} characters)`;
}

function headText({ a, b }: Comparison): string {
  const row = (letter: string, facts: ComparedFacts): string[] => [
    letter,
    facts.name,
    facts.topology,
    formatCount(facts.events),
    formatCount(facts.timeCycles),
    facts.headHash.slice(0, 16),
  ];
  const rows = [['run', 'log', 'topology', 'events', 'cycles', 'head hash'], row('A', a), row('B', b)];
  const align = ['left', 'left', 'left', 'right', 'right', 'left'] as const;
  const changed = [...a.changed.map((line) => `A ${line}`), ...b.changed.map((line) => `B ${line}`)];
  return formatTable(rows, { align }) + changed.map((line) => `${line}\n`).join('');
}

function divergenceText(divergence: RunDivergence, shared: number): string {
  const { seq, actor, field, valueA, valueB, recordA, recordB, causesA, causesB } = divergence;
  const known = shared < 0 ? '' : `, and they share events 0 to ${shared}`;
  const lines = [
    `first difference: event ${seq} (${actor}): ${field}${known}`,
    `  A  ${valueText(valueA)}`,
    `  B  ${valueText(valueB)}`,
    'the event:',
    `  A  ${recordA === null ? 'the run has ended' : recordLine(recordA)}`,
    `  B  ${recordB === null ? 'the run has ended' : recordLine(recordB)}`,
  ];
  const sameCauses = causesA.slice(1).every(({ seq: cause }, at) => causesB[at + 1]?.seq === cause);
  const chains = sameCauses
    ? [['how both came there:', causesA] as const]
    : [['how A came there:', causesA] as const, ['how B came there:', causesB] as const];
  for (const [title, causes] of chains) {
    if (causes.length > 1) lines.push(title, ...causes.slice(1).map((cause) => `  ${recordLine(cause)}`));
  }
  return `${lines.join('\n')}\n`;
}

function stretchText(letter: string, stretch: Stretch | null): string {
  if (stretch === null) return `${letter} nothing`;
  const { events, fromSeq, toSeq } = stretch;
  return fromSeq === toSeq ? `${letter} ${fromSeq}` : `${letter} ${fromSeq} to ${toSeq} (${formatCount(events)})`;
}

function timelinesText(timelines: readonly ActorTimeline[], lines: number): string {
  const apart = timelines.filter(({ onlyA, onlyB, altered }) => onlyA + onlyB + altered > 0);
  const rows = apart
    .slice(0, lines)
    .map(({ actor, both, altered, onlyA, onlyB, unlike: [first] }) => [
      actor,
      formatCount(both),
      formatCount(altered),
      formatCount(onlyA),
      formatCount(onlyB),
      first === undefined ? '' : `${stretchText('A', first.a)}, ${stretchText('B', first.b)}`,
    ]);
  const head = ['from there on', 'in both', 'altered', 'only in A', 'only in B', 'first place apart'];
  const align = ['left', 'right', 'right', 'right', 'right', 'left'] as const;
  return formatTable([head, ...rows], { align }) + moreText(apart.length - rows.length);
}

function moreText(left: number): string {
  return left <= 0 ? '' : `and ${formatCount(left)} more; --lines shows more, --json all\n`;
}

function figureText(value: number | string | null): string {
  if (value === null) return '-';
  return typeof value === 'number' ? formatCount(value) : value === '' ? '""' : value;
}

function changeText({ a, difference }: MetricDifference): string {
  if (difference === null) return '';
  const sign = difference > 0 ? '+' : '-';
  const share =
    typeof a === 'number' && a !== 0 ? ` (${sign}${((100 * Math.abs(difference)) / Math.abs(a)).toFixed(1)}%)` : '';
  return `${sign}${formatCount(Math.abs(difference))}${share}`;
}

function metricsText(metrics: readonly MetricDifference[], lines: number): string {
  const unlike = metrics.filter(({ a, b }) => a !== b);
  if (unlike.length === 0) return 'every figure is the same\n';
  const rows = unlike
    .slice(0, lines)
    .map((metric) => [metric.of, metric.name, figureText(metric.a), figureText(metric.b), changeText(metric)]);
  const align = ['left', 'left', 'right', 'right', 'right'] as const;
  return (
    formatTable([['figures of', 'that differ', 'A', 'B', 'B - A'], ...rows], { align }) +
    moreText(unlike.length - rows.length)
  );
}

/**
 * A comparison as the command line prints it.
 *
 * @example
 * ```ts
 * const facts = { name: 'a.glog', headHash: 'ab', topology: 'one', events: 3, timeCycles: 9, changed: [] };
 * const none = { settings: [], timelines: [], types: [], metrics: [], next: [] };
 * comparisonText({ a: facts, b: facts, sharedUpTo: 2, divergence: null, ...none }, { lines: 9 }).includes('same'); // true
 * ```
 */
export function comparisonText(comparison: Comparison, { lines }: ComparisonTextOptions): string {
  const { settings, divergence, timelines, types, metrics, next, sharedUpTo } = comparison;
  const parts = [headText(comparison)];
  if (settings.length > 0) parts.push(`settings that differ\n${changesText(settings, { lines, indent: '  ' })}`);
  if (divergence === null) parts.push('the events of both runs are the same\n');
  else parts.push(divergenceText(divergence, sharedUpTo));
  if (timelines.length > 0) parts.push(timelinesText(timelines, lines));
  if (types.length > 0) {
    const rows = types.slice(0, lines).map(({ type, a, b }) => [type, formatCount(a), formatCount(b)]);
    parts.push(formatTable([['messages', 'A', 'B'], ...rows]) + moreText(types.length - rows.length));
  }
  if (metrics.length > 0) parts.push(metricsText(metrics, lines));
  if (next.length > 0) parts.push(`try next:\n${next.map((command) => `  ${command}\n`).join('')}`);
  return parts.join('\n');
}
