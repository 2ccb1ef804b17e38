import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
const LOG = 'small.glog';

/** The lines that a command prints on standard output. */
async function lines(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await place.run(args);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd().split('\n');
}

async function json(...args: string[]): Promise<unknown> {
  return JSON.parse((await lines(...args, '--json')).join('\n'));
}

async function failure(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await place.run(args);
  return { code, stderr };
}

beforeAll(async () => {
  copyFileSync(fixture('traces/true-kernel.gtr'), place.path('mine.gtr'));
  const processes = [{ pid: 7, trace: 'mine', pageSize: '4K' }];
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes }));
  expect((await place.run(['run', 'small.json'])).code).toBe(0);
});

afterAll(() => place.remove());

describe('granule replay', () => {
  it('finds that a replay is the same, and gives the head hash of the run', async () => {
    const printed = await lines('replay', LOG);
    expect(printed[0]).toMatch(/^the replay is the same: [\d,]+ events/);
    const info = await json('info', LOG);
    expect(await json('replay', LOG)).toMatchObject({
      divergence: null,
      headHash: (info as { headHash: string }).headHash,
      processes: [{ pid: 7, program: 'mine', end: 'exited' }],
    });
  });

  it('on threads finds and prints the same', async () => {
    const one = (await json('replay', LOG)) as object;
    const found = (await json('replay', LOG, '--workers', '2')) as object;
    const { wallSeconds: _, ...same } = { ...one, workers: 2, oneThreadBecause: null } as Record<string, unknown>;
    expect(found).toMatchObject(same);
    expect((await lines('replay', LOG, '--workers', '1'))[0]).toMatch(/^the replay is the same: .* on 1 worker, /);
    expect(await failure('replay', LOG, '--workers', '0')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^USAGE: .*workers/),
    });
    expect(await failure('replay', LOG, '--workers', '2', '--interpreter', 'xstate')).toMatchObject({ code: 2 });
  });

  it('is the same whoever runs the statecharts', async () => {
    const replayed = await json('replay', LOG, '--interpreter', 'xstate');
    expect(replayed).toMatchObject({
      divergence: null,
      headHash: ((await json('replay', LOG)) as { headHash: string }).headHash,
    });
  });

  it('of a cut log says what was lost, and replays what is left', async () => {
    const bytes = readFileSync(place.path(LOG));
    writeFileSync(place.path('cut.glog'), bytes.subarray(0, bytes.length - 60));
    const { code, stdout, stderr } = await place.run(['replay', 'cut.glog']);
    expect(stderr).toMatch(/^cut\.glog is not whole: .* events 0 to \d+/);
    expect(stdout).toMatch(/^the replay is the same/);
    expect(code).toBe(0);
  });

  it('names the hash of a trace that is missing, and both hashes of one that has changed', async () => {
    const importText = async (text: string): Promise<string> => {
      writeFileSync(place.path('own.txt'), text);
      const done: unknown = JSON.parse((await place.run(['import', 'own.txt', '--json'])).stdout);
      return (done as { hash: string }).hash;
    };
    const hash = await importText('400000 X\n500000 R\n');
    const processes = [{ pid: 7, trace: 'own', pageSize: '4K' }];
    writeFileSync(place.path('own.json'), JSON.stringify({ name: 'own', processes }));
    expect((await place.run(['run', 'own.json'])).code).toBe(0);
    const other = await importText('400000 X\n500000 R\n600000 R\n');
    const changed = await failure('replay', 'own.glog');
    expect(changed.code).toBe(2);
    expect(changed.stderr).toMatch(/^TRACE_CHANGED: /);
    expect(changed.stderr).toContain(hash);
    expect(changed.stderr).toContain(other);
    rmSync(place.path('own.gtr'));
    const missing = await failure('state', 'own.glog');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/^TRACE_MISSING: /);
    expect(missing.stderr).toContain(hash);
  });

  it('finds a trace by its content, whatever it is called', async () => {
    mkdirSync(place.path('elsewhere'));
    renameSync(place.path('mine.gtr'), place.path('elsewhere/other-name.gtr'));
    expect((await place.run(['replay', LOG, '--traces', 'elsewhere'])).code).toBe(0);
    renameSync(place.path('elsewhere/other-name.gtr'), place.path('mine.gtr'));
  });
});

