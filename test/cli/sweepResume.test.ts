import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT, Workplace } from './harness.ts';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const POINTS = 8;
/** The first points take a moment, the later ones long enough for a signal to come between. */
const VARY = ['--vary', 'processes.*.trace=true-kernel,git-log-kernel', '--vary', `seed=1..${POINTS / 2}`];
const TIMEOUT_MS = 240_000;

let place: Workplace;
/** What a sweep that nobody ended writes. */
let table = '';

function newPlace(): Workplace {
  const made = new Workplace();
  const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '16K' }];
  writeFileSync(made.path('small.json'), JSON.stringify({ name: 'small', processes }));
  return made;
}

beforeAll(async () => {
  const other = newPlace();
  await other.run(['sweep', 'small.json', ...VARY, '--workers', '2', '--out', 'a.csv']);
  table = readFileSync(other.path('a.csv'), 'utf8');
  other.remove();
}, TIMEOUT_MS);
beforeEach(() => {
  place = newPlace();
});
afterEach(() => place.remove());

/** Whole lines of the journal but its head: the points that are finished. */
function journal(name: string): string[] {
  const path = place.path(`${name}.journal`);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(1, -1) : [];
}

/** Starts the command as users do, sends a signal once some points are finished, and waits for its end. */
function signalled(signal: NodeJS.Signals, points: number): Promise<{ code: number | null; stderr: string }> {
  const args = ['--import', TSX, join(PROJECT, 'src/cli/main.ts'), 'sweep', 'small.json'];
  args.push(...VARY, '--workers', '1', '--out', 'a.csv');
  const child: ChildProcess = spawn(process.execPath, args, { cwd: place.folder });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const waiting = setInterval(() => {
    if (journal('a.csv').length < points) return;
    clearInterval(waiting);
    child.kill(signal);
  }, 5);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearInterval(waiting);
      resolve({ code, stderr });
    });
  });
}

async function expectSameTable(before: readonly string[]): Promise<void> {
  expect(before.length).toBeGreaterThanOrEqual(3);
  expect(before.length).toBeLessThan(POINTS);
  expect(existsSync(place.path('a.csv'))).toBe(false);
  const { code, stderr, stdout } = await place.run([
    'sweep',
    'small.json',
    ...VARY,
    '--workers',
    '1',
    '--out',
    'a.csv',
  ]);
  expect(code).toBe(0);
  expect(stderr).toContain(`${before.length} of ${POINTS} points are in ${place.path('a.csv.journal')}`);
  expect(stdout).toContain(`${POINTS - before.length} points run in`);
  // What was finished is there as it was, and each point once.
  expect(journal('a.csv').slice(0, before.length)).toEqual(before);
  const keys = journal('a.csv').map((line) => (JSON.parse(line) as { key: string }).key);
  expect(keys).toHaveLength(POINTS);
  expect(new Set(keys).size).toBe(POINTS);
  expect(readFileSync(place.path('a.csv'), 'utf8')).toBe(table);
}

describe('a sweep that was ended', () => {
  it(
    'by kill -9 goes on without running a finished point again, to the same table',
    async () => {
      const { code } = await signalled('SIGKILL', 3);
      expect(code).toBe(null);
      await expectSameTable(journal('a.csv'));
    },
    TIMEOUT_MS,
  );

  it(
    'by Ctrl-C says how to go on, and does',
    async () => {
      const { code, stderr } = await signalled('SIGINT', 3);
      expect(code).toBe(130);
      const before = journal('a.csv');
      const said = `ended by a signal: ${before.length} of ${POINTS} points are done; they are in a.csv.journal, and the same command`;
      expect(stderr).toContain(said);
      await expectSameTable(before);
    },
    TIMEOUT_MS,
  );
});
