/** SQL over the events of a log, by DuckDB where it is installed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { writeParquet } from '../export/parquet.ts';
import type { LogReader } from '../log/logReader.ts';
import type { Hit } from '../query/run.ts';
import type { Column } from '../sweep/resultTable.ts';
import { parquetOf } from '../sweep/tableFormats.ts';
import { streamWhole, writeWhole } from '../sweep/wholeFile.node.ts';

/** The package that is imported when it is there: some 70 MB that few need. */
export const DUCKDB = '@duckdb/node-api';

/** What is used of DuckDB. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string): Promise<{
      connect(): Promise<{
        run(sql: string): Promise<unknown>;
        runAndReadAll(sql: string): Promise<{ deduplicatedColumnNames(): string[]; getRowsJS(): unknown[][] }>;
        closeSync(): void;
      }>;
      closeSync(): void;
    }>;
  };
}

/** What a statement gave. */
export interface SqlRows {
  readonly names: readonly string[];
  /** Numbers, texts, lists and so on, as JSON has them; a whole number too large for it is a text. */
  readonly rows: readonly (readonly unknown[])[];
}

/**
 * Loads DuckDB.
 *
 * @throws GranuleError DUCKDB_MISSING where it is not installed, or not for this system
 * @example
 * ```ts
 * await loadDuckDb('no-such-package'); // throws DUCKDB_MISSING
 * ```
 */
export async function loadDuckDb(name: string = DUCKDB): Promise<DuckDb> {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is used of it is tried by the tests
    return (await import(/* @vite-ignore */ packageAt(name))) as DuckDb;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new GranuleError('DUCKDB_MISSING', `${name} cannot be loaded`, why);
  }
}

/** No name that a bundler or a compiler would look for: mostly the package is not there. */
function packageAt(name: string): string {
  return name;
}

/** A value of DuckDB as JSON has it. */
function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainOf(inner)]));
}

/** The seqs of hits, and of the events that made them so: `with_1`, `with_2` and so on. */
function hitColumns(hits: Iterable<Hit>): Column[] {
  const seqs: number[] = [];
  const others: (number | null)[][] = [];
  for (const { seq, with: related } of hits) {
    for (let at = others.length; at < related.length; at++) others.push(seqs.map(() => null));
    seqs.push(seq);
    for (const [at, column] of others.entries()) column.push(related[at]?.record.seq ?? null);
  }
  const more = others.map((cells, at): Column => ({ name: `with_${at + 1}`, type: 'integer', cells }));
  return [{ name: 'seq', type: 'integer', cells: seqs }, ...more];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * What a statement gives over the view `events`, which has the columns of the Parquet export and, since FROM and TO are words of
 * SQL, `sender` and `receiver`; and over `hits`, where there are some, with `seq`, `with_1` and so on. The tables are Parquet files
 * in a folder that goes away again.
 *
 * @throws GranuleError DUCKDB_MISSING, SQL_FAILED, LOG_DAMAGED, DISK_FULL
 * @example
 * ```ts
 * const storage = memoryStorage();
 * new LogWriter(storage, noCompression, {}).close();
 * const reader = LogReader.open(storage, noCompression);
 * await sqlRows(reader, null, 'SELECT 1', () => loadDuckDb('no-such-package')); // throws DUCKDB_MISSING
 * ```
 */
export async function sqlRows(
  reader: LogReader,
  hits: Iterable<Hit> | null,
  statement: string,
  load: () => Promise<DuckDb> = loadDuckDb,
): Promise<SqlRows> {
  const { DuckDBInstance } = await load();
  const folder = mkdtempSync(join(tmpdir(), 'granule-sql-'));
  try {
    const events = join(folder, 'events.parquet');
    streamWhole(events, (write) => writeParquet(() => reader.range(), write));
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      const columns = '*, "from" AS sender, "to" AS receiver';
      await connection.run(`CREATE VIEW events AS SELECT ${columns} FROM read_parquet(${quoted(events)})`);
      if (hits !== null) {
        const path = join(folder, 'hits.parquet');
        writeWhole(path, parquetOf(hitColumns(hits)));
        await connection.run(`CREATE VIEW hits AS SELECT * FROM read_parquet(${quoted(path)})`);
      }
      return await asked(() => connection.runAndReadAll(statement));
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function asked(
  read: () => Promise<{ deduplicatedColumnNames(): string[]; getRowsJS(): unknown[][] }>,
): Promise<SqlRows> {
  try {
    const result = await read();
    return { names: result.deduplicatedColumnNames(), rows: result.getRowsJS().map((row) => row.map(plainOf)) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new GranuleError('SQL_FAILED', words.replaceAll(/\s+/g, ' ').trim(), '--sql');
  }
}
