/**
 * Streams that are safe to watch. RxJS reports an exception of an observer by a timer, and so ends the process;
 * here it is caught on the spot, noted once per observer, and the run goes on.
 */

import { Observable, type Observer, Subscriber, type Operator, type Subscription } from 'rxjs';

/** Kept at most: a broken observer must not fill the memory of a long run. */
export const MAX_OBSERVER_ERRORS = 100;

/** An exception that an observer threw. */
export interface ObserverError {
  /** Which stream it watched: `messages$`, `mm:1 inbox$`. */
  readonly stream: string;
  readonly error: unknown;
}

type ReportError = (error: ObserverError) => void;

/** An Observable whose observers cannot break the one who feeds it; so are those that `pipe` makes of it. */
class GuardedStream<T> extends Observable<T> {
  readonly #name: string;
  readonly #report: ReportError;

  constructor(name: string, report: ReportError) {
    super();
    this.#name = name;
    this.#report = report;
  }

  /** RxJS builds every piped stream by `lift`: the guard goes with it. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted: Observable<R> = new GuardedStream<R>(this.#name, this.#report);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- RxJS types both fields as if nothing were piped
    lifted.source = this as unknown as Observable<R>;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    lifted.operator = operator as unknown as Operator<unknown, R>;
    return lifted;
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator between this stream and the observer: the observer's own subscribe() has been guarded.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : {
            next: observerOrNext ?? ((): void => undefined),
            ...(error ? { error } : {}),
            ...(complete ? { complete } : {}),
          };
    let isReported = false;
    const report = (thrown: unknown): void => {
      if (!isReported) this.#report({ stream: this.#name, error: thrown });
      isReported = true;
    };
    const guard = (handle: () => void): void => {
      try {
        handle();
      } catch (thrown) {
        report(thrown);
      }
    };
    return super.subscribe({
      // Not by guard: this is done for each message, and a closure for each costs as much as the rest.
      next: (value) => {
        try {
          observer.next?.(value);
        } catch (thrown) {
          report(thrown);
        }
      },
      error: (thrown: unknown) =>
        guard(() => {
          if (observer.error === undefined) throw thrown;
          observer.error(thrown);
        }),
      complete: () => guard(() => observer.complete?.()),
    });
  }
}

/**
 * A stream and the way to feed it. Ask `isWatched` before making what nobody may want.
 *
 * @example
 * ```ts
 * const outlet = new Outlet<number>('numbers', () => undefined);
 * outlet.isWatched; // false
 * ```
 */
export class Outlet<T> {
  readonly stream$: Observable<T>;
  /** Who watches. Another list each time that somebody comes or goes, so that a value reaches those who were there when it came. */
  #watchers: readonly Subscriber<T>[] = [];
  #isComplete = false;

  constructor(name: string, report: ReportError) {
    const stream = new GuardedStream<T>(name, report);
    // Not a Subject, which makes a closure for each value that it hands on.
    stream.source = new Observable((watcher) => this.#join(watcher));
    this.stream$ = stream;
  }

  get isWatched(): boolean {
    return this.#watchers.length > 0;
  }

  #join(watcher: Subscriber<T>): () => void {
    if (this.#isComplete) watcher.complete();
    else this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((other) => other !== watcher);
    };
  }

  next(value: T): void {
    const watchers = this.#watchers;
    for (let at = 0; at < watchers.length; at++) watchers[at].next(value);
  }

  /** Nothing more comes. */
  complete(): void {
    const watchers = this.#watchers;
    this.#isComplete = true;
    this.#watchers = [];
    for (const watcher of watchers) watcher.complete();
  }
}
