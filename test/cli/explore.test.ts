import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

/** A process whose walk is lost on a wire: it waits for ever. */
const LOST = {
  name: 'lost',
  core: 'tlb-small',
  memory: '8M',
  processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
};
const DROP = { wire: { from: 'mmu:1', to: 'tlb:0', type: 'WALK_AGAIN' }, op: 'drop', nth: 1 };

const PROPERTY = `
import { defineProperty } from 'granule';
export const calm = defineProperty({
  name: 'no-page-of-its-own',
  kind: 'always',
  says: 'No process has an anonymous page.',
  reads: ['mm:*'],
  fault: ({ actors, look }) => actors.find((id) => id.startsWith('mm:') && look(id).rssAnonPages > 0) ?? null,
});
export const twice = defineProperty({
  name: 'walks-twice',
  kind: 'sometimes',
  says: 'A CPU walks twice for one access.',
  watch: { start: 0, next: (walks, { message }) => (message.type === 'WALK' ? walks + 1 : walks) },
  fault: (_sight, walks) => (walks >= 2 ? null : 'it has walked ' + walks + ' times'),
});
`;

const MODEL = `
export const model = {
  name: 'counter',
  initial: () => [0],
  actions: (state) => (state < 3 ? ['up'] : []),
  next: (state) => state + 1,
  fingerprint: (state) => state,
  keyOf: () => 'up',
  ownerOf: () => 'counter',
  describe: (state) => state + ' goes up',
  properties: [{ name: 'small', kind: 'always', says: 'It stays below 2.', fault: (n) => (n < 2 ? null : 'it is ' + n) }],
};
`;

let place: Workplace;
const write = (name: string, data: unknown): void =>
  writeFileSync(place.path(name), typeof data === 'string' ? data : JSON.stringify(data));
const explore = (...args: string[]): ReturnType<Workplace['run']> => place.run(['explore', ...args]);

beforeEach(() => {
  place = new Workplace();
  write('calm.json', LOST);
  write('lost.json', { ...LOST, faultPlan: [DROP] });
});
afterEach(() => place.remove());

