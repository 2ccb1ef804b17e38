import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../src/sweep/journal.node.ts';
import type { PointResult } from '../../src/sweep/runPoint.ts';

const SWEEP = { sweep: 'abc', force: false };

function result(wallSeconds: number): PointResult {
  return { wallSeconds, figures: null, error: { code: 'RUN_LIMIT', what: 'a "quoted"\nline', where: '' } };
}

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'granule-journal-'));
  path = join(folder, 'a.journal');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(points: number): Buffer {
  rmSync(path, { force: true });
  const journal = Journal.open(path, SWEEP);
  for (let point = 0; point < points; point++) journal.append(`point ${point}`, result(point));
  journal.close();
  return readFileSync(path);
}

function opened(request = SWEEP): ReadonlyMap<string, PointResult> {
  const journal = Journal.open(path, request);
  journal.close();
  return journal.results;
}

describe('a journal', () => {
  it('gives back what was appended', () => {
    written(3);
    expect([...opened()]).toEqual([0, 1, 2].map((point) => [`point ${point}`, result(point)]));
  });

  it('goes on from any byte that a kill left it at, losing no whole line', () => {
    const whole = written(4);
    const ends = [...whole.entries()].flatMap(([at, byte]) => (byte === 10 ? [at + 1] : []));
    fc.assert(
      fc.property(fc.nat(whole.length), (length) => {
        writeFileSync(path, whole.subarray(0, length));
        const lines = ends.filter((end) => end <= length).length;
        expect(opened().size).toBe(Math.max(0, lines - 1));
        const journal = Journal.open(path, SWEEP);
        journal.append('one more', result(9));
        journal.close();
        expect([...opened().keys()].at(-1)).toBe('one more');
        expect(opened().size).toBe(Math.max(0, lines - 1) + 1);
      }),
      { numRuns: 60 },
    );
  });

  it('cuts a damaged last line, and refuses damage before it with its line', () => {
    const whole = written(3).toString();
    writeFileSync(path, whole.replace('"wallSeconds":2', '"wallSeconds":3'));
    expect(opened().size).toBe(2);
    writeFileSync(path, whole.replace('"wallSeconds":1', '"wallSeconds":3'));
    expect(() => opened()).toThrow(
      expect.objectContaining({ code: 'JOURNAL_DAMAGED', where: `${path}, line 3`, exitCode: 2 }),
    );
  });

  it('refuses that of another sweep, and with force keeps all that is in it', () => {
    written(2);
    const other = { sweep: 'other', force: false };
    expect(() => opened(other)).toThrow(expect.objectContaining({ code: 'JOURNAL_OTHER', where: path }));
    expect(opened({ ...other, force: true }).size).toBe(2);
    expect(opened(other).size).toBe(2);
    expect(() => opened()).toThrow(expect.objectContaining({ code: 'JOURNAL_OTHER' }));
  });

  it('refuses a file that is no journal, and leaves it as it was', () => {
    writeFileSync(path, 'dear diary\n');
    for (const force of [false, true]) {
      expect(() => opened({ sweep: 'abc', force })).toThrow(expect.objectContaining({ code: 'JOURNAL_DAMAGED' }));
    }
    expect(readFileSync(path, 'utf8')).toBe('dear diary\n');
  });

  it('says so when it cannot be there', () => {
    path = join(folder, 'no', 'such', 'a.journal');
    expect(() => opened()).toThrow(expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }));
  });

  it('takes lines of two writers', () => {
    written(1);
    const [one, two] = [Journal.open(path, SWEEP), Journal.open(path, SWEEP)];
    one.append('by one', result(1));
    two.append('by two', result(2));
    one.close();
    two.close();
    appendFileSync(path, 'torn');
    expect([...opened().keys()]).toEqual(['point 0', 'by one', 'by two']);
  });
});
