import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

const SMALL = { name: 'small', processes: [{ pid: 7, trace: 'true-kernel', pageSize: '16K' }] };
const SIZES = ['--vary', 'processes.*.pageSize=16K,64K'];

let place: Workplace;
const write = (name: string, data: unknown): void => writeFileSync(place.path(name), JSON.stringify(data));
const text = (name: string): string => readFileSync(place.path(name), 'utf8');
/** With one worker where nothing else is asked for: to start one from source takes longer than what it does here. */
const sweep = (...args: string[]): ReturnType<Workplace['run']> =>
  place.run(['sweep', 'small.json', ...(args.includes('--workers') ? [] : ['--workers', '1']), ...args]);

/** Rows of a CSV without quotes, by the names of the columns. */
function rows(name: string): Record<string, string>[] {
  const [head = '', ...lines] = text(name).trimEnd().split('\n');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(head.split(',').map((column, at) => [column, cells[at] ?? '']));
  });
}

beforeEach(() => {
  place = new Workplace();
  write('small.json', SMALL);
});
afterEach(() => place.remove());

describe('granule sweep', () => {
  it('prints a table in the order of the product', async () => {
    const { code, stdout, stderr } = await sweep('--vary', 'kernelPageSize=4K,16K', ...SIZES);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kernelPageSize +processes\.\*\.pageSize +cycles +L2 misses/);
    const keys = stdout.split('\n').slice(2, 6);
    expect(keys.map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['4 KiB', '16 KiB'],
      ['4 KiB', '64 KiB'],
      ['16 KiB', '16 KiB'],
      ['16 KiB', '64 KiB'],
    ]);
    expect(stdout).toMatch(/^4 points run in /m);
    expect(readdirSync(place.folder)).toEqual(['small.json']);
  });

  it('gives what granule run gives for each point', async () => {
    const { stdout } = await sweep(...SIZES, '--json');
    const { rows: found } = JSON.parse(stdout) as { rows: Record<string, unknown>[] };
    for (const row of found) {
      const bytes = row['processes.*.pageSize_bytes'];
      write('one.json', { ...SMALL, processes: [{ ...SMALL.processes[0], pageSize: bytes }] });
      const run: unknown = JSON.parse((await place.run(['run', 'one.json', '--json', '--force'])).stdout);
      expect(run).toMatchObject({
        log: { headHash: row['head_hash'], bytes: row['log_bytes'] },
        events: row['events'],
        timeCycles: row['virtual_time_cycles'],
        processes: [
          {
            counts: { references: row['references'], l2Misses: row['l2_misses'], walkReads: row['walk_reads'] },
            minorFaults: row['minor_faults'],
            residentPeakBytes: row['resident_peak_bytes'],
            tablePeak: { nativeBytes: row['native_tables_peak_bytes'] },
          },
        ],
      });
    }
    expect(found).toHaveLength(2);
  });

  it('writes the same bytes in every format, whatever the number of workers', async () => {
    const outs = (name: string): string[] =>
      ['csv', 'json', 'parquet'].flatMap((ending) => ['--out', `${name}.${ending}`]);
    const vary = [...SIZES, '--vary', 'chooser=seeded-random', '--vary', 'seed=1..3'];
    expect((await sweep(...vary, ...outs('one'), '--workers', '1')).code).toBe(0);
    expect((await sweep(...vary, ...outs('two'), '--workers', '2')).code).toBe(0);
    for (const ending of ['csv', 'json', 'parquet']) {
      expect(readFileSync(place.path(`two.${ending}`))).toEqual(readFileSync(place.path(`one.${ending}`)));
    }
    const read = await parquetReadObjects({ file: readFileSync(place.path('one.parquet')).buffer.slice() });
    const objects = JSON.parse(text('one.json')) as Record<string, unknown>[];
    const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : (value ?? null));
    expect(
      read.map((row) => Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)]))),
    ).toEqual(objects);
    expect(rows('one.csv').map((row) => row['head_hash'])).toEqual(objects.map((row) => row['head_hash']));
    expect(new Set(objects.map((row) => row['head_hash'])).size).toBe(6);
  });

  it('writes the format that is asked for, into a file of any name or to standard output', async () => {
    await sweep(...SIZES, '--format', 'csv', '--out', 'table.txt');
    expect(text('table.txt')).toMatch(/^processes\.\*\.pageSize_bytes,head_hash,/);
    const { stdout } = await sweep(...SIZES, '--format', 'csv');
    expect(stdout).toBe(text('table.txt'));
  });

  it('has a row for each process, times and logs when they are asked for', async () => {
    const second = { pid: 8, trace: 'true-kernel', pageSize: '64K' };
    write('small.json', { ...SMALL, processes: [...SMALL.processes, second] });
    const { code } = await sweep(
      '--vary',
      'seed=1,2',
      '--per-process',
      '--timings',
      '--logs',
      'logs',
      '--out',
      'a.csv',
    );
    expect(code).toBe(0);
    expect(rows('a.csv').map(({ seed, pid }) => [seed, pid])).toEqual([
      ['1', '7'],
      ['1', '8'],
      ['2', '7'],
      ['2', '8'],
    ]);
    for (const row of rows('a.csv')) {
      expect(Number(row['host_time_seconds'])).toBeGreaterThan(0);
      const { stdout } = await place.run(['verify', `logs/${row['log_file']}`]);
      expect(stdout).toContain(`head hash ${row['head_hash']}`);
    }
    expect(readdirSync(place.path('logs'))).toHaveLength(2);
  });

  it('makes a row of a point that fails, goes on, and exits with 1', async () => {
    const { code, stderr } = await sweep('--vary', 'limits.events=1000000,50', '--out', 'a.csv');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^failed: limits\.events=50: RUN_LIMIT: .*\b50 records$/m);
    expect(rows('a.csv').map((row) => [row['error_code'], row['references']])).toEqual([
      ['', '167440'],
      ['RUN_LIMIT', ''],
    ]);
  });

  it('leaves out what cannot run when it is told to, and says what', async () => {
    const args = ['--vary', 'kernelPageSize=4K,64K', ...SIZES, '--skip-invalid'];
    const { code, stderr } = await sweep(...args, '--out', 'a.csv');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^left out: kernelPageSize=64K processes\.\*\.pageSize=16K: a process page of 16384 below/);
    expect(rows('a.csv')).toHaveLength(3);
    const { leftOut, points }: { leftOut?: unknown; points?: unknown } = JSON.parse(
      (await sweep(...args, '--json')).stdout,
    ) as object;
    expect(points).toBe(3);
    expect(leftOut).toMatchObject([
      { point: 'kernelPageSize=64K processes.*.pageSize=16K', code: 'TOPOLOGY_PAGE_SIZE' },
    ]);
  });

  it('shows progress on a terminal, and none elsewhere', async () => {
    const { stderr } = await place.run(['sweep', 'small.json', ...SIZES], { tty: true });
    expect(stderr).toMatch(/ %  \d of 2 points, [\d.]+ k? ?events\/s/);
    expect(stderr.endsWith('\u001b[K')).toBe(true);
  });
});

