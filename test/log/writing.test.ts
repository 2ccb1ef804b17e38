import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { FRAME, readFrameBody, readPrefix } from '../../src/log/frames.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { type LogStorage, memoryStorage } from '../../src/log/storage.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { referenceLog } from './referenceLog.ts';
import { numbers, realisticRecords, SAMPLE_META } from './sample.ts';
import { plainValue } from './values.ts';

/** Keys that collide, that sort before others, that are special to objects; few, so that shapes come again. */
const key = fc.constantFrom('a', 'b', 'va', 'pfn', 'order', 'toString', '__proto__', 'type', '7', '10');
const fields = fc.uniqueArray(fc.tuple(key, plainValue), { selector: ([name]) => name, maxLength: 5 });
const payload = fc.oneof({ weight: 3, arbitrary: fields.map((pairs) => Object.fromEntries(pairs)) }, plainValue);

/** What is no plain data, at the end of plain data that is taken apart before it is met. */
const refused = fc
  .tuple(
    fields,
    fc.constantFrom<unknown>(Number.NaN, () => 0, new Map(), Symbol('s')),
  )
  .map(([pairs, bad]) => ({ ...Object.fromEntries(pairs), 'fresh text': 'fresh text', list: [{ deep: 1, bad }] }));

interface Step {
  record: Omit<LogRecord, 'seq'>;
  /** Tried before the record. */
  bad: unknown;
}

const step: fc.Arbitrary<Step> = fc.record({
  record: fc.record({
    timeCycles: fc.maxSafeNat(),
    to: fc.constantFrom('zone', 'mm:1', 'mm:2'),
    from: fc.constantFrom('tlb:0', 'mm:1', 'outside'),
    cause: fc.constant(-1),
    type: fc.constantFrom('ALLOC', 'FREE', 'READ'),
    payload,
  }),
  bad: fc.option(refused, { freq: 4, nil: undefined }),
});

const steps = fc.array(step, { minLength: 1, maxLength: 30 });
/** So many times over that segments are sealed on the way and their memory is used again. */
const manySteps = fc
  .array(step, { minLength: 5, maxLength: 10 })
  .map((some) => Array.from({ length: 1000 }, (_, round) => (round % 50 === 0 ? some : some.map(withoutBad))).flat());

function withoutBad({ record }: Step): Step {
  return { record, bad: undefined };
}

function recordsOf(all: readonly Step[]): LogRecord[] {
  return all.map(({ record }, seq) => ({ ...record, seq, cause: seq % 3 === 0 ? -1 : seq - 1 - (seq % 2) }));
}

function bodiesOf(storage: LogStorage): Uint8Array[] {
  const { directory } = LogReader.open(storage, noCompression);
  return directory.segments.map(({ offsetBytes }) => {
    const answer = readPrefix(storage, offsetBytes);
    if (!answer.ok || answer.place.type !== FRAME.segment) throw new Error('there is no segment');
    return readFrameBody(storage, answer.place);
  });
}

/** A log written record by record, with those that must be refused tried in between. */
function written(all: readonly Step[], append: (writer: LogWriter, record: LogRecord) => void) {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, SAMPLE_META);
  for (const [seq, record] of recordsOf(all).entries()) {
    const bad = all[seq]?.bad;
    if (bad !== undefined) {
      const to = seq % 2 === 0 ? record.to : 'nobody else';
      expect(() => append(writer, { ...record, to, type: seq % 3 === 0 ? 'NEW' : record.type, payload: bad })).toThrow(
        /plain data/,
      );
    }
    append(writer, record);
  }
  return { bodies: storage, headHash: writer.close().headHash };
}

