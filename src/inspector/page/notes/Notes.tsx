/** Notes and bookmarks on the run: written at the present event, listed, and each a place to go. */
import { signal } from '@preact/signals';
import type { Note } from '../../engine/notes.ts';
import { changeNotes, newId, notesOf } from '../notesStore.ts';
import { info, jump, move, place, seq, shown } from '../store.ts';

/** What is being written, and the id of the note that it changes; null for a new one. */
const draft = signal('');
const changing = signal<Note | null>(null);

function save(kind: Note['kind']): void {
  const run = info.value;
  const text = draft.value.trim();
  if (run === null || (kind === 'note' && text === '')) return;
  const { value } = changing;
  const put: Note =
    value === null
      ? { id: newId(), kind, seq: seq.value, actor: place.value.actor, text: text === '' ? `seq ${seq.value}` : text }
      : { ...value, text };
  void changeNotes(run, { put });
  draft.value = '';
  changing.value = null;
}

function intoLink(note: Note): void {
  move({ note: note.text, seq: note.seq, ...(note.actor === null ? {} : { actor: note.actor }) });
  shown.value = { kind: 'hint', text: 'The note is in the address of this page now: copy it to share both.' };
}

function Row({ note }: { note: Note }) {
  const run = info.value;
  const isNow = note.seq === seq.value;
  return (
    <li class={isNow ? 'now' : ''} aria-current={isNow ? 'true' : undefined}>
      <span aria-hidden="true">{note.kind === 'note' ? '✎' : '⚑'}</span>
      <button class="link" onClick={() => jump(note.seq, note.actor === null ? {} : { actor: note.actor })}>
        seq {note.seq}
      </button>
      <span class="note-text">{note.text}</span>
      <button
        aria-label={`change the ${note.kind} at seq ${note.seq}`}
        onClick={() => {
          changing.value = note;
          draft.value = note.text;
          document.getElementById('note')?.focus();
        }}
      >
        change
      </button>
      <button aria-label={`put the ${note.kind} at seq ${note.seq} into the link`} onClick={() => intoLink(note)}>
        into link
      </button>
      <button
        aria-label={`remove the ${note.kind} at seq ${note.seq}`}
        onClick={() => run !== null && void changeNotes(run, { remove: note.id })}
      >
        remove
      </button>
    </li>
  );
}

/** The list, and a field to write in. */
export function Notes() {
  const run = info.value;
  const { notes, file, isOfOther } = notesOf(run);
  const at = changing.value?.seq ?? seq.value;
  return (
    <section class="notes" aria-label="notes and bookmarks">
      <h3>Notes and bookmarks</h3>
      <form
        onSubmit={(submit) => {
          submit.preventDefault();
          save('note');
        }}
      >
        <input
          id="note"
          aria-label={`note at seq ${at}`}
          placeholder={`a note at seq ${at}`}
          maxLength={4000}
          value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
        />
        <button type="submit">{changing.value === null ? 'note' : 'save'}</button>
        {changing.value === null ? (
          <button type="button" onClick={() => save('bookmark')}>
            bookmark
          </button>
        ) : (
          <button type="button" onClick={() => ((changing.value = null), (draft.value = ''))}>
            leave
          </button>
        )}
      </form>
      {isOfOther && <p class="fault">They were written on another log of this name: they may stand at other events.</p>}
      <ul>
        {notes.map((note) => (
          <Row key={note.id} note={note} />
        ))}
      </ul>
      <p class="faint">{file === null ? 'Kept in this browser.' : `Kept in ${file}.`}</p>
    </section>
  );
}
