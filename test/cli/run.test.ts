/**
 * `granule run`, on topologies of the package.
 *
 * @models X-08
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, Workplace } from './harness.ts';

/** A topology that runs in some milliseconds. */
const SMALL = { name: 'small', processes: [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }] };

let place: Workplace;
const write = (name: string, data: unknown): void => writeFileSync(place.path(name), JSON.stringify(data));

beforeEach(() => {
  place = new Workplace();
  write('small.json', SMALL);
});

afterEach(() => place.remove());

describe('granule run', () => {
  it('lists the topologies that come with granule', async () => {
    const { code, stdout } = await place.run(['run', '--list']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^mixed-page-sizes +\S/m);
  });

  it('plays a topology, prints what came of each process, keeps a log, and says what to try next', async () => {
    const { code, stdout, stderr } = await place.run(['run', 'small.json']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^pid +7$/m);
    expect(stdout).toMatch(/^references +167,440$/m);
    expect(stdout).toMatch(/^end +exited$/m);
    expect(stdout).toMatch(/head hash [0-9a-f]{64}/);
    for (const [, command] of stdout.matchAll(/^ {2}granule (.*)$/gm)) {
      const next = await place.run((command ?? '').split(' '));
      expect(next.code, `${command}: ${next.stderr}`).toBe(0);
    }
    expect(stdout.match(/^ {2}granule /gm)).toHaveLength(5);
  });

  it('runs what comes with granule by its name', async () => {
    const { code, stdout } = await place.run(['run', 'plain-4k', '--no-log']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^program +git-log-kernel +git-log-kernel$/m);
    expect(existsSync(place.path('plain-4k.glog'))).toBe(false);
  });

  it('prints the same as JSON', async () => {
    const { stdout } = await place.run(['run', 'small.json', '--json']);
    const summary: unknown = JSON.parse(stdout);
    expect(summary).toMatchObject({
      topology: 'small',
      log: { path: place.path('small.glog') },
      processes: [{ pid: 7, program: 'true-kernel', counts: { references: 167440 }, ended: true, end: 'exited' }],
      unfinished: 0,
    });
  });

  it('never takes the place of a log unasked', async () => {
    await place.run(['run', 'small.json']);
    const first = readFileSync(place.path('small.glog'));
    await place.run(['run', 'small.json', '--seed', '2']);
    await place.run(['run', 'small.json', '--seed', '3']);
    expect(existsSync(place.path('small-2.glog'))).toBe(true);
    expect(existsSync(place.path('small-3.glog'))).toBe(true);
    expect(readFileSync(place.path('small.glog'))).toEqual(first);
    await place.run(['run', 'small.json', '--seed', '4', '--force']);
    expect(readFileSync(place.path('small.glog'))).not.toEqual(first);
  });

  it('gives the same head hash each time, and another for another seed', async () => {
    const hash = async (...more: string[]): Promise<string | undefined> =>
      /head hash (\w+)/.exec((await place.run(['run', 'small.json', '--out', 'a.glog', ...more])).stdout)?.[1];
    const first = await hash();
    expect(await hash()).toBe(first);
    expect(await hash('--seed', '9')).not.toBe(first);
    expect(await hash('--chooser', 'seeded-random')).not.toBe(first);
  });

  it('keeps the same log whoever runs the statecharts', async () => {
    for (const interpreter of ['compiled', 'xstate']) {
      const { code } = await place.run([
        'run',
        'small.json',
        '--interpreter',
        interpreter,
        '--out',
        `${interpreter}.glog`,
      ]);
      expect(code).toBe(0);
    }
    expect(readFileSync(place.path('xstate.glog'))).toEqual(readFileSync(place.path('compiled.glog')));
    const { code, stderr } = await place.run(['run', 'small.json', '--interpreter', 'other']);
    expect(code).toBe(2);
    expect(stderr).toContain('compiled, xstate');
  });

  it('takes the trace of a process from the command line, and the log remembers it', async () => {
    const trace = fixture('traces/git-log-kernel.gtr');
    const { code, stdout } = await place.run(['run', 'small.json', '--trace', `7=${trace}`, '--out', 'a.glog']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^references +1,552,243$/m);
    expect((await place.run(['replay', 'a.glog'])).code).toBe(0);
  });

  it('shows progress on a terminal, and none elsewhere', async () => {
    const { stderr } = await place.run(['run', 'mixed-page-sizes', '--no-log'], { tty: true });
    expect(stderr).toMatch(/ %  [\d,]+ of 3,104,486 references, [\d,]+ events/);
    expect(stderr.endsWith('\u001b[K')).toBe(true);
  });
});

