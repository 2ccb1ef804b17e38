import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placesOf, valueAt, withValue } from '../../src/topology/places.ts';
import { pointsOf } from '../../src/sweep/points.ts';
import { splitVary, variedKeys } from '../../src/sweep/varied.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { refusalOf } from '../support/refusal.ts';

const BASE = parseTopology(
  {
    name: 'two',
    cpus: 2,
    processes: [
      { pid: 100, trace: 'true-kernel', pageSize: '4K' },
      { pid: 200, trace: 'true-kernel', pageSize: '64K' },
    ],
    design: { thp: { sizes: { '64K': 'always' } } },
    messages: [{ to: 'process:100', type: 'STOP', atCycles: 5 }],
  },
  'test',
);

describe('a key', () => {
  const keys: [key: string, places: unknown][] = [
    ['pageCache', [['pageCache']]],
    ['design.untranslatable', [['design', 'untranslatable']]],
    ['costs.walkStep', [['costs', 'walkStep']]],
    ['processes.1.pageSize', [['processes', 1, 'pageSize']]],
    [
      'processes.*.layout',
      [
        ['processes', 0, 'layout'],
        ['processes', 1, 'layout'],
      ],
    ],
    ['processes.pid=200.cpu', [['processes', 1, 'cpu']]],
    ['processes.pageSize=64K.cpu', [['processes', 1, 'cpu']]],
    ['design.thp.sizes.64K', [['design', 'thp', 'sizes', '65536']]],
    ['messages.0.atCycles', [['messages', 0, 'atCycles']]],
  ];
  it.each(keys)('%s means its places', (key, places) => {
    expect(placesOf(BASE, key)).toEqual(places);
  });

  const wrong: [vary: string, message: RegExp][] = [
    ['pagecache=drop-and-re-read', /^SWEEP_KEY_UNKNOWN: .*"pagecache".*--vary pagecache/],
    ['colours.red=1', /^SWEEP_KEY_UNKNOWN: there is no "colours" in the topology; it has name, description/],
    ['costs.walkStairs=1', /^SWEEP_KEY_UNKNOWN: there is no "walkStairs" in costs; it has .*walkStep/],
    ['processes.2.pageSize=4K', /^SWEEP_KEY_UNKNOWN: there is no "2" in processes; it has 2/],
    ['processes.pid=300.pageSize=4K', /^SWEEP_KEY_UNKNOWN: there is no "pid=300" in processes.*pid=100/],
    ['processes.pageSize=4K', /^SWEEP_KEY_UNKNOWN: there is no "pageSize" in processes.*"\*" for all/],
    ['seed.more=1', /^SWEEP_KEY_UNKNOWN: seed has no parts/],
    ['messages.0.pid=1', /^SWEEP_KEY_UNKNOWN: there is no "pid" in messages\.0; it has/],
  ];
  it.each(wrong)('%s is refused', (vary, message) => {
    expect(refusalOf(() => variedKeys(BASE, [vary]))).toMatch(message);
  });
});

