/**
 * The scheduler: which process runs on which CPU, in arrival order, and the ASIDs under which they run.
 *
 * ASIDs follow `arch/arm64/mm/context.c:check_and_switch_context`: an mm keeps its ASID for a generation; when they are
 * used up, a new generation begins, the running ones keep theirs, and every CPU flushes its TLBs at its next switch.
 */
import { assertEvent, setup } from 'xstate';
import { invariant } from '../src/errors.ts';
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
  flushPending: boolean;
}

/** The scheduler's state. */
export interface SchedContext {
  resources: ResourceHolder;
  cpus: CpuSlot[];
  affinity: { pid: number; cpu: number }[];
  /** Those that wait for a CPU, in order of arrival. */
  queue: number[];
  asids: { pid: number; asid: number; generation: number }[];
  asidsMax: number;
  nextAsid: number;
  generation: number;
  switches: number;
  rollovers: number;
  /** CPUs that are in the middle of a switch. */
  switching: number;
}

function allocateAsid(context: SchedContext, pid: number): { context: SchedContext; asid: number } {
  const known = context.asids.find((entry) => entry.pid === pid);
  if (known !== undefined && known.generation === context.generation) return { context, asid: known.asid };
  let { generation, nextAsid, rollovers, asids, cpus } = context;
  if (nextAsid > context.asidsMax) {
    const running = new Set(cpus.map((cpu) => cpu.installedPid));
    generation++;
    rollovers++;
    asids = asids.map((entry) => (running.has(entry.pid) ? { ...entry, generation } : entry));
    nextAsid = 1;
    cpus = cpus.map((cpu) => ({ ...cpu, flushPending: true }));
  }
  const reserved = new Set(asids.filter((entry) => entry.generation === generation).map((entry) => entry.asid));
  const kept = asids.find((entry) => entry.pid === pid && entry.generation === generation);
  if (kept !== undefined) {
    return { context: { ...context, generation, nextAsid, rollovers, asids, cpus }, asid: kept.asid };
  }
  while (reserved.has(nextAsid)) nextAsid++;
  invariant(nextAsid <= context.asidsMax, 'there are more ASIDs than CPUs');
  const asid = nextAsid;
  asids = [...asids.filter((entry) => entry.pid !== pid), { pid, asid, generation }];
  return { context: { ...context, generation, nextAsid: nextAsid + 1, rollovers, asids, cpus }, asid };
}

function allowedOn(context: SchedContext, pid: number, cpu: number): boolean {
  const pinned = context.affinity.find((entry) => entry.pid === pid);
  return pinned === undefined || pinned.cpu === cpu;
}

/** Gives every idle CPU the first process in the queue that may run there. */
function schedule(context: SchedContext, send: Send): SchedContext {
  let state = context;
  for (let cpu = 0; cpu < state.cpus.length; cpu++) {
    const slot = state.cpus[cpu] as CpuSlot;
    if (slot.pid !== null) continue;
    const pid = state.queue.find((waiting) => allowedOn(state, waiting, cpu));
    if (pid === undefined) continue;
    state = { ...state, queue: state.queue.filter((waiting) => waiting !== pid) };
    state = give(state, cpu, pid, send);
  }
  return state;
}

function give(context: SchedContext, cpu: number, pid: number, send: Send): SchedContext {
  const slot = context.cpus[cpu] as CpuSlot;
  if (slot.installedPid === pid && !slot.flushPending) {
    send(`process:${pid}`, { type: 'DISPATCH', cpu });
    return { ...context, cpus: context.cpus.with(cpu, { ...slot, pid }) };
  }
  const { context: state, asid } = allocateAsid(context, pid);
  const flush = (state.cpus[cpu] as CpuSlot).flushPending;
  send(`mmu:${pid}`, { type: 'ACTIVATE', pid, cpu, asid, flush }, context.resources.costs.contextSwitch);
  const installed = { pid, installedPid: pid, flushPending: false };
  return {
    ...state,
    cpus: state.cpus.with(cpu, installed),
    switches: state.switches + 1,
    switching: state.switching + 1,
  };
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
    cpus: Array.from({ length: input.cpus }, () => ({ pid: null, installedPid: null, flushPending: false })),
    affinity: input.affinity,
    queue: [],
    asids: [],
    asidsMax: 2 ** input.asidBits - 1,
    nextAsid: 1,
    generation: 1,
    switches: 0,
    rollovers: 0,
    switching: 0,
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
