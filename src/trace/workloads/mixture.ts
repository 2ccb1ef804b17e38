/** Several streams of steps made into one. */
import { invariant } from '../../errors.ts';
import type { TraceStep } from '../memoryTrace.ts';

/** A stream that takes turns with others. */
export interface Streamed {
  share: number;
  steps: Iterable<TraceStep>;
}

interface Running {
  share: number;
  steps: Iterator<TraceStep>;
  /** What it has saved up: who has most is next. */
  credit: number;
}

/**
 * Takes turns of `sliceAccesses` accesses to data, as often as the shares say and as evenly (smooth weighted round robin, as
 * nginx chooses its servers: 3 against 1 is a, a, b, a). Who is at its end takes no more turns, and the others go on.
 *
 * @example
 * ```ts
 * const stream = (addr: number): TraceStep[] => Array.from({ length: 4 }, () => ({ access: 'R', addr }));
 * const mixed = interleaved([{ share: 3, steps: stream(1) }, { share: 1, steps: stream(2) }], 1);
 * [...mixed].map((step) => 'addr' in step && step.addr); // [1, 1, 2, 1, 1, 2, 2, 2]
 * ```
 */
export function* interleaved(parts: readonly Streamed[], sliceAccesses: number): Generator<TraceStep> {
  let running = parts.map(({ share, steps }): Running => ({ share, steps: steps[Symbol.iterator](), credit: 0 }));
  while (running.length > 0) {
    const sum = running.reduce((shares, { share }) => shares + share, 0);
    for (const part of running) part.credit += part.share;
    const next = running.reduce((most, part) => (part.credit > most.credit ? part : most));
    next.credit -= sum;
    if (yield* turn(next.steps, sliceAccesses)) running = running.filter((part) => part !== next);
  }
}

/** Comes back with true at the end of the stream. */
function* turn(steps: Iterator<TraceStep>, sliceAccesses: number): Generator<TraceStep, boolean> {
  invariant(sliceAccesses >= 1, 'a turn is an access at least');
  for (let accesses = 0; accesses < sliceAccesses; ) {
    const step = steps.next();
    if (step.done === true) return true;
    if ('access' in step.value && step.value.access !== 'X') accesses += 1;
    yield step.value;
  }
  return false;
}
