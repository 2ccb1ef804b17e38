/** How long answers take, and how a field of a state goes up and down. */
import type { OperatorFunction } from 'rxjs';
import type { MessageRecord } from '../runtime/envelope.ts';
import { stepwise, type Timed } from './stepwise.ts';

/** A request and its answer. */
export interface Latency extends Timed {
  /** That of the answer. */
  readonly seq: number;
  readonly requestSeq: number;
  /** Who asked, and who answered. */
  readonly from: string;
  readonly to: string;
  /** From the delivery of the request to that of the answer. */
  readonly cycles: number;
}

/** How an answer is known as that of a request. */
export interface LatencyPair {
  readonly request: string;
  readonly answer: string;
  /**
   * `request`: both have one `request` number, and each goes from the receiver of the other to its sender. `cause`: the answer
   * was sent while the request was handled.
   */
  readonly by?: 'request' | 'cause';
}

function keyOf(asker: string, answerer: string, { payload }: MessageRecord): string {
  return JSON.stringify([asker, answerer, payload['request']]);
}

/**
 * The time from each request to its answer. A request that gets none gives nothing; one that is asked again with the same
 * number counts from the last time.
 *
 * @example
 * ```ts
 * const record = { cause: -1, from: 'mm:1', to: 'zone', payload: { request: 7 } };
 * const asked = { ...record, seq: 0, timeCycles: 10, type: 'ALLOC' };
 * const given = { ...record, seq: 1, timeCycles: 310, type: 'FRAMES', from: 'zone', to: 'mm:1' };
 * const times: number[] = [];
 * from([asked, given]).pipe(latency({ request: 'ALLOC', answer: 'FRAMES' })).subscribe(({ cycles }) => times.push(cycles));
 * times; // [300]
 * ```
 */
export function latency({ request, answer, by = 'request' }: LatencyPair): OperatorFunction<MessageRecord, Latency> {
  return stepwise(() => {
    const open = new Map<string | number, MessageRecord>();
    const answered = (record: MessageRecord): Latency[] => {
      const key = by === 'cause' ? record.cause : keyOf(record.to, record.from, record);
      const asked = open.get(key);
      if (asked === undefined) return [];
      // Of one cause there may be several answers, of one number there is one.
      if (by === 'request') open.delete(key);
      const { seq, timeCycles, to: from, from: to } = record;
      return [{ seq, requestSeq: asked.seq, timeCycles, from, to, cycles: timeCycles - asked.timeCycles }];
    };
    return {
      next: (record) => {
        const latencies = record.type === answer ? answered(record) : [];
        if (record.type === request)
          open.set(by === 'cause' ? record.seq : keyOf(record.from, record.to, record), record);
        return latencies;
      },
      end: () => [],
    };
  });
}

/** A value at a time. */
export interface Reading<V> extends Timed {
  readonly seq: number;
  readonly value: V;
}

/**
 * A value that is read of each state, where it changed: a field of an actor over time.
 *
 * @example
 * ```ts
 * const states = [4, 4, 9].map((pages, seq) => ({ seq, timeCycles: 100 * seq, context: { pages } }));
 * const seen: unknown[] = [];
 * from(states).pipe(gauge(({ context }) => context.pages)).subscribe(({ timeCycles, value }) => seen.push([timeCycles, value]));
 * seen; // [[0, 4], [200, 9]]
 * ```
 */
export function gauge<S extends Timed & { readonly seq: number }, V>(
  valueOf: (state: S) => V,
): OperatorFunction<S, Reading<V>> {
  return stepwise(() => {
    let last: { readonly value: V } | null = null;
    return {
      next: (state) => {
        const value = valueOf(state);
        if (last !== null && Object.is(last.value, value)) return [];
        last = { value };
        return [{ seq: state.seq, timeCycles: state.timeCycles, value }];
      },
      end: () => [],
    };
  });
}
