import fc from 'fast-check';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Engine } from '../../src/inspector/engine/engine.ts';
import { LiveRun } from '../../src/inspector/liveRun.node.ts';
import { GrowingLog } from '../../src/log/growingLog.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { builtIns } from '../../src/topology/definitions/catalogue.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { logMeta } from '../../src/topology/meta.ts';
import { runSteps } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { PROJECT, Workplace } from '../cli/harness.ts';
import { startChromium, withoutChromium } from '../library/chromium.ts';
import '../support/propertySeed.ts';
import { builtPage, lookAt, pictured } from './looked.ts';

const topology = parseTopology(
  { name: 'live', processes: [1, 2, 3].map((pid) => ({ pid, trace: 'true-kernel', pageSize: '64K' })) },
  'test',
);
const traces = loadTraces(topology, { folders: [] });

interface Live {
  readonly live: LiveRun;
  readonly engine: Engine;
  readonly steps: ReturnType<typeof runSteps>;
  readonly storage: ReturnType<typeof memoryStorage>;
}

/** A run that is looked at, not yet begun. */
function liveRun(isPaused = false): Live {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces));
  const engine = new Engine();
  const { registry } = builtIns;
  const setting = { engine, name: 'live', storage, compression: zlibCompression, registry, traces, isPaused };
  const live = new LiveRun(setting);
  const steps = runSteps({ topology, traces, writer, firstStep: 1, onRecord: (record) => live.note(record) });
  return { live, engine, steps, storage };
}

/** The same run with nobody looking on. */
function plainRun(): { headHash: string; records: LogRecord[] } {
  const storage = memoryStorage();
  const steps = runSteps({
    topology,
    traces,
    writer: new LogWriter(storage, zlibCompression, logMeta(topology, traces)),
  });
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  const reader = LogReader.open(storage, zlibCompression);
  return { headHash: step.value.headHash, records: [...reader.range()] };
}

const plain = plainRun();
/** The loader by its place: the command runs in a folder without node_modules. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

interface Started {
  readonly child: ReturnType<typeof spawn>;
  readonly url: string;
  readonly ended: Promise<{ code: number | null; stdout: string }>;
}

/** Starts a command of its own; comes back once it has printed the address. */
async function started(place: Workplace, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, ['--import', TSX, join(PROJECT, 'src/cli/main.ts'), ...args], {
    cwd: place.folder,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  const ended = new Promise<{ code: number | null; stdout: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout }));
  });
  const url = await new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      const [line, more] = stdout.split('\n');
      if (more !== undefined) resolve(line ?? '');
    });
  });
  return { child, url, ended };
}

