import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workplace } from './harness.ts';

/** Formulas and small runs: what every form of a report has, in a moment. */
const IDS = ['S-15', 'S-29', 'D-01'];

let place: Workplace;
const run = (...args: string[]): ReturnType<Workplace['run']> => place.run(args);
const read = (name: string): string => readFileSync(place.path(name), 'utf8');

beforeAll(async () => {
  place = new Workplace();
  const { code } = await run('scenarios', ...IDS, '--out', 'answers', '--workers', '1');
  expect(code).toBe(0);
}, 120_000);
afterAll(() => place.remove());

interface Shown {
  verdicts: {
    id: string;
    verdict: string;
    because: { evidence: { log: string | null; seq: number; command: string }[] };
  }[];
}

describe('granule scenarios', () => {
  it('keeps verdicts with the events behind them, and every event opens', async () => {
    const { verdicts } = JSON.parse(read('answers/verdict.json')) as Shown;
    expect(verdicts.map(({ id, verdict }) => [id, verdict])).toEqual([
      ['S-15', 'holds'],
      ['S-29', 'breaks'],
      ['D-01', 'breaks'],
    ]);
    const evidence = verdicts.flatMap(({ because }) => because.evidence).filter(({ log }) => log !== null);
    expect(evidence.length).toBeGreaterThan(1);
    for (const { command, seq } of evidence) {
      const [, , log = '', , at = ''] = command.split(' ');
      expect(Number(at)).toBe(seq);
      const { code, stdout } = await run('debug', join('answers', log), '--at', at);
      expect(code).toBe(0);
      expect(stdout.trimStart()).toMatch(new RegExp(String.raw`^${seq} `));
    }
  });

  it('lists questions without running anything, and prints the schema', async () => {
    const { stdout } = await run('scenarios', '--list');
    expect(stdout.split('\n').length).toBeGreaterThan(119);
    expect((await run('scenarios', '--schema')).stdout).toBe(readFileSync('docs/scenario.schema.json', 'utf8'));
  });

  it('prints every figure with the command that shows it', async () => {
    const { stdout } = await run('scenarios', 'S-15', '--figures', '--out', 'figures', '--workers', '1');
    expect(stdout).toMatch(/^S-15 +mail64\.minMiB +11,264 +granule scenarios S-15 --figures$/m);
  });

  it('exits with 1 where a verdict is not the expected one, and says which', async () => {
    mkdirSync(place.path('own'));
    const scenario = JSON.parse(readFileSync('fixtures/scenarios/S-15.json', 'utf8')) as {
      verdict: { when: string }[];
    };
    scenario.verdict[0].when = 'proposal.pageblockBytes == 2M';
    writeFileSync(place.path('own/S-15.json'), JSON.stringify(scenario));
    const { code, stderr, stdout } = await run('scenarios', '--from', 'own', '--out', 'changed', '--workers', '1');
    expect(code).toBe(1);
    expect(stderr).toContain('S-15: breaks, and holds was expected');
    expect(stdout).toContain('breaks, not holds');
  });

  it('refuses what is unknown or wrong with a code', async () => {
    expect((await run('scenarios', 'S-99')).stderr).toMatch(/^SCENARIO_UNKNOWN: /);
    writeFileSync(place.path('own/S-15.json'), '{}');
    expect((await run('scenarios', '--from', 'own')).stderr).toMatch(/^SCENARIO_INVALID: .*S-15\.json/);
    const broken = {
      steps: { proposal: { run: 'plain-5k' } },
      verdict: [{ is: 'holds', when: 'proposal.events > 0', says: '' }],
    };
    writeFileSync(
      place.path('own/S-15.json'),
      JSON.stringify({ id: 'S-15', question: 'Which?', expected: 'holds', ...broken }),
    );
    const { code, stderr } = await run('scenarios', '--from', 'own', '--workers', '1');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^SCENARIO_INVALID: S-15 proposal: TOPOLOGY_UNKNOWN/);
  });
});

describe('granule report', () => {
  it('makes one page that loads nothing, with every sentence and its events', async () => {
    expect((await run('report', 'answers', '--html', 'out.html')).code).toBe(0);
    const page = read('out.html');
    expect(page.match(/(?:src|href)="(?!#)[^"]*"/g) ?? []).toEqual([]);
    expect(page).not.toMatch(/@import|url\(|<link|<img/);
    expect(page).toContain('prefers-color-scheme:dark');
    for (const id of IDS) expect(page).toContain(`<section id="${id}">`);
    expect(page).toMatch(/data-command="granule debug logs\/[^"]+ --at \d+"/);
  });

  it('makes plain text of 72 columns in ASCII, with a command behind each sentence', async () => {
    const { stdout } = await run('report', 'answers', '--text');
    const long = stdout.split('\n').filter((line) => line.length > 72 && line.trim().includes(' '));
    expect(long).toEqual([]);
    expect(stdout).toMatch(/^[\n -~]*$/);
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/\[D-01: granule debug logs\/D-01-naive\.glog --at \d+\]/);
  });

  it('makes Markdown', async () => {
    const { stdout } = await run('report', 'answers', '--markdown');
    expect(stdout).toMatch(/^## D-01: /m);
    expect(stdout).toMatch(/^\| gather both tables before looking \| answers \|/m);
  });

  it('reports on a log as well', async () => {
    const { stdout } = await run('report', 'answers/logs/D-01-naive.glog', '--text');
    expect(stdout).toContain('Process 64');
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/granule debug answers\/logs\/D-01-naive\.glog --at \d+/);
  });

  it('refuses what it cannot report on', async () => {
    mkdirSync(place.path('empty'), { recursive: true });
    expect((await run('report', 'empty')).stderr).toMatch(/^REPORT_NOTHING: /);
    writeFileSync(place.path('empty/verdict.json'), '{"verdicts":[{}]}');
    expect((await run('report', 'empty')).stderr).toMatch(/^REPORT_NOTHING: these are no verdicts/);
    expect((await run('report', 'nowhere')).stderr).toMatch(/^FILE_NOT_FOUND: /);
  });
});
