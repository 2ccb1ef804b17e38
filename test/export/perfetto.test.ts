import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { perfettoTrace } from '../../src/export/perfetto.ts';
import { ProtoMessage } from '../../src/export/protoWriter.ts';
import { nanosecondsOf, stretchOf } from '../../src/export/stretch.ts';
import type { LogReader } from '../../src/log/logReader.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { METRICS } from '../../src/report/metricTable.ts';
import { systemMetrics } from '../../src/report/systemMetrics.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { viewOf } from '../../src/timeline/systemView.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { PROJECT } from '../cli/harness.ts';
import { imported, type ImportedTrace } from './importedTrace.ts';
import { decode, type Decoded, parseSchema } from './protoSchema.ts';

/** As Perfetto publishes it; what is written is read by this alone. */
const schema = parseSchema(readFileSync(join(PROJECT, 'fixtures/perfetto/trace.proto'), 'utf8'));

let reader: LogReader;
let traces: Map<number, RunSource>;
let trace: Decoded;
let shown: ImportedTrace;

function decodedTrace(pieces: Iterable<Uint8Array>): Decoded {
  return decode(schema, 'Trace', Buffer.concat([...pieces]));
}

beforeAll(() => {
  const process = (pid: number, pageSize: string) => ({ pid, trace: 'true-kernel', pageSize });
  const topology = parseTopology({ name: 'two', processes: [process(1, '4K'), process(2, '64K')] }, 'test');
  traces = loadTraces(topology, { folders: [] });
  reader = runInMemory(topology, traces);
  trace = decodedTrace(perfettoTrace(stretchOf(reader, {}, viewOf(reader, traces))));
  shown = imported(trace);
});

describe('a trace for Perfetto', () => {
  it('has a slice for each event on the track of its receiver, below its kind, with its time, type, seq and sender', () => {
    const found = shown.slices.toSorted((a, b) => Number(a.facts['seq']) - Number(b.facts['seq']));
    const wanted = [...reader.range()].map(({ seq, timeCycles, to, from, type }) => {
      const kind = to.split(':')[0];
      return { seq, cycles: timeCycles, begin: nanosecondsOf(timeCycles, 3e9), to, kind, from, type };
    });
    expect(
      found.map(({ facts, begin, track, parent, name }) => {
        const { seq, cycles, from } = facts;
        return { seq, cycles, begin, to: track, kind: parent, from, type: name };
      }),
    ).toEqual(wanted);
  });

  it('ends each slice where the last message that it sent arrives, or where its actor takes the next', () => {
    const records = [...reader.range()];
    const wanted = records.map(({ seq, timeCycles, to }) => {
      const next = records.find((other) => other.seq > seq && other.to === to)?.seq ?? records.length;
      const sent = records.filter((other) => other.cause === seq && other.to !== to && other.seq < next);
      return nanosecondsOf(sent.at(-1)?.timeCycles ?? timeCycles, 3e9);
    });
    const found = shown.slices.toSorted((a, b) => Number(a.facts['seq']) - Number(b.facts['seq']));
    expect(found.map(({ end }) => end)).toEqual(wanted);
    expect(found.some(({ begin, end }) => end > begin)).toBe(true);
  });

  it('has an arrow from each event to every one that it caused', () => {
    const wanted = [...reader.range()].filter(({ cause }) => cause >= 0).map(({ seq, cause }) => [cause, seq]);
    expect(shown.arrows.toSorted((a, b) => a[1] - b[1])).toEqual(wanted);
    // That is more than one from some: what a plain flow of Perfetto, a chain, would not show.
    expect(new Set(wanted.map(([cause]) => cause)).size).toBeLessThan(wanted.length);
  });

  it('has a counter for each metric, with the value that the states have at that moment', () => {
    expect([...shown.counters.keys()]).toEqual(METRICS.map(({ id, says }) => `${id}: ${says}`));
    const last = [...shown.counters.values()].map((values) => values.at(-1)?.[1]);
    const actors = reader.actors().map(({ id }) => id);
    expect(last).toEqual(systemMetrics(viewOf(reader, traces), actors, reader.lastSeq));
    const faults = [...(shown.counters.get('faults: page faults') ?? [])].map(([, value]) => value);
    expect(faults).toEqual(faults.toSorted((a, b) => a - b));
    expect(faults.at(-1)).toBeGreaterThan(0);
  });

  it('says first that it begins, and then that it rests on what was said', () => {
    const packets = trace['packet'] as Decoded[];
    expect(packets[0]).toMatchObject({ sequence_flags: 1, first_packet_on_sequence: true });
    expect(packets.slice(1).every((packet) => packet['sequence_flags'] === 2)).toBe(true);
  });

  it('of one actor has its slices alone, and no arrow that would begin nowhere', () => {
    const part = imported(decodedTrace(perfettoTrace(stretchOf(reader, { actor: 'mm:1', from: 50 }))));
    expect(new Set(part.slices.map(({ track }) => track))).toEqual(new Set(['mm:1']));
    expect(part.slices.length).toBe([...reader.byActor('mm:1', 50)].length);
    expect([...part.arrows, ...part.counters]).toEqual([]);
  });
});

describe('the reader of schemas', () => {
  const bytes = (write: (message: ProtoMessage) => void): Uint8Array => {
    const message = new ProtoMessage();
    write(message);
    return message.bytes();
  };

  it('refuses what the schema does not have', () => {
    const wrong: [string, (message: ProtoMessage) => void, RegExp][] = [
      ['TrackEvent', (message) => message.varint(999, 1), /no field 999/],
      ['TrackEvent', (message) => message.varint(47, 1), /flow_ids is of wire type 0/],
      ['TrackEvent', (message) => message.varint(9, 77), /type is 77/],
      ['TrackEvent', (message) => message.varint(10, 1).string(23, 'a'), /both name_iid and name/],
      ['TrackDescriptor', (message) => message.varint(1, 1).varint(1, 2), /uuid is there twice/],
    ];
    for (const [name, write, what] of wrong) expect(() => decode(schema, name, bytes(write))).toThrow(what);
  });

  it('reads numbers of every length as they were written', () => {
    for (const value of [0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
      const found = decode(
        schema,
        'TrackEvent',
        bytes((message) =>
          message
            .varint(11, value)
            .fixed64(47, value)
            .double(44, -value / 3),
        ),
      );
      expect(found).toEqual({ track_uuid: value, flow_ids: [value], double_counter_value: -value / 3 });
    }
  });
});
