import { describe, expect, it } from 'vitest';
import { LogReader } from '../../src/log/logReader.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { sampleLog } from './sample.ts';

/** More segments than a reader keeps. */
const SEGMENTS = 10;
const { bytes, records } = sampleLog(SEGMENTS * 4096);
const open = (): LogReader => LogReader.open(memoryStorage(bytes), zlibCompression);

describe('a pass through a log', () => {
  it('gives ranges in lists of a segment each', () => {
    const lists = [...open().batches(4000, 13_000)];
    expect(lists.flat()).toEqual(records.slice(4000, 13_001));
    expect(lists.map((list) => list[0]?.seq)).toEqual([4000, 4096, 8192, 12_288]);
    expect([...open().batches(records.length)]).toEqual([]);
  });

  it('decodes no more than it must, in one pass and when it comes back to the start', () => {
    const reader = open();
    expect([...reader.batches()].flat()).toEqual(records);
    expect(reader.counters.segmentsRead).toBe(10);
    for (const seq of [0, 7 * 4096]) expect(reader.read(seq)).toEqual(records[seq]);
    expect(reader.counters.segmentsRead).toBe(10);
    expect(reader.read(9 * 4096)).toEqual(records[9 * 4096]);
    expect(reader.counters.segmentsRead).toBe(11);
  });

  it('opens what one actor received once, however many actors are passed through', () => {
    const reader = open();
    const ofActors = reader.actors().map(({ id }) => [...reader.byActor(id, 0, 8191)]);
    expect(reader.counters.segmentsRead).toBe(2);
    expect(reader.counters.recordsDecoded).toBe(8192);
    expect(ofActors.flat().sort((left, right) => left.seq - right.seq)).toEqual(records.slice(0, 8192));
  });

  it('hands over the messages of an actor in any range, whether its records were decoded before or not', () => {
    const isObject = ({ payload }: LogRecord): boolean => typeof payload === 'object' && payload !== null;
    const whole = open();
    for (const { id } of whole.actors()) {
      for (const [from, to] of [
        [0, 50],
        [700, 4095],
        [4090, 4100],
        [5000, 9000],
      ] as const) {
        const expected = [...whole.byActor(id, from, to)];
        if (!expected.every(isObject)) continue;
        for (const reader of [open(), whole]) {
          const taken: [number, unknown][] = [];
          reader.messages(id, from, to, (message, seq) => taken.push([seq, message]) < 1000);
          expect(taken).toEqual(
            expected.slice(0, 1000).map(({ seq, type, payload }) => [seq, { ...(payload as object), type }]),
          );
        }
      }
    }
  });
});
