import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { ByteWriter } from '../../src/log/bytes.ts';
import { crc32 } from '../../src/log/crc32.ts';
import { encodeFrame, FRAME } from '../../src/log/frames.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { type Compression, memoryStorage } from '../../src/log/storage.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { realisticRecords, SAMPLE_META, sampleLog } from './sample.ts';

const open = (bytes: Uint8Array): LogReader => LogReader.open(memoryStorage(bytes), zlibCompression);
const large = sampleLog(20_000, 1_000);
const small = sampleLog(60, 20);

function caught(work: () => unknown): GranuleError {
  try {
    work();
  } catch (error) {
    if (error instanceof GranuleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a closed log', () => {
  it('gives back every record, the meta and the totals', () => {
    const reader = open(large.bytes);
    expect([...reader.range()]).toEqual(large.records);
    expect(reader.meta).toEqual(SAMPLE_META);
    expect(reader.recovery).toBeNull();
    expect([reader.records, reader.firstSeq, reader.lastSeq]).toEqual([20_000, 0, 19_999]);
    expect(reader.headHash).toBe(large.totals.headHash);
    expect(large.totals).toMatchObject({ records: 20_000, bytes: large.bytes.length });
  });

  it('gives any record and any range by seq', () => {
    const reader = open(large.bytes);
    for (const seq of [0, 4095, 4096, 19_999, 7]) expect(reader.read(seq)).toEqual(large.records[seq]);
    expect([...reader.range(4090, 4100)]).toEqual(large.records.slice(4090, 4101));
    expect([...reader.range(19_990, 99_999)]).toEqual(large.records.slice(19_990));
  });

  it.each([-1, 20_000, 1.5])('refuses seq %s by name', (seq) => {
    expect(caught(() => open(large.bytes).read(seq))).toMatchObject({ code: 'SEQ_OUT_OF_RANGE' });
  });

  it('opens only the sections of the actor that is asked for', () => {
    const reader = open(large.bytes);
    const expected = large.records.filter((record) => record.to === 'mm:3');
    expect([...reader.byActor('mm:3')]).toEqual(expected);
    expect(reader.counters).toEqual({ segmentsRead: 5, sectionsOpened: 5, recordsDecoded: expected.length });
    expect([...reader.byActor('mm:3', 5000, 6000)]).toEqual(expected.filter(({ seq }) => seq >= 5000 && seq <= 6000));
    expect([...reader.byActor('nobody')]).toEqual([]);
  });

  it('gives the records of one type without opening sections that hold none', () => {
    const reader = open(large.bytes);
    expect([...reader.byType('ALLOC')]).toEqual(large.records.filter((record) => record.type === 'ALLOC'));
    expect(reader.counters.sectionsOpened).toBe(5);
  });

  it('counts actors and types', () => {
    const count = (key: (record: LogRecord) => string): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const record of large.records) counts.set(key(record), (counts.get(key(record)) ?? 0) + 1);
      return counts;
    };
    const reader = open(large.bytes);
    expect(new Map(reader.actors().map(({ id, count: n }) => [id, n]))).toEqual(count((record) => record.to));
    expect(new Map(reader.types().map(({ id, count: n }) => [id, n]))).toEqual(count((record) => record.type));
  });

  it('finds the seq that a virtual time belongs to', () => {
    const reader = open(large.bytes);
    for (const seq of [0, 1, 4095, 4096, 12_345, 19_999]) {
      const time = large.records[seq]?.timeCycles ?? 0;
      expect(reader.seqAtTime(time)).toBe(seq);
      expect(reader.seqAtTime(time - 1)).toBe(seq - 1);
    }
    expect(reader.seqAtTime(Number.MAX_SAFE_INTEGER)).toBe(19_999);
  });

  it('gives one actor its last state, also when later checkpoints left it out as unchanged', () => {
    const reader = open(large.bytes);
    expect(reader.checkpoints()).toHaveLength(20);
    expect(reader.checkpointBefore(998, 'zone')).toBeNull();
    expect(reader.checkpointBefore(2500, 'zone')).toEqual({
      actor: 'zone',
      state: { freeAt: 999 },
      seq: 1999,
      storedSeq: 999,
    });
    const sched = reader.checkpointBefore(19_999, 'sched');
    expect(sched).toMatchObject({ seq: 19_999, state: { queue: new Uint32Array([1, 2, 19_999]) } });
    expect(reader.counters.sectionsOpened).toBe(0);
  });

  it('holds no records and still opens when nothing was appended', () => {
    const storage = memoryStorage();
    const totals = new LogWriter(storage, zlibCompression, {}).close();
    const reader = LogReader.open(storage, zlibCompression);
    expect([reader.records, reader.lastSeq, [...reader.range()]]).toEqual([0, -1, []]);
    expect(reader.headHash).toBe(totals.headHash);
    expect(verifyLog(reader).ok).toBe(true);
  });

  it('takes at most a tenth of JSON lines, and 12 bytes a record', () => {
    const json = large.records.reduce((sum, record) => sum + JSON.stringify(record).length + 1, 0);
    const { totals } = sampleLog(20_000);
    expect(totals.bytes * 10).toBeLessThan(json);
    expect(totals.bytes / totals.records).toBeLessThan(12);
  });
});

