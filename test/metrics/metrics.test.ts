/** The metric operators, on made streams and on those of a run. */
import fc from 'fast-check';
import { from, type OperatorFunction, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { MmContext } from '../../machines/index.ts';
import { countBy, histogram, quantiles } from '../../src/metrics/counts.ts';
import { gauge, latency, type Latency } from '../../src/metrics/latency.ts';
import { type EventWindow, rate, windowed, type WindowSize } from '../../src/metrics/windows.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { runTopology } from '../../src/topology/run.ts';
import { faultyRun, heldRun, recordsOf } from '../wires/held.ts';

/** What an operator gives for a made stream. */
function through<T, R>(values: readonly T[], operator: OperatorFunction<T, R>): R[] {
  const out: R[] = [];
  from(values)
    .pipe(operator)
    .subscribe((value) => out.push(value));
  return out;
}

const at = (...times: number[]): { timeCycles: number }[] => times.map((timeCycles) => ({ timeCycles }));
const timesIn = (windows: readonly EventWindow<{ timeCycles: number }>[]): (readonly number[])[] =>
  windows.map(({ events }) => events.map(({ timeCycles }) => timeCycles));

describe('windowed', () => {
  const times = [0, 4, 9, 10, 31];

  it.each<[string, WindowSize, number[][]]>([
    ['side by side', { cycles: 10 }, [[0, 4, 9], [10], [], [31]]],
    ['sliding', { cycles: 10, everyCycles: 5 }, [[0, 4, 9], [9, 10], [10], [], [], [31], [31]]],
    ['with gaps', { cycles: 5, everyCycles: 10 }, [[0, 4], [10], [], [31]]],
    ['by events', { events: 2 }, [[0, 4], [9, 10], [31]]],
    [
      'by events, sliding',
      { events: 3, everyEvents: 1 },
      [
        [0, 4, 9],
        [4, 9, 10],
        [9, 10, 31],
      ],
    ],
    ['by events, with gaps', { events: 1, everyEvents: 2 }, [[0], [9], [31]]],
  ])('divides by time and by number: %s', (_, size, expected) => {
    expect(timesIn(through(at(...times), windowed(size)))).toEqual(expected);
  });

  it('loses no event and counts none twice, side by side', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300)), fc.integer({ min: 1, max: 40 }), fc.boolean(), (gaps, width, isByEvents) => {
        let now = 0;
        const events = at(...gaps.map((gap) => (now += gap)));
        const size = isByEvents ? { events: width } : { cycles: width };
        const windows = through(events, windowed(size));
        expect(windows.flatMap((window) => window.events)).toEqual(events);
        for (const { fromCycles, toCycles, events: own } of windows) {
          for (const { timeCycles } of own) expect(timeCycles >= fromCycles && timeCycles < toCycles).toBe(true);
        }
      }),
    );
  });

  it('begins anew for each who subscribes, hands errors on, and refuses widths that are none', () => {
    const windows = from(at(1, 12)).pipe(windowed({ cycles: 10 }));
    for (let subscriber = 0; subscriber < 2; subscriber++) {
      const counts: number[] = [];
      windows.subscribe(({ events }) => counts.push(events.length));
      expect(counts).toEqual([1, 1]);
    }
    const errors: unknown[] = [];
    throwError(() => 'broken')
      .pipe(windowed({ events: 1 }))
      .subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual(['broken']);
    for (const size of [{ cycles: 0 }, { events: 1.5 }, { cycles: 5, everyCycles: -1 }, { events: 5, everyEvents: 0 }])
      expect(() => windowed(size)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('rate', () => {
  it('counts in windows, empty ones too', () => {
    const rates = through(at(1, 2, 35), rate({ windowCycles: 10, perCycles: 100 }));
    expect(rates.map(({ count, rate: value }) => [count, value])).toEqual([
      [2, 20],
      [0, 0],
      [0, 0],
      [1, 10],
    ]);
  });
});

describe('countBy, histogram and quantiles', () => {
  it('count everything once', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 ** 40 })), fc.integer({ min: 1, max: 1000 }), (values, width) => {
        for (const buckets of [{ width }, 'log2'] as const) {
          const [found = []] = through(
            values,
            histogram((value) => value, buckets),
          );
          for (const { from: low, to, count } of found) {
            expect(values.filter((value) => value >= low && value < to)).toHaveLength(count);
          }
          expect(found.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
        }
        const [counts] = through(
          values,
          countBy((value) => String(value % 7)),
        );
        expect([...(counts?.values() ?? [])].reduce((sum, count) => sum + count, 0)).toBe(values.length);
      }),
    );
  });

  it('put powers of two into buckets of their own', () => {
    const powers = Array.from({ length: 52 }, (_, power) => 2 ** power);
    const [buckets = []] = through(
      [0, 0.5, ...powers],
      histogram((value) => value, 'log2'),
    );
    expect(buckets[0]).toEqual({ from: 0, to: 1, count: 2 });
    expect(buckets.slice(1)).toEqual(powers.map((low) => ({ from: low, to: 2 * low, count: 1 })));
    expect(
      through(
        [-7, -1, 1],
        histogram((value) => value, { width: 5 }),
      ),
    ).toEqual([
      [
        { from: -10, to: -5, count: 1 },
        { from: -5, to: 0, count: 1 },
        { from: 0, to: 5, count: 1 },
      ],
    ]);
  });

  it('give the least value that a share does not exceed', () => {
    const values = fc.array(fc.nat(100), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 100 }), (list, percent) => {
        const events = list.map((value, timeCycles) => ({ value, timeCycles }));
        const [found] = through(
          events,
          quantiles(({ value }) => value, [percent / 100], { events: list.length }),
        );
        const quantile = found?.values[0] ?? -1;
        expect(list.filter((value) => value <= quantile).length * 100).toBeGreaterThanOrEqual(percent * list.length);
        const below = list.filter((value) => value < quantile).length;
        expect(below * 100 < percent * list.length || below === 0).toBe(true);
      }),
    );
    const empty = through(
      at(0, 25),
      quantiles(({ timeCycles }) => timeCycles, [0.5], { cycles: 10 }),
    );
    expect(empty.map(({ values: [value] }) => value)).toEqual([0, null, 25]);
  });

  it('refuse what they cannot count', () => {
    const usage = expect.objectContaining({ code: 'USAGE' }) as unknown;
    expect(() => histogram(() => 1, { width: 0 })).toThrow(usage);
    expect(() => quantiles(() => 1, [2], { events: 1 })).toThrow(usage);
    const errors: unknown[] = [];
    const negative = from([-1]).pipe(histogram((value) => value, 'log2'));
    negative.subscribe({ error: (error) => errors.push(error) });
    expect(errors).toEqual([usage]);
  });
});