describe('granule sweep refuses before anything runs', () => {
  const refusals: [string, string[], RegExp][] = [
    ['no --vary', [], /^USAGE: .*--vary/],
    ['a key that is not there', ['--vary', 'pagecache=x'], /^SWEEP_KEY_UNKNOWN: .*"pagecache".*docs\/topology\.md/],
    ['a value that the field refuses', ['--vary', 'cpus=1,many'], /^SWEEP_VALUE_INVALID: .*cpus=many\)/],
    [
      'values that cannot go together',
      ['--vary', 'kernelPageSize=4K,64K', ...SIZES],
      /^SWEEP_POINT_INVALID: 1 of 4 points cannot run: .*16384 below.*kernelPageSize=64K.*--skip-invalid/,
    ],
    [
      'to leave out everything',
      ['--vary', 'processes.0.cpu=5,6', '--skip-invalid'],
      /^SWEEP_POINT_INVALID: 2 of 2 points cannot run: there is no tlb:5/,
    ],
    ['a trace that is not there', ['--vary', 'processes.0.trace=true-kernel,nothing'], /^FILE_NOT_FOUND: .*"nothing"/],
    ['an ending that says nothing', [...SIZES, '--out', 'a.xls'], /^USAGE: .*"[^"]*a\.xls".*--format/],
    ['a folder that is not there', [...SIZES, '--out', 'no/a.csv'], /^OUTPUT_UNWRITABLE: .*no\/a\.csv/],
    ['Parquet on a terminal', [...SIZES, '--format', 'parquet'], /^USAGE: .*--out/],
    ['no workers', [...SIZES, '--workers', '0'], /^USAGE: .*1 to 256/],
  ];
  it.each(refusals)('%s', async (_name, args, message) => {
    const { code, stdout, stderr } = await sweep(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(readdirSync(place.folder)).toEqual(['small.json']);
  });

  it('the journal of another sweep, unless it is told to go on from it', async () => {
    await sweep('--vary', 'seed=1..2', '--out', 'a.csv');
    const before = [text('a.csv'), text('a.csv.journal')];
    const { code, stderr } = await sweep('--vary', 'seed=1..3', '--out', 'a.csv');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^JOURNAL_OTHER: .*2 finished points \(.*a\.csv\.journal\).*--force/);
    expect([text('a.csv'), text('a.csv.journal')]).toEqual(before);
    const forced = await sweep('--vary', 'seed=1..3', '--out', 'a.csv', '--force');
    expect(forced.stderr).toMatch(/^2 of 3 points are in .*a\.csv\.journal, and are not run again$/m);
    expect(forced.stdout).toMatch(/^1 point run in /m);
    expect(rows('a.csv').map(({ seed }) => seed)).toEqual(['1', '2', '3']);
  });
});

