/** The journal of a sweep: a line for each finished point, on the disk before the next point is asked for. */
import * as fs from 'node:fs';
import { z } from 'zod';
import { GranuleError } from '../errors.ts';
import { crc32 } from '../log/crc32.ts';
import type { PointResult } from './runPoint.ts';
import { writeWhole, writingTo } from './wholeFile.node.ts';

/** Version of the lines below. */
const JOURNAL_VERSION = 1;

const headSchema = z.object({ granuleSweep: z.literal(JOURNAL_VERSION), sweep: z.string() });
const lineSchema = z.object({ crc32: z.number(), key: z.string(), result: z.custom<PointResult>() });

/** What was found in a journal. */
interface Found {
  sweep: string;
  results: Map<string, PointResult>;
  /** Whole lines, the head included. */
  text: string;
}

/** What a journal is opened for. */
export interface JournalRequest {
  /** Names the sweep: a hash of all its points. */
  sweep: string;
  /** Take over the journal of another sweep. */
  force: boolean;
}

function checksum(key: string, result: PointResult): number {
  return crc32(new TextEncoder().encode(JSON.stringify({ key, result })));
}

function lineOf(key: string, result: PointResult): string {
  return `${JSON.stringify({ crc32: checksum(key, result), key, result })}\n`;
}

function headOf(sweep: string): string {
  return `${JSON.stringify({ granuleSweep: JOURNAL_VERSION, sweep })}\n`;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** The point of a line; null where the line is damaged. */
function readLine(line: string): { key: string; result: PointResult } | null {
  const { success, data } = lineSchema.safeParse(parsed(line));
  return success && checksum(data.key, data.result) === data.crc32 ? data : null;
}

/**
 * Reads what is whole. A kill in the middle of a write leaves a last line without an end, a failing machine perhaps one
 * with an end and holes: both are cut, their point is run again. Damage before that is for the user to look at.
 */
function readJournal(path: string, text: string): Found | null {
  const lines = text.split('\n');
  lines.pop();
  const [first, ...rest] = lines;
  if (first === undefined) return null;
  const head = headSchema.safeParse(parsed(first));
  if (!head.success) {
    const next = 'Choose another --out, or remove the file if nothing needs it.';
    throw new GranuleError(
      'JOURNAL_DAMAGED',
      'it does not begin as the journal of a sweep does',
      `${path}, line 1`,
      next,
    );
  }
  const results = new Map<string, PointResult>();
  let whole = `${first}\n`;
  for (const [at, line] of rest.entries()) {
    const found = readLine(line);
    if (found !== null) {
      results.set(found.key, found.result);
      whole += `${line}\n`;
    } else if (at < rest.length - 1) {
      throw new GranuleError('JOURNAL_DAMAGED', 'a line does not match its checksum', `${path}, line ${at + 2}`);
    }
  }
  return { sweep: head.data.sweep, results, text: whole };
}

function readText(path: string): string {
  if (!fs.existsSync(path)) return '';
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new GranuleError('FILE_UNREADABLE', error instanceof Error ? error.message : String(error), path);
  }
}

/**
 * A journal that is open for more.
 *
 * @example
 * ```ts
 * const request = { sweep: 'all points', force: false };
 * const result = { wallSeconds: 1, figures: null, error: null };
 * fs.rmSync('example.journal', { force: true });
 * const journal = Journal.open('example.journal', request);
 * journal.append('one point', result);
 * journal.close();
 * Journal.open('example.journal', request).results.get('one point'); // { wallSeconds: 1, figures: null, error: null }
 * Journal.open('example.journal', { ...request, sweep: 'other points' }); // throws JOURNAL_OTHER
 * ```
 */
export class Journal {
  readonly path: string;
  /** What was in it when it was opened, by the key of the point. */
  readonly results: ReadonlyMap<string, PointResult>;
  readonly #descriptor: number;

  private constructor(path: string, results: ReadonlyMap<string, PointResult>) {
    this.path = path;
    this.results = results;
    this.#descriptor = writingTo(path, () => fs.openSync(path, 'a'));
  }

  /**
   * Opens a journal, or begins one.
   *
   * @throws GranuleError JOURNAL_OTHER, JOURNAL_DAMAGED, FILE_UNREADABLE, OUTPUT_UNWRITABLE, DISK_FULL
   */
  static open(path: string, { sweep, force }: JournalRequest): Journal {
    const text = readText(path);
    const found = readJournal(path, text);
    if (found !== null && found.sweep !== sweep && !force) {
      const what = `it is that of another sweep, with ${found.results.size} finished points`;
      throw new GranuleError('JOURNAL_OTHER', what, path);
    }
    const lines = found?.text.slice(found.text.indexOf('\n') + 1) ?? '';
    const wanted = headOf(sweep) + lines;
    if (wanted !== text) writeWhole(path, new TextEncoder().encode(wanted));
    return new Journal(path, found?.results ?? new Map());
  }

  /**
   * Adds a finished point, and returns when it is on the disk.
   *
   * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
   */
  append(key: string, result: PointResult): void {
    // One write of one line: of two sweeps that were given one journal, neither tears the other's lines.
    const bytes = new TextEncoder().encode(lineOf(key, result));
    writingTo(this.path, () => {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#descriptor, bytes, done);
      fs.fsyncSync(this.#descriptor);
    });
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}