describe('a value', () => {
  const values: [vary: string, values: unknown[]][] = [
    ['kernelPageSize=4K,16384', [4096, 16384]],
    ['memory=1G', [2 ** 30]],
    ['design.kpti=true,false', [true, false]],
    ['pageCache=sticky-order', ['sticky-order']],
    ['seed=1..3,7', [1, 2, 3, 7]],
    ['seed=1..8..3', [1, 4, 7]],
    ['costs.walkStep=20', [20]],
    ['name=1,true', ['1', 'true']],
    ['design.thp.sizes.64K=never', ['never']],
  ];
  it.each(values)('%s is taken as the schema takes it', (vary, expected) => {
    const [key] = variedKeys(BASE, [vary]);
    expect(key?.values.map(({ value }) => value)).toEqual(expected);
  });

  it('of a size is in bytes, and the key knows it', () => {
    const keys = variedKeys(BASE, ['processes.0.memlock=64K', 'cpus=64', 'name=64K']);
    expect(keys.map(({ isSize }) => isSize)).toEqual([true, false, false]);
  });

  const wrong: [varies: string[], message: RegExp][] = [
    [['kernelPageSize=8K'], /^SWEEP_VALUE_INVALID: a page size is 4K, 16K or 64K \(--vary kernelPageSize=8K\)/],
    [['cpus=two'], /^SWEEP_VALUE_INVALID: .*number.*cpus=two/],
    [['chooser=never'], /^SWEEP_VALUE_INVALID: .*time-order.*chooser=never/],
    [['processes=1'], /^SWEEP_VALUE_INVALID: .*array.*processes=1/],
    [['seed=1,,2'], /^SWEEP_VALUE_INVALID: a value is empty/],
    [['seed=8..1'], /^SWEEP_VALUE_INVALID: "8\.\.1" is no range.*FROM\.\.TO/],
    [['seed=1..8..0'], /^SWEEP_VALUE_INVALID: .*is no range/],
    [['seed=0..99999999999'], /^SWEEP_VALUE_INVALID: .*is no range/],
    [['kernelPageSize=4K,4096'], /^SWEEP_VALUE_INVALID: 4K says the same/],
    [['seed'], /^USAGE: "seed" is no KEY=VALUES/],
    [['=1'], /^USAGE: "=1" is no KEY=VALUES/],
    [['seed=1', 'seed=2'], /^USAGE: seed and seed both vary seed/],
    [
      ['processes.*.cpu=0', 'processes.pid=200.cpu=1'],
      /^USAGE: processes\.pid=200\.cpu and .* both vary processes\.1\.cpu/,
    ],
  ];
  it.each(wrong)('%j is refused', (varies, message) => {
    expect(refusalOf(() => variedKeys(BASE, varies))).toMatch(message);
  });
});

describe('places and values, for any data', () => {
  const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.nat(2)), { maxLength: 4 });
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.integer(),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', '0'), tie('node')),
      fc.array(tie('node'), { minLength: 3, maxLength: 3 }),
    ),
  })).node;

  it('what was set is there, and nothing was changed in place', () => {
    fc.assert(
      fc.property(tree, steps, fc.string(), (data, place, value) => {
        // A list has no named fields: a place that wants one leads nowhere.
        fc.pre(
          place.every((step, at) => typeof step === 'number' || !Array.isArray(valueAt(data, place.slice(0, at)))),
        );
        const before = JSON.stringify(data);
        expect(valueAt(withValue(data, place, value), place)).toBe(value);
        expect(JSON.stringify(data)).toBe(before);
      }),
    );
  });

  it('a range is what counting gives', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(50), fc.integer({ min: 1, max: 7 }), (from, count, step) => {
        const counted = Array.from({ length: count + 1 }, (_, at) => String(from + at * step));
        expect(splitVary(`seed=${from}..${from + count * step}..${step}`).texts).toEqual(counted);
      }),
    );
  });
});

describe('the product', () => {
  it('has every combination once, the first key slowest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (a, b, c) => {
          const keys = variedKeys(BASE, [`cpus=1..${a}`, `seed=1..${b}`, `costs.walkStep=1..${c}`]);
          const points = pointsOf(BASE, keys);
          const combinations = points.map(({ topology: { cpus, seed, costs } }) => [
            cpus,
            seed,
            costs['walkStep'] ?? 0,
          ]);
          expect(points.map(({ index }) => index)).toEqual([...points.keys()]);
          const inOrder = [...combinations].sort((left, right) => {
            const differing = left.findIndex((value, at) => value !== right[at]);
            return (left[differing] ?? 0) - (right[differing] ?? 0);
          });
          expect(combinations).toEqual(inOrder);
          expect(new Set(combinations.map(String)).size).toBe(a * b * c);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leaves everything else as it was', () => {
    const [point] = pointsOf(BASE, variedKeys(BASE, ['processes.*.pageSize=64K', 'design.thp.sizes.64K=never']));
    const processes = BASE.processes.map((process) => ({ ...process, pageSize: 65536 }));
    const thp = { ...BASE.design.thp, sizes: { 65536: 'never' } };
    expect(point?.topology).toEqual({ ...BASE, processes, design: { ...BASE.design, thp } });
    expect(point?.name).toBe('processes.*.pageSize=64K design.thp.sizes.64K=never');
  });

  it('is refused when it is too large to be meant', () => {
    const keys = variedKeys(BASE, ['seed=1..1000', 'costs.walkStep=1..1000']);
    expect(refusalOf(() => pointsOf(BASE, keys))).toMatch(/^USAGE: 1000000 points/);
  });
});
