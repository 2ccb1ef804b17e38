/** The run that goes on while it is looked at: where it is, and how it is paused, stepped and let go on. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Args, LiveState } from '../engine/requests.ts';
import { count } from './format.ts';
import { info, link, move, refreshRuns, seq, tell } from './store.ts';

/** How often the page asks where the run is. */
const POLL_MS = 500;
const LONG_STEP = 100;

/** Null: no run goes on. */
const live = signal<LiveState | null>(null);

/** Asks, with an order or without; when there are more events the page gets them, and stays at the end if it was there. */
async function ask(args: Args<'live'>): Promise<void> {
  const before = live.value;
  const now = (await link.value?.ask('live', args)) ?? null;
  live.value = now;
  if (now === null || (now.events === before?.events && now.state === before.state)) return;
  const isAtEnd = info.value !== null && seq.value === info.value.lastSeq;
  await refreshRuns();
  if (isAtEnd && info.value !== null) move({ seq: info.value.lastSeq });
}

function order(args: Args<'live'>): void {
  // What was ordered is done soon after: the second question shows it.
  ask(args)
    .then(async () => ask({}))
    .catch(tell);
}

/** The orders of a run that goes on; nothing where there is none. */
export function Live() {
  const isServed = link.value?.kind === 'server';
  useEffect(() => {
    if (!isServed) return undefined;
    let timer = 0;
    const poll = (): void => {
      ask({}).then(
        () => {
          if (live.value !== null && live.value.state !== 'ended') timer = globalThis.setTimeout(poll, POLL_MS);
        },
        // The command was ended: what was fetched stays on the page.
        () => (live.value = null),
      );
    };
    poll();
    return () => globalThis.clearTimeout(timer);
  }, [isServed]);
  if (live.value === null) return null;
  const { state, events } = live.value;
  return (
    <div class="bar live" role="toolbar" aria-label="the run that goes on">
      <strong>
        {state === 'ended' ? 'The run is over' : state === 'paused' ? 'The run is paused' : 'The run goes on'}
      </strong>
      <span aria-live="polite">{count(events)} events</span>
      {state === 'running' && <button onClick={() => order({ order: 'pause' })}>pause</button>}
      {state === 'paused' && (
        <>
          <button onClick={() => order({ order: 'resume' })}>go on</button>
          <button onClick={() => order({ order: 'step' })}>one event</button>
          <button onClick={() => order({ order: 'step', events: LONG_STEP })}>{LONG_STEP} events</button>
        </>
      )}
    </div>
  );
}