describe('granule state', () => {
  it('shows all actors of a moment, a line each', async () => {
    const printed = await lines('state', LOG);
    expect(printed.some((line) => /^process:7 +zombie +pageBytes 4,096/.test(line))).toBe(true);
    expect(printed.some((line) => /^zone +ok/.test(line))).toBe(true);
  });

  it('shows the areas of an address space, and how little of the log it read', async () => {
    const text = (await lines('state', LOG, '--at', '300', '--actor', 'mm:7')).join('\n');
    expect(text).toMatch(/^mm:7 after seq 300: /);
    expect(text).toMatch(/^VMAs: \d+, pages of 4K$/m);
    expect(text).toMatch(/^ +[0-9a-f]+-[0-9a-f]+ +r-xp +[\d.]+ KiB +0x[0-9a-f]+ +\S+$/m);
    expect(text).toMatch(/^folded \d+ events of mm:7, \d+ sections opened$/m);
  });

  it.each(['mmu:7', 'tlb:0', 'zone', 'disk', 'sched', 'abi', 'process:7', 'file:/etc/ld.so.cache'])(
    'shows %s',
    async (actor) => {
      expect((await lines('state', LOG, '--at', '300', '--actor', actor))[0]).toMatch(
        new RegExp(`^${actor} after seq 300: \\S`),
      );
    },
  );

  it('gives one value by its path, and says what there is when the path leads nowhere', async () => {
    const vma = await json('state', LOG, '--at', '300', '--actor', 'mm:7', '--path', 'vmas.vmas[0]');
    expect(vma).toMatchObject({ prot: expect.any(Number), startVa: expect.any(Number) });
    expect(await json('state', LOG, '--actor', 'process:7', '--path', 'value')).toBe('zombie');
    const { code, stderr } = await failure('state', LOG, '--actor', 'mm:7', '--path', 'nothing.here');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^USAGE: .*context\.nothing\.here.*vmas/);
  });

  it('finds the event at a virtual time', async () => {
    const at = (await json('state', LOG, '--time', '200', '--actor', 'abi')) as { seq: number };
    const record = JSON.parse((await lines('log', LOG, '--from', String(at.seq), '--limit', '1', '--json'))[0] ?? '');
    expect(record).toMatchObject({ timeCycles: 200 });
  });

  it('refuses a seq that is not there, an actor that is not there, and two moments at once', async () => {
    expect(await failure('state', LOG, '--at', '99999')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^SEQ_OUT_OF_RANGE: .*99999.*small\.glog holds 0 to \d+/),
    });
    expect(await failure('state', LOG, '--actor', 'mm:8')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^ACTOR_UNKNOWN: .*mm:8/),
    });
    expect((await failure('state', LOG, '--at', '1', '--time', '1')).stderr).toMatch(/^USAGE: .*--at and --time/);
  });
});

describe('granule diff', () => {
  it('shows what changed in every actor, or in one', async () => {
    const all = await lines('diff', LOG, '--from', '10', '--to', '40');
    expect(all).toContain('mm:7');
    expect(all).toContain('zone');
    const one = (await json('diff', LOG, '--from', '10', '--to', '40', '--actor', 'mm:7')) as Record<string, unknown[]>;
    expect(Object.keys(one)).toEqual(['mm:7']);
    expect(one['mm:7']?.length).toBeGreaterThan(0);
  });

  it('of a moment with itself is nothing', async () => {
    expect(await lines('diff', LOG, '--from', '40', '--to', '40')).toEqual(['no difference between seq 40 and seq 40']);
  });

  it('needs the earlier moment', async () => {
    expect(await failure('diff', LOG)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^USAGE: .*--from/) });
  });
});

