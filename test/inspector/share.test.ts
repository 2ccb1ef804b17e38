import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHARED_BYTES_MAX } from '../../src/cli/share.ts';
import { Engine } from '../../src/inspector/engine/engine.ts';
import { unpackWire } from '../../src/inspector/engine/wireForm.ts';
import type { NamedBytes } from '../../src/inspector/engine/requests.ts';
import { openBytes } from '../../src/inspector/page/openBytes.ts';
import { fixture, Workplace } from '../cli/harness.ts';
import { startChromium, withoutChromium } from '../library/chromium.ts';
import { builtPage, lookAt, pictured } from './looked.ts';

const place = new Workplace();
let browser: Browser;
let built = '';

interface Shared {
  readonly log: NamedBytes;
  readonly traces: readonly NamedBytes[];
}

/** A process of each kind: from a recorded trace, from a program, from a pattern. */
const PROCESSES = [
  { pid: 1, trace: 'mine', pageSize: '64K' },
  { pid: 2, trace: 'written', pageSize: '4K', program: [{ op: 'store', addr: '0x7ffffffe0000' }] },
  {
    pid: 3,
    trace: 'made',
    pageSize: '16K',
    workload: { pattern: 'sequential', lengthBytes: 262144, accesses: 500 },
  },
];

beforeAll(async () => {
  built = builtPage();
  copyFileSync(fixture('traces/true-kernel.gtr'), place.path('mine.gtr'));
  writeFileSync(place.path('three.json'), JSON.stringify({ name: 'three', processes: PROCESSES }));
  const ran = await place.run(['run', 'three.json', '--out', 'three.glog']);
  expect(ran.stderr).toBe('');
  if (!withoutChromium) browser = await startChromium();
}, 120_000);

afterAll(async () => {
  if (!withoutChromium) await browser.close();
  place.remove();
});

describe.skipIf(withoutChromium)('a shared file, opened from the disk in a browser', () => {
  it('shows the event that it was made for, with states, and asks for nothing', async () => {
    const how = ['--at', '40', '--note', 'look <here> & there', '--place', 'actor=mm:1&right=state', '--out', 's.html'];
    const { code, stdout } = await place.run(['share', 'three.glog', ...how]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^s\.html: [\d.]+ MiB\n$/)]);
    const { page, asked, problems } = await lookAt(browser, pathToFileURL(place.path('s.html')).href);
    await page.waitForSelector('main');
    expect(await page.inputValue('#seq')).toBe('40');
    expect(decodeURIComponent(new URL(page.url()).hash)).toContain('note=look+<here>+&+there');
    await page.waitForSelector('[role=tabpanel] >> text=rssAnonPages');
    await pictured(page, 'share');
    expect(problems).toEqual([]);
    expect(asked.filter((url) => !/^(?:data|blob):/.test(url))).toEqual([pathToFileURL(place.path('s.html')).href]);
    await page.close();
  });
});

describe.skipIf(withoutChromium)('the page as static files, opened from the disk', () => {
  it('takes a log, says which trace it lacks, and shows states once that is there', async () => {
    const { page, asked, problems } = await lookAt(browser, pathToFileURL(join(built, 'index.html')).href);
    await page.setInputFiles('input[type=file]', place.path('three.glog'));
    await page.waitForSelector('text=drop the trace "mine" of process 1');
    await page.setInputFiles('input[type=file]', place.path('mine.gtr'));
    await page.waitForSelector('text=drop the trace "mine" of process 1', { state: 'detached' });
    await page.goto(`${page.url().replace(/#.*/, '')}#actor=mm:1&seq=40`);
    await page.waitForSelector('[role=tabpanel] >> text=rssAnonPages');
    await pictured(page, 'static-dropped');
    expect(problems).toEqual([]);
    expect(asked.filter((url) => !/^(?:file|data|blob):/.test(url))).toEqual([]);
    await page.close();
  });
});

