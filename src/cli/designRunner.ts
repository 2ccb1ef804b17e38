/** Running designs on traces by path: what the main thread and the workers of `granule compare-designs` have in common. */
import { GranuleError } from '../errors.ts';
import type { ComparedDesign, DesignSetting } from '../report/designs/designList.ts';
import { type DesignFigures, runDesign } from '../report/designs/runDesign.ts';
import { TraceShelf } from '../topology/load.node.ts';

/** Programs are laid out for this page size in every design. */
const LAYOUT_BYTES = 65536;

/** One run to do. */
export interface DesignTask {
  path: string;
  design: ComparedDesign;
}

/** What came of it. An error is told by its parts, since a thread cannot hand over its class. */
export type DesignAnswer =
  | { figures: DesignFigures; error: null }
  | { figures: null; error: { code: string; what: string; where: string; next: string } };

/**
 * Runs designs, and keeps the traces that it has opened.
 *
 * @example
 * ```ts
 * const runner = new DesignRunner({ core: 'cortex-a76', memoryBytes: 2 ** 31, kernelPageEvery: null, cache: 'cold' });
 * const [design] = designsOf();
 * runner.answer({ path: 'fixtures/traces/true-kernel.gtr', design }).figures?.end; // 'exited'
 * ```
 */
export class DesignRunner {
  readonly #setting: DesignSetting;
  readonly #shelf = new TraceShelf();

  constructor(setting: DesignSetting) {
    this.#setting = setting;
  }

  /** Plays a task to its end. */
  answer({ path, design }: DesignTask): DesignAnswer {
    try {
      return { figures: runDesign(this.#shelf.open(path, LAYOUT_BYTES), design, this.#setting), error: null };
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      const { code, message: what, where, next } = error;
      return { figures: null, error: { code, what, where: `${where}, ${design.name}`, next } };
    }
  }
}