describe('on a run', () => {
  const run = faultyRun([]);
  const records = recordsOf(heldRun(run));

  it('latency pairs requests with answers by number, and by cause', () => {
    const allocations = through(records, latency({ request: 'ALLOC', answer: 'FRAMES' }));
    const asked = records.filter(({ type }) => type === 'ALLOC');
    expect(allocations).toHaveLength(asked.length);
    for (const { requestSeq, seq, from: asker, to, cycles } of allocations) {
      const [request, answer] = [records[requestSeq], records[seq]];
      expect([request?.from, request?.to, answer?.payload['request']]).toEqual([
        asker,
        to,
        request?.payload['request'],
      ]);
      expect(cycles).toBe((answer?.timeCycles ?? 0) - (request?.timeCycles ?? 0));
    }
    const flushes = through(records, latency({ request: 'TLBI', answer: 'TLBI_DONE', by: 'cause' }));
    expect(flushes).toHaveLength(records.filter(({ type }) => type === 'TLBI').length);
    expect(flushes.every(({ cycles }) => cycles > 0)).toBe(true);
  });

  it('say while it runs what they say of its records, and change nothing', () => {
    const times: Latency[] = [];
    const counts: ReadonlyMap<string, number>[] = [];
    const resident: number[] = [];
    const kept: MessageRecord[] = [];
    runTopology({
      ...run,
      writer: null,
      onRecord: (record) => kept.push(record),
      onSystem: (system) => {
        system.messages$.pipe(latency({ request: 'ALLOC', answer: 'FRAMES' })).subscribe((value) => times.push(value));
        system.messages$.pipe(countBy(({ type }) => type)).subscribe((value) => counts.push(value));
        const pages = gauge((state: { context: unknown; seq: number; timeCycles: number }) => {
          return (state.context as MmContext).rssAnonPages;
        });
        system
          .state$('mm:1')
          .pipe(pages)
          .subscribe(({ value }) => resident.push(value));
        system.messages$
          .pipe(
            countBy(() => {
              throw new Error('broken');
            }),
          )
          .subscribe();
      },
    });
    expect(kept).toEqual(records);
    expect(times).toEqual(through(records, latency({ request: 'ALLOC', answer: 'FRAMES' })));
    expect(counts).toEqual(
      through(
        records,
        countBy(({ type }) => type),
      ),
    );
    expect(Math.max(...resident)).toBeGreaterThan(16);
    for (const [index, value] of resident.entries()) expect(value).not.toBe(resident[index + 1]);
  });
});
