/**
 * Memory failure: what the kernel does when the hardware says that a frame has an error (`mm/memory-failure.c`), one error after the
 * other (`mf_mutex`).
 *
 * @models D-18
 */
import { setup } from 'xstate';
import type { Message } from '../messages.ts';
import { assertType, handle } from '../support.ts';
import { initialPoison, type PoisonContext, type PoisonInput } from './state.ts';
import { beginNext, poisonSteps } from './steps.ts';

export type { PoisonContext, PoisonInput } from './state.ts';

const failure = handle<PoisonContext>((context, event, send) => {
  assertType(event, 'MEMORY_FAILURE');
  const { type: _, consumed = false, ...place } = event;
  return beginNext({ ...context, queue: [...context.queue, { how: 'failure', place, consumed }] }, send);
});

const softOffline = handle<PoisonContext>((context, event, send) => {
  assertType(event, 'SOFT_OFFLINE');
  const { type: _, ...place } = event;
  return beginNext({ ...context, queue: [...context.queue, { how: 'soft-offline', place, consumed: false }] }, send);
});

const answered = handle<PoisonContext>((context, event, send) => {
  const { job } = context;
  if (job === null || (event as Message & { request: number }).request !== job.awaits) return context;
  return poisonSteps[job.step](context, job, event, send);
});

/** The worker's statechart. */
export const hwpoisonMachine = setup({
  types: { context: {} as PoisonContext, events: {} as Message, input: {} as PoisonInput },
  actions: { failure, softOffline, answered },
  guards: {
    identifies: ({ context }) => context.job !== null && context.job.mappers.length === 0,
    unmaps: ({ context }) => context.job !== null && context.job.mappers.length > 0,
    rests: ({ context }) => context.job === null,
  },
}).createMachine({
  id: 'hwpoison',
  context: ({ input }) => initialPoison(input),
  initial: 'idle',
  on: {
    MEMORY_FAILURE: { actions: 'failure' },
    SOFT_OFFLINE: { actions: 'softOffline' },
    WALKED: { actions: 'answered' },
    FOLIOS: { actions: 'answered' },
    MM_STATE: { actions: 'answered' },
    GET_TRIED: { actions: 'answered' },
    PAGE_FAILED: { actions: 'answered' },
    REPLACED: { actions: 'answered' },
    FRAMES: { actions: 'answered' },
    NO_MEMORY: { actions: 'answered' },
    QUARANTINED: { actions: 'answered' },
  },
  states: {
    idle: {
      always: [
        { guard: 'unmaps', target: 'unmapping' },
        { guard: 'identifies', target: 'identifying' },
      ],
    },
    identifying: {
      always: [
        { guard: 'rests', target: 'idle' },
        { guard: 'unmaps', target: 'unmapping' },
      ],
    },
    unmapping: {
      always: [
        { guard: 'rests', target: 'idle' },
        { guard: 'identifies', target: 'identifying' },
      ],
    },
  },
});
