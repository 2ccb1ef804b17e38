import { parquetReadObjects, parquetSchema, parquetMetadata } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { payloadJson, writeParquet } from '../../src/export/parquet.ts';
import type { LogReader } from '../../src/log/logReader.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { madeRun } from '../../src/report/madeWorkload.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';

function written(events: readonly LogRecord[]): ArrayBuffer {
  const parts: Uint8Array[] = [];
  const { bytes } = writeParquet(
    () => events,
    (part) => void parts.push(part),
  );
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  expect(at).toBe(bytes);
  return whole.buffer;
}

const event = { seq: 0, timeCycles: 5, to: 'zone', from: 'mm:1', cause: -1, type: 'ALLOC', payload: {} };

describe('events as Parquet', () => {
  it('hold every event of a run, with its payload', async () => {
    const { topology, traces } = madeRun(400);
    const reader: LogReader = runInMemory(topology, traces);
    const records = [...reader.range()];
    const rows = await parquetReadObjects({ file: written(records) });
    expect(rows).toHaveLength(records.length);
    for (const [at, row] of rows.entries()) {
      const { seq, timeCycles, to, from, cause, type, payload } = records[at] ?? event;
      expect(row).toMatchObject({
        seq: BigInt(seq),
        timeCycles: BigInt(timeCycles),
        to,
        from,
        cause: BigInt(cause),
        type,
      });
      expect(JSON.parse(String(row['payload']))).toEqual(JSON.parse(payloadJson(payload) ?? 'null'));
      const va = (payload as { va?: unknown }).va;
      expect(row['payload_va'] ?? undefined).toEqual(typeof va === 'number' ? BigInt(va) : undefined);
    }
  });

  it('type a column by all of its values', async () => {
    const payloads = [
      { whole: 1, mixed: 1, real: 1, flag: true, list: [1], words: new Uint32Array([1, 2]) },
      { whole: 2 ** 50, mixed: 'a', real: 1.5, flag: false },
      { mixed: true },
    ];
    const events = payloads.map((payload, seq) => ({ ...event, seq, payload }));
    const file = written(events);
    const names = parquetSchema(parquetMetadata(file)).children.map(({ element }) => element.name);
    expect(names.slice(0, 7)).toEqual(['seq', 'timeCycles', 'from', 'to', 'type', 'cause', 'payload']);
    expect(names.slice(7).sort()).toEqual(['payload_flag', 'payload_mixed', 'payload_real', 'payload_whole']);
    const rows = await parquetReadObjects({ file });
    expect(rows.map((row) => row['payload_whole'])).toEqual([1n, 2n ** 50n, null]);
    expect(rows.map((row) => row['payload_mixed'])).toEqual(['1', 'a', 'true']);
    expect(rows.map((row) => row['payload_real'])).toEqual([1, 1.5, null]);
    expect(rows.map((row) => row['payload_flag'])).toEqual([true, false, null]);
    expect(JSON.parse(String(rows[0]?.['payload']))).toMatchObject({ words: [1, 2] });
  });

  it('are a table without rows where there are none', async () => {
    expect(await parquetReadObjects({ file: written([]) })).toEqual([]);
  });

  it('go out group by group, so that memory does not grow with them', () => {
    const parts: number[] = [];
    const count = 150_000;
    function* many(): Generator<LogRecord> {
      for (let seq = 0; seq < count; seq++) yield { ...event, seq, payload: { va: seq * 4096 } };
    }
    const { rows } = writeParquet(many, (bytes) => void parts.push(bytes.length));
    expect(rows).toBe(count);
    expect(parts).toHaveLength(4);
  });
});
