/** What `extends` does with two topologies. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../support/propertySeed.ts';
import { mergeForms } from '../../../src/topology/form/merge.ts';

const numberArb = fc.nat(9);
const itemArb = fc.record(
  { pid: fc.constantFrom(1, 2, 3), cpu: numberArb, trace: fc.constantFrom('a', 'b') },
  { requiredKeys: ['pid'] },
);
/** Layers whose fields have one kind each, as those of topologies have. */
const layerArb = fc.record(
  {
    seed: numberArb,
    costs: fc.dictionary(fc.constantFrom('walkStep', 'ipi'), numberArb),
    design: fc.record(
      { kpti: fc.boolean(), thp: fc.record({ enabled: fc.constant('never') }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    ),
    models: fc.array(fc.constantFrom('S-01', 'S-02'), { maxLength: 2 }),
    processes: fc.uniqueArray(itemArb, { selector: ({ pid }) => pid, maxLength: 3 }),
    uses: fc.uniqueArray(fc.constantFrom('./a.mjs', './b.mjs')),
  },
  { requiredKeys: [] },
);

/** The same with nulls in the place of some fields. */
const patchArb = fc.tuple(layerArb, fc.subarray(['seed', 'costs', 'design', 'models'])).map(([layer, gone]) => ({
  ...layer,
  ...Object.fromEntries(gone.map((name) => [name, null])),
}));

describe('laying one topology over another', () => {
  it('merges objects, replaces lists, merges what has an identity, and takes away', () => {
    const base = {
      cpus: 2,
      seed: 3,
      models: ['S-01'],
      costs: { walkStep: 10 },
      processes: [{ pid: 1, cpu: 0, children: [2, 3] }, { pid: 2 }, { pid: 3 }],
      files: [{ path: '/a', size: '4K' }],
      selection: { images: [{ path: '/bin/a', size: 1 }] },
    };
    const patch = {
      seed: null,
      models: ['S-02'],
      costs: { ipi: 1 },
      processes: [{ pid: 1, cpu: null, children: [3] }, { pid: 2, $remove: true }, { trace: 'new' }],
      files: [
        { path: '/a', cached: true },
        { path: '/b', size: 0 },
      ],
      selection: { images: [{ path: '/bin/a', note: '64K' }] },
    };
    expect(mergeForms(base, patch)).toEqual({
      cpus: 2,
      models: ['S-02'],
      costs: { walkStep: 10, ipi: 1 },
      processes: [{ pid: 1, children: [3] }, { pid: 3 }, { trace: 'new' }],
      files: [
        { path: '/a', size: '4K', cached: true },
        { path: '/b', size: 0 },
      ],
      selection: { images: [{ path: '/bin/a', size: 1, note: '64K' }] },
    });
  });

  it('keeps what one text names twice, for the checks to refuse', () => {
    const twice = {
      processes: [
        { pid: 1, cpu: 0 },
        { pid: 1, trace: 'a' },
      ],
    };
    expect(mergeForms({}, twice)).toEqual(twice);
    const base = { processes: [{ pid: 1, seed: 1 }] };
    expect(mergeForms(base, twice)).toEqual({
      processes: [
        { pid: 1, seed: 1, cpu: 0 },
        { pid: 1, trace: 'a' },
      ],
    });
  });

  it('of nothing is the base, and over nothing is what is laid', () => {
    fc.assert(
      fc.property(layerArb, (layer) => {
        expect(mergeForms(layer, {})).toEqual(layer);
        expect(mergeForms({}, layer)).toEqual(layer);
      }),
    );
  });

  it('is associative', () => {
    fc.assert(
      fc.property(layerArb, layerArb, layerArb, (a, b, c) => {
        expect(mergeForms(mergeForms(a, b), c)).toEqual(mergeForms(a, mergeForms(b, c)));
      }),
    );
  });

  it('done twice is done once, and changes nothing that it is given', () => {
    fc.assert(
      fc.property(layerArb, patchArb, (base, patch) => {
        const before = JSON.stringify([base, patch]);
        const once = mergeForms(base, patch);
        expect(mergeForms(once, patch)).toEqual(once);
        expect(JSON.stringify([base, patch])).toBe(before);
      }),
    );
  });

  it('leaves no null, and every field that the base has alone', () => {
    fc.assert(
      fc.property(layerArb, patchArb, (base, patch) => {
        const merged = mergeForms(base, patch) as Record<string, unknown>;
        expect(Object.values(merged)).not.toContain(null);
        for (const [name, value] of Object.entries(base)) if (!(name in patch)) expect(merged[name]).toEqual(value);
      }),
    );
  });
});