describe('granule explore', () => {
  it('says of every property that it holds in all orders', async () => {
    const { code, stdout, stderr } = await explore('calm.json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^lost, breadth-first: [\d,]+ states, [\d,]+ steps, depth \d+, in .*; all of it was seen\n/);
    expect(stdout).toMatch(/^no-stale-translation +holds in all that there is$/m);
    expect(stdout).not.toContain('BROKEN');
  });

  it('ends with 1 and leaves a log of what it found, which replays and opens', async () => {
    const { code, stdout } = await explore('lost.json');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^no-lost-wake-up +BROKEN after \d+ steps: process:1 waits for ever in "running"$/m);
    expect(stdout).toContain(`its log is ${place.path('lost-no-lost-wake-up.glog')}`);
    const log = place.path('lost-no-lost-wake-up.glog');
    const replayed = await place.run(['replay', log]);
    expect(replayed.code).toBe(0);
    expect(replayed.stdout).toMatch(/^the replay is the same/);
    const why = await place.run(['why', log, '3']);
    expect(why.code).toBe(0);
    const debugged = await place.run(['debug', log, '-e', 'goto 5']);
    expect(debugged.code).toBe(0);
  });

  it('writes to the file that is named, and shrinks unless told not to', async () => {
    const short = JSON.parse(
      (await explore('lost.json', '--json', '--out', 'short.glog', '--strategy', 'random')).stdout,
    );
    const long = JSON.parse((await explore('lost.json', '--json', '--no-shrink', '--out', 'long.glog')).stdout);
    expect(existsSync(place.path('short.glog')) && existsSync(place.path('long.glog'))).toBe(true);
    expect(short.findings[0].shrunk).toMatch(/actions .* shrunk to/);
    expect(long.findings[0].shrunk).toBe('');
    expect(short.findings[0].path.keys.length).toBeLessThanOrEqual(long.findings[0].path.keys.length);
  });

  it('looks at properties of a module, at those alone that are named', async () => {
    write('mine.mjs', PROPERTY);
    const { code, stdout } = await explore(
      'calm.json',
      '--property',
      'mine.mjs#calm',
      '--property',
      'mine.mjs#walks-twice',
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^no-page-of-its-own +BROKEN after \d+ steps: mm:1$/m);
    expect(stdout).not.toContain('no-stale-translation');
    const other = await explore('calm.json', '--property', 'mine.mjs#walks-twice');
    expect(other.code).toBe(0);
    expect(other.stdout).toMatch(/^walks-twice +comes about, after \d+ steps$/m);
  });

  it('takes those of modules that the topology names', async () => {
    write('mine.mjs', PROPERTY);
    write('uses.json', { ...LOST, uses: ['./mine.mjs'] });
    const { stdout } = await explore('uses.json', '--all');
    expect(stdout).toMatch(/^no-page-of-its-own +BROKEN/m);
    expect(stdout).toMatch(/^no-stale-translation +holds in what was seen$|^no-stale-translation +holds in all/m);
  });

  it('explores models of modules, and classics', async () => {
    write('model.mjs', MODEL);
    const { code, stdout } = await explore('model.mjs#model');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^small +BROKEN after 2 steps: it is 2$/m);
    expect(stdout).toContain('1 goes up');
    expect((await explore('classic:lost-update')).code).toBe(1);
    expect((await explore('classic:lost-update-mended')).code).toBe(0);
  });

  it('stops at its budget, lays the search aside and goes on with it', async () => {
    const args = ['calm.json', '--strategy', 'depth-first', '--resume', 'laid.search'];
    const first = await explore(...args, '--budget', '20states');
    expect(first.stdout).toContain('the budget was used up, and what lies behind was not seen');
    expect(first.stderr).toContain('the search is laid aside in');
    const second = await explore(...args, '--budget', '1000000states');
    const whole = await explore('calm.json', '--strategy', 'depth-first');
    const states = (text: string): string | undefined => /: ([\d,]+) states/.exec(text)?.[1];
    expect(second.stdout).toContain('all of it was seen');
    expect(states(second.stdout)).toBe(states(whole.stdout));
    const other = await explore('lost.json', '--strategy', 'depth-first', '--resume', 'laid.search');
    expect(other.code).toBe(2);
    expect(other.stderr).toMatch(/^EXPLORE_SAVED_UNFIT: it is of another topology/);
  });

  it('searches what is varied point by point, and stops where something is found', async () => {
    const args = ['calm.json', '--vary', 'cpus=1,2', '--vary', 'processes.0.pageSize=4K,64K'];
    const { code, stdout } = await explore(...args, '--budget', '8s');
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(', ')[0]),
    ).toEqual([
      'cpus=1 processes.0.pageSize=4K',
      'cpus=1 processes.0.pageSize=64K',
      'cpus=2 processes.0.pageSize=4K',
      'cpus=2 processes.0.pageSize=64K',
    ]);
  });

  it('adds fault plans by name', async () => {
    const { code, stdout } = await explore('calm.json', '--fault', 'lost-tlbi:acknowledged=false');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^no-lost-wake-up +BROKEN after \d+ steps: process:1 waits for ever in /m);
  });

  it('refuses by name what it cannot do', async () => {
    write('held.json', {
      ...LOST,
      faultPlan: [{ wire: { from: '*', to: '*' }, op: 'hold', fromCycles: 1, untilCycles: 9 }],
    });
    const cases: [string[], RegExp][] = [
      [['held.json'], /^EXPLORE_FAULT_PLAN: a rule "hold" is about times/],
      [['calm.json', '--property', 'no-such'], /^EXPLORE_PROPERTY_UNKNOWN: lost has no property no-such/],
      [['classic:none'], /^EXPLORE_MODEL_UNKNOWN: there is no classic none/],
      [['calm.json', '--budget', 'soon'], /It must be a time such as 90s/],
      [['calm.json', '--resume', 'a', '--workers', '2'], /a search that is laid aside is one/],
      [['classic:lost-update', '--out', 'a.glog'], /what is found has no log/],
      [['classic:lost-update', '--set', 'a=1'], /it has no settings, faults or uses/],
    ];
    for (const [args, says] of cases) {
      const { code, stderr } = await explore(...args);
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).toMatch(says);
    }
    expect(readFileSync(place.path('calm.json'), 'utf8')).toBe(JSON.stringify(LOST));
  });
});
