/** The page: a bar, the timeline, and two columns of panels. */
import { useEffect } from 'preact/hooks';
import { commands } from './commands.ts';
import { count } from './format.ts';
import { Drop } from './Drop.tsx';
import { Live } from './Live.tsx';
import { Help, isHelpOpen } from './Help.tsx';
import { listenToKeys } from './keys.ts';
import { type Panel, PANELS } from './panels.ts';
import { goBack, goForward, info, jump, link, move, place, playing, runs, seq, shown, step } from './store.ts';
import { nextIn } from './tabs.ts';
import { Timeline } from './timeline/Timeline.tsx';

function Bar() {
  const run = info.value;
  if (run === null) return null;
  return (
    <div class="bar" role="toolbar" aria-label="moving in time">
      <strong>Granule</strong>
      <select aria-label="run" value={run.run} onChange={({ currentTarget }) => move({ run: currentTarget.value })}>
        {runs.value.map((one) => (
          <option key={one.run} value={one.run}>
            {one.run}: {one.topology} ({count(one.lastSeq - one.firstSeq + 1)} events)
          </option>
        ))}
      </select>
      <button title="back to where you were (Alt+←)" onClick={goBack}>
        ↶
      </button>
      <button title="forward again (Alt+→)" onClick={goForward}>
        ↷
      </button>
      <button title="first event (Home)" onClick={() => jump(run.firstSeq)}>
        |◀
      </button>
      <button title="one event back (←)" onClick={() => step(-1)}>
        ◀
      </button>
      <button title="play or stand (space)" onClick={() => (playing.value = playing.value === 0 ? 10 : 0)}>
        {playing.value === 0 ? 'play' : 'stop'}
      </button>
      <button title="one event on (→)" onClick={() => step(1)}>
        ▶
      </button>
      <button title="last event (End)" onClick={() => jump(run.lastSeq)}>
        ▶|
      </button>
      <label>
        seq{' '}
        <input
          id="seq"
          type="number"
          min={run.firstSeq}
          max={run.lastSeq}
          value={seq.value}
          onChange={({ currentTarget }) => jump(Number(currentTarget.value))}
        />
      </label>
      <span class="of">of {count(run.lastSeq)}</span>
      <span class="grow" />
      <button title="every key (?)" onClick={() => (isHelpOpen.value = true)}>
        ?
      </button>
    </div>
  );
}

/** Arrow keys go from tab to tab; elsewhere they step through the run, so here they go no further. */
function onTabKey(press: KeyboardEvent, panels: readonly Panel[], side: Panel['side']): void {
  const at = panels.findIndex(({ id }) => `tab-${id}` === (press.target as HTMLElement).id);
  const next = nextIn(press.key, at, panels.length);
  if (at < 0 || next === null) return;
  press.preventDefault();
  press.stopPropagation();
  const id = panels[next]?.id ?? '';
  move({ [side]: id });
  document.getElementById(`tab-${id}`)?.focus();
}

function Column({ side }: { side: Panel['side'] }) {
  const panels = PANELS.filter((panel) => panel.side === side);
  const open = panels.find(({ id }) => id === place.value[side]) ?? panels[0];
  if (open === undefined) return null;
  const { Component } = open;
  return (
    <section class={`column ${side}`} aria-label={open.title}>
      <div
        role="tablist"
        class="tabs"
        aria-label={`panels on the ${side}`}
        onKeyDown={(press) => onTabKey(press, panels, side)}
      >
        {panels.map(({ id, title, key }) => (
          <button
            key={id}
            role="tab"
            id={`tab-${id}`}
            aria-selected={id === open.id}
            aria-controls={`panel-${side}`}
            tabIndex={id === open.id ? 0 : -1}
            title={`${title} (${key})`}
            onClick={() => move({ [side]: id })}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="panel" role="tabpanel" id={`panel-${side}`} tabIndex={-1} aria-labelledby={`tab-${open.id}`}>
        <Component />
      </div>
    </section>
  );
}

function Message() {
  const { value } = shown;
  if (value === null) return null;
  return (
    <div class={`message ${value.kind}`} role="alert">
      {value.text}{' '}
      <button class="link" onClick={() => (shown.value = null)}>
        close
      </button>
    </div>
  );
}

/** All of it. */
export function App() {
  useEffect(() => listenToKeys(commands), []);
  const hasRun = info.value !== null;
  return (
    <>
      <Bar />
      <Live />
      {info.value?.notes.map((note) => (
        <div key={note} class="message hint">
          {note}
        </div>
      ))}
      {place.value.note !== '' && (
        <div class="link-note" role="note">
          {place.value.note}{' '}
          <button class="link" onClick={() => move({ note: '' })}>
            close
          </button>
        </div>
      )}
      <Message />
      {hasRun && (
        <main>
          <Timeline />
          <div class="columns">
            <Column side="left" />
            <Column side="right" />
          </div>
        </main>
      )}
      {link.value?.kind === 'static' && <Drop isWhole={!hasRun} />}
      <Help />
    </>
  );
}
