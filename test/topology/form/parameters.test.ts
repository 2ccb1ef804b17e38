/** Parameters: declared, set, put in, and what is wrong with them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../support/propertySeed.ts';
import { run } from '../../../src/library/run.ts';
import { defineTopology } from '../../../src/topology/definitions/defineTopology.ts';
import { putParametersIn } from '../../../src/topology/form/parameters.ts';

const put = (form: unknown, set: Record<string, string> = {}) => putParametersIn(form, new Map(Object.entries(set)));
const codes = (form: unknown, set: Record<string, string> = {}) =>
  put(form, set).faults.map(({ code, what }) => [code, what]);

describe('parameters', () => {
  const form = {
    parameters: { page: { default: '64K', oneOf: ['16K', '64K'] }, cpus: { default: 2 }, kpti: { default: false } },
    name: 'on-${cpus}-${page}',
    cpus: '${cpus}',
    design: { kpti: '${kpti}' },
    processes: [{ pageSize: '${page}', trace: '$${page} ${page}' }],
  };

  it('become values of their own kind, or text within text', () => {
    expect(put(form).data).toEqual({
      name: 'on-2-64K',
      cpus: 2,
      design: { kpti: false },
      processes: [{ pageSize: '64K', trace: '${page} 64K' }],
    });
    expect(put(form, { page: '16K', cpus: '4', kpti: 'true' })).toMatchObject({
      data: { cpus: 4, design: { kpti: true }, processes: [{ pageSize: '16K' }] },
      faults: [],
      parameters: [{ name: 'page', value: '16K', isSet: true }, { value: 4 }, { value: true }],
    });
  });

  it('say what is wrong with what was set', () => {
    expect(codes(form, { page: '8K' })).toEqual([['PARAMETER_VALUE', '"8K" is none of its values']]);
    expect(codes(form, { cpus: 'two' })).toEqual([['PARAMETER_VALUE', '"two" is not a number, as its default 2 is']]);
    expect(codes(form, { kpti: '1' })).toEqual([
      ['PARAMETER_VALUE', '"1" is not true or false, as its default false is'],
    ]);
    expect(codes(form, { pge: '16K' })).toEqual([['PARAMETER_UNKNOWN', 'there is no parameter "pge"']]);
    expect(put(form, { pge: '16K' }).faults[0]).toMatchObject({
      option: '--set pge=16K',
      next: 'Did you mean "page"?',
    });
  });

  it('have to be declared, used, and of some value', () => {
    expect(codes({ cpus: '${cpus}' })).toEqual([['PARAMETER_UNKNOWN', 'there is no parameter "cpus"']]);
    expect(codes({ parameters: { cpus: {} } })).toEqual([
      ['PARAMETER_MISSING', 'the parameter "cpus" has no value'],
      ['PARAMETER_UNUSED', 'the parameter "cpus" is used nowhere'],
    ]);
    expect(codes({ parameters: { cpus: { default: 3, oneOf: [1, 2] } }, cpus: '${cpus}' })).toEqual([
      ['PARAMETER_VALUE', 'the default 3 is none of the values that "cpus" can have'],
    ]);
    expect(codes({ parameters: { '2 cpus': { default: 3 } } })[0]?.[0]).toBe('TOPOLOGY_INVALID');
    expect(codes({ parameters: { cpus: { deflt: 3 } }, cpus: '${cpus}' })).toEqual([
      ['TOPOLOGY_INVALID', 'there is no field "deflt" here'],
    ]);
  });

  it('leave a topology without any alone', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        fc.pre(
          !JSON.stringify(data).includes('${') &&
            (typeof data !== 'object' || data === null || !('parameters' in data)),
        );
        expect(put(data)).toMatchObject({ faults: [], parameters: [] });
        expect(JSON.stringify(put(data).data)).toBe(JSON.stringify(data));
      }),
    );
  });

  it('of any kind come back as they were set', () => {
    const valueArb = fc.oneof(fc.integer(), fc.boolean(), fc.stringMatching(/^[a-zA-Z][\w.]{0,8}$/));
    fc.assert(
      fc.property(valueArb, valueArb, (usual, value) => {
        fc.pre(typeof usual === typeof value);
        const { data, faults } = put(
          { parameters: { x: { default: usual } }, a: ['${x}'], b: '-${x}-' },
          { x: String(value) },
        );
        expect({ data, faults }).toEqual({ data: { a: [value], b: `-${String(value)}-` }, faults: [] });
      }),
    );
  });
});

describe('parameters of a topology in code', () => {
  const topology = defineTopology({
    name: 'one page',
    parameters: { page: { default: '64K', oneOf: ['16K', '64K'] } },
    processes: [{ pageSize: '${page}', program: [{ op: 'store', addr: '0x500000' }] }],
  });

  it('mean what they mean in a file', () => {
    expect(run(topology).topology.processes[0]?.pageSize).toBe(65536);
    expect(run(topology, { set: { page: '16K' } }).topology.processes[0]?.pageSize).toBe(16384);
    expect(() => run(topology, { set: { page: '4K' } })).toThrow(/"4K" is none of its values/);
  });

  it('and what only files can do is refused', () => {
    expect(() => run({ ...topology.data, extends: 'plain-4k' } as never)).toThrow(/only files extend others by name/);
  });
});
