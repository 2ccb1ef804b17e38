import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHART_ACTORS_MOST, CHART_MESSAGES_MOST, mailChart } from '../../src/export/mailChart.ts';
import { stretchOf } from '../../src/export/stretch.ts';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { Workplace } from '../cli/harness.ts';

const place = new Workplace();
let records: LogRecord[];

async function exported(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(['export', 'two.glog', ...args]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

interface Entry {
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly name: string;
  readonly id: number;
  readonly args: Record<string, unknown>;
}

/** The fields of RFC 4180, by row. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

beforeAll(async () => {
  const processes = [1, 2].map((pid) => ({ pid, trace: 'true-kernel', pageSize: pid === 1 ? '4K' : '64K' }));
  writeFileSync(place.path('two.json'), JSON.stringify({ name: 'two', processes }));
  await place.run(['run', 'two.json']);
  records = [...LogReader.open(openLogFile(place.path('two.glog')), zlibCompression).range()];
});

afterAll(() => place.remove());

describe('granule export --to csv', () => {
  it('has every field of every event, and reads back as it was', async () => {
    const [head, ...rows] = csvRows(await exported('--to', 'csv'));
    expect(head).toEqual(['seq', 'timeCycles', 'to', 'from', 'cause', 'type', 'payload']);
    const back = rows.map(([seq, timeCycles, to, from, cause, type, payload]) => {
      const fields = { seq: Number(seq), timeCycles: Number(timeCycles), to, from, cause: Number(cause), type };
      return { ...fields, payload: JSON.parse(payload ?? '') as unknown };
    });
    expect(back).toEqual(JSON.parse(JSON.stringify(records)));
  });

  it('has only the events of an actor, a type and a stretch where these are named', async () => {
    const rows = csvRows(
      await exported('--to', 'csv', '--actor', 'mm:1', '--type', 'FAULT', '--from', '100', '--until', '400'),
    );
    const wanted = records.filter(({ seq, to, type }) => to === 'mm:1' && type === 'FAULT' && seq >= 100 && seq <= 400);
    expect(rows.slice(1).map(([seq]) => Number(seq))).toEqual(wanted.map(({ seq }) => seq));
    expect(wanted.length).toBeGreaterThan(2);
  });
});

describe('granule export --to chrome', () => {
  it('has a slice that begins and ends for each event, and an arrow for each cause', async () => {
    const { traceEvents } = JSON.parse(await exported('--to', 'chrome')) as { traceEvents: Entry[] };
    const of = (phase: string): Entry[] => traceEvents.filter(({ ph }) => ph === phase);
    expect(of('B').map(({ name, args }) => [args['seq'], name])).toEqual(records.map(({ seq, type }) => [seq, type]));
    const caused = records.filter(({ cause }) => cause >= 0);
    expect(of('f').map(({ id }) => id)).toEqual(caused.map(({ cause }) => cause));
    expect(of('s').map(({ id }) => id)).toEqual(records.map(({ seq }) => seq));
    const open = new Map<number, number>();
    for (const { ph, tid, ts } of traceEvents.filter((entry) => entry.ph === 'B' || entry.ph === 'E')) {
      expect(open.has(tid)).toBe(ph === 'E');
      if (ph === 'B') open.set(tid, ts);
      else {
        expect(ts).toBeGreaterThanOrEqual(open.get(tid) ?? Number.NaN);
        open.delete(tid);
      }
    }
    expect(open.size).toBe(0);
    const faults = of('C').filter(({ name }) => name === 'faults');
    expect(faults.at(-1)?.args['value']).toBeGreaterThan(0);
  });
});

describe('sequence charts', () => {
  it('in text have an arrow from the sender to the receiver in each line', async () => {
    const lines = (await exported('--to', 'text', '--from', '2', '--until', '9')).trimEnd().split('\n');
    const names = lines[2] ?? '';
    const middle = (actor: string): number => names.indexOf(actor) + Math.floor(actor.length / 2);
    expect(lines).toHaveLength(3 + 8);
    for (const [at, line] of lines.slice(3).entries()) {
      const { seq, from, to, type } = records[2 + at];
      expect(Number(line.slice(0, 3))).toBe(seq);
      const ends = [middle(from), middle(to)].toSorted((a, b) => a - b) as [number, number];
      const arrow = line.slice(ends[0] + 1, ends[1]);
      expect(arrow).toMatch(middle(from) < middle(to) ? /^-* ?[A-Z_]+ ?-*>$/ : /^<-* ?[A-Z_]+ ?-*$/);
      expect(arrow).toContain(type.slice(0, 6));
    }
  });

  it('in Mermaid name each actor once, and no text ends a statement early', async () => {
    const lines = (await exported('--to', 'mermaid', '--from', '2', '--until', '40')).trimEnd().split('\n');
    const actors = new Set(records.slice(2, 41).flatMap(({ from, to }) => [from, to]));
    const said = lines.flatMap((line) => /^ {2}participant a\d+ as (.*)$/.exec(line)?.[1] ?? []);
    expect(said).toEqual([...actors]);
    const messages = lines.filter((line) => line.includes('->>'));
    expect(messages).toHaveLength(39);
    for (const line of lines)
      expect(line).toMatch(/^(?:%% |sequenceDiagram$| {2}(?:participant|Note over|a\d+->>a\d+:) ?)[^;#]*$/);
  });

  it('of an actor show what it sent, too', async () => {
    const text = await exported('--to', 'text', '--actor', 'zone', '--from', '0', '--until', '120');
    const wanted = records.slice(0, 121).filter(({ from, to }) => from === 'zone' || to === 'zone');
    const seqs = text
      .trimEnd()
      .split('\n')
      .slice(3)
      .map((line) => Number(line.trim().split(' ')[0]));
    expect(seqs).toEqual(wanted.map(({ seq }) => seq));
    expect(wanted.some(({ from }) => from === 'zone')).toBe(true);
  });

  it('are refused, not cut, where they are too long or too wide', async () => {
    const { code, stderr } = await place.run(['export', 'two.glog', '--to', 'text']);
    expect(code).toBe(2);
    const what = `EXPORT_TOO_LONG: a sequence chart holds at most ${CHART_MESSAGES_MOST} messages (asked for ${records.length})`;
    expect(stderr.startsWith(what)).toBe(true);
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, {});
    for (let seq = 0; seq < CHART_ACTORS_MOST; seq++) {
      writer.append({ seq, timeCycles: seq, to: `a:${seq}`, from: 'b', cause: seq - 1, type: 'T', payload: {} });
    }
    writer.close();
    const wide = LogReader.open(storage, zlibCompression);
    expect(mailChart(stretchOf(wide, { to: CHART_ACTORS_MOST - 2 })).actors).toHaveLength(CHART_ACTORS_MOST);
    expect(() => mailChart(stretchOf(wide, {}))).toThrow(`at most ${CHART_ACTORS_MOST} actors`);
  });
});

describe('granule export --to dot', () => {
  it('has a node for each event and an arrow from each cause, those outside dashed', async () => {
    const dot = await exported('--to', 'dot', '--from', '100', '--until', '160');
    const part = records.slice(100, 161);
    const edges = [...dot.matchAll(/^ {2}e(\d+) -> e(\d+)$/gm)].map(([, from, to]) => [Number(from), Number(to)]);
    expect(edges).toEqual(part.filter(({ cause }) => cause >= 0).map(({ cause, seq }) => [cause, seq]));
    const outside = new Set(part.filter(({ cause }) => cause >= 0 && cause < 100).map(({ cause }) => cause));
    expect(dot.match(/dashed/g)?.length).toBe(outside.size);
    for (const { seq } of part) expect(dot).toContain(`  e${seq} [label="${seq}: `);
  });
});

describe('granule export', () => {
  it('writes a file whole, beside the log where its form is no text', async () => {
    expect(await exported('--to', 'perfetto')).toMatch(/^two\.perfetto-trace: [\d,]+ events, [\d.]+ [KM]iB\n$/);
    expect(readFileSync(place.path('two.perfetto-trace'))[0]).toBe(0x0a);
    expect(await exported('--out', 'part.csv', '--until', '3')).toMatch(
      /^part\.csv: 4 events, \d+(?:\.\d)? (?:B|KiB)\n$/,
    );
    expect(csvRows(readFileSync(place.path('part.csv'), 'utf8'))).toHaveLength(5);
  });

  it.each([
    [['--to', 'csv', '--actor', 'mm:9'], /^ACTOR_UNKNOWN: no event was received by mm:9/],
    [['--to', 'csv', '--type', 'FAULTS'], /^USAGE: the log holds no message FAULTS/],
    [['--to', 'csv', '--from', '9000000'], /^SEQ_OUT_OF_RANGE: /],
    [[], /^USAGE: a form is missing/],
    [['--out', 'a.png'], /^USAGE: no form has the ending of "a\.png"/],
    [['--to', 'svg'], /^USAGE: .*argument 'svg' is invalid/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await place.run(['export', 'two.glog', ...args]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it('exports without metrics what lacks its traces, and says so', async () => {
    const topology = { name: 'own', processes: [{ pid: 1, trace: 'own', pageSize: '4K' }] };
    writeFileSync(place.path('own.json'), JSON.stringify(topology));
    writeFileSync(place.path('own.txt'), '400000 X\n401000 W\n');
    expect((await place.run(['import', 'own.txt', '--out', 'own.gtr'])).code).toBe(0);
    await place.run(['run', 'own.json']);
    rmSync(place.path('own.gtr'));
    const { code, stdout, stderr } = await place.run(['export', 'own.glog', '--to', 'chrome']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^without metrics: TRACE_MISSING: /)]);
    const { traceEvents } = JSON.parse(stdout) as { traceEvents: Entry[] };
    expect(traceEvents.some(({ ph }) => ph === 'C')).toBe(false);
  });
});
