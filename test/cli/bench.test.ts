import { describe, expect, it } from 'vitest';
import { benchText, runBench } from '../../src/report/bench.ts';
import { atLeast, atMost, median, medianRatio, quantile, type Yardstick } from '../../src/report/yardstick.ts';

const SMALL = {
  repeats: 1,
  warmUpMilliseconds: 0,
  traces: ['true-kernel'],
  messages: 30,
  events: 400,
  jumps: 3,
  accesses: 20,
  textCopies: 1,
  hostile: { bytes: 65_536, accesses: 100, seed: 1 },
};

describe('the benchmark', () => {
  it('measures every yardstick, and says of each whether it holds', async () => {
    const steps: string[] = [];
    const yardsticks = await runBench(SMALL, (step) => steps.push(step));
    expect(steps).toHaveLength(6);
    const names = yardsticks.map(({ name }) => name);
    for (const wanted of [
      /^references\/s with log, true-kernel, 4K$/,
      /^references\/s with log, true-kernel, 64K$/,
      /^TLB-hostile references$/,
      /^messages\/s, delivered and logged, disk$/,
      /^messages\/s, delivered and logged, zone$/,
      /^every wire observed, true-kernel 4K$/,
      /^replay of the whole system/,
      /^replay of mm:200 alone$/,
      /^replay of tlb:1 alone$/,
      /^replay of \d+ events on two workers$/,
      /^checkpoints of [\d,]+ events/,
      /^log of [\d,]+ events opened/,
      /^state of all actors at any of [\d,]+ events, log just opened/,
      /^state of all actors at any of [\d,]+ events, log open for long/,
      /^step back in a log of [\d,]+ events/,
      /^heap while going about/,
      /^log size, mixed-page-sizes/,
      /^growth: events/,
      /^growth: actors/,
      /^growth: processes/,
      /^import of/,
      /^peak memory/,
    ]) {
      expect(names.filter((name) => wanted.test(name)).length, String(wanted)).toBeGreaterThan(0);
    }
    for (const { name, value, reach, holds } of yardsticks) {
      expect(value, name).toBeGreaterThanOrEqual(0);
      const [, sign, limit] = /^(<=|>=) ([\d.]+)$/.exec(reach ?? '') ?? [];
      expect(holds, name).toBe(
        sign === undefined ? null : sign === '<=' ? value <= Number(limit) : value >= Number(limit),
      );
    }
  });

  it('prints what does not hold in capitals', () => {
    const yardstick = (value: number): Yardstick => ({ name: 'a', value, unit: 'ms', ...atMost(value, 50) });
    expect(benchText([yardstick(50), yardstick(51)])).toMatch(/^a +50 +ms +<= 50 +yes\na +51 +ms +<= 50 +NO\n$/m);
  });
});

describe('measures', () => {
  it('hold at their limit and not beyond', () => {
    expect([atMost(1, 1).holds, atMost(1.01, 1).holds, atLeast(1, 1).holds, atLeast(0.99, 1).holds]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it('take the middle, and the value that a share does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(median([5, 1, 100])).toBe(5);
    expect(quantile(hundred, 0.99)).toBe(100);
    expect(quantile(hundred.toReversed(), 0.5)).toBe(51);
  });

  it('leave the first round out', () => {
    let round = 0;
    expect(medianRatio(3, () => [++round === 1 ? 1000 : round, 1])).toBe(3);
  });
});
