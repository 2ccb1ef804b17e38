/**
 * The scheduler: which process runs on which CPU, in arrival order, and the ASIDs under which they run.
 *
 * ASIDs are those of `src/mm/asid.ts`.
 */
import { assertEvent, setup } from 'xstate';
import { type AsidSpace, initialAsids, switchContext } from '../src/mm/asid.ts';
import { invariant } from '../src/errors.ts';
import type { Message } from './messages.ts';
import { type Affinity, CpuSlots, RunQueue, withAffinity } from './runQueue.ts';
import { assertType, handle, type ResourceHolder, type Send } from './support.ts';
import { reviseSched } from './reviseCpu.ts';

/** What a scheduler is built with. `affinity` pins a pid to a CPU, or to some. */
export interface SchedInput {
  resources: ResourceHolder;
  cpus: number;
  /** 8 or 16 on real cores (`ID_AA64MMFR0_EL1.ASIDBits`); fewer to see rollovers. ASID 0 is reserved. */
  asidBits: number;
  affinity: Affinity[];
}

/** The scheduler's state. */
export interface SchedContext extends AsidSpace {
  resources: ResourceHolder;
  cpus: CpuSlots;
  affinity: Affinity[];
  /** Those that wait for a CPU, in order of arrival. */
  queue: RunQueue;
  switches: number;
  /** CPUs that are in the middle of a switch. */
  switching: number;
}

/**
 * Gives idle CPUs, the first one first, the process that has waited longest of those that may run there. Between two events
 * nobody waits for a CPU that idles, so only the CPU that has just been given up, and the one that the process which has
 * just come is pinned to, can be wanted by someone who may run there alone.
 */
function schedule(context: SchedContext, changed: readonly number[], send: Send): SchedContext {
  let state = context;
  for (;;) {
    const { cpus, queue } = state;
    const wanted = changed.filter((cpu) => cpus.isIdle(cpu) && queue.firstFor(cpu) !== undefined);
    const { firstIdle } = cpus;
    if (firstIdle !== undefined && queue.anyAnywhere) wanted.push(firstIdle);
    if (wanted.length === 0) return state;
    const cpu = Math.min(...wanted);
    const pid = queue.firstFor(cpu);
    if (pid === undefined) invariant(false, `somebody waits for CPU ${cpu}`);
    state = give(
      reviseSched(state, (draft) => {
        draft.queue = queue.without(pid);
      }),
      cpu,
      pid,
      send,
    );
  }
}

function enqueue(context: SchedContext, pid: number, released: readonly number[], send: Send): SchedContext {
  const boundTo = context.queue.cpusOf(pid);
  const changed = boundTo === undefined ? released : [...released, ...boundTo];
  return schedule(
    reviseSched(context, (draft) => {
      draft.queue = context.queue.with(pid);
    }),
    changed,
    send,
  );
}

/** `switch_mm`: nothing is switched for the mm that is installed already, not even after a rollover. */
function give(context: SchedContext, cpu: number, pid: number, send: Send): SchedContext {
  const { resources } = context;
  const mmPid = resources.mmPidOf(pid);
  const installed = context.cpus.at(cpu)?.installedPid ?? null;
  if (installed !== null && resources.mmPidOf(installed) === mmPid) {
    send(`process:${pid}`, { type: 'DISPATCH', cpu });
    return reviseSched(context, (draft) => {
      draft.cpus = context.cpus.with(cpu, { pid, installedPid: pid });
    });
  }
  const { space, asid, flush } = switchContext(context, mmPid, cpu);
  send(`mmu:${mmPid}`, { type: 'ACTIVATE', pid, cpu, asid, flush }, context.resources.costs.contextSwitch);
  const cpus = context.cpus.with(cpu, { pid, installedPid: pid });
  return { ...context, ...space, cpus, switches: context.switches + 1, switching: context.switching + 1 };
}

/**
 * `__set_cpus_allowed_ptr`: who waits comes to the end of another line; who runs where it may no longer is told to leave, as
 * `migration_cpu_stop` makes it; who sleeps finds its CPU when it wakes.
 */
function bind(context: SchedContext, pid: number, cpus: readonly number[], send: Send): SchedContext {
  const affinity = withAffinity(context.affinity, pid, cpus);
  const state = reviseSched(context, (draft) => {
    draft.affinity = affinity;
    draft.queue = context.queue.bound(affinity, pid);
  });
  const cpu = state.cpus.cpuOf(pid);
  if (cpu !== undefined && !cpus.includes(cpu)) send(`process:${pid}`, { type: 'MIGRATE', pid, cpu });
  return schedule(state, cpus, send);
}

function release(context: SchedContext, cpu: number, pid: number): SchedContext {
  const slot = context.cpus.at(cpu);
  // A process that never had a CPU (killed while it was set up) has none to give back.
  if (slot === undefined || slot.pid !== pid) return context;
  return reviseSched(context, (draft) => {
    draft.cpus = context.cpus.with(cpu, { pid: null, installedPid: slot.installedPid });
  });
}

/** The scheduler's statechart: idle, or switching while any CPU is between two processes. */
export const schedMachine = setup({
  types: { context: {} as SchedContext, events: {} as Message, input: {} as SchedInput },
  actions: {
    enqueue: handle<SchedContext>((context, event, send) => {
      assertType(event, 'READY');
      return enqueue(context, event.pid, [], send);
    }),
    requeue: handle<SchedContext>((context, event, send) => {
      assertType(event, 'YIELD');
      return enqueue(release(context, event.cpu, event.pid), event.pid, [event.cpu], send);
    }),
    release: handle<SchedContext>((context, event, send) => {
      assertEvent(event, ['BLOCKED', 'EXITED']);
      return schedule(release(context, event.cpu, event.pid), [event.cpu], send);
    }),
    bind: handle<SchedContext>((context, event, send) => {
      assertType(event, 'SET_AFFINITY');
      return bind(context, event.pid, event.cpus, send);
    }),
    dispatch: handle<SchedContext>((context, event, send) => {
      assertType(event, 'SWITCHED');
      send(`process:${event.pid}`, { type: 'DISPATCH', cpu: event.cpu });
      return reviseSched(context, (draft) => {
        draft.switching = context.switching - 1;
      });
    }),
  },
  guards: { noSwitch: ({ context }) => context.switching === 0, anySwitch: ({ context }) => context.switching > 0 },
}).createMachine({
  id: 'sched',
  context: ({ input }) => ({
    resources: input.resources,
    cpus: CpuSlots.fromPlain(Array.from({ length: input.cpus }, () => ({ pid: null, installedPid: null }))),
    affinity: input.affinity,
    queue: RunQueue.fromPlain([], input.affinity),
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
    SET_AFFINITY: { actions: 'bind' },
  },
  states: {
    idle: { always: { guard: 'anySwitch', target: 'switching' } },
    switching: { on: { SWITCHED: { actions: 'dispatch' } }, always: { guard: 'noSwitch', target: 'idle' } },
  },
});
