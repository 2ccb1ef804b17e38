/** What the keys of the page do. */
import { isHelpOpen } from './Help.tsx';
import type { KeyCommand } from './keys.ts';
import { PANELS } from './panels.ts';
import { panned, showing, zoomed } from './timeline/camera.ts';
import { axis, extent, look, turnAxis, whole } from './timeline/view.ts';
import { goBack, goForward, info, jump, move, playing, seq, step } from './store.ts';

/** Events a second when play begins. */
const PLAY_SPEED = 10;
/** Events of a long step. */
const LONG_STEP = 100;

/** How much of the window one press moves. */
const PAN_SHARE = 0.25;

function zoom(factor: number): void {
  const middle = (extent.value.from + extent.value.to) / 2;
  const about = axis.value === 'seq' ? seq.value : middle;
  const seen = showing(extent.value, whole.value, about);
  look(zoomed(seen, whole.value, factor, about));
}

function jumpTo(end: 'firstSeq' | 'lastSeq'): void {
  const run = info.value;
  if (run !== null) jump(run[end]);
}

function focusSeq(): void {
  const field = document.getElementById('seq');
  if (field instanceof HTMLInputElement) field.select();
}

/** The panel is drawn first, so that its field is there. */
function focusSearch(): void {
  move({ left: 'search' });
  requestAnimationFrame(() => {
    const field = document.getElementById('search');
    if (field instanceof HTMLInputElement) field.select();
  });
}

/** Every command. Panels add their own by way of the panels' table. */
export function commands(): KeyCommand[] {
  const moving: KeyCommand[] = [
    { keys: ['ArrowRight', 'n'], says: 'one event on', run: () => step(1) },
    { keys: ['ArrowLeft', 'p'], says: 'one event back', run: () => step(-1) },
    { keys: ['Shift+ArrowRight'], says: `${LONG_STEP} events on`, run: () => step(LONG_STEP) },
    { keys: ['Shift+ArrowLeft'], says: `${LONG_STEP} events back`, run: () => step(-LONG_STEP) },
    { keys: ['Home'], says: 'the first event', run: () => jumpTo('firstSeq') },
    { keys: ['End'], says: 'the last event', run: () => jumpTo('lastSeq') },
    { keys: ['Alt+ArrowLeft', '['], says: 'back to where you were', run: goBack },
    { keys: ['Alt+ArrowRight', ']'], says: 'forward again', run: goForward },
    { keys: ['g'], says: 'go to a seq: type its number', run: focusSeq },
    { keys: ['/', 'Control+k'], says: 'search', run: focusSearch },
    { keys: [' '], says: 'play or stand', run: () => (playing.value = playing.value === 0 ? PLAY_SPEED : 0) },
    { keys: ['>', '.'], says: 'play faster', run: () => (playing.value = Math.max(1, playing.value * 2)) },
    { keys: ['<', ','], says: 'play slower', run: () => (playing.value = Math.floor(playing.value / 2)) },
    { keys: ['A'], says: 'put marker A here', run: () => move({ a: seq.value }) },
    { keys: ['B'], says: 'put marker B here', run: () => move({ b: seq.value }) },
    { keys: ['w', '+'], says: 'zoom in on the present event', run: () => zoom(0.5) },
    { keys: ['s', '-'], says: 'zoom out', run: () => zoom(2) },
    { keys: ['a'], says: 'move the window back', run: () => look(panned(extent.value, whole.value, -PAN_SHARE)) },
    { keys: ['d'], says: 'move the window on', run: () => look(panned(extent.value, whole.value, PAN_SHARE)) },
    { keys: ['f'], says: 'the whole run in the window', run: () => look(whole.value) },
    { keys: ['t'], says: 'the axis by seq or by virtual time', run: turnAxis },
    { keys: ['?'], says: 'every key', run: () => (isHelpOpen.value = !isHelpOpen.value) },
    { keys: ['Escape'], says: 'close what lies over the page', run: () => (isHelpOpen.value = false) },
  ];
  const panels = PANELS.map(({ id, title, side, key }): KeyCommand => {
    return { keys: [key], says: `the panel "${title}"`, run: () => move({ [side]: id }) };
  });
  return [...moving, ...panels];
}
