/** Judges a recorded program for another page size, for a scenario. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GranuleError } from '../../errors.ts';
import { formatCount } from '../../report/format.ts';
import { abiReport } from '../../report/abiReport/report.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import { parseSize } from '../../topology/schema.ts';
import { eventsOfStrace } from '../../trace/strace/calls.ts';
import type { AbiReportStep } from '../schema.ts';
import type { Evidence, MeasuredFigure, StepResult } from './step.ts';

/** Columns of the report that are figures; docs/abi-report.md says what each counts. */
const COUNTS = [
  'calls',
  'bareAddress',
  'falseAlarms',
  'loader',
  'refused',
  'refusedAsks',
  'reachesFurther',
  'unknown',
] as const;

/** A report, as a worker is sent it. */
export type AbiReportTask = AbiReportStep & { readonly kind: 'abiReport' };

function textOf(name: string): string {
  const path = join(fixturesFolder('strace'), `${name}.strace.gz`);
  try {
    return gunzipSync(readFileSync(path)).toString('utf8');
  } catch (error) {
    throw new GranuleError('SCENARIO_INVALID', (error as Error).message, path);
  }
}

/**
 * The report as figures: `calls`, and of them `refused`, `refusedAsks` of callers that ask for the page size, `reachesFurther`.
 *
 * @throws GranuleError SCENARIO_INVALID for a file that is not there
 * @example
 * ```ts
 * abiReportTask({ kind: 'abiReport', abiReport: 'python', page: '64K' }).figures.calls?.value; // 406
 * ```
 */
export function abiReportTask({ abiReport: name, page }: AbiReportTask): StepResult {
  const started = performance.now();
  const { events } = eventsOfStrace(textOf(name).split('\n'));
  const pageBytes = parseSize(page) ?? 0;
  const report = abiReport(events, pageBytes);
  const sum = (name: (typeof COUNTS)[number]): number => report.rows.reduce((total, row) => total + row[name], 0);
  const numbers: Record<string, number> = Object.fromEntries(COUNTS.map((name) => [name, sum(name)]));
  const command = `granule abi-report fixtures/strace/${name}.strace.gz --page ${page}`;
  const evidence: Evidence = { log: null, seq: null, command };
  const figures: Record<string, MeasuredFigure> = Object.fromEntries(
    Object.entries(numbers).map(([figure, value]) => [figure, { value, evidence }]),
  );
  const account = `${command}: ${formatCount(sum('calls'))} calls`;
  return { figures, series: {}, logs: [], account, seconds: (performance.now() - started) / 1000 };
}
