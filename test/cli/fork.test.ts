import { copyFileSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forkChanges } from '../../src/cli/forkWords.ts';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
const LOG = 'mixed.glog';
const none = { drop: [], delay: [], replace: [], send: [], set: [] };

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await output(...args, '--json')) as Record<string, unknown>;
}

async function failure(...args: string[]): Promise<string> {
  const { code, stderr } = await place.run(args);
  expect(code).toBe(2);
  return stderr;
}

beforeAll(async () => {
  copyFileSync(fixture('golden/true-mixed.json'), place.path('mixed.json'));
  await output('run', 'mixed.json');
});

afterAll(() => place.remove());

describe('granule fork', () => {
  it('writes a log of its own events beside its parent, which every command opens', async () => {
    const forked = await json('fork', LOG, '--drop', '1002', '--out', 'drop.glog');
    expect(forked).toMatchObject({
      parent: { path: LOG, seq: 1001 },
      log: { ownFirstSeq: 1002 },
      changed: ['after seq 1001: dropped SYSCALL process:3 -> abi (event 1002 of the parent)'],
      divergence: { seq: 1002, actor: 'abi', field: 'to' },
    });
    expect(statSync(place.path('drop.glog')).size).toBeLessThan(statSync(place.path(LOG)).size / 2);
    expect(await json('replay', 'drop.glog')).toMatchObject({ divergence: null });
    expect(await json('verify', 'drop.glog')).toMatchObject({ ok: true });
    expect(await json('info', 'drop.glog')).toMatchObject({ ownFirstSeq: 1002, firstSeq: 0 });
    expect(await output('info', 'drop.glog')).toContain('this file holds the events from 1002 on');
    expect(await output('log', 'drop.glog', '--from', '1000', '--to', '1003')).toContain('1001');
    expect(await output('why', 'drop.glog', '1003')).toContain('START');
    expect(await json('state', 'drop.glog', '--at', '500', '--actor', 'zone')).toMatchObject({ seq: 500 });
    expect(await output('diff', 'drop.glog', '--from', '1001', '--to', '1100', '--actor', 'mm:2')).toContain('mm:2');
    const { oneThreadBecause } = await json('replay', 'drop.glog', '--workers', '2');
    expect(oneThreadBecause).toBe('it goes on from the log of its parent');
  });

  it('makes every change that its words say', async () => {
    const words = ['--at', '1000', '--choice', '0', '--delay', '1001', '2000', '--set', 'costs.diskLatency=90000'];
    const more = ['--replace', '1002', 'call.name=futex', '--send', 'STOP', 'to=process:2', 'delayCycles=20000'];
    const { changed } = await json('fork', LOG, ...words, ...more, '--checked', '--out', 'all.glog');
    expect(changed).toEqual([
      'after seq 1000: set costs.diskLatency to 90000',
      'after seq 1000: replaced SYSCALL process:3 -> abi (event 1002 of the parent) by pid=3 cpu=0 call={op=other name=futex}',
      'after seq 1000: delayed RUN process:2 -> tlb:1 (event 1001 of the parent) by 2,000 cycles',
      'after seq 1000: delivered SYSCALL process:3 -> abi next',
      'after seq 1000: sent STOP to process:2, due 20,000 cycles later',
    ]);
    expect(await json('replay', 'all.glog')).toMatchObject({ divergence: null });
  });

  it('from the start changes what cannot change in the middle', async () => {
    expect(await failure('fork', LOG, '--at', '1000', '--set', 'processes.*.pageSize=64K')).toMatch(/^FORK_SETTING: /);
    await output('fork', LOG, '--at', 'start', '--set', 'processes.*.pageSize=64K', '--out', 'large.glog');
    expect(await json('replay', 'large.glog')).toMatchObject({ divergence: null });
    const compared = await json('compare', LOG, 'large.glog', '--no-timelines');
    expect(compared['settings']).toContainEqual({
      path: 'processes[0].pageSize',
      kind: 'changed',
      before: 4096,
      after: 65536,
    });
  });

  it('lists what can be changed', async () => {
    const { waiting, settings } = await json('fork', LOG, '--at', '1000', '--list');
    expect(waiting).toMatchObject([
      { index: 0, seq: 1002, to: 'abi', type: 'SYSCALL' },
      { index: 1, seq: 1001, to: 'tlb:1', type: 'RUN' },
    ]);
    expect(settings).toContainEqual(expect.objectContaining({ key: 'pageCache', value: 'drop-and-re-read' }));
    expect(await output('fork', LOG, '--at', '1000', '--list')).toContain('costs.*');
  });

  it.each([
    [['--drop', '900', '--at', '1000'], /^FORK_CHANGE: event 900 was delivered already at seq 1000/],
    [
      ['--drop', '1500', '--at', '1000'],
      /^FORK_CHANGE: the message of event 1500 does not wait yet .* fork at \d+ to 1499/,
    ],
    [['--drop', '99999'], /^SEQ_OUT_OF_RANGE: /],
    [['--replace', '1002', 'nonsense=1'], /^FORK_CHANGE: SYSCALL has no field nonsense; it has pid, cpu, call/],
    [['--replace', '1002', 'pid=three'], /^FORK_CHANGE: pid of SYSCALL is a number, as in 3/],
    [['--at', '10', '--send', 'STOP', 'to=nobody'], /^FORK_CHANGE: there is no actor nobody/],
    [['--at', '10', '--send', 'FAULT', 'to=disk'], /^FORK_CHANGE: disk takes no FAULT/],
    [['--at', '10', '--choice', '99'], /^FORK_CHANGE: there are choices 0 to /],
    [['--at', '10', '--set', 'chooser=nonsense'], /^FORK_SETTING: /],
    [['--at', '10', '--set', 'pageCache=nonsense'], /^DEFINITION_MISSING: /],
    [['--at', '10', '--set', 'costs.stairs=1'], /^FORK_SETTING: there is no "stairs"/],
    [['--at', '10', '--set', 'memory=1G'], /^FORK_SETTING: memory is laid down .* --at start/],
    [[], /^USAGE: where the fork begins is missing/],
    [['--at', '10', '--send', 'STOP'], /^USAGE: the receiver is missing/],
  ])('refuses %j before anything runs', async (words, expected) => {
    expect(await failure('fork', LOG, ...words, '--out', 'refused.glog')).toMatch(expected);
    expect(() => statSync(place.path('refused.glog'))).toThrow();
  });
});

