/** Playing a topology with progress, what the report needs to know of the run, and an early end on Ctrl-C. */
import { defaultCosts } from '../arch/costs.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { RunSource } from '../mm/runs.ts';
import { doneReferences, liveStates, statesOfKind } from '../report/actorStates.ts';
import { formatCount, formatRate, formatSeconds } from '../report/format.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { Interpreter } from '../runtime/xstateAdapter.ts';
import { type RunOutcome, type RunProgress, runSteps } from '../topology/run.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import type { Topology } from '../topology/schema.ts';
import type { LiveRun } from '../inspector/liveRun.node.ts';
import type { Cli } from './cli.ts';
import { Interruption } from './interruption.ts';
import type { Progress } from './progress.ts';

/** A finished run and what was seen on the way. */
export interface Played {
  outcome: RunOutcome;
  /** Ctrl-C ended it before its time. */
  interrupted: boolean;
  /** An event worth a look: the first fallback, else the first fault; null where there was neither. */
  notable: { seq: number; actor: string } | null;
  wallSeconds: number;
  references: number;
}

/** What to play, and where its log goes. */
export interface PlayRequest {
  topology: Topology;
  traces: ReadonlyMap<number, RunSource>;
  /** The definitions that the topology names. */
  catalogue?: Catalogue;
  writer: LogWriter | null;
  /** The checked mode (`src/topology/laws.ts`). */
  checked?: boolean;
  /** Who runs the statecharts, default `compiled`. */
  interpreter?: Interpreter;
  /** Who looks on, and may hold the run between two steps. */
  live?: Pick<LiveRun, 'note' | 'turn' | 'status'>;
}

/**
 * Plays a topology to its end, or until Ctrl-C; progress goes to a terminal's standard error.
 *
 * @throws GranuleError as `runTopology`
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const cli = new Cli(textIo('/'));
 * const played = await play(cli, { topology, traces: loadTraces(topology, { folders: [] }), writer: null });
 * played.references; // 167440
 * ```
 */
export async function play(cli: Cli, request: PlayRequest): Promise<Played> {
  const progress = cli.progress();
  const notable = new NotableWatch();
  const interruption = new Interruption();
  const started = performance.now();
  const total = totalReferences(request);
  try {
    const { live } = request;
    const onRecord = (record: MessageRecord): void => {
      notable.see(record);
      live?.note(record);
    };
    const firstStep = live?.status().state === 'paused' ? { firstStep: 1 } : {};
    const steps = runSteps({ ...request, ...firstStep, onRecord });
    let step = steps.next();
    while (step.done !== true) {
      if (progress.wanted) showRun(progress, { ...step.value, total, started, request });
      await interruption.pause();
      const wish = live === undefined ? undefined : await live.turn(() => interruption.asked);
      step = steps.next(interruption.asked ? 'stop' : wish);
    }
    const outcome = step.value;
    return {
      outcome,
      interrupted: interruption.asked,
      notable: notable.found,
      wallSeconds: (performance.now() - started) / 1000,
      references: statesOfKind(liveStates(outcome.system), 'process').reduce(
        (sum, { context }) => sum + context.counts.references,
        0,
      ),
    };
  } finally {
    progress.end();
    interruption.end();
  }
}

function totalReferences({ topology, traces }: PlayRequest): number {
  return topology.processes.reduce((sum, { pid }) => sum + (traces.get(pid)?.references ?? 0), 0);
}

function showRun(progress: Progress, at: RunProgress & { total: number; started: number; request: PlayRequest }): void {
  const done = doneReferences(liveStates(at.system));
  const seconds = (performance.now() - at.started) / 1000;
  const perSecond = at.request.topology.costs['cyclesPerSecond'] ?? defaultCosts.cyclesPerSecond;
  const text =
    `${formatCount(done)} of ${formatCount(at.total)} references, ${formatCount(at.nextSeq)} events, ` +
    `${formatRate(done / seconds, 'refs')}, virtual time ${formatSeconds(at.nowCycles / perSecond)}`;
  progress.report({ done, total: at.total, text });
}

/** Looks out for an event that the report can point at. */
class NotableWatch {
  #fault: Played['notable'] = null;
  #fallback: Played['notable'] = null;

  get found(): Played['notable'] {
    return this.#fallback ?? this.#fault;
  }

  see({ seq, to, type, payload }: MessageRecord): void {
    if (type === 'FAULT') this.#fault ??= { seq, actor: to };
    else if (type === 'TABLE_DONE' && payload['fallback'] !== '') this.#fallback ??= { seq, actor: to };
  }
}