describe('the head hash', () => {
  it('is the same with and without checkpoints, and with another compressor', () => {
    const none: Compression = { deflate: (bytes) => bytes, inflate: (bytes) => bytes };
    const storage = memoryStorage();
    const writer = new LogWriter(storage, none, SAMPLE_META);
    for (const record of large.records) writer.append(record);
    const plain = writer.close();
    expect(plain.headHash).toBe(large.totals.headHash);
    expect(verifyLog(LogReader.open(storage, none)).ok).toBe(true);
  });

  it('changes with any record and with the meta', () => {
    const hashes = [small.totals.headHash, sampleLog(60, 20, { ...SAMPLE_META, seed: 8 }).totals.headHash];
    for (let seq = 0; seq < 60; seq++) {
      const writer = new LogWriter(memoryStorage(), zlibCompression, SAMPLE_META);
      for (const record of small.records) {
        writer.append(record.seq === seq ? { ...record, timeCycles: record.timeCycles + 1 } : record);
      }
      hashes.push(writer.close().headHash);
    }
    expect(new Set(hashes).size).toBe(62);
  });
});

describe('the writer', () => {
  const first = small.records[0];

  it.each([
    ['a seq that does not come next', { seq: 5 }],
    ['a cause that is not before it', { cause: 0 }],
    ['a time that is no integer', { timeCycles: 0.5 }],
    ['a payload that is no plain data', { payload: { page: new Map() } }],
  ])('refuses %s, and the log stays as it was', (_, change) => {
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, SAMPLE_META);
    const second = { ...small.records[1] };
    writer.append(first);
    const bad = { ...second, ...('cause' in change ? { cause: 1 } : change) };
    expect(caught(() => writer.append(bad))).toMatchObject({ code: 'INVARIANT' });
    for (const record of small.records.slice(1)) writer.append(record);
    expect(writer.close().headHash).toBe(small.totals.headHash);
    expect(verifyLog(LogReader.open(storage, zlibCompression)).faults).toEqual([]);
  });

  it('refuses a checkpoint of a record that is not logged', () => {
    const writer = new LogWriter(memoryStorage(), zlibCompression, SAMPLE_META);
    writer.append(first);
    expect(caught(() => writer.checkpoint(1, []))).toMatchObject({ code: 'INVARIANT' });
  });
});

