/** Logs that were dropped on a page one after another: a fork is joined to the log that it goes on from, whichever came first. */
import type { LogReader } from '../../log/logReader.ts';
import type { Engine } from '../engine/engine.ts';
import type { NamedBytes, RunName } from '../engine/requests.ts';
import { openBytes } from './openBytes.ts';

/** A log as it was dropped, and the traces that lay there. */
export interface Dropped {
  readonly run: RunName;
  readonly log: NamedBytes;
  readonly traces: readonly NamedBytes[];
}

/**
 * Opens dropped logs in an engine.
 *
 * @example
 * ```ts
 * const engine = new Engine();
 * new DroppedLogs(engine).open({ run: 'A', log: { name: 'none.glog', bytes: new Uint8Array(0) }, traces: [] }); // throws LOG_EMPTY
 * ```
 */
export class DroppedLogs {
  readonly #engine: Engine;
  /** Forks whose parent is not there yet. */
  readonly #alone = new Map<RunName, Dropped>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Opens a log, and anew those forks that waited for it.
   *
   * @throws GranuleError as `openBytes`
   */
  open(dropped: Dropped): void {
    this.#openOne(dropped);
    for (const fork of this.#alone.values()) if (fork.run !== dropped.run) this.#openOne(fork);
  }

  #openOne(dropped: Dropped): void {
    const { run, log, traces } = dropped;
    const { reader, meta } = this.#engine.open(openBytes(run, log, traces, (headHash) => this.#find(headHash)));
    if (meta.parent?.holds === 'suffix' && reader.parent === null) this.#alone.set(run, dropped);
    else this.#alone.delete(run);
  }

  #find(headHash: string): LogReader | null {
    return this.#engine.runs().find(({ reader }) => reader.headHash === headHash)?.reader ?? null;
  }
}
