/** How quick the web inspector is on long logs: measured in a real browser, on the page that `granule inspect` serves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogFile } from '../log/fileStorage.node.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { formatCount } from '../report/format.ts';
import { atLeast, atMost, median, NO_REACH, quantile, type Yardstick } from '../report/yardstick.ts';
import { loadTraces } from '../topology/load.node.ts';
import { logMeta } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { parseTopology, type Topology } from '../topology/schema.ts';
import { type BrowserPage, type HeadlessBrowser, startBrowser } from './headlessBrowser.ts';
import { PAN, READY, STEPS } from './inspectorPrograms.ts';

/** A log to measure the page on, and what has to be reached. */
export interface InspectedLog {
  /** Events, at least. */
  readonly events: number;
  readonly usableMs: number;
  readonly framesPerSecond: number;
  /** Null: nothing was promised. */
  readonly stepMs: number | null;
}

/** The logs of `npm run bench -- --inspector`. */
export const INSPECTED: readonly InspectedLog[] = [
  { events: 1_000_000, usableMs: 2000, framesPerSecond: 60, stepMs: 16 },
  { events: 10_000_000, usableMs: 6000, framesPerSecond: 30, stepMs: null },
];

const VIEWPORT = { width: 1280, height: 720 };
/** Frames come as fast as they are made: what is measured is then the page, and not the clock of a screen. */
const FLAGS = ['--disable-gpu', '--disable-frame-rate-limit', '--disable-gpu-vsync'];
/** Events of the run without any access of its patterns: their memory is written to, and a file is read. */
const EVENTS_AT_FIRST = 430_000;
/** Events that one access of each of the three patterns makes, about. */
const EVENTS_PER_ACCESS = 5.2;
const OPENINGS = 3;
/** Parts of the run that are panned over: all but a few events, a part that is drawn by counts, events one by one. */
const WINDOWS = [
  { name: 'half of the run', share: 0.5, events: null },
  { name: '100,000 events', share: null, events: 100_000 },
  { name: '300 events with their messages', share: null, events: 300 },
] as const;
const PAN_MS = 2500;
const STEPS_TAKEN = 120;
/** What is looked at while it steps: an actor that receives much, of a large state. */
const ACTOR = 'mmu:2';

/**
 * Four processes of three page sizes whose run makes so many events, about; the log needs no other file.
 *
 * @example
 * ```ts
 * inspectedTopology(1000).processes.length; // 4
 * ```
 */
export function inspectedTopology(events: number): Topology {
  const accesses = Math.ceil(Math.max(1, (events - EVENTS_AT_FIRST) / EVENTS_PER_ACCESS));
  const random = (lengthBytes: string, seed: number): object => ({
    pattern: 'random',
    lengthBytes,
    accesses,
    seed,
  });
  return parseTopology(
    {
      name: 'inspected',
      cpus: 4,
      memory: '4G',
      processes: [
        { pid: 1, pageSize: '4K', workload: random('64M', 1) },
        { pid: 2, pageSize: '64K', workload: random('512M', 2) },
        { pid: 3, pageSize: '16K', workload: random('128M', 3) },
        { pid: 4, pageSize: '4K', workload: { pattern: 'mmap-file-scan', lengthBytes: '32M', laps: 4 } },
      ],
    },
    'bench',
  );
}

function writeLog(path: string, events: number): number {
  const topology = inspectedTopology(events);
  const traces = loadTraces(topology, { folders: [] });
  const writer = new LogWriter(createLogFile(path), zlibCompression, logMeta(topology, traces));
  return runTopology({ topology, traces, writer }).records;
}

/** `granule inspect` of a log, as a user runs it, and the address that it prints. */
async function inspected(path: string): Promise<{ server: ChildProcess; url: string }> {
  const main = fileURLToPath(import.meta.url).replace(/benchInspector(\.\w+)$/, 'main$1');
  const server = spawn(process.execPath, [main, 'inspect', path, '--no-browser'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const part of server.stdout) {
    text += String(part);
    const url = /http:\S+/.exec(text)?.[0];
    if (url !== undefined) return { server, url };
  }
  throw new Error(`granule inspect ended: ${text}`);
}

async function ended(server: ChildProcess): Promise<void> {
  server.kill('SIGTERM');
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
}

async function numbers(page: BrowserPage, program: string): Promise<number[]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the programs come to
  return (await page.evaluate(program)) as number[];
}

