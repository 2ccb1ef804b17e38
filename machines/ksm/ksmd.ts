/**
 * ksmd, the daemon that merges equal pages of memory that programs have marked with MADV_MERGEABLE (`mm/ksm.c`).
 *
 * @models S-48
 */
import { setup } from 'xstate';
import { emptied, filled } from '../../src/mm/ksm/contents.ts';
import { mmIn, withMm, withoutMm } from '../../src/mm/ksm/trees.ts';
import type { Message } from '../messages.ts';
import { showKsm } from '../procfs/answers.ts';
import { assertType, handle } from '../support.ts';
import { mergeSteps } from './merge.ts';
import { beginBatch, scanSteps } from './scan.ts';
import { initialKsm, type KsmContext, type KsmInput, pruned } from './state.ts';

export type { KsmContext, KsmInput } from './state.ts';

const enter = handle<KsmContext>((context, event, send) => {
  assertType(event, 'KSM_ENTER');
  const { pid, parentPid } = event;
  // A child holds what its parent held.
  const contents = mmIn(context.trees, parentPid)?.contents ?? {};
  const trees = mmIn(context.trees, pid) === null ? withMm(context.trees, { pid, contents, items: {} }) : context.trees;
  const state = { ...context, trees };
  if (state.armed || state.job !== null || !state.settings.run) return state;
  send('ksmd', { type: 'KSM_SCAN' }, state.settings.sleepCycles);
  return { ...state, armed: true };
});

const exit = handle<KsmContext>((context, event, send) => {
  assertType(event, 'KSM_EXIT');
  const at = context.trees.mms.findIndex(({ pid }) => pid === event.pid);
  if (at < 0) return context;
  const gone = Object.values(context.trees.mms[at].items).filter(({ tree }) => tree === 'zero');
  const zeroPages = context.zeroPages - gone.reduce((sum, { nr }) => sum + nr, 0);
  const { cursor } = context;
  const before = at < cursor.at ? { ...cursor, at: cursor.at - 1 } : cursor;
  const here = at === cursor.at ? { at, va: 0 } : before;
  return pruned({ ...context, cursor: here, zeroPages }, withoutMm(context.trees, event.pid), send);
});

const pattern = handle<KsmContext>((context, event) => {
  assertType(event, 'KSM_PATTERN');
  const { pid, startVa, endVa, value } = event;
  const mm = mmIn(context.trees, pid);
  const page = context.kernelPageBytes;
  const known = mm ?? { pid, contents: {}, items: {} };
  const contents = filled(known.contents, Math.floor(startVa / page), Math.ceil(endVa / page), value);
  return mm === null ? context : { ...context, trees: withMm(context.trees, { ...mm, contents }) };
});

const gone = handle<KsmContext>((context, event) => {
  assertType(event, 'KSM_GONE');
  const mm = mmIn(context.trees, event.pid);
  if (mm === null) return context;
  const pages = event.runs.map(({ va, nr }) => ({ first: va / context.kernelPageBytes, nr }));
  return { ...context, trees: withMm(context.trees, { ...mm, contents: emptied(mm.contents, pages) }) };
});

const scan = handle<KsmContext>((context, _event, send) => beginBatch({ ...context, armed: false }, send));

const set = handle<KsmContext>((context, event, send) => {
  assertType(event, 'KSM_SET');
  const state = { ...context, settings: { ...context.settings, ...event.settings } };
  if (state.armed || state.job !== null || !state.settings.run || state.trees.mms.length === 0) return state;
  send('ksmd', { type: 'KSM_SCAN' }, state.settings.sleepCycles);
  return { ...state, armed: true };
});

/** An answer takes the batch one step on; one that nobody waits for any more is dropped. */
const answered = handle<KsmContext>((context, event, send) => {
  const { job } = context;
  if (job === null || (event as Message & { request: number }).request !== job.awaits) return context;
  const step = scanSteps[job.step] ?? mergeSteps[job.step];
  return step === undefined ? context : step(context, job, event, send);
});

/** The daemon's statechart. */
export const ksmdMachine = setup({
  types: { context: {} as KsmContext, events: {} as Message, input: {} as KsmInput },
  actions: { enter, exit, pattern, gone, scan, set, answered, show: handle<KsmContext>(showKsm) },
  guards: {
    scans: ({ context }) => context.job !== null && context.job.merge === null,
    merges: ({ context }) => context.job !== null && context.job.merge !== null,
    rests: ({ context }) => context.job === null,
  },
}).createMachine({
  id: 'ksmd',
  context: ({ input }) => initialKsm(input),
  initial: 'sleeping',
  on: {
    KSM_ENTER: { actions: 'enter' },
    KSM_EXIT: { actions: 'exit' },
    KSM_PATTERN: { actions: 'pattern' },
    KSM_GONE: { actions: 'gone' },
    KSM_SCAN: { actions: 'scan' },
    KSM_SET: { actions: 'set' },
    KSM_QUERY: { actions: 'show' },
    MM_STATE: { actions: 'answered' },
    WALKED: { actions: 'answered' },
    FOLIOS: { actions: 'answered' },
    GOT: { actions: 'answered' },
    GET_TRIED: { actions: 'answered' },
    REPLACED: { actions: 'answered' },
  },
  states: {
    sleeping: {
      always: [
        { guard: 'scans', target: 'scanning' },
        { guard: 'merges', target: 'merging' },
      ],
    },
    scanning: {
      always: [
        { guard: 'rests', target: 'sleeping' },
        { guard: 'merges', target: 'merging' },
      ],
    },
    merging: {
      always: [
        { guard: 'rests', target: 'sleeping' },
        { guard: 'scans', target: 'scanning' },
      ],
    },
  },
});
