import fc from 'fast-check';
import { parquetReadObjects, parquetSchema, parquetMetadata } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { pointsOf } from '../../src/sweep/points.ts';
import { type Column, resultTable, type PointOutcome } from '../../src/sweep/resultTable.ts';
import { runPoint } from '../../src/sweep/runPoint.ts';
import { csvOf, jsonOf, parquetOf } from '../../src/sweep/tableFormats.ts';
import { variedKeys } from '../../src/sweep/varied.ts';
import { hashingWriter } from '../../src/timeline/inMemory.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { logMeta } from '../../src/topology/meta.ts';
import { parseTopology } from '../../src/topology/schema.ts';

/** Records of CSV, read as RFC 4180 says and in no other way. */
function readCsv(text: string): string[][] {
  const records: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n)/g)) {
    records.at(-1)?.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\n') records.push([]);
  }
  return records.slice(0, -1);
}

const columns: fc.Arbitrary<Column[]> = fc.integer({ min: 1, max: 8 }).chain((rows) => {
  const cells = <T>(cell: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> =>
    fc.array(fc.option(cell), { minLength: rows, maxLength: rows });
  const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' });
  const column: fc.Arbitrary<Column> = fc.oneof(
    fc.record({ name, type: fc.constant('integer' as const), cells: cells(fc.maxSafeInteger()) }),
    fc.record({
      name,
      type: fc.constant('number' as const),
      cells: cells(fc.double({ noNaN: true, noDefaultInfinity: true })),
    }),
    fc.record({ name, type: fc.constant('boolean' as const), cells: cells(fc.boolean()) }),
    fc.record({ name, type: fc.constant('text' as const), cells: cells(fc.string({ unit: 'binary' })) }),
  );
  return fc.uniqueArray(column, { minLength: 1, maxLength: 6, selector: (one) => one.name });
});

describe('a table comes back as it was written', () => {
  it('from CSV', () => {
    fc.assert(
      fc.property(columns, (table) => {
        const rows = table[0]?.cells.map((_, row) => table.map(({ cells }) => String(cells[row] ?? '')));
        expect(readCsv(csvOf(table))).toEqual([table.map(({ name }) => name), ...(rows ?? [])]);
      }),
    );
  });

  it('from JSON', () => {
    fc.assert(
      fc.property(columns, (table) => {
        const rows: unknown = JSON.parse(jsonOf(table));
        const expected = table[0]?.cells.map((_, row) =>
          Object.fromEntries(table.map(({ name, cells }) => [name, cells[row]])),
        );
        expect(rows).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
    );
  });

  it('from Parquet, with its types', async () => {
    await fc.assert(
      fc.asyncProperty(columns, async (table) => {
        const bytes = parquetOf(table);
        const file = bytes.slice().buffer;
        const rows = await parquetReadObjects({ file });
        for (const [row, object] of rows.entries()) {
          for (const { name, type, cells } of table) {
            const cell = cells[row] ?? null;
            expect(object[name] ?? null).toEqual(type === 'integer' && cell !== null ? BigInt(cell) : cell);
          }
        }
        expect(rows).toHaveLength(table[0]?.cells.length ?? 0);
        const types = { integer: 'INT64', number: 'DOUBLE', boolean: 'BOOLEAN', text: 'BYTE_ARRAY' };
        const written = parquetSchema(parquetMetadata(file)).children.map(({ element }) => element.type);
        expect(written).toEqual(table.map(({ type }) => types[type]));
      }),
    );
  });
});

describe('the table of results', () => {
  const base = parseTopology(
    {
      name: 'two',
      processes: [
        { pid: 7, trace: 'true-kernel', pageSize: '4K' },
        { pid: 8, trace: 'true-kernel', pageSize: '64K' },
      ],
    },
    'test',
  );
  const keys = variedKeys(base, ['pageCache=sticky-order', 'limits.events=50,1000000', 'memory=1G']);
  const outcomes = pointsOf(base, keys).map((point): PointOutcome => {
    const { topology } = point;
    const traces = loadTraces(topology, { folders: [] });
    const result = runPoint({ topology, traces, writer: hashingWriter(logMeta(topology, traces)) });
    return { point, result, log: 'a.glog' };
  });
  const plain = { perProcess: false, timings: false, logs: false };
  const column = (table: readonly Column[], name: string): unknown => table.find((one) => one.name === name)?.cells;

  it('begins with the keys, sizes in bytes', () => {
    const [cache, limit, memory] = resultTable(keys, outcomes, plain);
    expect(cache).toEqual({ name: 'pageCache', type: 'text', cells: ['sticky-order', 'sticky-order'] });
    expect(limit).toEqual({ name: 'limits.events', type: 'integer', cells: [50, 1_000_000] });
    expect(memory).toEqual({ name: 'memory_bytes', type: 'integer', cells: [2 ** 30, 2 ** 30] });
  });

  it('sums over processes, and has the error of a failed point and nothing else of it', () => {
    const table = resultTable(keys, outcomes, plain);
    expect(column(table, 'references')).toEqual([null, 2 * 167_440]);
    expect(column(table, 'error_code')).toEqual(['RUN_LIMIT', null]);
    expect(column(table, 'head_hash')).toEqual([null, expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(table.slice(keys.length).flatMap(({ cells: [failed] }) => failed ?? [])).toEqual(['RUN_LIMIT']);
  });

  it('has a row for each process, which add up to the row of the point', () => {
    const table = resultTable(keys, outcomes, { ...plain, perProcess: true });
    expect(column(table, 'pid')).toEqual([null, 7, 8]);
    expect(column(table, 'page_size_bytes')).toEqual([null, 4096, 65536]);
    expect(column(table, 'end')).toEqual([null, 'exited', 'exited']);
    const sums = resultTable(keys, outcomes, plain);
    for (const name of ['references', 'l2_misses', 'walk_reads', 'minor_faults', 'resident_peak_bytes', 'calls']) {
      const rows = table.find((one) => one.name === name)?.cells ?? [];
      const [, sum] = sums.find((one) => one.name === name)?.cells ?? [];
      expect(Number(rows[1]) + Number(rows[2]), name).toBe(sum);
    }
  });

  it('has times and logs only when they are asked for', () => {
    const names = (shape: typeof plain): string[] => resultTable(keys, outcomes, shape).map(({ name }) => name);
    expect(names(plain)).not.toContain('host_time_seconds');
    expect(names({ ...plain, timings: true, logs: true }).slice(-2)).toEqual(['log_file', 'host_time_seconds']);
  });
});
