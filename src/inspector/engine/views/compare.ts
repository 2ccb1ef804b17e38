/** Two open runs held together, as the page shows it. */
import { compareRuns, type MetricDifference, type TypeCounts } from '../../../report/comparison.ts';
import type { ActorTimeline } from '../../../timeline/align.ts';
import type { ComparedRun } from '../../../timeline/compare.ts';
import { rowOf } from '../events.ts';
import type { OpenRun } from '../openRun.ts';
import type { EventRow } from '../requests.ts';
import { valueLine } from '../stateTree.ts';

/** The first event in which two runs differ. */
export interface DivergenceShown {
  readonly seq: number;
  readonly actor: string;
  readonly field: string;
  readonly a: string;
  readonly b: string;
  /** Null where that run has ended. */
  readonly eventA: EventRow | null;
  readonly eventB: EventRow | null;
}

/** What a comparison found. */
export interface ComparisonShown {
  readonly sharedUpTo: number;
  /** Null: the runs are the same. */
  readonly divergence: DivergenceShown | null;
  /** What each changed where it is a fork, in words. */
  readonly changedA: readonly string[];
  readonly changedB: readonly string[];
  readonly settings: readonly { readonly path: string; readonly a: string; readonly b: string }[];
  /** Those that differ most. */
  readonly timelines: readonly ActorTimeline[];
  readonly types: readonly TypeCounts[];
  /** Figures that differ. */
  readonly metrics: readonly MetricDifference[];
  /** Figures that are alike. */
  readonly alike: number;
}

const TIMELINES_MOST = 100;
const METRICS_MOST = 400;

function compared({ reader, traces, name }: OpenRun): ComparedRun {
  return { reader, traces, name };
}

function textOf(value: unknown, path: string): string {
  return value === undefined || value === null ? 'nothing' : valueLine(value, path);
}

/**
 * Compares two open runs; figures only where the states of both can be folded, and wanted: they cost a fold of every actor.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * comparisonOf(run, run, false).divergence; // null
 * ```
 */
export function comparisonOf(a: OpenRun, b: OpenRun, figures: boolean): ComparisonShown {
  const found = compareRuns(compared(a), compared(b), { metrics: figures && a.hasStates && b.hasStates });
  const { divergence } = found;
  const differing = found.metrics.filter((metric) => metric.a !== metric.b);
  return {
    sharedUpTo: found.sharedUpTo,
    divergence:
      divergence === null
        ? null
        : {
            seq: divergence.seq,
            actor: divergence.actor,
            field: divergence.field,
            a: textOf(divergence.valueA, divergence.field),
            b: textOf(divergence.valueB, divergence.field),
            eventA: divergence.recordA === null ? null : rowOf(divergence.recordA),
            eventB: divergence.recordB === null ? null : rowOf(divergence.recordB),
          },
    changedA: found.a.changed,
    changedB: found.b.changed,
    settings: found.settings.map(({ path, before, after }) => ({
      path,
      a: before === undefined ? 'by default' : textOf(before, path),
      b: after === undefined ? 'by default' : textOf(after, path),
    })),
    timelines: found.timelines.slice(0, TIMELINES_MOST),
    types: found.types,
    metrics: differing.slice(0, METRICS_MOST),
    alike: found.metrics.length - differing.length,
  };
}
