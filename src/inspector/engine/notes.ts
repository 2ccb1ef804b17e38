/** Notes and bookmarks on a run, as plain data: pages without a server keep them with no more than this. */

/** A note, or a bookmark. */
export interface Note {
  /** Given by whoever wrote it; a later one of the same id takes its place. */
  readonly id: string;
  readonly kind: 'note' | 'bookmark';
  readonly seq: number;
  readonly actor: string | null;
  /** Of a bookmark its name. */
  readonly text: string;
}

/** A change of the notes on a run: one written or written anew, or one taken away. */
export type NoteChange = { readonly put: Note } | { readonly remove: string };

/** What a page is told of the notes on a run. */
export interface NotesTold {
  readonly notes: readonly Note[];
  /** The side file; null where the run has none: the page then keeps them itself. */
  readonly file: string | null;
  /** True where they were written on another log of that path: they may stand at other events. */
  readonly isOfOther: boolean;
}

/**
 * The notes in a text that a page kept; none where it is not of their form.
 *
 * @example
 * ```ts
 * keptNotes('[{"id":"a","kind":"note","seq":3,"actor":null,"text":"here"},{}]').length; // 1
 * keptNotes(null); // []
 * ```
 */
export function keptNotes(text: string | null): Note[] {
  try {
    const data: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(data) ? data.filter(isNote) : [];
  } catch {
    return [];
  }
}

function isNote(value: unknown): value is Note {
  if (typeof value !== 'object' || value === null || !('id' in value && 'seq' in value && 'text' in value))
    return false;
  return typeof value.id === 'string' && Number.isSafeInteger(value.seq) && typeof value.text === 'string';
}

/**
 * Notes with a change made, in order of seq.
 *
 * @example
 * ```ts
 * const note = { id: 'a', kind: 'note', seq: 3, actor: null, text: 'here' } as const;
 * changedNotes([], { put: note }).length; // 1
 * changedNotes([note], { remove: 'a' }); // []
 * ```
 */
export function changedNotes(notes: readonly Note[], made: NoteChange): Note[] {
  const id = 'put' in made ? made.put.id : made.remove;
  const others = notes.filter((one) => one.id !== id);
  const all = 'put' in made ? [...others, made.put] : others;
  return all.sort((left, right) => left.seq - right.seq || (left.id < right.id ? -1 : 1));
}