describe('granule why', () => {
  it('goes back to the message from outside', async () => {
    const { causes } = (await json('why', LOG, '40')) as { causes: { seq: number; cause: number }[] };
    expect(causes[0]?.seq).toBe(40);
    expect(causes.at(-1)?.cause).toBe(-1);
    for (const [at, record] of causes.entries()) expect(causes[at + 1]?.seq ?? -1).toBe(record.cause);
    expect((await lines('why', LOG, '40')).at(-1)).toBe(`from outside: ${causes.length} events in the chain`);
  });

  it('shows what came of an event', async () => {
    const { effects } = (await json('why', LOG, '0', '--effects', '--depth', '2')) as { effects: { depth: number }[] };
    expect(effects.map(({ depth }) => depth)).toEqual([1, 2]);
    expect((await lines('why', LOG, '0', '--effects', '--depth', '2')).join('\n')).toMatch(
      /2 effects, 2 messages deep/,
    );
  });

  it('finds the event that last changed a value', async () => {
    const words = ['why', LOG, '300', '--actor', 'mm:7', '--path', 'context.minorFaults'];
    const { changed } = (await json(...words)) as {
      changed: { before: number; after: number; record: { seq: number } };
    };
    expect(changed.after).toBe(changed.before + 1);
    expect((await lines(...words))[0]).toMatch(`seq ${changed.record.seq} last changed it: ~ context.minorFaults: `);
  });
});

describe('granule log', () => {
  it('lists events by actor, type, seq and time', async () => {
    const records = async (
      ...words: string[]
    ): Promise<{ seq: number; to: string; type: string; timeCycles: number }[]> =>
      (await lines('log', LOG, ...words, '--json')).filter((line) => line !== '').map((line) => JSON.parse(line));
    const all = await records();
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, at) => at));
    const only = all.filter(({ to, type }) => to === 'mm:7' && type === 'FAULT');
    expect(only.length).toBeGreaterThan(3);
    expect(await records('--actor', 'mm:7', '--type', 'FAULT')).toEqual(only);
    expect(await records('--type', 'FAULT')).toEqual(only);
    expect(await records('--from', '10', '--to', '12')).toEqual(all.slice(10, 13));
    const some = all.filter(({ timeCycles }) => timeCycles >= 1000 && timeCycles <= 100_000);
    expect(await records('--since', '1000', '--until', '100000')).toEqual(some);
    expect(await records('--limit', '3')).toEqual(all.slice(0, 3));
  });

  it('shows what each event changed and sent', async () => {
    const text = (await lines('log', LOG, '--from', '0', '--to', '3', '--changes')).join('\n');
    expect(text).toMatch(/START\n +new -> in-syscall\.active\n(?:.*\n)* +sends SYSCALL to abi in 200 cycles/);
    const [first] = await lines('log', LOG, '--from', '0', '--to', '0', '--changes', '--json');
    expect(JSON.parse(first ?? '')).toMatchObject({
      type: 'START',
      changes: {
        from: 'new',
        sent: [{ to: 'abi', type: 'SYSCALL' }],
        forward: expect.any(Array),
        inverse: expect.any(Array),
      },
    });
  });

  it('refuses an actor or a type that the log does not hold', async () => {
    expect((await failure('log', LOG, '--actor', 'mm:9')).stderr).toMatch(/^ACTOR_UNKNOWN: .*mm:9/);
    expect((await failure('log', LOG, '--type', 'FUALT')).stderr).toMatch(/^USAGE: .*FUALT/);
  });
});

describe('granule info', () => {
  it('says of a log what was run, and who received what', async () => {
    const text = (await lines('info', LOG)).join('\n');
    expect(text).toMatch(/^topology +small/m);
    expect(text).toMatch(/^head hash +[0-9a-f]{64}$/m);
    expect(text).toMatch(/^7 +mine +4K +4K +167,440 +[0-9a-f]{64}$/m);
    expect(text).toMatch(/^mm:7 +\d+/m);
  });

  it('says of a trace what it holds', async () => {
    expect((await lines('info', 'mine.gtr')).join('\n')).toMatch(/^references +167,440 in [\d,]+ runs$/m);
    expect(await json('info', 'mine.gtr')).toMatchObject({ kind: 'trace', references: 167440 });
  });
});
