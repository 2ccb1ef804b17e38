/** `granule explore --keep`: from a search to a folder of the corpus, and what it refuses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFinding } from '../../src/explore/corpus/finding.ts';
import { openKept } from '../../src/explore/corpus/kept.node.ts';
import { withDefaults, withMended } from '../../src/explore/corpus/parameters.ts';
import { refine } from '../../src/explore/corpus/refine.node.ts';
import { builtIns } from '../../src/topology/definitions/catalogue.ts';
import { PROJECT, Workplace } from '../cli/harness.ts';

const RACE = join(PROJECT, 'fixtures/exploration/live-fallback-race.yaml');
const WITHIN = ['--set', 'protocol=no-flush', '--budget', '20000states', '--out', 'found.glog', '--force'];
const KEEP = ['--keep', 'kept/no-flush', '--mended', 'protocol=reserved-ttbr0'];
const NOT_MENDED = ['--keep', 'kept/not-mended', '--mended', 'protocol=no-flush'];

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.remove());

describe('a finding that is kept', () => {
  test('is a folder whose topology is smaller, whose log replays, and whose search finds it', async () => {
    const { code, stderr } = await place.run(['explore', RACE, ...WITHIN, ...KEEP]);
    expect(code).toBe(1);
    expect(stderr).toContain('kept in kept/no-flush: 59 deliveries as it was found');
    expect(stderr).toContain('with protocol=reserved-ttbr0 the same search finds nothing');
    const { finding, form, reader } = await openKept(place.path('kept/no-flush'));
    expect(finding).toMatchObject({ property: 'no-stale-translation', mended: ['protocol=reserved-ttbr0'] });
    expect(finding.taken).toContain('memory 64M to 1M');
    expect(form).toMatchObject({ name: 'no-flush', memory: '1M', parameters: { protocol: { default: 'no-flush' } } });
    expect(reader.records).toBe(finding.length.kept);
    expect(finding.length.kept).toBeLessThanOrEqual(finding.length.found);
    for (const command of [
      ['replay', 'log.glog'],
      ['verify', 'log.glog'],
    ]) {
      const [name = '', file = ''] = command;
      expect((await place.run([name, join('kept/no-flush', file)])).code).toBe(0);
    }
    const again = await place.run(['explore', 'kept/no-flush/topology.json', ...WITHIN.slice(2)]);
    expect(again.code).toBe(1);
    const mended = await place.run([
      'explore',
      'kept/no-flush/topology.json',
      '--set',
      'protocol=reserved-ttbr0',
      ...WITHIN.slice(2, 4),
    ]);
    expect(mended.code).toBe(0);
  });

  test('is not written over unless that is said, and needs a budget of states', async () => {
    const keep = ['explore', RACE, '--set', 'protocol=no-flush', '--out', 'other.glog', '--keep', 'kept/no-flush'];
    const timed = await place.run([...keep, '--budget', '60s']);
    expect([timed.code, timed.stderr]).toEqual([2, expect.stringContaining('Give a budget in states')]);
    const there = await place.run([...keep.map((word) => word.replace('other', 'third')), '--budget', '20000states']);
    expect([there.code, there.stderr]).toEqual([2, expect.stringMatching(/^FILE_EXISTS: /m)]);
  });

  test('is refused where what is said to mend it does not', async () => {
    const { code, stderr } = await place.run(['explore', RACE, ...WITHIN, ...NOT_MENDED]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('no-stale-translation is broken with protocol=no-flush too'),
    ]);
  });
});

test('a field that mends a topology becomes a parameter of it', () => {
  const { topology, mended } = withMended(
    { design: { crossGranuleFlush: 'by-va' } },
    ['design.crossGranuleFlush=asid', 'cpus=2'],
    { cpus: 4 },
  );
  expect(mended).toEqual(['crossGranuleFlush=asid', 'cpus=2']);
  expect(topology).toMatchObject({
    design: { crossGranuleFlush: '${crossGranuleFlush}' },
    cpus: '${cpus}',
    parameters: {
      crossGranuleFlush: { default: 'by-va', oneOf: ['by-va', 'asid'] },
      cpus: { default: 4, oneOf: [4, 2] },
    },
  });
  expect(() => withMended({}, ['design=none'], { design: {} })).toThrow(/is no parameter, and no field with one value/);
  expect(() => withDefaults({}, ['size=4'])).toThrow(/there is no parameter size/);
});

test('what a search does not find cannot be refined', () => {
  const process = { pid: 1, pageSize: '4K', program: [{ op: 'load', addr: '0x500000' }] };
  const form = { name: 'calm', core: 'tlb-small', memory: '4M', processes: [process] };
  const request = { form, surroundings: { file: '/tmp/calm.json', catalogue: builtIns }, search: { maxStates: 500 } };
  expect(() => refine({ ...request, wanted: { property: 'accounting-conserved', kind: 'always' } })).toThrow(
    /does not find that accounting-conserved/,
  );
});

test('a finding that is cut short or lacks a field is refused with the field', () => {
  const text = readFileSync(join(PROJECT, 'fixtures/findings/gup-beside-fork/finding.json'), 'utf8');
  expect(parseFinding(text, 'here').property).toBe('pins-hold');
  expect(() => parseFinding(text.slice(0, 40), 'here')).toThrow(expect.objectContaining({ code: 'FINDING_INVALID' }));
  const wrong = JSON.stringify({ ...(JSON.parse(text) as object), length: { found: 1 } });
  expect(() => parseFinding(wrong, 'here')).toThrow(
    expect.objectContaining({ where: expect.stringMatching(/^here: length\./) }),
  );
});