describe('granule sweep goes on', () => {
  it('without running a finished point again, and cuts a torn line', async () => {
    const args = [...SIZES, '--vary', 'seed=1,2', '--out', 'a.csv'];
    await sweep(...args);
    const [table, journal] = [text('a.csv'), text('a.csv.journal')];
    const lines = journal.split('\n');
    writeFileSync(place.path('a.csv.journal'), `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 70)}`);
    const { code, stderr, stdout } = await sweep(...args);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^2 of 4 points are in /);
    expect(stdout).toMatch(/^2 points run in /m);
    expect(text('a.csv')).toBe(table);
    expect(text('a.csv.journal').split('\n')).toHaveLength(6);
  });

  it('with another shape of the table, from the same journal', async () => {
    await sweep(...SIZES, '--out', 'a.csv');
    const { stdout } = await sweep(...SIZES, '--out', 'a.csv', '--out', 'a.json', '--per-process');
    expect(stdout).not.toMatch(/points run/);
    expect(rows('a.csv').map(({ pid }) => pid)).toEqual(['7', '7']);
    expect(existsSync(place.path('a.json'))).toBe(true);
  });

  it('by running again what has no log, when logs are wanted', async () => {
    const args = [...SIZES, '--out', 'a.csv', '--logs', 'logs'];
    await sweep(...SIZES, '--out', 'a.csv');
    expect((await sweep(...args)).stderr).toBe('');
    const [first = ''] = readdirSync(place.path('logs'));
    const kept = readFileSync(place.path(`logs/${first}`));
    expect((await sweep(...args)).stderr).toMatch(/^2 of 2 points/);
    // As a sweep that was killed leaves it.
    renameSync(place.path(`logs/${first}`), place.path(`logs/${first}.part`));
    expect((await sweep(...args)).stderr).toMatch(/^1 of 2 points/);
    expect(readFileSync(place.path(`logs/${first}`))).toEqual(kept);
    expect(readdirSync(place.path('logs'))).toHaveLength(2);
  });
});