describe('a log cut short', () => {
  const headBytes = open(small.bytes).head.place.endBytes;

  function check(bytes: Uint8Array, cut: number, records: readonly LogRecord[], headEnd: number): void {
    const part = bytes.slice(0, cut);
    if (cut < headEnd) {
      expect(caught(() => open(part)).code).toBe('LOG_EMPTY');
      return;
    }
    const reader = open(part);
    expect(reader.recovery).not.toBeNull();
    const segments = open(bytes).directory.segments;
    const whole = segments.filter((_, i) => {
      const next = segments[i + 1]?.offsetBytes ?? bytes.length;
      return frameEnd(bytes, segments[i]?.offsetBytes ?? 0, next) <= cut;
    });
    const kept = whole.reduce((sum, segment) => sum + segment.records, 0);
    expect(reader.records).toBe(kept);
    expect(reader.recovery?.lastGoodSeq).toBe(kept - 1);
    if (kept > 0) expect(reader.read(kept - 1)).toEqual(records[kept - 1]);
    for (const { seq } of reader.checkpoints()) expect(seq).toBeLessThan(kept);
    expect(verifyLog(reader).ok).toBe(false);
  }

  function frameEnd(bytes: Uint8Array, offset: number, limit: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
    const end = offset + 28 + view.getUint32(8, true) + view.getUint32(12, true);
    expect(end).toBeLessThanOrEqual(limit);
    return end;
  }

  it('opens at every cut of a small log, with every whole segment', () => {
    for (let cut = 0; cut < small.bytes.length; cut++) check(small.bytes, cut, small.records, headBytes);
  });

  it('opens at any cut of a large log, with every whole segment', () => {
    fc.assert(
      fc.property(fc.integer({ min: headBytes, max: large.bytes.length - 1 }), (cut) => {
        check(large.bytes, cut, large.records, headBytes);
      }),
      { numRuns: 60 },
    );
  });

  it('says how many bytes were lost', () => {
    const reader = open(large.bytes.slice(0, large.bytes.length - 1));
    expect(reader.records).toBe(20_000);
    expect(reader.recovery).toMatchObject({ lostBytes: 35, lastGoodSeq: 19_999 });
  });

  it('loses a last segment whose blocks never reached the disk, and no more', () => {
    const bytes = large.bytes.slice();
    const last = open(bytes).directory.segments.at(-1)?.offsetBytes ?? 0;
    bytes.fill(0, last + 2000);
    expect(open(bytes).recovery).toMatchObject({ lastGoodSeq: 4 * 4096 - 1, lostBytes: bytes.length - last });
  });
});

describe('a damaged log', () => {
  function check(bytes: Uint8Array, at: number, bit: number): void {
    const damaged = bytes.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
    const headEnd = open(bytes).head.place.endBytes;
    if (at < headEnd) {
      expect(['LOG_DAMAGED', 'LOG_NOT_A_LOG']).toContain(caught(() => open(damaged)).code);
      return;
    }
    const { ok, faults } = verifyLog(open(damaged));
    expect(ok).toBe(false);
    const covering = faults.filter((fault) => fault.offsetBytes <= at && at < fault.offsetBytes + fault.lengthBytes);
    expect({ at, covering: covering.length }).toEqual({ at, covering: 1 });
    expect(faults).toHaveLength(1);
  }

  it('has every flipped byte of a small log found and placed', () => {
    for (let at = 0; at < small.bytes.length; at++) check(small.bytes, at, at % 8);
  });

  it('has any flipped byte of a large log found and placed', () => {
    fc.assert(
      fc.property(fc.nat(large.bytes.length - 1), fc.nat(7), (at, bit) => check(large.bytes, at, bit)),
      { numRuns: 40 },
    );
  });

  it('says which records a damaged segment held, and gives the others', () => {
    const bytes = large.bytes.slice();
    const offset = open(bytes).directory.segments[1]?.offsetBytes ?? 0;
    bytes[offset + 3000] = (bytes[offset + 3000] ?? 0) ^ 1;
    const reader = open(bytes);
    const error = caught(() => reader.read(5000));
    expect(error).toMatchObject({ code: 'LOG_DAMAGED', where: `memory, seq 4096 to 8191, offset ${offset}` });
    for (const seq of [4095, 8192]) expect(reader.read(seq)).toEqual(large.records[seq]);
    expect(verifyLog(reader).faults).toMatchObject([{ offsetBytes: offset, seqFrom: 4096, seqTo: 8191 }]);
  });

  it('is found out when its index is sound in itself but not that of the segments', () => {
    const reader = open(small.bytes);
    const indexAt = Number(
      new DataView(small.bytes.buffer, small.bytes.byteOffset).getBigUint64(small.bytes.length - 8, true),
    );
    const posting = reader.directory.actors.get('mm:1');
    if (posting !== undefined) posting.counts[0] = (posting.counts[0] ?? 0) + 1;
    const lie = reader.directory.encode(Uint8Array.from(Buffer.from(reader.headHash, 'hex')));
    const header = new ByteWriter();
    header.varint(lie.length);
    const index = encodeFrame(FRAME.index, header.finish(), lie);
    const bytes = new Uint8Array([...small.bytes.slice(0, indexAt), ...index, ...small.bytes.slice(-36)]);
    expect(open(bytes).recovery).toBeNull();
    expect(verifyLog(open(bytes)).faults).toMatchObject([
      { offsetBytes: indexAt, lengthBytes: index.length, what: 'the index is not that of the segments' },
    ]);
  });

  it('is found out when a segment is replaced by one that is sound in itself', () => {
    const other = memoryStorage();
    const writer = new LogWriter(other, zlibCompression, SAMPLE_META);
    for (const record of realisticRecords(8192, 99)) writer.append(record);
    writer.close();
    const cut = open(other.read(0, other.size())).directory.segments[1]?.offsetBytes ?? 0;
    const plain = memoryStorage();
    const plainWriter = new LogWriter(plain, zlibCompression, SAMPLE_META);
    for (const record of large.records.slice(0, 8192)) plainWriter.append(record);
    plainWriter.close();
    const from = open(plain.read(0, plain.size())).directory.segments[1]?.offsetBytes ?? 0;
    const mixed = new Uint8Array([...other.read(0, cut), ...plain.read(from, plain.size() - from)]);
    expect(verifyLog(open(mixed)).faults[0]).toMatchObject({ offsetBytes: cut, what: 'the hash chain breaks here' });
  });
});

