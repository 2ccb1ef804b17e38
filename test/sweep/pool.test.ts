import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../src/sweep/journal.node.ts';
import { pointsOf } from '../../src/sweep/points.ts';
import { Pool } from '../../src/sweep/pool.node.ts';
import { checkPoints, Sweep } from '../../src/sweep/sweep.node.ts';
import { variedKeys } from '../../src/sweep/varied.ts';
import { workOn } from '../../src/sweep/workOn.node.ts';
import { startThread } from '../../src/timeline/sourceThread.node.ts';
import { builtIns } from '../../src/topology/definitions/catalogue.ts';
import { TraceShelf } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { fillDiskOfLogs } from '../log/fullDisk.ts';

const SWEEP = new URL('../../src/sweep/sweep.node.ts', import.meta.url).href;

/** A worker that answers with twice the task, and has three ways to die. */
const CODE = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (task) => {
  if (task === 'exits') process.exit(3);
  if (task === 'throws') throw new Error('a worker threw');
  if (task === 'eats') { const all = []; for (;;) all.push(new Array(1e6).fill(task.length)); }
  if (task === 'waits') return;
  parentPort.postMessage({ kind: 'news', news: task });
  parentPort.postMessage({ kind: 'answer', answer: task + task });
});`;

interface Seen {
  started: number;
  answers: string[];
  deaths: [string, string][];
  news: string[];
}

function poolOf(
  workers: number,
  onAnswer: (answer: string) => void = () => undefined,
): { pool: Pool<string, string, string>; seen: Seen } {
  const seen: Seen = { started: 0, answers: [], deaths: [], news: [] };
  const pool = new Pool<string, string, string>({
    workers,
    start() {
      seen.started += 1;
      return new Worker(CODE, {
        eval: true,
        execArgv: [],
        stderr: true,
        resourceLimits: { maxOldGenerationSizeMb: 24 },
      });
    },
    onNews: (_task, news) => seen.news.push(news),
    onAnswer(_task, answer) {
      seen.answers.push(answer);
      onAnswer(answer);
    },
    onDeath: (task, why) => seen.deaths.push([task, why]),
  });
  return { pool, seen };
}

describe('a pool', () => {
  it('answers every task once, with as many workers as it was given', async () => {
    const { pool, seen } = poolOf(3);
    await pool.run(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(seen.answers.sort()).toEqual(['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg']);
    expect(seen.news.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(seen.started).toBe(3);
  });

  it('replaces a worker that died, and goes on behind its task', async () => {
    const { pool, seen } = poolOf(1);
    await pool.run(['a', 'exits', 'b', 'throws', 'eats', 'c']);
    expect(seen.answers).toEqual(['aa', 'bb', 'cc']);
    expect(seen.deaths).toEqual([
      ['exits', 'it ended with status 3'],
      ['throws', 'a worker threw'],
      ['eats', expect.stringMatching(/memory/)],
    ]);
    expect(seen.started).toBe(4);
  });

  it('is stopped in the middle of a task', async () => {
    const { pool, seen } = poolOf(2);
    const running = pool.run(['waits', 'waits', 'a']);
    setTimeout(() => void pool.stop(), 100);
    await running;
    expect(seen).toMatchObject({ answers: [], deaths: [] });
  });

  it('ends with what its listener throws', async () => {
    const { pool } = poolOf(2, (answer) => {
      if (answer === 'bb') throw new Error('the disk is full');
    });
    await expect(pool.run(['waits', 'b', 'c'])).rejects.toThrow('the disk is full');
  });
});

describe('a sweep', () => {
  const base = parseTopology({ name: 'one', processes: [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }] }, 'test');
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'granule-sweep-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('makes an error of a point that its worker died on, goes on, and runs it again next time', async () => {
    const { ready, sweep: name } = checkPoints(pointsOf(base, variedKeys(base, ['seed=1..3'])), []);
    const setting = { folders: [], logs: null, modules: [] };
    const opened = (): Journal => Journal.open(join(folder, 'a.journal'), { sweep: name, force: false });
    const journal = opened();
    let started = 0;
    const sweep = new Sweep({
      ready,
      ...setting,
      workers: 1,
      journal,
      start() {
        started += 1;
        const resourceLimits = started === 1 ? { maxOldGenerationSizeMb: 6 } : {};
        return startThread(SWEEP, 'worker.node', { workerData: setting, resourceLimits });
      },
    });
    await sweep.run();
    journal.close();
    const codes = ready.map(({ key }) => sweep.results.get(key)?.error?.code ?? 'well');
    expect(codes).toEqual(['WORKER_DIED', 'well', 'well']);
    expect(sweep.references).toBe(sweep.totalReferences);
    const later = opened();
    expect(ready.map(({ key }) => later.results.has(key))).toEqual([false, true, true]);
    later.close();
  });

  it('says of a point whose log filled the disk what it was, and leaves nothing of the log', () => {
    const tools = { shelf: new TraceShelf(), catalogue: builtIns, tell: () => undefined };
    for (const bytes of [10, 5000]) {
      using _full = fillDiskOfLogs(bytes);
      const { error } = workOn({ topology: base, log: 'a.glog' }, { folders: [], logs: folder, modules: [] }, tools);
      expect(error).toMatchObject({ code: 'DISK_FULL', where: expect.stringContaining('a.glog.part') });
    }
    expect(readdirSync(folder)).toEqual([]);
    expect(workOn({ topology: base, log: 'a.glog' }, { folders: [], logs: folder, modules: [] }, tools).error).toBe(
      null,
    );
    expect(readdirSync(folder)).toEqual(['a.glog']);
  });
});
