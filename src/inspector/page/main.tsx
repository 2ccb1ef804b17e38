/** Begins the page: finds its engine, opens what it was given, draws. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { unpackWire } from '../engine/wireForm.ts';
import type { NamedBytes } from '../engine/requests.ts';
import { App } from './App.tsx';
import { type Link, serverLink, workerLink } from './link.ts';
import { keepNotes } from './notesStore.ts';
import { keepAligned } from './pair.ts';
import { keepAddress, link, playing, refreshRuns, seq, info, step, tell } from './store.ts';

/** The worker's program, put here when the page is bundled. */
declare const WORKER_PROGRAM: string;

/** What a shared page holds: its log and traces. */
interface Shared {
  readonly log: NamedBytes;
  readonly traces: readonly NamedBytes[];
}

function embedded(): Shared | null {
  const element = document.getElementById('granule-shared');
  if (element === null) return null;
  const text = atob(element.textContent.trim());
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by share.node.ts
  return unpackWire(bytes) as Shared;
}

/** The one place that names the worker's program: it is a megabyte, and stands in the page as often as it is named. */
function ownEngine(kind: 'static' | 'shared'): Link {
  return workerLink(kind, WORKER_PROGRAM);
}

async function open(): Promise<void> {
  const shared = embedded();
  if (shared !== null) {
    link.value = ownEngine('shared');
    await link.value.open?.('A', shared.log, shared.traces);
  } else if (document.querySelector('meta[name="granule-engine"][content="server"]') !== null) {
    link.value = serverLink();
  } else {
    link.value = ownEngine('static');
  }
  await refreshRuns();
}

/** Plays: as many events a second as were asked for, in whole steps. */
function keepPlaying(): void {
  let timer = 0;
  effect(() => {
    globalThis.clearInterval(timer);
    const speed = playing.value;
    if (speed <= 0) return;
    const intervalMs = Math.max(1000 / speed, 16);
    const by = Math.max(1, Math.round((speed * intervalMs) / 1000));
    timer = globalThis.setInterval(() => {
      if (seq.peek() >= (info.peek()?.lastSeq ?? 0)) playing.value = 0;
      else step(by);
    }, intervalMs);
  });
}

keepAddress();
keepPlaying();
keepNotes();
keepAligned();
render(<App />, document.body);
open().catch(tell);
