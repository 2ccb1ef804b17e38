/** A run forked in memory, and opened beside the one that it leaves. */
import { defaultCosts } from '../../../arch/costs.ts';
import { formatCount } from '../../../report/format.ts';
import { forkRun } from '../../../timeline/forkRun.ts';
import type { ForkChange } from '../../../timeline/forkPlan.ts';
import { changeableSettings } from '../../../timeline/settings.ts';
import type { Engine } from '../engine.ts';
import type { OpenRun, RunToOpen } from '../openRun.ts';
import type { RunInfo, RunName } from '../requests.ts';

/** What is to be forked. */
export interface ForkAsked {
  readonly run: RunName;
  /** The last event that both share. */
  readonly at: number;
  readonly changes: readonly ForkChange[];
}

/** A setting that a fork can change, with what it is now. */
export interface SettingNow {
  readonly key: string;
  readonly says: string;
  /** As JSON; null where the key names several fields. */
  readonly value: string | null;
}

/** The first letter under which no run is open. */
function freeName(engine: Engine): RunName {
  const taken = new Set(engine.runs().map(({ run }) => run));
  for (let code = 65; code < 91; code++) {
    const name = String.fromCharCode(code);
    if (!taken.has(name)) return name;
  }
  return 'Z';
}

/**
 * What a fork of an open run is opened with: it is played to its end first.
 *
 * @throws GranuleError FORK_CHANGE, FORK_SETTING, SEQ_OUT_OF_RANGE, TRACE_MISSING; RUN_LIMIT, ACTOR_THREW, LAW_BROKEN
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * forkToOpen(run, 'B', { run: 'A', at: 9, changes: [] }).name; // 'made, fork at 9'
 * ```
 */
export function forkToOpen(run: OpenRun, name: RunName, { at, changes }: ForkAsked): RunToOpen {
  const { log, traces } = forkRun(run.view.run.reader, run.traces, { at, edits: changes });
  return { run: name, name: `${run.name}, fork at ${formatCount(at)}`, reader: log, traces };
}

/**
 * Forks a run and opens the fork under the next free letter.
 *
 * @throws GranuleError as `forkToOpen`
 * @example
 * ```ts
 * forkAndOpen(new Engine(), { run: 'A', at: 0, changes: [] }); // throws USAGE
 * ```
 */
export function forkAndOpen(engine: Engine, asked: ForkAsked): RunInfo {
  return engine.open(forkToOpen(engine.run(asked.run), freeName(engine), asked)).info();
}

function valueOf(topology: object, key: string): unknown {
  return key.split('.').reduce<unknown>((value, step) => {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
  }, topology);
}

/**
 * The settings that a fork of a run can change behind an event, and what they are there; those of the cost model one by one.
 *
 * @throws GranuleError TRACE_MISSING
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * settingsNow(run, { run: 'A', seq: 0 }).some(({ key }) => key === 'costs.diskLatency'); // true
 * ```
 */
export function settingsNow(run: OpenRun, { seq }: { readonly run: string; readonly seq: number }): SettingNow[] {
  const topology = run.view.run.interventions.topologyAt(seq + 1);
  return changeableSettings.flatMap(({ key, says }): SettingNow[] => {
    if (!key.includes('*')) return [{ key, says, value: JSON.stringify(valueOf(topology, key)) ?? null }];
    if (key !== 'costs.*') return [{ key, says, value: null }];
    return Object.entries({ ...defaultCosts, ...topology.costs }).map(([name, value]) => {
      return { key: `costs.${name}`, says: `${says}: ${name}`, value: JSON.stringify(value) };
    });
  });
}
