/** Forking the run at the present event: what shall be otherwise is put together, and the fork opens beside it. */
import { signal } from '@preact/signals';
import type { ForkChange } from '../../../timeline/forkPlan.ts';
import type { FlyingMessage } from '../../engine/views/inFlight.ts';
import type { SettingNow } from '../../engine/views/fork.ts';
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { info, seq } from '../store.ts';
import { changeLine, changeOf, type DraftChange, NEW_CHANGE } from './changes.ts';
import { forkHere, isForking } from './forking.ts';

const draft = signal<DraftChange>(NEW_CHANGE);
const added = signal<readonly ForkChange[]>([]);

function set(change: Partial<DraftChange>): void {
  draft.value = { ...draft.value, ...change };
}

async function fork(changes: readonly ForkChange[]): Promise<void> {
  if (!(await forkHere(changes))) return;
  added.value = [];
  draft.value = NEW_CHANGE;
}

const OPS = {
  delay: 'a message comes later',
  drop: 'a message never comes',
  replace: 'a message says something else',
  set: 'a setting or policy changes',
} as const;

function Message({ messages }: { messages: readonly FlyingMessage[] }) {
  return (
    <select
      aria-label="which message"
      value={draft.value.seq ?? ''}
      onChange={({ currentTarget }) => set({ seq: currentTarget.value === '' ? null : Number(currentTarget.value) })}
    >
      <option value="">{messages.length === 0 ? 'none is on its way here' : 'which message'}</option>
      {messages.map(({ seq: at, type, from, to }) => (
        <option key={at} value={at ?? ''}>
          {at}: {type} {from} → {to}
        </option>
      ))}
    </select>
  );
}

function Setting({ settings }: { settings: readonly SettingNow[] }) {
  const now = settings.find(({ key }) => key === draft.value.key);
  return (
    <>
      <input
        aria-label="which setting"
        list="settings"
        placeholder="pageCache"
        value={draft.value.key}
        title={now?.says}
        onInput={({ currentTarget }) => set({ key: currentTarget.value })}
      />
      <datalist id="settings">
        {settings.map(({ key, says }) => (
          <option key={key} value={key}>
            {says}
          </option>
        ))}
      </datalist>{' '}
      ={' '}
      <input
        aria-label="its value"
        placeholder={now?.value ?? 'value'}
        value={draft.value.value}
        onInput={({ currentTarget }) => set({ value: currentTarget.value })}
      />
      {now !== undefined && (
        <span class="faint">
          {now.says}; now {now.value ?? 'as the topology says'}
        </span>
      )}
    </>
  );
}

function Draft({ messages, settings }: { messages: readonly FlyingMessage[]; settings: readonly SettingNow[] }) {
  const { op, seq: at, delayCycles, fields } = draft.value;
  const chosen = messages.find((one) => one.seq === at);
  return (
    <div class="draft">
      <select
        aria-label="what shall be otherwise"
        value={op}
        onChange={({ currentTarget }) => set({ op: currentTarget.value as DraftChange['op'] })}
      >
        {Object.entries(OPS).map(([value, says]) => (
          <option key={value} value={value}>
            {says}
          </option>
        ))}
      </select>{' '}
      {op === 'set' ? <Setting settings={settings} /> : <Message messages={messages} />}
      {op === 'delay' && (
        <label>
          {' '}
          by{' '}
          <input
            type="number"
            min={1}
            value={delayCycles}
            onInput={({ currentTarget }) => set({ delayCycles: Number(currentTarget.value) })}
          />{' '}
          cycles
        </label>
      )}
      {op === 'replace' && (
        <>
          {' '}
          <input
            aria-label="fields, as name = value; name = value"
            placeholder="va = 0x1000; purpose = anon"
            value={fields}
            onInput={({ currentTarget }) => set({ fields: currentTarget.value })}
          />
        </>
      )}
      {op !== 'set' && chosen !== undefined && <div class="faint payload">it says: {chosen.text}</div>}
    </div>
  );
}

/** The form. */
export function ForkForm() {
  const run = info.value;
  const flight = useAnswer('inFlight', run === null ? null : { run: run.run, seq: seq.value });
  const settings = useAnswer('settings', run?.hasStates === true ? { run: run.run, seq: seq.value } : null) ?? [];
  if (run === null || !run.hasStates) return <p>{run?.notes.join('; ')}</p>;
  const messages = (flight?.messages ?? []).filter((one) => one.seq !== null);
  const made = changeOf(draft.value);
  const all = made === null ? added.value : [...added.value, made];
  return (
    <form
      class="fork"
      aria-label="fork"
      onSubmit={(submit) => {
        submit.preventDefault();
        void fork(all);
      }}
    >
      <Draft messages={messages} settings={settings} />
      <ul>
        {added.value.map((change, at) => (
          <li key={changeLine(change)}>
            {changeLine(change)}{' '}
            <button
              type="button"
              class="link"
              onClick={() => (added.value = added.value.filter((_, other) => other !== at))}
            >
              leave out
            </button>
          </li>
        ))}
      </ul>
      <div class="controls">
        <button
          type="button"
          disabled={made === null}
          onClick={() => {
            added.value = all;
            draft.value = NEW_CHANGE;
          }}
        >
          and another change
        </button>
        <button type="submit" class="main" disabled={isForking.value}>
          {isForking.value ? 'running…' : `fork from here: after seq ${count(seq.value)}`}
        </button>
        {all.length === 0 && <span class="faint">nothing is changed yet: the fork would be the same run</span>}
      </div>
    </form>
  );
}
