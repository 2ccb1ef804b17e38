/** The form of the side file beside a log that holds the notes and bookmarks on it, and of what pages ask to be written there. */
import { z } from 'zod';
import { GranuleError } from '../../errors.ts';
import type { NoteChange } from './notes.ts';

/** Characters of a note. */
const TEXT_MOST = 4000;
/** Notes on one run. */
const NOTES_MOST = 10_000;

const note = z.strictObject({
  /** Given by whoever wrote it; a later one of the same id takes its place. */
  id: z.string().min(1).max(64),
  kind: z.enum(['note', 'bookmark']),
  seq: z.int().min(-1),
  actor: z.string().max(1000).nullable(),
  /** Of a bookmark its name. */
  text: z.string().max(TEXT_MOST),
});

const notesFile = z.strictObject({
  version: z.literal(1),
  /** Of the log that they are on. */
  headHash: z.string(),
  notes: z.array(note).max(NOTES_MOST),
});

/** All notes on a run. */
export type NotesFile = z.infer<typeof notesFile>;

const change = z.union([z.strictObject({ put: note }), z.strictObject({ remove: z.string() })]);

function fault(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? 'not of the form of notes' : `${issue.path.join('.') || 'it'}: ${issue.message}`;
}

/**
 * Reads the text of a file of notes.
 *
 * @throws GranuleError NOTES_INVALID where it is none
 * @example
 * ```ts
 * readNotes('{"version":1,"headHash":"ab","notes":[]}', 'a.notes.json').notes; // []
 * readNotes('{"version":2}', 'a.notes.json'); // throws NOTES_INVALID
 * ```
 */
export function readNotes(text: string, where: string): NotesFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new GranuleError('NOTES_INVALID', String(error), where);
  }
  const found = notesFile.safeParse(data);
  if (found.success) return found.data;
  throw new GranuleError('NOTES_INVALID', fault(found.error), where);
}

/**
 * Checks a change that came from a page.
 *
 * @throws GranuleError NOTES_INVALID where it is none
 * @example
 * ```ts
 * readNoteChange({ remove: 'a1' }); // { remove: 'a1' }
 * ```
 */
export function readNoteChange(data: unknown): NoteChange {
  const found = change.safeParse(data);
  if (found.success) return found.data;
  throw new GranuleError('NOTES_INVALID', fault(found.error), 'inspector');
}