async function opened(browser: HeadlessBrowser, url: string): Promise<{ page: BrowserPage; usableMs: number }> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(url);
  const [usableMs] = await numbers(page, READY);
  return { page, usableMs: usableMs ?? Number.NaN };
}

async function panned(page: BrowserPage, records: number, of: string, reach: number): Promise<Yardstick[]> {
  const yardsticks: Yardstick[] = [];
  for (const { name, share, events } of WINDOWS) {
    const span = events ?? Math.floor(records * (share ?? 1));
    const from = Math.floor((records - span) / 2);
    const hash = `seq=${from + Math.floor(span / 2)}&actor=${ACTOR}&from=${from}&to=${from + span}`;
    const times = await numbers(page, PAN.replaceAll('HASH', hash).replace('PAN_MS', String(PAN_MS)));
    const perSecond = 1000 / (times.reduce((sum, time) => sum + time, 0) / times.length);
    const label = `panning over ${of}, ${name} in the window`;
    yardsticks.push(
      { name: label, value: perSecond, unit: 'frames/s', ...atLeast(perSecond, reach) },
      { name: `${label}: 95 of 100 frames`, value: quantile(times, 0.95), unit: 'ms', ...NO_REACH },
    );
  }
  return yardsticks;
}

async function stepped(page: BrowserPage, records: number, of: string, reach: number | null): Promise<Yardstick[]> {
  const from = Math.floor(records / 3);
  const hash = `seq=${from}&actor=${ACTOR}&from=${from - 150}&to=${from + 150}`;
  const program = STEPS.replaceAll('HASH', hash).replace('COUNT', String(STEPS_TAKEN));
  const times = await numbers(page, program);
  const label = `a step in ${of}: from the key to the state`;
  const middle = median(times);
  return [
    { name: `${label}, median`, value: middle, unit: 'ms', ...(reach === null ? NO_REACH : atMost(middle, reach)) },
    { name: `${label}, 95 of 100`, value: quantile(times, 0.95), unit: 'ms', ...NO_REACH },
  ];
}

async function measure(browser: HeadlessBrowser, folder: string, log: InspectedLog): Promise<Yardstick[]> {
  const path = join(folder, `${log.events}.glog`);
  const records = writeLog(path, log.events);
  const of = `${formatCount(records)} events`;
  const started = performance.now();
  const { server, url } = await inspected(path);
  try {
    const serving = performance.now() - started;
    const start = `${url}#seq=${Math.floor(records / 2)}&actor=${ACTOR}`;
    const times: number[] = [];
    for (let at = 0; at < OPENINGS; at++) {
      const { page, usableMs } = await opened(browser, start);
      times.push(usableMs);
      await page.close();
    }
    const { page } = await opened(browser, start);
    // Until the lists of a first visit are compiled, nothing is counted.
    const first = times[0] ?? Number.NaN;
    const yardsticks: Yardstick[] = [
      { name: `granule inspect of ${of}, until it serves`, value: serving, unit: 'ms', ...NO_REACH },
      { name: `page over ${of} usable`, value: first, unit: 'ms', ...atMost(first, log.usableMs) },
      { name: `page over ${of} usable again, median`, value: median(times.slice(1)), unit: 'ms', ...NO_REACH },
      ...(await panned(page, records, of, log.framesPerSecond)),
      ...(await stepped(page, records, of, log.stepMs)),
    ];
    await page.close();
    return yardsticks;
  } finally {
    await ended(server);
    rmSync(path);
  }
}

/**
 * Makes each log, opens it in the page, pans and steps.
 *
 * @throws GranuleError FILE_NOT_FOUND where there is no browser to measure in
 * @example
 * ```ts
 * await inspectorYardsticks([]); // []
 * ```
 */
export async function inspectorYardsticks(
  logs: readonly InspectedLog[],
  onStep: (what: string) => void = () => {},
): Promise<Yardstick[]> {
  if (logs.length === 0) return [];
  const browser = await startBrowser(FLAGS);
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const yardsticks: Yardstick[] = [];
    for (const log of logs) {
      onStep(`the page over ${formatCount(log.events)} events`);
      yardsticks.push(...(await measure(browser, folder, log)));
    }
    return yardsticks;
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
