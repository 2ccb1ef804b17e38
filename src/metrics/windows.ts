/** Windows over a stream of events: by virtual time or by number, side by side or sliding. */
import { map, type OperatorFunction } from 'rxjs';
import { GranuleError } from '../errors.ts';
import { type Steps, stepwise, type Timed } from './stepwise.ts';

/** Events that belong together. */
export interface EventWindow<T> {
  readonly fromCycles: number;
  /** The window ends before this. */
  readonly toCycles: number;
  readonly events: readonly T[];
}

/**
 * How wide windows are: so many cycles, beginning at every multiple of `everyCycles` (of `cycles` unless given: side by side);
 * or so many events, of which a new one begins every `everyEvents`.
 */
export type WindowSize =
  | { readonly cycles: number; readonly everyCycles?: number; readonly events?: never }
  | { readonly events: number; readonly everyEvents?: number; readonly cycles?: never };

function checkWidth(name: string, width: number): void {
  if (!Number.isSafeInteger(width) || width < 1)
    throw new GranuleError('USAGE', `${name} of a window is a whole number from 1, and is not ${width}`);
}

/** Windows of virtual time: one that has ended goes out, an empty one too, for nothing is a measure as well. */
function byCycles<T extends Timed>(cycles: number, everyCycles: number): Steps<T, EventWindow<T>> {
  let held: T[] = [];
  let fromCycles = 0;
  let lastCycles: number | null = null;
  const closed = (): EventWindow<T> => {
    const toCycles = fromCycles + cycles;
    const events = held.filter(({ timeCycles }) => timeCycles >= fromCycles && timeCycles < toCycles);
    const window = { fromCycles, toCycles, events };
    fromCycles += everyCycles;
    held = held.filter(({ timeCycles }) => timeCycles >= fromCycles);
    return window;
  };
  return {
    next: (event) => {
      const windows: EventWindow<T>[] = [];
      while (event.timeCycles >= fromCycles + cycles) windows.push(closed());
      held.push(event);
      lastCycles = event.timeCycles;
      return windows;
    },
    // The last one ends with the stream, not with its time.
    end: () => {
      if (lastCycles === null) return [];
      const count = Math.max(0, Math.floor((lastCycles - fromCycles) / everyCycles) + 1);
      return Array.from({ length: count }, closed);
    },
  };
}

function byEvents<T extends Timed>(events: number, everyEvents: number): Steps<T, EventWindow<T>> {
  let held: T[] = [];
  /** Events to let go by before the next window begins. */
  let skipped = 0;
  const windowOf = (own: readonly T[]): EventWindow<T> => {
    const [first] = own;
    const last = own.at(-1);
    return { fromCycles: first?.timeCycles ?? 0, toCycles: (last?.timeCycles ?? 0) + 1, events: own };
  };
  return {
    next: (event) => {
      if (skipped > 0) {
        skipped--;
        return [];
      }
      held.push(event);
      if (held.length < events) return [];
      const window = windowOf(held);
      skipped = Math.max(0, everyEvents - events);
      held = held.slice(everyEvents);
      return [window];
    },
    // Side by side, what is left is a window too; of sliding ones all but the last few events have been in one.
    end: () => (everyEvents >= events && held.length > 0 ? [windowOf(held)] : []),
  };
}

/**
 * Divides a stream into windows. One by cycles goes out at the first event behind it, the last at the end of the stream.
 *
 * @throws GranuleError USAGE for a width that is none
 * @example
 * ```ts
 * const events = [5, 12, 31].map((timeCycles) => ({ timeCycles }));
 * const counts: number[] = [];
 * from(events).pipe(windowed({ cycles: 10 })).subscribe((window) => counts.push(window.events.length));
 * counts; // [1, 1, 0, 1]
 * ```
 */
export function windowed<T extends Timed>(size: WindowSize): OperatorFunction<T, EventWindow<T>> {
  if (size.cycles === undefined) {
    const { events, everyEvents = events } = size;
    checkWidth('events', events);
    checkWidth('everyEvents', everyEvents);
    return stepwise(() => byEvents<T>(events, everyEvents));
  }
  const { cycles, everyCycles = cycles } = size;
  checkWidth('cycles', cycles);
  checkWidth('everyCycles', everyCycles);
  return stepwise(() => byCycles<T>(cycles, everyCycles));
}

/** How many events there were in a window. */
export interface Rate {
  readonly fromCycles: number;
  readonly toCycles: number;
  readonly count: number;
  /** Events in `perCycles`. */
  readonly rate: number;
}

/**
 * Events in each window of virtual time.
 *
 * @param size `perCycles`: the time that the rate is of, 1 unless given
 * @throws GranuleError USAGE for a width that is none
 * @example
 * ```ts
 * const faults = [5, 12, 13].map((timeCycles) => ({ timeCycles }));
 * const rates: number[] = [];
 * from(faults).pipe(rate({ windowCycles: 10, perCycles: 1000 })).subscribe((window) => rates.push(window.rate));
 * rates; // [100, 200]
 * ```
 */
export function rate<T extends Timed>(size: {
  readonly windowCycles: number;
  readonly everyCycles?: number;
  readonly perCycles?: number;
}): OperatorFunction<T, Rate> {
  const { windowCycles: cycles, everyCycles, perCycles = 1 } = size;
  const windows = windowed<T>({ cycles, ...(everyCycles === undefined ? {} : { everyCycles }) });
  return (source) =>
    source.pipe(
      windows,
      map(({ fromCycles, toCycles, events }) => {
        const count = events.length;
        return { fromCycles, toCycles, count, rate: (count * perCycles) / cycles };
      }),
    );
}
