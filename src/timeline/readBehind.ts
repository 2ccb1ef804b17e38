/** Folds, in small pieces while someone steps back, what lies before the checkpoint that they are about to reach. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';

/** Events before a checkpoint is reached going back at which the stretch before it is begun with. */
const NEAR_EVENTS = 160;

/** Less than any index of a checkpoint: -1 stands for the beginning of the log. */
const NO_STRETCH = -2;

/** What folds an actor a little further in a stretch; true once it is done. */
export type FoldSome = (actor: string, checkpointIndex: number) => boolean;

/**
 * Notices steps back towards a checkpoint. At each, one actor is folded a little further in the stretch before, those that are
 * met first going first; otherwise the step over the checkpoint, and the few after it, would each fold a whole stretch.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new ReadBehind(reader, () => true).note(5); // undefined
 * ```
 */
export class ReadBehind {
  readonly #reader: LogReader;
  readonly #foldSome: FoldSome;
  #lastSeq = -1;
  /** The stretch that is folded, and its actors that are not done yet. */
  #checkpointIndex = NO_STRETCH;
  #actors: string[] = [];

  constructor(reader: LogReader, foldSome: FoldSome) {
    this.#reader = reader;
    this.#foldSome = foldSome;
  }

  /** Tells of a seq that was gone to. */
  note(seq: number): void {
    const movedEvents = seq - this.#lastSeq;
    this.#lastSeq = seq;
    if (Math.abs(movedEvents) > NEAR_EVENTS) {
      this.#checkpointIndex = NO_STRETCH;
      this.#actors = [];
    }
    if (movedEvents !== -1) return;
    try {
      this.#plan(seq);
      const [actor] = this.#actors;
      if (actor !== undefined && this.#foldSome(actor, this.#checkpointIndex)) this.#actors.shift();
    } catch (error) {
      // What is damaged there is said to whoever gets there, not here where all is whole.
      if (!(error instanceof GranuleError)) throw error;
      this.#actors = [];
    }
  }

  #plan(seq: number): void {
    const { directory } = this.#reader;
    const index = directory.checkpointAt(seq);
    const checkpoint = directory.checkpoints[index];
    if (checkpoint === undefined || seq - checkpoint.seq > NEAR_EVENTS || this.#checkpointIndex === index - 1) return;
    this.#checkpointIndex = index - 1;
    const met = new Set<string>();
    const from = Math.max(this.#reader.firstSeq, checkpoint.seq - NEAR_EVENTS);
    for (let at = checkpoint.seq; at >= from; at--) met.add(this.#reader.read(at).to);
    this.#actors = [...met];
  }
}