describe('a run that is looked at while it goes on', () => {
  it('has the head hash that it has without, whenever it is paused, stepped and asked', () => {
    const orders = fc.array(fc.record({ events: fc.integer({ min: 1, max: 700 }), asks: fc.boolean() }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(orders, (given) => {
        const { live, engine, steps } = liveRun();
        let step = steps.next();
        for (const { events, asks } of given) {
          if (step.done === true) break;
          step = steps.next(events);
          if (!asks) continue;
          live.extra('runs', {});
          const seen = live.status().events;
          const [info] = engine.ask('runs', {});
          expect(info?.lastSeq).toBe(seen - 1);
          expect(engine.run('A').reader.read(seen - 1)).toEqual(plain.records[seen - 1]);
        }
        while (step.done !== true) step = steps.next();
        expect(step.value.headHash).toBe(plain.headHash);
      }),
      { numRuns: 15 },
    );
  });

  it('gives the states that the whole log gives', () => {
    const { live, engine, steps, storage } = liveRun();
    let step = steps.next();
    for (let at = 0; at < 12 && step.done !== true; at++) step = steps.next();
    live.extra('runs', {});
    const seq = live.status().events - 1;
    const path = { run: 'A', actor: 'mm:1', seq, path: 'context' };
    const during = engine.ask('tree', path);
    while (step.done !== true) step = steps.next();
    live.end(() => LogReader.open(storage, zlibCompression, builtIns.registry));
    expect(engine.ask('tree', path)).toEqual(during);
    expect(engine.ask('runs', {})[0]?.headHash).toBe(plain.headHash);
  });

  it('stands while it is paused, delivers as many events as are ordered, and goes on when told to', async () => {
    const { live, steps } = liveRun(true);
    let isInterrupted = false;
    const turn = async () => live.turn(() => isInterrupted);
    steps.next();
    expect(live.status()).toEqual({ run: 'A', state: 'paused', events: 1 });
    const waiting = turn();
    live.extra('live', { order: 'step', events: 100 });
    const first = await waiting;
    steps.next(first);
    steps.next(await turn());
    expect(live.status().events).toBe(101);
    const again = turn();
    live.extra('live', { order: 'resume' });
    expect(await again).toBe(undefined);
    expect(live.status().state).toBe('running');
    live.extra('live', { order: 'pause' });
    const interrupted = turn();
    isInterrupted = true;
    expect(await interrupted).toBe('stop');
  });

  it('refuses a step of no events, or of more than it can be asked for', () => {
    const { live } = liveRun(true);
    for (const events of [0, -1, 1.5, 1e9]) {
      expect(() => live.extra('live', { order: 'step', events })).toThrow('a step has 1 to 1000000 events');
    }
    expect(live.extra('events', {})).toBe(undefined);
  });
});

describe.skipIf(withoutChromium)('granule run --inspect, in a browser', () => {
  const place = new Workplace();
  let browser: Browser;

  beforeAll(async () => {
    builtPage();
    browser = await startChromium();
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    place.remove();
  });

  it('shows the run as it goes: paused, stepped, let go on, over', async () => {
    const { child, url, ended } = await started(place, ['run', 'plain-64k', '--inspect', '--paused', '--no-browser']);
    const { page, problems } = await lookAt(browser, url);
    const bar = page.locator('.live');
    await bar.locator('text=The run is paused').waitFor();
    await bar.locator('text=100 events').click();
    await bar.locator('text=101 events').waitFor();
    await page.locator('text=of 100').waitFor();
    await bar.locator('text=one event').click();
    await bar.locator('text=102 events').waitFor();
    await pictured(page, 'live-paused');
    await bar.locator('text=go on').click();
    await bar.locator('text=The run is over').waitFor();
    await pictured(page, 'live-over');
    await page.locator('[title^="last event"]').click();
    expect(problems).toEqual([]);
    await page.close();
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    await place.run(['run', 'plain-64k', '--out', 'without.glog']);
    const hashOf = async (log: string) =>
      JSON.parse((await place.run(['info', log, '--json'])).stdout).headHash as string;
    expect(stdout).toContain(await hashOf('without.glog'));
    expect(await hashOf('plain-64k.glog')).toBe(await hashOf('without.glog'));
  }, 120_000);
});

describe('a log that is read while it is written', () => {
  it('holds every record that was told of, whether its segment is in the storage or not', () => {
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, { seed: 7 });
    const growing = new GrowingLog(storage, zlibCompression);
    const record = (seq: number): LogRecord => {
      const payload = { seq, [`field${seq % 5}`]: 'x' };
      return {
        seq,
        timeCycles: seq * 3,
        to: `a:${seq % 7}`,
        from: 'a:0',
        cause: seq - 1,
        type: `T${seq % 3}`,
        payload,
      };
    };
    for (let seq = 0; seq < 30_000; seq++) {
      writer.append(record(seq));
      growing.note(record(seq));
      if (seq % 4999 !== 17) continue;
      const reader = growing.open();
      expect([reader.lastSeq, reader.recovery]).toEqual([seq, null]);
      const from = Math.max(0, seq - 9000);
      const wanted = Array.from({ length: seq - from + 1 }, (_, at) => record(from + at));
      expect([...reader.range(from)]).toEqual(wanted);
    }
    writer.close();
    expect(growing.open().headHash).toBe(LogReader.open(storage, zlibCompression).headHash);
  });
});