describe('the words of a fork', () => {
  it('are taken apart, given once or again', () => {
    expect(forkChanges({ ...none, replace: ['7', 'va=0x1000', 'access=write', '9', 'pid=3'] })).toEqual([
      { op: 'replace', seq: 7, fields: { va: 4096, access: 'write' } },
      { op: 'replace', seq: 9, fields: { pid: 3 } },
    ]);
    expect(forkChanges({ ...none, delay: ['7', '100', '9', '200'] })).toEqual([
      { op: 'delay', seq: 7, delayCycles: 100 },
      { op: 'delay', seq: 9, delayCycles: 200 },
    ]);
    expect(forkChanges({ ...none, send: ['STOP', 'to=process:1', 'PUT', 'to=zone', 'runs=[]'] })).toEqual([
      { op: 'send', to: 'process:1', message: { type: 'STOP' }, delayCycles: 0 },
      { op: 'send', to: 'zone', message: { type: 'PUT', runs: [] }, delayCycles: 0 },
    ]);
  });
});

describe('the parent of a fork', () => {
  it('is found by its head hash under any name, beside it, in the present folder, or where it is said to be', async () => {
    await output('fork', LOG, '--at', '2000', '--out', 'child.glog');
    await output('fork', 'child.glog', '--at', '3000', '--out', 'grandchild.glog');
    mkdirSync(place.path('away'));
    renameSync(place.path(LOG), place.path('away/renamed.glog'));
    const missing = await failure('state', 'grandchild.glog', '--at', '100');
    expect(missing).toMatch(/^PARENT_MISSING: .*looked in .*--parent FILE/);
    const answers = [
      await json('state', 'grandchild.glog', '--at', '100', '--parent', 'away'),
      await json('state', 'grandchild.glog', '--at', '100', '--parent', 'away/renamed.glog'),
    ];
    expect(answers[0]).toEqual(answers[1]);
    renameSync(place.path('away/renamed.glog'), place.path('renamed.glog'));
    expect(await json('state', 'grandchild.glog', '--at', '100')).toEqual(answers[0]);
    renameSync(place.path('renamed.glog'), place.path(LOG));
  });

  it('is not needed to say what the file itself holds', async () => {
    mkdirSync(place.path('alone'));
    copyFileSync(place.path('child.glog'), place.path('alone/child.glog'));
    writeFileSync(place.path('alone/broken.glog'), 'not a log');
    renameSync(place.path(LOG), place.path('hidden'));
    const { stdout, stderr, code } = await place.run(['info', 'alone/child.glog']);
    expect(code).toBe(0);
    expect(stdout).toContain('seq 2001 to');
    expect(stderr).toMatch(/^PARENT_MISSING: /);
    expect((await place.run(['verify', 'alone/child.glog'])).code).toBe(0);
    renameSync(place.path('hidden'), place.path(LOG));
  });
});

describe('granule compare', () => {
  it('prints where two runs part and what came of it', async () => {
    const text = await output('compare', LOG, 'drop.glog');
    expect(text).toContain('first difference: event 1002 (abi): to, and they share events 0 to 1001');
    expect(text).toMatch(/run +events +3,751 +1,857 +-1,894/);
    expect(text).toContain('granule why drop.glog 1002');
  });

  it('compares states of any two moments', async () => {
    expect(await output('compare', LOG, 'drop.glog', '--at-a', '1001')).toBe(
      'no difference between A after 1001 and B after 1001\n',
    );
    const found = await json('compare', LOG, 'drop.glog', '--at-a', '1001', '--at-b', '1500', '--actor', 'mm:2');
    expect(Object.keys(found)).toEqual(['mm:2']);
    expect(await failure('compare', LOG, 'drop.glog', '--actor', 'abi')).toMatch(/^USAGE: --actor needs moments/);
  });
});