describe('format version 2', () => {
  it('lays out a known log in known bytes', () => {
    const none: Compression = { deflate: (bytes) => bytes, inflate: (bytes) => bytes };
    const storage = memoryStorage();
    const writer = new LogWriter(storage, none, { seed: 7 });
    writer.append({ seq: 0, timeCycles: 5, to: 'zone', from: 'mm', cause: -1, type: 'ALLOC', payload: { order: 2 } });
    writer.append({ seq: 1, timeCycles: 9, to: 'zone', from: 'mm', cause: 0, type: 'ALLOC', payload: { order: 4 } });
    writer.checkpoint(1, [{ actor: 'zone', state: [1.5] }]);
    expect(writer.close().headHash).toBe('1d10f89259eecc071a64fe3f27dd46ec5b998d11cab0c1b13738280996def606');
    const bytes = storage.read(0, storage.size());
    expect(crc32(bytes).toString(16)).toBe('853ad8ab');
    const [segment] = open(bytes).directory.segments;
    const hex = Buffer.from(bytes.slice((segment?.offsetBytes ?? 0) + 28, bytes.length)).toString('hex');
    // The canonical header, read by hand: seq 0, 2 records, times 5 to 9, type ALLOC, 10 bytes of strings, section zone.
    expect(hex.slice(0, 44)).toBe('000205090105414c4c4f430a01047a6f6e6518010002');
  });
});

describe('crc32', () => {
  it('is the CRC-32 of zip', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
});

describe('what is no log of this version', () => {
  it('is refused by what it is', () => {
    expect(caught(() => open(new Uint8Array(0))).code).toBe('LOG_EMPTY');
    expect(caught(() => open(new TextEncoder().encode('{"seq":0}\n'))).code).toBe('LOG_NOT_A_LOG');
  });

  it('is refused naming both versions', () => {
    const bytes = small.bytes.slice();
    bytes[5] = 9;
    new DataView(bytes.buffer).setUint32(24, crc32(bytes.subarray(0, 24)), true);
    const error = caught(() => open(bytes));
    expect(error.code).toBe('LOG_VERSION');
    expect(error.message).toBe('the log is of format version 9, this granule reads versions 1 to 2');
  });
});
