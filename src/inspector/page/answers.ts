/** Answers that the page holds: what an event did never changes, so it is asked for once, and what comes next ahead of time. */
import type { Args, RequestName, Result } from '../engine/requests.ts';

/** Answers kept: some hundred steps. */
const KEPT = 512;

/** Requests whose answer follows from the log alone, and is looked at event by event. */
const LASTING: ReadonlySet<RequestName> = new Set<RequestName>(['events', 'event', 'tree', 'causes']);

/** An answer that is there, or on its way. */
interface Kept {
  readonly coming: Promise<unknown>;
  result: { readonly value: unknown } | null;
}

/** Asks; what a link does. */
export type Ask = <N extends RequestName>(name: N, args: Args<N>) => Promise<Result<N>>;

/**
 * Asks, and keeps what lasts.
 *
 * @example
 * ```ts
 * const answers = new Answers();
 * answers.known('runs', {}, ''); // null
 * ```
 */
export class Answers {
  /** The one that was used longest ago comes first. */
  readonly #kept = new Map<string, Kept>();

  /** The answer to a request where it is held; `of` names the state of the log that it is about. */
  known<N extends RequestName>(name: N, args: Args<N>, of: string): Result<N> | null {
    if (!LASTING.has(name)) return null;
    const found = this.#kept.get(keyOf(name, args, of));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- kept under the name of its request
    return (found?.result?.value as Result<N> | undefined) ?? null;
  }

  /** Asks unless the answer is held or on its way. One that failed is asked again. */
  async ask<N extends RequestName>(ask: Ask, name: N, args: Args<N>, of: string): Promise<Result<N>> {
    if (!LASTING.has(name)) return ask(name, args);
    const key = keyOf(name, args, of);
    const kept = this.#kept.get(key) ?? this.#asked(key, ask(name, args));
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- kept under the name of its request
    return kept.coming as Promise<Result<N>>;
  }

  #asked(key: string, coming: Promise<unknown>): Kept {
    const made: Kept = { coming, result: null };
    coming.then(
      (value) => (made.result = { value }),
      () => this.#kept.delete(key),
    );
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < KEPT) break;
      this.#kept.delete(oldest);
    }
    return made;
  }
}

function keyOf(name: string, args: object, of: string): string {
  return `${name} ${of} ${JSON.stringify(args)}`;
}

/**
 * The same question about an event further on; null where it is about none, or the event lies outside of the run.
 *
 * @example
 * ```ts
 * movedOn({ run: 'A', seq: 4 }, 1, { first: 0, last: 9 }); // { run: 'A', seq: 5 }
 * movedOn({ run: 'A', seq: 9 }, 1, { first: 0, last: 9 }); // null
 * movedOn({ run: 'A' }, 1, { first: 0, last: 9 }); // null
 * ```
 */
export function movedOn<A extends object>(
  args: A,
  by: number,
  { first, last }: { readonly first: number; readonly last: number },
): A | null {
  for (const field of ['seq', 'from'] as const) {
    const value = (args as Readonly<Record<string, unknown>>)[field];
    if (typeof value !== 'number') continue;
    const moved = value + by;
    return moved < first || moved > last ? null : { ...args, [field]: moved };
  }
  return null;
}
