/** Whether a way through a model still shows what was found: by the kind of what was found. */
import type { Discovery, Model, Property } from '../model.ts';
import { GranuleError } from '../../errors.ts';

/** What is seen at the end of a way. */
export interface Verdict {
  readonly fault: string;
  /** The way ends in a circle of so many actions. */
  readonly circleLength?: number;
}

/** Looks at the states of one way from the first on. */
export interface Judge<S> {
  /**
   * @param isEnd nothing can happen any more in this state
   * @returns what was looked for, where the way shows it now
   */
  readonly see: (state: S, isEnd: boolean) => Verdict | null;
}

/** Judges of one discovery. */
export interface Judging<S> {
  /** One for a way that is gone from its first state on. */
  readonly anew: () => Judge<S>;
  /** Whether a state alone decides: a way can then be judged from any place of it on. */
  readonly isLocal: boolean;
}

function ofState<S>(fault: (state: S, isEnd: boolean) => string | null): Judging<S> {
  const see = (state: S, isEnd: boolean): Verdict | null => {
    const found = fault(state, isEnd);
    return found === null ? null : { fault: found };
  };
  return { anew: () => ({ see }), isLocal: true };
}

/** Where a way comes back to a state that it was in. */
class Circle<S> {
  private readonly seen = new Map<number, number>();
  private readonly progress: (number | undefined)[] = [];
  private readonly model: Pick<Model<S, unknown>, 'fingerprint' | 'progress'>;

  constructor(model: Pick<Model<S, unknown>, 'fingerprint' | 'progress'>) {
    this.model = model;
  }

  /** Actions of the circle that a state closes; null where it closes none. */
  closedBy(state: S): number | null {
    const name = this.model.fingerprint(state);
    const before = this.seen.get(name);
    const at = this.progress.length;
    this.progress.push(this.model.progress?.(state));
    this.seen.set(name, at);
    return before === undefined ? null : at - before;
  }

  /** Whether nothing was gained in the last so many actions. */
  standsStill(length: number): boolean {
    const [first, ...others] = this.progress.slice(-length - 1);
    return others.every((each) => each === first);
  }
}

function livelock<S>(model: Model<S, never>): Judging<S> {
  const anew = (): Judge<S> => {
    const circle = new Circle<S>(model);
    const see = (state: S): Verdict | null => {
      const circleLength = circle.closedBy(state);
      if (circleLength === null || !circle.standsStill(circleLength)) return null;
      return { fault: `${circleLength} actions lead back to the same state without progress`, circleLength };
    };
    return { see };
  };
  return { anew, isLocal: false };
}

function eventually<S>(model: Model<S, never>, { fault }: Property<S>): Judging<S> {
  const anew = (): Judge<S> => {
    const circle = new Circle<S>(model);
    let held = false;
    const see = (state: S, isEnd: boolean): Verdict | null => {
      const found = fault(state);
      held ||= found === null;
      const circleLength = circle.closedBy(state);
      if (held || found === null) return null;
      if (circleLength !== null) return { fault: found, circleLength };
      return isEnd ? { fault: found } : null;
    };
    return { see };
  };
  return { anew, isLocal: false };
}

/**
 * How ways are judged for one discovery.
 *
 * @throws GranuleError USAGE where the model has no property of that name
 * @example
 * ```ts
 * const small = { name: 'small', kind: 'always', says: 'below 2', fault: (n: number) => (n < 2 ? null : `it is ${n}`) };
 * const model = { name: 'up', initial: () => [0], actions: () => [1], next: (n) => n + 1, fingerprint: (n) => n, keyOf: String,
 *   ownerOf: String, describe: String, properties: [small] };
 * judgingOf(model, { property: 'small', kind: 'always' }).anew().see(2, false); // { fault: 'it is 2' }
 * ```
 */
export function judgingOf<S, A>(model: Model<S, A>, found: Pick<Discovery, 'property' | 'kind'>): Judging<S> {
  // Actions are not looked at here.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a model of any action will do
  const any = model as unknown as Model<S, never>;
  if (found.kind === 'livelock') return livelock(any);
  const property = model.properties.find(({ name }) => name === found.property);
  if (property === undefined) {
    const names = model.properties.map(({ name }) => name).join(', ');
    throw new GranuleError('USAGE', `${model.name} has no property ${found.property}`, 'shrink', `It has ${names}.`);
  }
  if (found.kind === 'eventually') return eventually(any, property);
  if (found.kind === 'sometimes') return ofState((state) => (property.fault(state) === null ? property.says : null));
  if (found.kind === 'at-end') return ofState((state, isEnd) => (isEnd ? property.fault(state) : null));
  return ofState((state) => property.fault(state));
}
