/**
 * khugepaged: the kernel thread that scans the memory of processes and makes huge pages of small ones, and the keeper of the controls of
 * transparent huge pages. Sources: mm/khugepaged.c, mm/huge_memory.c.
 *
 * @models S-34 S-17 S-23
 */
import { setup } from 'xstate';
import type { Message } from '../messages.ts';
import { assertType, handle } from '../support.ts';
import { countsKnown, readControl, settled, writeControl } from './controls.ts';
import { goOn, scanSteps } from './scan.ts';
import { initialKhugepaged, type KhugepagedContext, type KhugepagedInput } from './state.ts';

const inPhase =
  (phase: KhugepagedContext['phase']) =>
  ({ context }: { context: KhugepagedContext }): boolean =>
    context.phase === phase;

/** The daemon's statechart: asleep, or what it waits for in its scan. */
export const khugepagedMachine = setup({
  types: { context: {} as KhugepagedContext, events: {} as Message, input: {} as KhugepagedInput },
  actions: {
    wake: handle<KhugepagedContext>((context, _event, send) => goOn(context, send)),
    areasKnown: handle<KhugepagedContext>(scanSteps.areasKnown),
    walked: handle<KhugepagedContext>(scanSteps.walked),
    foliosKnown: handle<KhugepagedContext>(scanSteps.foliosKnown),
    allocated: handle<KhugepagedContext>(scanSteps.allocated),
    collapsed: handle<KhugepagedContext>(scanSteps.collapsed),
    readControl: handle<KhugepagedContext>((context, event, send) => {
      assertType(event, 'READ_CONTROL');
      return readControl(context, event, send);
    }),
    writeControl: handle<KhugepagedContext>((context, event, send) => {
      assertType(event, 'WRITE_CONTROL');
      return writeControl(context, event, send);
    }),
    countsKnown: handle<KhugepagedContext>((context, event, send) => {
      assertType(event, 'MTHP_COUNTS');
      return countsKnown(context, event, send);
    }),
    settled: handle<KhugepagedContext>((context, event, send) => {
      assertType(event, 'THP_SETTLED');
      return settled(context, event, send);
    }),
  },
  guards: {
    asleep: inPhase('asleep'),
    querying: inPhase('querying'),
    walking: inPhase('walking'),
    looking: inPhase('looking'),
    allocating: inPhase('allocating'),
    collapsing: inPhase('collapsing'),
    ended: inPhase('ended'),
  },
}).createMachine({
  id: 'khugepaged',
  context: ({ input }) => initialKhugepaged(input),
  initial: 'asleep',
  on: {
    READ_CONTROL: { actions: 'readControl' },
    WRITE_CONTROL: { actions: 'writeControl' },
    MTHP_COUNTS: { actions: 'countsKnown' },
    THP_SETTLED: { actions: 'settled' },
  },
  states: {
    asleep: {
      on: { KHUGEPAGED_WAKE: { actions: 'wake' } },
      always: [
        { guard: 'querying', target: 'querying' },
        { guard: 'walking', target: 'walking' },
        { guard: 'ended', target: 'ended' },
      ],
    },
    querying: {
      on: { MM_STATE: { actions: 'areasKnown' } },
      always: [
        { guard: 'walking', target: 'walking' },
        { guard: 'asleep', target: 'asleep' },
        { guard: 'ended', target: 'ended' },
      ],
    },
    walking: {
      on: { WALKED: { actions: 'walked' } },
      always: [
        { guard: 'looking', target: 'looking' },
        { guard: 'querying', target: 'querying' },
        { guard: 'asleep', target: 'asleep' },
        { guard: 'ended', target: 'ended' },
      ],
    },
    looking: {
      on: { FOLIOS: { actions: 'foliosKnown' } },
      always: [
        { guard: 'allocating', target: 'allocating' },
        { guard: 'walking', target: 'walking' },
        { guard: 'querying', target: 'querying' },
        { guard: 'asleep', target: 'asleep' },
        { guard: 'ended', target: 'ended' },
      ],
    },
    allocating: {
      on: { FRAMES: { actions: 'allocated' }, NO_MEMORY: { actions: 'allocated' } },
      always: [
        { guard: 'collapsing', target: 'collapsing' },
        { guard: 'asleep', target: 'asleep' },
      ],
    },
    collapsing: {
      on: { COLLAPSED: { actions: 'collapsed' } },
      always: [
        { guard: 'walking', target: 'walking' },
        { guard: 'querying', target: 'querying' },
        { guard: 'asleep', target: 'asleep' },
        { guard: 'ended', target: 'ended' },
      ],
    },
    ended: {},
  },
});
