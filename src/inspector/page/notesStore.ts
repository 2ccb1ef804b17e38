/** The notes and bookmarks on each run: kept by the server beside the log, or else by the page in the browser's own store. */
import { effect, signal } from '@preact/signals';
import type { RunInfo } from '../engine/requests.ts';
import { changedNotes, keptNotes, type Note, type NoteChange, type NotesTold } from '../engine/notes.ts';
import { info, link, tell } from './store.ts';

const NONE: NotesTold = { notes: [], file: null, isOfOther: false };

/** By the head hash of the run. */
const told = signal<ReadonlyMap<string, NotesTold>>(new Map());

function keyOf(run: RunInfo): string {
  return `granule-notes ${run.headHash}`;
}

/** What is known of the notes on a run. */
export function notesOf(run: RunInfo | null): NotesTold {
  return (run === null ? undefined : told.value.get(run.headHash)) ?? NONE;
}

function remember(run: RunInfo, found: NotesTold): void {
  told.value = new Map(told.value).set(run.headHash, found);
}

/** The browser may refuse a page from a file its store: notes then last as long as the page. */
function stored(run: RunInfo): Note[] {
  try {
    return keptNotes(globalThis.localStorage.getItem(keyOf(run)));
  } catch {
    return [...notesOf(run).notes];
  }
}

function store(run: RunInfo, notes: readonly Note[]): void {
  try {
    globalThis.localStorage.setItem(keyOf(run), JSON.stringify(notes));
  } catch {
    // As above.
  }
}

async function load(run: RunInfo): Promise<void> {
  const found = (await link.value?.extra?.('notes', { run: run.run })) as NotesTold | undefined;
  if (found !== undefined && found.file !== null) remember(run, found);
  else remember(run, { ...NONE, notes: stored(run) });
}

/** Makes one change. */
export async function changeNotes(run: RunInfo, change: NoteChange): Promise<void> {
  try {
    if (notesOf(run).file !== null) {
      remember(run, (await link.value?.extra?.('note', { run: run.run, change })) as NotesTold);
      return;
    }
    const notes = changedNotes(stored(run), change);
    store(run, notes);
    remember(run, { ...NONE, notes });
  } catch (error) {
    tell(error);
  }
}

/** Keeps the notes of the run that is looked at. */
export function keepNotes(): void {
  effect(() => {
    const run = info.value;
    if (run !== null && !told.peek().has(run.headHash)) load(run).catch(tell);
  });
}

/** An id that no other note has. */
export function newId(): string {
  return `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
}
