/** Events as a Parquet table: a row each, a part of the log in memory at a time. */
import { ByteWriter, ParquetWriter, schemaFromColumnData, type BasicType } from 'hyparquet-writer';
import type { LogRecord } from '../log/record.ts';
import { GRANULE_VERSION } from '../topology/meta.ts';

/** Rows that are written at a time. */
const ROWS_AT_A_TIME = 1 << 16;
/** Fields of messages that have a column of their own, the most frequent ones; all are in the payload. */
const FIELD_COLUMNS = 64;
/** What the name of such a column begins with. */
const FIELD_PREFIX = 'payload_';

type Scalar = number | string | boolean;
type Cell = bigint | Scalar | null;

/** A column: how it is typed, and its cell of an event. */
interface EventColumn {
  readonly name: string;
  readonly type: BasicType;
  readonly nullable: boolean;
  readonly cell: (record: LogRecord) => Cell;
}

/** What a table came to. */
export interface ParquetWritten {
  readonly rows: number;
  readonly columns: readonly string[];
  readonly bytes: number;
}

const FIXED: readonly EventColumn[] = [
  { name: 'seq', type: 'INT64', nullable: false, cell: ({ seq }) => BigInt(seq) },
  { name: 'timeCycles', type: 'INT64', nullable: false, cell: ({ timeCycles }) => BigInt(timeCycles) },
  { name: 'from', type: 'STRING', nullable: false, cell: ({ from }) => from },
  { name: 'to', type: 'STRING', nullable: false, cell: ({ to }) => to },
  { name: 'type', type: 'STRING', nullable: false, cell: ({ type }) => type },
  { name: 'cause', type: 'INT64', nullable: false, cell: ({ cause }) => BigInt(cause) },
  { name: 'payload', type: 'STRING', nullable: true, cell: ({ payload }) => payloadJson(payload) },
];

/**
 * A payload as JSON; typed arrays are lists in it, and what is not there is null.
 *
 * @example
 * ```ts
 * payloadJson({ va: 4096, pfns: new Uint32Array([1, 2]) }); // '{"va":4096,"pfns":[1,2]}'
 * payloadJson(undefined); // null
 * ```
 */
export function payloadJson(payload: unknown): string | null {
  const plain = (_: string, value: unknown): unknown =>
    ArrayBuffer.isView(value) && !(value instanceof DataView)
      ? Array.from(value as unknown as ArrayLike<number>)
      : value;
  return JSON.stringify(payload, plain) ?? null;
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

function typeOf(value: Scalar): BasicType {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'INT64' : 'DOUBLE';
  return typeof value === 'string' ? 'STRING' : 'BOOLEAN';
}

/** Both whole numbers and others are numbers; whatever else differs is text. */
function joinedType(left: BasicType, right: BasicType): BasicType {
  if (left === right) return left;
  const isNumber = (type: BasicType): boolean => type === 'INT64' || type === 'DOUBLE';
  return isNumber(left) && isNumber(right) ? 'DOUBLE' : 'STRING';
}

function scalarOf({ payload }: LogRecord, name: string): Scalar | null {
  if (typeof payload !== 'object' || payload === null || !Object.hasOwn(payload, name)) return null;
  const value = (payload as Readonly<Record<string, unknown>>)[name];
  return isScalar(value) ? value : null;
}

function fieldColumn(name: string, type: BasicType): EventColumn {
  const cellOf: Partial<Record<BasicType, (value: Scalar) => Cell>> = {
    INT64: (value) => BigInt(value),
    STRING: String,
  };
  const made = cellOf[type] ?? ((value) => value);
  const cell = (record: LogRecord): Cell => {
    const value = scalarOf(record, name);
    return value === null ? null : made(value);
  };
  return { name: `${FIELD_PREFIX}${name}`, type, nullable: true, cell };
}

/** The columns of the fields that messages have most often: numbers, texts, and what is true or false. */
function fieldColumns(events: Iterable<LogRecord>): EventColumn[] {
  const found = new Map<string, { type: BasicType; count: number }>();
  for (const { payload } of events) {
    if (typeof payload !== 'object' || payload === null || ArrayBuffer.isView(payload)) continue;
    for (const [name, value] of Object.entries(payload) as [string, unknown][]) {
      if (!isScalar(value)) continue;
      const type = typeOf(value);
      const known = found.get(name);
      if (known === undefined) found.set(name, { type, count: 1 });
      else {
        known.count += 1;
        known.type = joinedType(known.type, type);
      }
    }
  }
  const byCount = [...found].sort(([a, left], [b, right]) => right.count - left.count || (a < b ? -1 : 1));
  return byCount.slice(0, FIELD_COLUMNS).map(([name, { type }]) => fieldColumn(name, type));
}

/** Hands on what was written whenever a group of rows is whole. */
class SinkWriter extends ByteWriter {
  readonly #sink: (bytes: Uint8Array) => void;

  constructor(sink: (bytes: Uint8Array) => void) {
    super();
    this.#sink = sink;
  }

  flush(): void {
    this.#sink(this.getBytes().slice());
    this.index = 0;
  }

  override finish(): void {
    this.flush();
  }
}

/**
 * Writes events as Parquet: `seq`, `timeCycles`, `from`, `to`, `type`, `cause`, the payload as JSON, and of its fields those that are
 * most frequent, as `payload_va`, each with the type that fits all of its values.
 *
 * @param events gone through twice: for the fields that there are, and to write
 * @param sink takes the bytes in order
 * @example
 * ```ts
 * const events = [{ seq: 0, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: -1, type: 'FAULT', payload: { va: 4096 } }];
 * const parts: Uint8Array[] = [];
 * writeParquet(() => events, (bytes) => void parts.push(bytes)).columns.at(-1); // 'payload_va'
 * new TextDecoder().decode(parts[0]?.subarray(0, 4)); // 'PAR1'
 * ```
 */
export function writeParquet(events: () => Iterable<LogRecord>, sink: (bytes: Uint8Array) => void): ParquetWritten {
  const columns = [...FIXED, ...fieldColumns(events())];
  let bytes = 0;
  const writer = new SinkWriter((part) => {
    bytes += part.length;
    sink(part);
  });
  const schema = schemaFromColumnData({
    columnData: columns.map(({ name, type, nullable }) => ({ name, type, nullable, data: [] })),
  });
  const parquet = new ParquetWriter({ writer, schema, createdBy: `granule version ${GRANULE_VERSION}` });
  let rows = 0;
  const write = (records: readonly LogRecord[]): void => {
    if (records.length === 0) return;
    const columnData = columns.map(({ name, cell }) => ({ name, data: records.map(cell) }));
    void parquet.write({ columnData, rowGroupSize: ROWS_AT_A_TIME });
    rows += records.length;
  };
  let group: LogRecord[] = [];
  for (const record of events()) {
    group.push(record);
    if (group.length < ROWS_AT_A_TIME) continue;
    write(group);
    group = [];
  }
  write(group);
  void parquet.finish();
  return { rows, columns: columns.map(({ name }) => name), bytes };
}
