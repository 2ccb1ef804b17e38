/** Work that Ctrl-C ends in good order. */

/** Work goes on for so long before signals and output are let through. */
const SLICE_MS = 50;

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
  let asked = false;
  const interrupt = (): void => {
    asked = true;
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    let sliceEnds = performance.now() + SLICE_MS;
    for await (const item of items) {
      work(item);
      if (performance.now() >= sliceEnds) {
        await new Promise((resolve) => setImmediate(resolve));
        sliceEnds = performance.now() + SLICE_MS;
      }
      if (asked) return true;
    }
    return false;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
