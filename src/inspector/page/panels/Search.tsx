/** Finding events, and what was noted on the run: both lists of places to go. */
import { signal } from '@preact/signals';
import type { FoundEvent } from '../../engine/views/search.ts';
import { count } from '../format.ts';
import { AskError } from '../link.ts';
import { Notes } from '../notes/Notes.tsx';
import { info, jump, link, place, seq } from '../store.ts';

/** What is looked for, as it stands in the fields. */
const text = signal('');
const language = signal<'query' | 'text'>('query');
const actor = signal('');
const type = signal('');

/** What came of the last search. */
interface Found {
  readonly run: string;
  readonly hits: readonly FoundEvent[];
  /** Where it goes on; null when all was looked at. */
  readonly next: number | null;
  readonly searchedTo: number;
  readonly isRunning: boolean;
  readonly fault: string;
}

const found = signal<Found | null>(null);
/** Only the last search that was begun may write what it finds. */
let turn = 0;
/** Events that one search gathers before it waits to be asked for more. */
const GATHERED = 1000;

const EXAMPLES = [
  "type == 'FAULT'",
  "to == 'mm:*' && payload.va >= 0x400000",
  'TLBI preceded by FAULT within 50 events',
  'last 10 PUT',
];

async function search(from: number | null): Promise<void> {
  const run = info.value;
  const { value } = link;
  if (run === null || value === null) return;
  const mine = ++turn;
  const before = from === null ? [] : (found.value?.hits ?? []);
  let all: Found = {
    run: run.run,
    hits: before,
    next: from,
    searchedTo: from ?? run.firstSeq,
    isRunning: true,
    fault: '',
  };
  found.value = all;
  const most = before.length + GATHERED;
  try {
    do {
      const asked = { run: run.run, text: text.value, language: language.value, actor: actor.value, type: type.value };
      const page = await value.ask('search', { ...asked, from: all.next });
      if (mine !== turn) return;
      const { next, searchedTo } = page;
      all = { ...all, hits: [...all.hits, ...page.hits], next, searchedTo, isRunning: next !== null };
      found.value = all;
    } while (all.next !== null && all.hits.length < most);
    found.value = { ...all, isRunning: false };
  } catch (error) {
    const fault = error instanceof AskError ? `${error.message} (${error.where})` : String(error);
    if (mine === turn) found.value = { ...all, isRunning: false, fault };
  }
}

function stop(): void {
  turn += 1;
  if (found.value !== null) found.value = { ...found.value, isRunning: false };
}

function Hit({ hit }: { hit: FoundEvent }) {
  const isNow = hit.seq === seq.value;
  return (
    <tr
      class={isNow ? 'now' : ''}
      aria-current={isNow ? 'true' : undefined}
      onClick={() => jump(hit.seq, { actor: hit.to })}
    >
      <td class="number">
        <button class="link" onClick={(click) => (click.stopPropagation(), jump(hit.seq, { actor: hit.to }))}>
          {hit.seq}
        </button>
      </td>
      <td>{hit.type}</td>
      <td>
        {hit.from} → {hit.to}
      </td>
      <td class="payload">
        {hit.with.length > 0 && <span class="faint">with {hit.with.join(', ')} </span>}
        {hit.text}
      </td>
    </tr>
  );
}

function Results() {
  const { value } = found;
  const run = info.value;
  if (value === null || run === null || value.run !== run.run) {
    return (
      <div class="examples faint">
        for example:
        {EXAMPLES.map((example) => (
          <button
            key={example}
            class="link"
            onClick={() => {
              text.value = example;
              language.value = 'query';
              void search(null);
            }}
          >
            {example}
          </button>
        ))}
      </div>
    );
  }
  const part = (value.searchedTo - run.firstSeq + 1) / Math.max(1, run.lastSeq - run.firstSeq + 1);
  return (
    <>
      {value.fault !== '' && (
        <p class="fault" role="alert">
          {value.fault}
        </p>
      )}
      <p class="found-line" aria-live="polite">
        {(value.fault === '' || value.hits.length > 0) && `${count(value.hits.length)} found`}
        {value.isRunning && ` so far, ${Math.round(part * 100)}% looked at `}
        {value.isRunning && <button onClick={stop}>stop</button>}
        {!value.isRunning && value.next !== null && (
          <>
            {' '}
            up to seq {count(value.searchedTo)} <button onClick={() => void search(value.next)}>go on</button>
          </>
        )}
      </p>
      <div class="scroll hits">
        <table>
          <caption class="hidden">events found</caption>
          <tbody>
            {value.hits.map((hit) => (
              <Hit key={hit.seq} hit={hit} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Fields() {
  const run = info.value;
  return (
    <form
      class="search-fields"
      role="search"
      onSubmit={(submit) => {
        submit.preventDefault();
        void search(null);
      }}
    >
      <input
        id="search"
        type="search"
        aria-label="what to look for"
        placeholder={language.value === 'query' ? "FAULT && to == 'mm:*'" : 'words of the event'}
        spellcheck={false}
        value={text.value}
        onInput={({ currentTarget }) => (text.value = currentTarget.value)}
      />
      <select
        aria-label="language of the search"
        value={language.value}
        onChange={({ currentTarget }) => (language.value = currentTarget.value === 'text' ? 'text' : 'query')}
      >
        <option value="query">query</option>
        <option value="text">words</option>
      </select>
      <button type="submit">find</button>
      <label>
        to{' '}
        <select value={actor.value} onChange={({ currentTarget }) => (actor.value = currentTarget.value)}>
          <option value="">any actor</option>
          {place.value.actor !== null && <option value={place.value.actor}>{place.value.actor} (selected)</option>}
          {run?.lanes.map(({ id }) => id !== place.value.actor && <option key={id}>{id}</option>)}
        </select>
      </label>
      <label>
        type{' '}
        <select value={type.value} onChange={({ currentTarget }) => (type.value = currentTarget.value)}>
          <option value="">any</option>
          {run?.types.map(({ id, count: many }) => (
            <option key={id} value={id}>
              {id} ({count(many)})
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

/** The panel. */
export function Search() {
  return (
    <div class="search">
      <Fields />
      <Results />
      <Notes />
    </div>
  );
}
