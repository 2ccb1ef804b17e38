/** A way that was found, run by the real loop, so that it leaves a log like any other run. */
import { GranuleError } from '../../errors.ts';
import type { LogWriter } from '../../log/logWriter.ts';
import type { RunSource } from '../../mm/runs.ts';
import type { Chooser } from '../../runtime/chooser.ts';
import type { Envelope } from '../../runtime/envelope.ts';
import type { PendingQueue } from '../../runtime/queue.ts';
import type { System } from '../../runtime/system.ts';
import type { Catalogue } from '../../topology/definitions/catalogue.ts';
import { type RunOutcome, runSteps } from '../../topology/run.ts';
import type { Topology } from '../../topology/schema.ts';
import type { Path } from '../model.ts';

/**
 * A topology as explorations run it: whoever is next was chosen, and the clock counts deliveries.
 *
 * @example
 * ```ts
 * exploredTopology(loadTopology('plain-4k')).chooser; // 'explored'
 * ```
 */
export function exploredTopology(topology: Topology): Topology {
  return topology.chooser === 'explored' ? topology : { ...topology, chooser: 'explored' };
}

/** A chooser that follows the keys of a way. */
export interface PathChooser extends Chooser {
  /** Keys that were followed. */
  readonly position: number;
}

/**
 * Delivers what the keys name, `from>to#n`: of the channel the message that n others were sent before. At their end it delivers nothing.
 *
 * @throws GranuleError EXPLORE_PATH_LOST from `next`, where what a key names cannot be delivered
 * @example
 * ```ts
 * followingPath([]).next(new PendingQueue()); // null
 * ```
 */
export function followingPath(keys: readonly string[]): PathChooser {
  const names = new Map<number, string>();
  const carried = new Map<string, number>();
  let position = 0;
  let seen = -1;

  const name = (queue: PendingQueue): void => {
    for (const { id, from, to } of queue.pending()) {
      if (id <= seen) continue;
      seen = id;
      const channel = `${from}>${to}`;
      const number = carried.get(channel) ?? 0;
      carried.set(channel, number + 1);
      names.set(id, `${channel}#${number}`);
    }
  };

  const next = (queue: PendingQueue): Envelope | null => {
    const key = keys[position];
    name(queue);
    if (key === undefined) return null;
    const enabled = queue.enabled();
    const found = enabled.find(({ id }) => names.get(id) === key);
    if (found === undefined) {
      const available = enabled.map(({ id, message }) => `${names.get(id)} ${message.type}`).join(', ');
      const what = `${key} cannot be delivered; what can: ${available === '' ? 'nothing' : available}`;
      throw new GranuleError('EXPLORE_PATH_LOST', what, `step ${position}`);
    }
    position++;
    return found;
  };
  return {
    name: 'path',
    seed: null,
    next,
    get position() {
      return position;
    },
    state: () => [],
    restore: () => undefined,
  };
}

/** What is run along a way. */
export interface PathRequest {
  readonly topology: Topology;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly catalogue?: Catalogue;
  readonly path: Path;
  /** Null: no log is kept. Its header has to be that of the topology as `exploredTopology` gives it. */
  readonly writer: LogWriter | null;
  readonly onSystem?: (system: System) => void;
}

/** How it ended: at the end of the way, or at its last step by an error, which is then what was found. */
export type PathRun =
  | { readonly outcome: RunOutcome; readonly failure: null }
  | { readonly outcome: null; readonly failure: GranuleError };

/**
 * Runs a topology along a way that a search has found. The log that it writes can be replayed, debugged and inspected.
 *
 * @throws GranuleError EXPLORE_PATH_LOST where the way does not fit
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const path = { initial: 0, keys: ['outside>process:1#0'] };
 * runPath({ topology, traces, path, writer: null }).outcome?.records; // 1
 * ```
 */
export function runPath({ topology, path, ...request }: PathRequest): PathRun {
  const chooser = followingPath(path.keys);
  const steps = runSteps({ ...request, topology: exploredTopology(topology), chooser, firstStep: 1 });
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return { outcome: step.value, failure: null };
    }
  } catch (error) {
    if (!(error instanceof GranuleError) || chooser.position < path.keys.length) throw error;
    return { outcome: null, failure: error };
  }
}
