/** The side file of a log that holds the notes and bookmarks on it: read and written for the page that the log is open in. */
import { existsSync, readFileSync } from 'node:fs';
import { GranuleError } from '../errors.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { changedNotes, type NotesTold } from './engine/notes.ts';
import { readNoteChange, readNotes } from './engine/notesForm.ts';
import type { Extra } from './server.node.ts';

/** A log whose notes are kept. */
export interface NotedLog {
  readonly path: string;
  readonly headHash: string;
}

/**
 * Where the notes on a log are.
 *
 * @example
 * ```ts
 * notesPath('runs/a.glog'); // 'runs/a.glog.notes.json'
 * ```
 */
export function notesPath(log: string): string {
  return `${log}.notes.json`;
}

/**
 * The notes on a log; none where there is no side file yet.
 *
 * @throws GranuleError NOTES_INVALID, FILE_NOT_FOUND where it cannot be read
 * @example
 * ```ts
 * notesOn({ path: '/no/such.glog', headHash: 'ab' }).notes; // []
 * ```
 */
export function notesOn({ path, headHash }: NotedLog): NotesTold {
  const file = notesPath(path);
  if (!existsSync(file)) return { notes: [], file, isOfOther: false };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new GranuleError('FILE_NOT_FOUND', String(error), file);
  }
  const found = readNotes(text, file);
  return { notes: found.notes, file, isOfOther: found.headHash !== headHash };
}

function runOf(args: unknown): string {
  const found = typeof args === 'object' && args !== null && 'run' in args ? args.run : undefined;
  return typeof found === 'string' ? found : '';
}

/**
 * Answers the page's questions about notes: `notes` gives those of a run, `note` makes one change and writes the file anew, whole or
 * not at all. A run that is no file's, as a fork in memory, has none here.
 *
 * @param logOf the log of a run, by its letter
 * @example
 * ```ts
 * const extra = notesExtra(() => null);
 * extra('notes', { run: 'B' }); // { notes: [], file: null, isOfOther: false }
 * extra('tile', {}); // undefined
 * ```
 */
export function notesExtra(logOf: (run: string) => NotedLog | null): Extra {
  return (name, args) => {
    if (name !== 'notes' && name !== 'note') return undefined;
    const log = logOf(runOf(args));
    const none: NotesTold = { notes: [], file: null, isOfOther: false };
    if (log === null) return none;
    const before = notesOn(log);
    if (name === 'notes') return before;
    const { change } = args as { readonly change?: unknown };
    const notes = changedNotes(before.notes, readNoteChange(change));
    const text = `${JSON.stringify({ version: 1, headHash: log.headHash, notes }, null, 2)}\n`;
    writeWhole(notesPath(log.path), new TextEncoder().encode(text));
    return { notes, file: before.file, isOfOther: false };
  };
}
