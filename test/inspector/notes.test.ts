import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keptNotes, type Note } from '../../src/inspector/engine/notes.ts';
import { type NotedLog, notesExtra, notesOn, notesPath } from '../../src/inspector/notes.node.ts';
import type { Extra } from '../../src/inspector/server.node.ts';

const NOTE: Note = { id: 'one', kind: 'note', seq: 812, actor: 'mm:200', text: 'the first drop' };

let folder = '';
let log: NotedLog = { path: '', headHash: 'ab' };
let extra: Extra = () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'granule-notes-'));
  log = { path: join(folder, 'run.glog'), headHash: 'ab' };
  extra = notesExtra((run) => (run === 'A' ? log : null));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('notes beside a log', () => {
  it('are there when the page comes back, in order of seq', () => {
    extra('note', { run: 'A', change: { put: NOTE } });
    extra('note', { run: 'A', change: { put: { ...NOTE, id: 'two', seq: 3, kind: 'bookmark' } } });
    expect(notesOn(log).notes.map(({ id }) => id)).toEqual(['two', 'one']);
    extra('note', { run: 'A', change: { put: { ...NOTE, text: 'changed' } } });
    extra('note', { run: 'A', change: { remove: 'two' } });
    expect(notesOn(log).notes).toEqual([{ ...NOTE, text: 'changed' }]);
  });

  it('are refused where they are not of their form, and the file stays as it was', () => {
    extra('note', { run: 'A', change: { put: NOTE } });
    const before = readFileSync(notesPath(log.path), 'utf8');
    for (const change of [{ put: { ...NOTE, seq: 1.5 } }, { put: { ...NOTE, more: 1 } }, {}, null, { remove: 1 }]) {
      expect(() => extra('note', { run: 'A', change })).toThrow(/: /);
    }
    expect(readFileSync(notesPath(log.path), 'utf8')).toBe(before);
  });

  it('are not written over a file that is none of theirs', () => {
    writeFileSync(notesPath(log.path), '{"version":2}');
    expect(() => extra('note', { run: 'A', change: { put: NOTE } })).toThrow(/version/);
    expect(readFileSync(notesPath(log.path), 'utf8')).toBe('{"version":2}');
  });

  it('tell where they were written on another log of that name', () => {
    extra('note', { run: 'A', change: { put: NOTE } });
    expect(notesOn(log).isOfOther).toBe(false);
    expect(notesOn({ ...log, headHash: 'cd' }).isOfOther).toBe(true);
  });

  it('are none of the server for a run that is no file', () => {
    expect(extra('note', { run: 'B', change: { put: NOTE } })).toEqual({ notes: [], file: null, isOfOther: false });
    expect(existsSync(notesPath(log.path))).toBe(false);
  });

  it('leave questions alone that are the engine’s', () => {
    expect(extra('tile', { run: 'A' })).toBeUndefined();
  });
});

describe('notes that a page keeps itself', () => {
  it('are read back, and what is none is left out', () => {
    expect(keptNotes(JSON.stringify([NOTE, { id: 3 }, null]))).toEqual([NOTE]);
    expect(keptNotes('not json')).toEqual([]);
  });
});
