/** Answers the page: one object over the runs that are open, in Node behind HTTP, in a browser inside a worker, in tests directly. */
import { GranuleError } from '../../errors.ts';
import { valueText } from '../../report/actorStates.ts';
import { stateValueOf } from '../../runtime/xstateAdapter.ts';
import { causesOf, eventOf, eventsOf } from './events.ts';
import { memoryOf } from './memory/memoryOf.ts';
import { metricsAt, sampleSeqs } from './metrics.ts';
import { OpenRun, type RunToOpen } from './openRun.ts';
import type { Args, AskFailed, RequestName, Result, RunName } from './requests.ts';
import { changeFound, treeLevel } from './stateTree.ts';
import { actorMapOf } from './views/actorMap.ts';
import { alignedSeq } from './views/alignSeqs.ts';
import { chartNow, chartOf } from './views/chart.ts';
import { choicesHere } from './views/choices.ts';
import { comparisonOf } from './views/compare.ts';
import { forkAndOpen, settingsNow } from './views/fork.ts';
import { inFlightOf } from './views/inFlight.ts';
import { searchPage } from './views/search.ts';
import { densityOf, kindDensityOf, tileOf } from './tiles.ts';

/** Who answers a request. */
export type Handler<N extends RequestName> = (engine: Engine, args: Args<N>) => Result<N>;

/** Every request and who answers it. */
const HANDLERS: { readonly [N in RequestName]: Handler<N> } = {
  runs: (engine) => engine.runs().map((run) => run.info()),
  // Whoever drives a run answers this before the engine is asked.
  live: () => null,
  density: (engine, { run, lanes }) => densityOf(engine.run(run), lanes),
  kindDensity: (engine, { run, kinds }) => kindDensityOf(engine.run(run), kinds),
  tile: (engine, { run, segment }) => tileOf(engine.run(run), segment),
  events: (engine, args) => eventsOf(engine.run(args.run), args),
  event: (engine, { run, seq }) => eventOf(engine.run(run), seq),
  seqAtTime: (engine, { run, timeCycles }) => engine.run(run).reader.seqAtTime(timeCycles),
  tree: (engine, args) => treeLevel(engine.run(args.run), args, engine.run(args.againstRun ?? args.run)),
  values: (engine, { run, seq, actors }) => {
    const { view } = engine.run(run);
    return actors.map((actor) => valueText(stateValueOf(view.snapshot(actor, seq))));
  },
  lastChange: (engine, args) => changeFound(engine.run(args.run), args),
  memory: (engine, args) => memoryOf(engine.run(args.run), args),
  sampleSeqs: (engine, args) => sampleSeqs(engine.run(args.run), args),
  metrics: (engine, args) => metricsAt(engine.run(args.run), args),
  causes: (engine, args) => causesOf(engine.run(args.run), args),
  actorMap: (engine, args) => actorMapOf(engine.run(args.run), args),
  inFlight: (engine, args) => inFlightOf(engine.run(args.run), args),
  chart: (engine, args) => chartOf(engine.run(args.run), args),
  chartNow: (engine, args) => chartNow(engine.run(args.run), args),
  search: (engine, args) => searchPage(engine.run(args.run), args),
  fork: (engine, args) => forkAndOpen(engine, args),
  choices: (engine, args) => choicesHere(engine.run(args.run), args),
  settings: (engine, args) => settingsNow(engine.run(args.run), args),
  compare: (engine, { a, b, figures }) => comparisonOf(engine.run(a), engine.run(b), figures),
  align: (engine, { a, b, seq }) => alignedSeq(engine.run(a), engine.run(b), seq),
};

/**
 * The runs that are open, and the answers to what the page asks of them.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const engine = new Engine();
 * engine.open({ run: 'A', name: 'made', reader, traces });
 * engine.ask('event', { run: 'A', seq: 0 }).record.type; // 'START'
 * ```
 */
export class Engine {
  readonly #runs = new Map<RunName, OpenRun>();

  /**
   * Opens a run under its name; one that was open under that name is let go.
   *
   * @throws GranuleError LOG_NOT_A_LOG, TOPOLOGY_INVALID
   */
  open(toOpen: RunToOpen): OpenRun {
    const run = new OpenRun(toOpen);
    this.#runs.set(run.run, run);
    return run;
  }

  /** The open runs, in the order in which they were opened. */
  runs(): readonly OpenRun[] {
    return [...this.#runs.values()];
  }

  /** @throws GranuleError USAGE */
  run(name: RunName): OpenRun {
    const run = this.#runs.get(name);
    if (run !== undefined) return run;
    throw new GranuleError('USAGE', `no run ${name} is open`, 'inspector', 'Open its log.');
  }

  /**
   * Answers a request.
   *
   * @throws GranuleError USAGE for a request that there is not; and the codes of what is asked
   */
  ask<N extends RequestName>(name: N, args: Args<N>): Result<N> {
    if (!Object.hasOwn(HANDLERS, name)) throw new GranuleError('USAGE', `there is no request "${name}"`, 'inspector');
    return HANDLERS[name](this, args);
  }
}

/**
 * An error as the page is told of it.
 *
 * @example
 * ```ts
 * failureOf(new GranuleError('USAGE', 'no run B is open')).code; // 'USAGE'
 * ```
 */
export function failureOf(error: unknown): AskFailed {
  if (!(error instanceof GranuleError)) {
    return { code: 'INVARIANT', message: String(error), where: 'inspector', next: '' };
  }
  return { code: error.code, message: error.message, where: error.where, next: error.next };
}