describe('granule run refuses', () => {
  const refusals: [string, unknown, RegExp][] = [
    ['an unknown field', { ...SMALL, colour: 'red' }, /^TOPOLOGY_INVALID: .*colour.*bad\.json/],
    ['a topology without processes', { name: 'a', processes: [] }, /^TOPOLOGY_INVALID: .*processes/],
    [
      'a page size below that of the kernel',
      { ...SMALL, kernelPageSize: '16K' },
      /^TOPOLOGY_PAGE_SIZE: .*4096.*16384.*processes\.0\.pageSize/,
    ],
    [
      'a message to an actor that is not there',
      { ...SMALL, messages: [{ to: 'mm:8', type: 'STOP' }] },
      /^TOPOLOGY_ACTOR_UNKNOWN: .*STOP to mm:8.*messages\.0\.to/,
    ],
    [
      'a message that its actor cannot take, naming both',
      { ...SMALL, messages: [{ to: 'zone', type: 'STOP' }] },
      /^TOPOLOGY_NO_TAKER: outside sends STOP to zone.*messages\.0\.type/,
    ],
    [
      'a trace that is not there',
      { ...SMALL, processes: [{ pid: 7, trace: 'nothing', pageSize: '4K' }] },
      /^FILE_NOT_FOUND: .*"nothing".*process 7.*--traces/,
    ],
  ];
  it.each(refusals)('%s', async (_name, topology, message) => {
    write('bad.json', topology);
    const { code, stderr, stdout } = await place.run(['run', 'bad.json']);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(existsSync(place.path('bad.glog'))).toBe(false);
  });

  it('what is no JSON', async () => {
    writeFileSync(place.path('bad.json'), '{ "name": ');
    expect(await place.run(['run', 'bad.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^TOPOLOGY_INVALID: .*JSON/),
    });
  });

  it('a name that nothing has', async () => {
    const { code, stderr } = await place.run(['run', 'nothing']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^TOPOLOGY_UNKNOWN: .*"nothing"/);
  });

  it('a trace for a process that is not there, and a trace without a pid', async () => {
    expect((await place.run(['run', 'small.json', '--trace', '8=a.gtr'])).stderr).toMatch(/^TOPOLOGY_ACTOR_UNKNOWN: /);
    expect((await place.run(['run', 'small.json', '--trace', 'a.gtr'])).stderr).toMatch(/^USAGE: .*PID=FILE/);
  });

  it('a folder that is not there', async () => {
    const { code, stderr } = await place.run(['run', 'small.json', '--out', 'no/such/a.glog']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: .*no\/such\/a\.glog/);
  });

  it('a folder in place of a file', async () => {
    mkdirSync(place.path('folder'));
    const { code, stderr } = await place.run(['run', 'small.json', '--out', 'folder']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: /);
  });

  it('to go on when the disk is full', async () => {
    const { code, stderr } = await place.run(['run', 'small.json', '--out', '/dev/full']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^DISK_FULL: .*\/dev\/full/m);
  });

  it('a run that goes on beyond its limit, and keeps the log of it', async () => {
    write('limited.json', { ...SMALL, limits: { events: 50 } });
    const { code, stderr } = await place.run(['run', 'limited.json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^RUN_LIMIT: /m);
    const info: unknown = JSON.parse((await place.run(['info', 'limited.glog', '--json'])).stdout);
    expect(info).toMatchObject({ kind: 'log', records: 50, recovery: null });
  });
});