describe('what a writer writes', () => {
  it.each([
    { what: 'in the first segment', all: steps, numRuns: 100 },
    { what: 'in later ones', all: manySteps, numRuns: 3 },
  ])('is byte for byte what the format says, whatever was refused, $what', ({ all: some, numRuns }) => {
    fc.assert(
      fc.property(some, (all) => {
        const log = written(all, (writer, record) => writer.append(record));
        const reference = referenceLog(SAMPLE_META, recordsOf(all));
        expect(log.headHash).toBe(reference.headHash);
        expect(bodiesOf(log.bodies)).toEqual(reference.bodies);
      }),
      { numRuns },
    );
  });

  it('is the same for a message as for the record of it, wherever its type stands among its keys', () => {
    const messages = fc.array(fc.tuple(step, fields, fc.nat(5)), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(messages, (some) => {
        const all = some.map(([{ record, bad }, pairs]) => {
          const { type: _, ...rest } = Object.fromEntries(pairs);
          return { record: { ...record, payload: rest }, bad };
        });
        const places = some.map(([, , place]) => place);
        const asRecord = written(all, (writer, record) => writer.append(record));
        const asMessage = written(all, (writer, record) => {
          const entries = Object.entries(record.payload as object).filter(([name]) => name !== 'type');
          entries.splice(places[record.seq] ?? 0, 0, ['type', record.type]);
          const message = Object.fromEntries(entries) as { type: string };
          writer.appendDelivery(record.seq, record.timeCycles, record.to, record.from, record.cause, message);
        });
        expect(asMessage.headHash).toBe(asRecord.headHash);
        expect(bodiesOf(asMessage.bodies)).toEqual(bodiesOf(asRecord.bodies));
      }),
      { numRuns: 100 },
    );
  });

  it('is the same whether deliveries are encoded at once or some in a row, with checkpoints between them', () => {
    fc.assert(
      fc.property(manySteps, fc.integer({ min: 1, max: 100 }), (some, gap) => {
        const [atOnce, inRows] = ['atOnce', 'inRows'].map((how) => {
          const storage = memoryStorage();
          const writer = new LogWriter(storage, zlibCompression, SAMPLE_META);
          for (const { seq, timeCycles, to, from, cause, type } of recordsOf(some)) {
            const message = { type, seq, list: [seq, { to }] };
            if (how === 'atOnce') writer.appendDelivery(seq, timeCycles, to, from, cause, message);
            else writer.takeDelivery(seq, timeCycles, { to, from, cause, message });
            expect(writer.nextSeq).toBe(seq + 1);
            if (seq % gap === 0) writer.checkpoint(seq, [{ actor: to, state: seq }]);
          }
          return { ...writer.close(), bytes: Buffer.from(storage.read(0, storage.size())) };
        });
        expect(inRows).toEqual(atOnce);
      }),
      { numRuns: 3 },
    );
  });

  it.each([1, 5, 33, 70])(
    'is whole up to a message that is refused once it is encoded, the one of seq %d',
    (badSeq) => {
      const storage = memoryStorage();
      const writer = new LogWriter(storage, noCompression, SAMPLE_META);
      const take = (seq: number): void => {
        const message = { type: 'READ', page: seq === badSeq ? Number.NaN : seq };
        writer.takeDelivery(seq, seq, { to: 'disk', from: 'mm:1', cause: -1, message });
      };
      expect(() => {
        for (let seq = 0; seq < 80; seq++) take(seq);
        writer.close();
      }).toThrow(/plain data.*seq|NaN/);
      // A run that fails closes its log, which may be closed by then.
      if (badSeq < 64) expect(writer.close().records).toBe(badSeq);
      const reader = LogReader.open(storage, noCompression);
      expect(reader.records).toBe(badSeq);
      expect(verifyLog(reader).faults).toEqual([]);
    },
  );

  it('refuses a delivery that does not come next', () => {
    const writer = new LogWriter(memoryStorage(), noCompression, {});
    const delivery = { to: 'disk', from: 'mm:1', cause: -1, message: { type: 'READ' } };
    writer.takeDelivery(0, 0, delivery);
    expect(() => writer.takeDelivery(2, 0, delivery)).toThrow(/seq 1 comes next/);
    expect(writer.close().records).toBe(1);
  });

  it('keeps a field named type below the message', () => {
    const storage = memoryStorage();
    const writer = new LogWriter(storage, noCompression, {});
    const message = { nested: { type: 'x' }, type: 'READ' };
    writer.appendDelivery(0, 0, 'disk', 'mm:1', -1, message);
    writer.close();
    const read = LogReader.open(storage, noCompression).read(0);
    expect(read).toMatchObject({ type: 'READ', payload: { nested: { type: 'x' } } });
  });

  it.each([[['READ']], [new Map()], [new Uint8Array(1)]])('refuses a message that is no plain object: %s', (value) => {
    const message = Object.assign(value, { type: 'READ' }) as { type: string };
    const writer = new LogWriter(memoryStorage(), noCompression, {});
    expect(() => writer.appendDelivery(0, 0, 'disk', 'mm:1', -1, message)).toThrow(/plain/);
    expect(writer.close().records).toBe(0);
  });

  it('is whole for more actors than a segment has records', () => {
    const below = numbers(3);
    const records = [...realisticRecords(10_000)].map((record) => ({ ...record, to: `mm:${below(9000)}` }));
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, SAMPLE_META);
    for (const record of records) writer.append(record);
    expect(writer.close().headHash).toBe(referenceLog(SAMPLE_META, records).headHash);
    expect(verifyLog(LogReader.open(storage, zlibCompression)).faults).toEqual([]);
    expect([...LogReader.open(storage, zlibCompression).range()]).toEqual(records);
  });
});
