/**
 * The scheduler: which process runs on which CPU, in arrival order, and the ASIDs under which they run.
 *
 * ASIDs are those of `src/arch/asid.ts`.
 */
import { assertEvent, setup } from 'xstate';
import { type AsidSpace, initialAsids, switchContext } from '../src/arch/asid.ts';
import type { Message } from './messages.ts';
import { handle, type ResourceHolder, type Send } from './support.ts';

/** What a scheduler is built with. `affinity` pins a pid to a CPU. */
export interface SchedInput {
  resources: ResourceHolder;
  cpus: number;
  /** 8 or 16 on real cores (`ID_AA64MMFR0_EL1.ASIDBits`); fewer to see rollovers. ASID 0 is reserved. */
  asidBits: number;
  affinity: { pid: number; cpu: number }[];
}

/** One CPU as the scheduler sees it. */
export interface CpuSlot {
  /** Who has the CPU, or is about to; null when it idles. */
  pid: number | null;
  /** Whose tables are installed: switching back to it needs no switch. */
  installedPid: number | null;
}

/** The scheduler's state. */
export interface SchedContext extends AsidSpace {
  resources: ResourceHolder;
  cpus: CpuSlot[];
  affinity: { pid: number; cpu: number }[];
  /** Those that wait for a CPU, in order of arrival. */
  queue: number[];
  switches: number;
  /** CPUs that are in the middle of a switch. */
  switching: number;
}

function allowedOn(context: SchedContext, pid: number, cpu: number): boolean {
  const pinned = context.affinity.find((entry) => entry.pid === pid);
  return pinned === undefined || pinned.cpu === cpu;
}

/** Gives every idle CPU the first process in the queue that may run there. */
function schedule(context: SchedContext, send: Send): SchedContext {
  let state = context;
  for (let cpu = 0; cpu < state.cpus.length; cpu++) {
    const slot = state.cpus[cpu];
    if (slot.pid !== null) continue;
    const pid = state.queue.find((waiting) => allowedOn(state, waiting, cpu));
    if (pid === undefined) continue;
    state = { ...state, queue: state.queue.filter((waiting) => waiting !== pid) };
    state = give(state, cpu, pid, send);
  }
  return state;
}

/** `switch_mm`: nothing is switched for the mm that is installed already, not even after a rollover. */
function give(context: SchedContext, cpu: number, pid: number, send: Send): SchedContext {
  const slot = context.cpus[cpu];
  if (slot.installedPid === pid) {
    send(`process:${pid}`, { type: 'DISPATCH', cpu });
    return { ...context, cpus: context.cpus.with(cpu, { ...slot, pid }) };
  }
  const { space, asid, flush } = switchContext(context, pid, cpu);
  send(`mmu:${pid}`, { type: 'ACTIVATE', pid, cpu, asid, flush }, context.resources.costs.contextSwitch);
  const cpus = context.cpus.with(cpu, { pid, installedPid: pid });
  return { ...context, ...space, cpus, switches: context.switches + 1, switching: context.switching + 1 };
}

function release(context: SchedContext, cpu: number, pid: number): SchedContext {
  const slot = context.cpus[cpu];
  // A process that never had a CPU (killed while it was set up) has none to give back.
  if (slot === undefined || slot.pid !== pid) return context;
  return { ...context, cpus: context.cpus.with(cpu, { ...slot, pid: null }) };
}

/** The scheduler's statechart: idle, or switching while any CPU is between two processes. */
export const schedMachine = setup({
  types: { context: {} as SchedContext, events: {} as Message, input: {} as SchedInput },
  actions: {
    enqueue: handle<SchedContext>((context, event, send) => {
      assertEvent(event, 'READY');
      return schedule({ ...context, queue: [...context.queue, event.pid] }, send);
    }),
    requeue: handle<SchedContext>((context, event, send) => {
      assertEvent(event, 'YIELD');
      const released = release(context, event.cpu, event.pid);
      return schedule({ ...released, queue: [...released.queue, event.pid] }, send);
    }),
    release: handle<SchedContext>((context, event, send) => {
      assertEvent(event, ['BLOCKED', 'EXITED']);
      return schedule(release(context, event.cpu, event.pid), send);
    }),
    dispatch: handle<SchedContext>((context, event, send) => {
      assertEvent(event, 'SWITCHED');
      send(`process:${event.pid}`, { type: 'DISPATCH', cpu: event.cpu });
      return { ...context, switching: context.switching - 1 };
    }),
  },
  guards: { noSwitch: ({ context }) => context.switching === 0, anySwitch: ({ context }) => context.switching > 0 },
}).createMachine({
  id: 'sched',
  context: ({ input }) => ({
    resources: input.resources,
    cpus: Array.from({ length: input.cpus }, () => ({ pid: null, installedPid: null })),
    affinity: input.affinity,
    queue: [],
    switches: 0,
    switching: 0,
    ...initialAsids({ asidBits: input.asidBits, cpus: input.cpus, kpti: input.resources.design.kpti }),
  }),
  initial: 'idle',
  on: {
    READY: { actions: 'enqueue' },
    YIELD: { actions: 'requeue' },
    BLOCKED: { actions: 'release' },
    EXITED: { actions: 'release' },
  },
  states: {
    idle: { always: { guard: 'anySwitch', target: 'switching' } },
    switching: { on: { SWITCHED: { actions: 'dispatch' } }, always: { guard: 'noSwitch', target: 'idle' } },
  },
});
