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

interface AsidStep {
  context: SchedContext;
  asid: number;
}

function reservedAsids(context: SchedContext): Set<number> {
  return new Set(context.asids.filter(({ generation }) => generation === context.generation).map(({ asid }) => asid));
}

/** The next free ASID of this generation, or null where all are used up (`find_next_zero_bit`). */
function freeAsid(context: SchedContext): number | null {
  const reserved = reservedAsids(context);
  for (let asid = context.nextAsid; asid <= context.asidsMax; asid++) if (!reserved.has(asid)) return asid;
  return null;
}

/** `flush_context`: a new generation, in which only those keep their ASID that a CPU has installed. */
function rollOver(context: SchedContext): SchedContext {
  const running = new Set(context.cpus.map((cpu) => cpu.installedPid));
  const generation = context.generation + 1;
  const asids = context.asids.map((entry) => {
    return running.has(entry.pid) && entry.generation === context.generation ? { ...entry, generation } : entry;
  });
  const cpus = context.cpus.map((cpu) => ({ ...cpu, flushPending: true }));
  return { ...context, generation, asids, cpus, nextAsid: 1, rollovers: context.rollovers + 1 };
}

/** `new_context`: the ASID of a process, its old one where this generation knows it. */
function allocateAsid(before: SchedContext, pid: number): AsidStep {
  const free = knownAsid(before, pid) ?? freeAsid(before);
  const context = free === null ? rollOver(before) : before;
  const known = knownAsid(context, pid);
  if (known !== null) return { context, asid: known };
  const asid = freeAsid(context);
  invariant(asid !== null, 'there are more ASIDs than CPUs');
  const asids = [...context.asids.filter((entry) => entry.pid !== pid), { pid, asid, generation: context.generation }];
  return { context: { ...context, asids, nextAsid: asid + 1 }, asid };
}

function knownAsid(context: SchedContext, pid: number): number | null {
  const known = context.asids.find((entry) => entry.pid === pid && entry.generation === context.generation);
  return known?.asid ?? null;
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

function give(context: SchedContext, cpu: number, pid: number, send: Send): SchedContext {
  const slot = context.cpus[cpu];
  if (slot.installedPid === pid && !slot.flushPending) {
    send(`process:${pid}`, { type: 'DISPATCH', cpu });
    return { ...context, cpus: context.cpus.with(cpu, { ...slot, pid }) };
  }
  const { context: state, asid } = allocateAsid(context, pid);
  const flush = state.cpus[cpu].flushPending;
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