describe('a run opened from bytes', () => {
  const named = (name: string) => ({ name, bytes: new Uint8Array(readFileSync(place.path(name))) });

  it('needs the file of a recorded trace alone: programs and patterns are made', () => {
    const engine = new Engine();
    engine.open(openBytes('A', named('three.glog'), [named('mine.gtr')]));
    const [info] = engine.ask('runs', {});
    expect(info).toMatchObject({ hasStates: true, notes: [] });
    const actors = ['process:1', 'process:2', 'process:3'];
    const values = engine.ask('values', { run: 'A', seq: info?.lastSeq ?? 0, actors });
    expect(values).toEqual(['zombie', 'zombie', 'zombie']);
  });

  it('without it shows events, and says why not states', () => {
    const engine = new Engine();
    engine.open(openBytes('A', named('three.glog'), []));
    const [info] = engine.ask('runs', {});
    expect(info?.hasStates).toBe(false);
    expect(info?.notes.join('\n')).toMatch(/drop the trace "mine" of process 1 \(hash \w{12}\) too/);
    expect(engine.ask('event', { run: 'A', seq: 0 }).record.type).toBe('START');
  });
});

describe('granule share', () => {
  it('refuses a log that would make a page too large', async () => {
    copyFileSync(place.path('three.glog'), place.path('large.glog'));
    truncateSync(place.path('large.glog'), SHARED_BYTES_MAX);
    const { code, stderr } = await place.run(['share', 'large.glog', '--out', 'large.html']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^SHARE_TOO_LARGE: the log and its traces are 100(?:\.\d)? MiB, more than 100 MiB/m);
  });

  it('refuses an event that the log does not hold, and a log whose trace is not there', async () => {
    const { code, stderr } = await place.run(['share', 'three.glog', '--at', '999999', '--out', 'x.html']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^SEQ_OUT_OF_RANGE: there is no seq 999999/)]);
    const elsewhere = new Workplace();
    copyFileSync(place.path('three.glog'), elsewhere.path('three.glog'));
    // Found by its content among those of the package, whatever its name was.
    expect((await elsewhere.run(['share', 'three.glog', '--out', 'x.html'])).code).toBe(0);
    elsewhere.remove();
  });

  it('puts the records that a fork shares with its parent into the page', async () => {
    const forked = await place.run([
      'fork',
      'three.glog',
      '--at',
      '60',
      '--set',
      'costs.diskLatency=30000',
      '--out',
      'f.glog',
    ]);
    expect(forked.code).toBe(0);
    expect((await place.run(['share', 'f.glog', '--out', 'f.html'])).code).toBe(0);
    const data = /id="granule-shared">([^<]*)</.exec(readFileSync(place.path('f.html'), 'utf8'))?.[1] ?? '';
    const { log, traces } = unpackWire(new Uint8Array(Buffer.from(data, 'base64'))) as Shared;
    const engine = new Engine();
    engine.open(openBytes('A', log, traces));
    expect(engine.ask('runs', {})[0]).toMatchObject({ firstSeq: 0, hasStates: true, notes: [], parent: { seq: 60 } });
  });

  it('says which definitions are not in the page', async () => {
    await place.run(['run', 'smmu-native-table', '--out', 'smmu.glog']);
    const { code, stderr } = await place.run(['share', 'smmu.glog', '--out', 'smmu.html']);
    expect(code).toBe(0);
    expect(stderr).toContain(
      'definitions of ./smmu.mjs, ./nic.mjs are not in the page: it shows the events, and not the states',
    );
    const engine = new Engine();
    const bytes = new Uint8Array(readFileSync(place.path('smmu.glog')));
    engine.open(openBytes('A', { name: 'smmu.glog', bytes }, []));
    expect(engine.ask('runs', {})[0]?.notes.join('\n')).toMatch(/definitions of .*smmu/);
    expect(engine.ask('events', { run: 'A', from: 0, count: 3 })).toHaveLength(3);
  });
});
