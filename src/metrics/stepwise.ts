/** Operators that go from record to record: what each metric is made with. */
import {
  from,
  materialize,
  mergeMap,
  type ObservableNotification,
  type OperatorFunction,
  scan,
  throwError,
} from 'rxjs';

/** Anything that happened at a virtual time: records of messages, states of actors. */
export interface Timed {
  readonly timeCycles: number;
}

/** What an operator does with each value, and at the end of its source. What it gives goes out at once. */
export interface Steps<T, R> {
  readonly next: (value: T) => readonly R[];
  readonly end: () => readonly R[];
}

interface Running<T, R> {
  readonly steps: Steps<T, R>;
  readonly out: readonly R[];
  readonly failed: { readonly error: unknown } | null;
}

function taken<T, R>(steps: Steps<T, R>, notification: ObservableNotification<T>): Running<T, R> {
  switch (notification.kind) {
    case 'N':
      return { steps, out: steps.next(notification.value), failed: null };
    case 'C':
      return { steps, out: steps.end(), failed: null };
    default:
      return { steps, out: [], failed: { error: notification.error } };
  }
}

/**
 * An operator with a state of its own for each who subscribes. It is put together from RxJS's own operators alone, so that the
 * streams of a system stay guarded behind it: what an observer throws reaches `observerErrors`, and not the run.
 *
 * @example
 * ```ts
 * const sums = stepwise<number, number>(() => {
 *   let sum = 0;
 *   return { next: (value) => [(sum += value)], end: () => [] };
 * });
 * const seen: number[] = [];
 * from([1, 2, 3]).pipe(sums).subscribe((sum) => seen.push(sum));
 * seen; // [1, 3, 6]
 * ```
 */
export function stepwise<T, R>(start: () => Steps<T, R>): OperatorFunction<T, R> {
  return (source) =>
    source.pipe(
      materialize(),
      scan<ObservableNotification<T>, Running<T, R> | null>(
        (running, notification) => taken(running?.steps ?? start(), notification),
        null,
      ),
      mergeMap((running) => {
        if (running?.failed !== null && running?.failed !== undefined) {
          const { error } = running.failed;
          return throwError(() => error);
        }
        return from(running?.out ?? []);
      }),
    );
}
