/**
 * kswapd, and with it all reclaim (`mm/vmscan.c`): woken at the low watermark, it looks at the folios at the tails of its lists,
 * learns by rmap who maps them and whether they were used, and takes away what was not, until the high watermark is reached. An
 * allocation that cannot wait for that has it do the same for itself.
 *
 * @models S-10 X-07 D-01 D-02
 */
import { setup } from 'xstate';
import type { Message } from '../messages.ts';
import { assertType, handle } from '../support.ts';
import { answered } from './kswapdBatch.ts';
import { goOn, isolate } from './kswapdScan.ts';
import { initialKswapd, type BatchPhase, type KswapdContext, type KswapdInput } from './kswapdState.ts';

export type { KswapdContext, KswapdInput } from './kswapdState.ts';

const wake = handle<KswapdContext>((context, event, send) => {
  assertType(event, 'WAKE_KSWAPD');
  const urgentPages = Math.max(context.urgentPages, event.urgentPages);
  if (context.awake) return { ...context, urgentPages };
  const state = { ...context, awake: true, urgentPages, reclaimedPages: 0, pass: null, wakes: context.wakes + 1 };
  // What is new, and how much is free: a look at the zone before anything else.
  // A thread that sleeps is not there at once.
  const { contextSwitch } = context.resources.costs;
  return state.batch === null ? isolate(state, 'query', [], null, send, contextSwitch) : state;
});

const advise = handle<KswapdContext>((context, event, send) => {
  assertType(event, 'RECLAIM_FOLIOS');
  const { sender, request, frames } = event;
  const pfns = frames.flatMap(({ pfn, nr }) => Array.from({ length: nr }, (_, page) => pfn + page));
  return goOn({ ...context, advice: [...context.advice, { sender, request, pfns }] }, send);
});

const space = handle<KswapdContext>((context, event) => {
  assertType(event, 'SWAP_SPACE');
  return { ...context, freeSlots: event.freeSlots };
});

const take = handle<KswapdContext>((context, event, send) => answered(context, event as never, send));

const isIn =
  (phase: BatchPhase) =>
  ({ context }: { context: KswapdContext }): boolean =>
    context.batch?.phase === phase;
const hasLeft =
  (phase: BatchPhase) =>
  ({ context }: { context: KswapdContext }): boolean =>
    context.batch?.phase !== phase;

/** The statechart: what the folios in hand wait for. */
export const kswapdMachine = setup({
  types: { context: {} as KswapdContext, events: {} as Message, input: {} as KswapdInput },
  actions: { wake, advise, space, take },
  guards: {
    isolates: isIn('isolating'),
    harvests: isIn('harvesting'),
    findsSlots: isIn('finding-slots'),
    unmaps: isIn('unmapping'),
    writes: isIn('writing'),
    drops: isIn('dropping'),
    isolated: hasLeft('isolating'),
    harvested: hasLeft('harvesting'),
    foundSlots: hasLeft('finding-slots'),
    unmapped: hasLeft('unmapping'),
    written: hasLeft('writing'),
    dropped: hasLeft('dropping'),
  },
}).createMachine({
  id: 'kswapd',
  context: ({ input }) => initialKswapd(input),
  initial: 'sleeping',
  on: {
    WAKE_KSWAPD: { actions: 'wake' },
    RECLAIM_FOLIOS: { actions: 'advise' },
    SWAP_SPACE: { actions: 'space' },
    ISOLATED: { actions: 'take' },
    REFERENCED: { actions: 'take' },
    SWAP_SLOTS: { actions: 'take' },
    REPLACED: { actions: 'take' },
    SWAP_WRITTEN: { actions: 'take' },
    FILE_SHRUNK: { actions: 'take' },
    SWAP_DROPPED: { actions: 'take' },
  },
  states: {
    sleeping: {
      always: [
        { guard: 'isolates', target: 'isolating' },
        { guard: 'harvests', target: 'harvesting' },
        { guard: 'findsSlots', target: 'finding-slots' },
        { guard: 'unmaps', target: 'unmapping' },
        { guard: 'writes', target: 'writing' },
        { guard: 'drops', target: 'dropping' },
      ],
    },
    isolating: { always: { guard: 'isolated', target: 'sleeping' } },
    harvesting: { always: { guard: 'harvested', target: 'sleeping' } },
    'finding-slots': { always: { guard: 'foundSlots', target: 'sleeping' } },
    unmapping: { always: { guard: 'unmapped', target: 'sleeping' } },
    writing: { always: { guard: 'written', target: 'sleeping' } },
    dropping: { always: { guard: 'dropped', target: 'sleeping' } },
  },
});
