import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../src/inspector/engine/engine.ts';
import { DroppedLogs } from '../../src/inspector/page/dropped.ts';
import { fixturesFolder } from '../../src/topology/load.node.ts';
import { serve, withoutChromium } from '../library/chromium.ts';
import { PROJECT_ROOT } from '../support/tree.ts';
import { forkedLog, type MadeLog, madeLog } from './support/logs.ts';
import { Inspector, type OpenPage, until } from './support/pages.ts';

let inspector: Inspector;
let program: MadeLog;
let traced: MadeLog;
let fork: MadeLog;
let folder = '';
let files: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  if (withoutChromium) return;
  folder = mkdtempSync(join(tmpdir(), 'granule-dropped-'));
  program = madeLog('live-fallback-two-cpus');
  traced = madeLog('plain-64k');
  fork = forkedLog(program, 'fork', { at: 2775, edits: [{ op: 'drop', seq: 2779 }] });
  for (const { name, bytes } of [program, traced, fork]) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, 'cut.glog'), traced.bytes.subarray(0, Math.floor(traced.bytes.length * 0.6)));
  writeFileSync(join(folder, 'no.glog'), 'this is no log');
  // A run whose trace is not found: events alone can be looked at.
  inspector = await Inspector.over({ ...traced, traces: new Map() });
  files = await serve(join(PROJECT_ROOT, 'dist/inspector'), {});
}, 120_000);

afterAll(async () => {
  await inspector?.close();
  files?.server.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

/** The page as static files, with some files dropped on it. */
async function dropped(...names: readonly string[]): Promise<OpenPage> {
  const open = await inspector.open('', { url: `${files.url}/index.html` });
  await drop(open, names);
  return open;
}

async function drop({ page }: OpenPage, names: readonly string[]): Promise<void> {
  await page.locator('input[type=file]').setInputFiles(names.map((name) => join(folder, name)));
}

describe.skipIf(withoutChromium)('a page without a server', () => {
  it('takes a log, folds its states in the page, and sends nothing anywhere', async () => {
    const open = await dropped(program.name);
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.follow('seq=2775&actor=mmu:1');
    await open.untilState(2775);
    await open.page.getByText('not-consecutive at 0x200010000').first().waitFor();
    expect(open.problems).toEqual([]);
    expect(open.elsewhere).toEqual([]);
    await open.picture('dropped');
    await open.page.close();
  });

  it('says which trace a log lacks, shows its events meanwhile, and its states once the trace is dropped too', async () => {
    const open = await dropped(traced.name);
    await open.page
      .getByText(/drop the trace "git-log-kernel" of process 100/)
      .first()
      .waitFor();
    await open.page.locator('.events tbody tr').first().waitFor();
    writeFileSync(join(folder, 'git.gtr'), readFileSync(join(fixturesFolder('traces'), 'git-log-kernel.gtr')));
    await drop(open, ['git.gtr']);
    await open.page
      .getByText(/drop the trace/)
      .first()
      .waitFor({ state: 'detached' });
    await open.follow('seq=300&actor=mm:100');
    await open.untilState(300);
    await open.page.close();
  });

  it('joins a fork to the log that it goes on from, and names that one until it is dropped too', async () => {
    const open = await dropped(fork.name);
    const note = open.page.getByText(`the one with head hash ${program.reader.headHash}`).first();
    await note.waitFor();
    await open.page.locator('.events tbody tr').getByText('2776', { exact: true }).waitFor();
    await open.picture('fork-alone');
    await drop(open, [program.name]);
    await note.waitFor({ state: 'detached' });
    await open.follow('run=A&seq=300&actor=mm:1&other=B&right=compare');
    await open.page.getByRole('region', { name: 'first difference' }).getByText('seq 2,779').waitFor();
    await open.press('6');
    await open.untilState(300);
    expect(open.problems).toEqual([]);
    expect(open.elsewhere).toEqual([]);
    await open.page.close();
  });

  it('gives a log that is dropped after a fork was made in it a letter of its own', async () => {
    const open = await dropped(fork.name, program.name);
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.follow('run=B&seq=2775&right=compare');
    await open.page.getByRole('button', { name: 'fork from here: after seq 2,775' }).click();
    await open.untilPart('other', 'C');
    await drop(open, [traced.name]);
    await until('four runs are open', async () => (await open.page.locator('.bar option').count()) === 4);
    expect(await open.page.locator('.bar option').allTextContents()).toEqual([
      expect.stringMatching(/^A: live-fallback-two-cpus/),
      expect.stringMatching(/^B: live-fallback-two-cpus/),
      expect.stringMatching(/^C: live-fallback-two-cpus/),
      expect.stringMatching(/^D: plain-64k/),
    ]);
    await open.page.close();
  });

  it('says what is wrong with what it is given', async () => {
    const open = await dropped('no.glog');
    await open.page
      .getByRole('alert')
      .getByText(/LOG_NOT_A_LOG/)
      .waitFor();
    await drop(open, [program.name]);
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.page.close();
    const cut = await dropped('cut.glog');
    await cut.page
      .getByText(/the log is not whole/)
      .first()
      .waitFor();
    await cut.page.locator('.events tbody tr').first().waitFor();
    await cut.page.close();
  });

  it('opens from a disk as well', async () => {
    const open = await inspector.open('', { url: pathToFileURL(join(PROJECT_ROOT, 'dist/inspector/index.html')).href });
    await drop(open, [program.name]);
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.page.close();
  });
});

describe('logs that are dropped one after another', () => {
  it('are joined in whatever order they come, a fork of a fork too', () => {
    const parent = madeLog('live-fallback-two-cpus');
    const first = forkedLog(parent, 'first', { at: 300, edits: [] });
    const second = forkedLog(first, 'second', { at: 400, edits: [] });
    const logs = { A: second, B: first, C: parent };
    for (const order of ['ABC', 'ACB', 'BAC', 'CBA']) {
      const engine = new Engine();
      const opened = new DroppedLogs(engine);
      for (const run of order) opened.open({ run, log: logs[run as keyof typeof logs], traces: [] });
      const infos = engine.runs().map((run) => run.info());
      expect(infos.map(({ notes }) => notes).flat(), order).toEqual([]);
      expect(infos.map(({ firstSeq, hasStates }) => firstSeq === 0 && hasStates)).toEqual([true, true, true]);
      expect([...engine.run('A').reader.range(0, 500)]).toEqual([...parent.reader.range(0, 500)]);
    }
  });
});

describe.skipIf(withoutChromium)('a served log whose trace is missing', () => {
  it('shows its events, and says why there is no state', async () => {
    const open = await inspector.open('seq=300&actor=mm:100');
    await open.page
      .getByText(/states cannot be shown: TRACE_MISSING/)
      .first()
      .waitFor();
    await until('lanes are drawn', async () => (await open.colouredPixels()) > 500);
    await open.press('ArrowRight');
    await open.page.locator('.events tr[aria-current=true]').getByText('301', { exact: true }).waitFor();
    await open.picture('no-trace');
    await open.page.close();
  });

  it('shows an error of the engine until it is closed', async () => {
    const open = await inspector.open('seq=300');
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.page.route('**/ask/events', async (route) => route.abort());
    await open.press('End');
    const alert = open.page.getByRole('alert');
    await alert.waitFor();
    await alert.getByRole('button', { name: 'close' }).click();
    await alert.waitFor({ state: 'detached' });
    await open.page.close();
  });
});
