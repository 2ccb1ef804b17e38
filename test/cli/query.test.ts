import { readFileSync } from 'node:fs';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { DUCKDB, loadDuckDb } from '../../src/cli/sql.ts';
import { fixture, PROJECT, Workplace } from './harness.ts';

const place = new Workplace();
const LOG = fixture('golden/true-mixed.glog');
afterAll(() => place.remove());

async function printed(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await place.run(args);
  expect(code, stderr).toBe(0);
  return stdout.trimEnd().split('\n');
}

interface Line {
  seq: number;
  type: string;
  with: { role: string; name: string; record: { seq: number; type: string } }[];
}

async function found(...args: string[]): Promise<Line[]> {
  return (await printed('query', LOG, ...args, '--json')).map((line) => JSON.parse(line) as Line);
}

describe('granule query', () => {
  it('prints what granule log prints of the same events', async () => {
    const all = await printed('log', LOG, '--type', 'FAULT', '--actor', 'mm:1');
    expect(await printed('query', LOG, 'FAULT && to == mm:1')).toEqual(all);
  });

  it('prints under each event those that made it one', async () => {
    const [head, first, before] = await printed(
      'query',
      LOG,
      'FAULT preceded by SET_PTES where from == FAULT.to',
      '--limit',
      '1',
    );
    expect(head).toMatch(/^ +seq/);
    expect(first).toMatch(/^ +51 .* FAULT /);
    expect(before).toMatch(/^ {2}preceded by +39 .* SET_PTES /);
  });

  it('prints JSON lines, forwards and backwards, within bounds', async () => {
    const text = 'FAULT followed by FRAMES where to == FAULT.to';
    const hits = await found(text, '--from', '60', '--to', '900');
    expect(hits.length).toBeGreaterThan(3);
    expect(hits.every(({ seq, type }) => type === 'FAULT' && seq >= 60 && seq <= 900)).toBe(true);
    expect(hits[0]?.with[0]).toMatchObject({ role: 'followed by', name: 'FRAMES', record: { type: 'FRAMES' } });
    const backwards = await found(text, '--from', '60', '--to', '900', '--backwards');
    expect(backwards).toEqual(hits.toReversed());
    expect(await found(text, '--from', '60', '--limit', '2')).toEqual(hits.slice(0, 2));
  });

  it('looks at states', async () => {
    const changes = await printed('query', LOG, "changed(state('mm:2').context.rssAnonPages)", '--count');
    expect(Number(changes[0])).toBeGreaterThan(5);
  });

  it('counts', async () => {
    const [head, , first] = await printed('query', LOG, 'count FAULT by to');
    expect(head).toMatch(/^count +to$/);
    expect(first).toMatch(/^ *\d+ +mm:\d$/);
    expect(await printed('query', LOG, 'FAULT', '--count', '--json')).toEqual(['{"count":140}']);
    const rows = (await printed('query', LOG, 'count FAULT by to', '--json')).map(
      (line) => JSON.parse(line) as { count: number },
    );
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(140);
  });

  it('says where a query is wrong, and what was meant', async () => {
    const { code, stderr, stdout } = await place.run(['query', LOG, 'FUALT']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^QUERY_INVALID: there is no message FUALT; did you mean FAULT.* \(column 1, at "FUALT"\)\. /,
    );
    expect((await place.run(['query', LOG])).stderr).toMatch(/^USAGE: a query is missing/);
    const none = await place.run(['query', LOG, 'FAULT && seq < 3']);
    expect(none).toMatchObject({ code: 0, stderr: 'no event is as asked\n' });
  });
});

describe('granule export --to parquet', () => {
  it('writes a table of the events that were asked for', async () => {
    const out = place.path('part.parquet');
    const [line] = await printed(
      'export',
      LOG,
      '--to',
      'parquet',
      '--out',
      out,
      '--from',
      '100',
      '--until',
      '200',
      '--json',
    );
    expect(JSON.parse(line ?? '')).toMatchObject({ out, format: 'parquet', events: 101 });
    const bytes = readFileSync(out);
    const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 101 }, (_, at) => 100 + at));
  });

  it('leaves what was there when it fails', async () => {
    const failed = await place.run(['export', LOG, '--to', 'parquet', '--out', place.path('no/such/folder.parquet')]);
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringMatching(/^OUTPUT_UNWRITABLE/) });
    expect((await place.run(['export', LOG, '--to', 'nothing', '--out', 'a'])).code).toBe(2);
  });
});

/** Whether DuckDB is installed here. It is no dependency, so mostly it is not, and then only the error is tried. */
async function hasDuckDb(): Promise<boolean> {
  try {
    await loadDuckDb();
    return true;
  } catch (error) {
    return !(error instanceof GranuleError);
  }
}

describe('granule query --sql', () => {
  it('rests on a package that package.json names as one that need not be there', () => {
    const manifest = JSON.parse(readFileSync(`${PROJECT}/package.json`, 'utf8')) as Record<
      string,
      Record<string, unknown>
    >;
    expect(manifest['peerDependencies']).toHaveProperty([DUCKDB]);
    expect(manifest['peerDependenciesMeta']?.[DUCKDB]).toEqual({ optional: true });
  });

  it('asks DuckDB where it is installed, and says how to install it where it is not', async () => {
    const counted =
      'SELECT receiver, count(*) AS n FROM events WHERE type = $$FAULT$$ GROUP BY receiver ORDER BY receiver';
    const ran = await place.run(['query', LOG, '--sql', counted, '--json']);
    if (!(await hasDuckDb())) {
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toMatch(/^\{"error":\{"code":"DUCKDB_MISSING".*npm install @duckdb\/node-api/);
      return;
    }
    const rows = ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { receiver: string; n: number });
    expect(rows.reduce((sum, { n }) => sum + n, 0)).toBe(140);
    expect(rows.map(({ receiver }) => receiver)).toEqual(['mm:1', 'mm:2', 'mm:3'].slice(0, rows.length));
    const joined = 'SELECT count(*) AS n, min(seq - with_1) AS near FROM hits JOIN events USING (seq)';
    const [hits] = await printed('query', LOG, 'FAULT preceded by SET_PTES', '--sql', joined, '--json');
    expect(JSON.parse(hits ?? '')).toMatchObject({ n: 139 });
    const failed = await place.run(['query', LOG, '--sql', 'SELECT nothing FROM events']);
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringMatching(/^SQL_FAILED: .*nothing/) });
  });
});
