/** Work that Ctrl-C ends in good order. */

/** What shells give a command that Ctrl-C ended: 128 and SIGINT's number. */
export const INTERRUPTED_EXIT = 130;

/** Work goes on for so long before signals and output are let through. */
const SLICE_MS = 50;

/**
 * Listens for SIGINT and SIGTERM until `end()`; the second one kills, as always.
 *
 * @example
 * ```ts
 * const interruption = new Interruption();
 * await interruption.pause();
 * interruption.asked; // false
 * interruption.end();
 * ```
 */
export class Interruption {
  /** A signal came: the work should end. */
  asked = false;
  #sliceEnds = performance.now() + SLICE_MS;
  readonly #ask = (): void => {
    this.asked = true;
  };

  constructor() {
    process.once('SIGINT', this.#ask);
    process.once('SIGTERM', this.#ask);
  }

  /** Lets signals and output through, where that is due. */
  async pause(): Promise<void> {
    if (performance.now() < this.#sliceEnds) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceEnds = performance.now() + SLICE_MS;
  }

  /** Listens no more. */
  end(): void {
    process.off('SIGINT', this.#ask);
    process.off('SIGTERM', this.#ask);
  }
}

/**
 * Does something with each item until there are no more, or until SIGINT or SIGTERM.
 *
 * @returns true when a signal ended it
 * @example
 * ```ts
 * let sum = 0;
 * async function* items() { yield 1; yield 2; }
 * await untilInterrupted(items(), (item) => { sum += item; }); // false
 * sum; // 3
 * ```
 */
export async function untilInterrupted<T>(items: AsyncIterable<T>, work: (item: T) => void): Promise<boolean> {
  const interruption = new Interruption();
  try {
    for await (const item of items) {
      work(item);
      await interruption.pause();
      if (interruption.asked) return true;
    }
    return false;
  } finally {
    interruption.end();
  }
}
