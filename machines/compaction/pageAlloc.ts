/**
 * The slow path of allocations (`mm/page_alloc.c:__alloc_pages_slowpath`): one at a time, the others wait. Which step comes
 * next is a rule of `src/mm/slowpath`; here each step is a message, and the states say what is being waited for. The OOM killer
 * (`mm/oom_kill.c:out_of_memory`) is its last resort.
 *
 * @models S-23 D-12 S-14
 */
import { setup } from 'xstate';
import { invariant } from '../../src/errors.ts';
import { residentOf, selectVictim } from '../../src/mm/oom/badness.ts';
import {
  beginSlowpath,
  compactPriority,
  nextStep,
  type Slowpath,
  type SlowpathOutcome,
  type SlowpathStep,
} from '../../src/mm/slowpath/slowpath.ts';
import { mmOf, mmuOf, processOf } from '../addresses.ts';
import type { Message, SlowWish } from '../messages.ts';
import { assertType, handle, type Send } from '../support.ts';
import { initialPageAlloc, type PageAllocContext, type PageAllocInput, withStep } from './pageAllocState.ts';
import { migrateTypeOf } from './zonePressure.ts';

export type { PageAllocContext, PageAllocInput } from './pageAllocState.ts';

/** `CONFIG_HZ` of arm64's default configuration: a tick is that part of a second. */
const TICKS_PER_SECOND = 250;

type C = PageAllocContext;

/** Starts the next allocation that waits, unless one is under way. */
function next(context: C, send: Send): C {
  const [wish, ...queue] = context.queue;
  if (context.current !== null || wish === undefined) return context;
  return go({ ...context, queue }, wish, beginOf(wish), send);
}

/** What a process cannot do without: its own faults, its files, its pages from swap. A huge page that a daemon wants is none. */
const NEEDED_BY = /^(?:mm:|file:|object:|shmem$|swap$)/;

function beginOf({ sender, orderPages: order, leastOrder, kind }: SlowWish): Slowpath {
  const leastOfProcess = order === leastOrder && NEEDED_BY.test(sender);
  return beginSlowpath({ order, movable: kind !== 'table', leastOfProcess });
}

/** Does a step: asks whoever is to do it, or ends the allocation. */
function go(context: C, wish: SlowWish, at: Slowpath, send: Send): C {
  const request = context.nextRequest;
  const state: C = { ...context, nextRequest: request + 1, current: { wish, at, awaits: request } };
  const counted = withStep(state, at.step);
  switch (at.step) {
    case 'try':
      send('zone', { type: 'TRY_ALLOC', request, mark: 'min', wish });
      return counted;
    case 'try-high':
      send('zone', { type: 'TRY_ALLOC', request, mark: 'high', wish });
      return counted;
    case 'reclaim':
      send('zone', { type: 'DIRECT_RECLAIM', request, orderPages: at.order });
      return counted;
    case 'compact': {
      const migrateType = migrateTypeOf(wish, context.groups);
      const about = { orderPages: at.order, migrateType, priority: compactPriority(at) };
      send('kcompactd', { type: 'COMPACT', sender: 'page-alloc', request, ...about });
      return counted;
    }
    case 'kill':
      return lookForVictim(counted, send);
    case 'wait':
      send('page-alloc', { type: 'ALLOC_TIMER', request }, tickCycles(context));
      return counted;
    default:
      return ended(counted, wish, at, send);
  }
}

function tickCycles({ resources }: C): number {
  return Math.round(resources.costs.cyclesPerSecond / TICKS_PER_SECOND);
}

/** The slow path comes to nothing: the policy says what the asker hears. */
function ended(context: C, wish: SlowWish, at: Slowpath, send: Send): C {
  // Only a fault can do with less: a file, a driver, a page from swap need the order that they asked for.
  if (at.step === 'fall-back' && wish.kind === 'anon' && wish.sender.startsWith('mm:')) {
    const small = { ...wish, orderPages: 0 };
    const smallPath = beginSlowpath({ order: 0, movable: true, leastOfProcess: false });
    return go({ ...context, fallbacks: context.fallbacks + 1 }, small, smallPath, send);
  }
  const { failure } = context.rules;
  const says = failure === 'fail-fault' ? 'sigbus' : failure === 'retry-fault' ? 'retry' : null;
  // An order that the kernel itself may need never fails so: there the OOM killer has had its turn.
  const told = says !== null && at.order > 0 ? { failure: says } : {};
  send(wish.sender, { type: 'NO_MEMORY', request: wish.request, ...told } as Message);
  const before = context.failures[at.order] ?? 0;
  const failures = { ...context.failures, [at.order]: before + 1 };
  return next({ ...context, failures, current: null }, send);
}

/** The next step after one has come out some way. */
function goOn(context: C, outcome: SlowpathOutcome, send: Send): C {
  const { current, rules } = context;
  invariant(current !== null, 'a step belongs to an allocation');
  const at = nextStep(current.at, outcome, rules);
  if (at !== null) return go(context, current.wish, at, send);
  return next({ ...context, current: null, granted: context.granted + 1 }, send);
}

const slowAlloc = handle<C>((context, event, send) => {
  assertType(event, 'SLOW_ALLOC');
  return next({ ...context, queue: [...context.queue, event.wish] }, send);
});

/** An answer to the step that is under way; any other comes too late. */
function outcomeOf(context: C, event: Message): SlowpathOutcome | null {
  const { current } = context;
  if (current === null || !('request' in event) || event.request !== current.awaits) return null;
  if (event.type === 'TRIED') return { of: 'try', granted: event.granted };
  if (event.type === 'COMPACTED') return { of: 'compact', result: event.result };
  if (event.type === 'DIRECT_RECLAIMED') return { of: 'reclaim', pages: event.pages };
  return event.type === 'ALLOC_TIMER' ? { of: 'wait' } : null;
}

const answered = handle<C>((context, event, send) => {
  const outcome = outcomeOf(context, event);
  return outcome === null ? context : goOn(context, outcome, send);
});

/** Walks all tables: what each process has decides [mm/oom_kill.c:select_bad_process]. */
function lookForVictim(context: C, send: Send): C {
  const request = context.nextRequest - 1;
  if (context.pids.length === 0) return goOn(context, { of: 'kill', found: false }, send);
  for (const pid of context.pids) {
    send(mmuOf(pid), { type: 'PAGEWALK', sender: 'page-alloc', request, startVa: 0, endVa: 2 ** 48 });
  }
  return { ...context, uses: [] };
}

const walked = handle<C>((context, event, send) => {
  assertType(event, 'WALKED');
  const { current, uses, pids, zeroPfn, zeroPages } = context;
  if (current === null || uses === null || event.request !== current.awaits) return context;
  const { pid, runs, linuxTableBytes, nativeTableBytes } = event;
  const resident = residentOf(runs, { firstPfn: zeroPfn, pages: zeroPages });
  const scoreAdj = context.scoreAdj[pid] ?? 0;
  const use = { pid, ...resident, tableBytes: linuxTableBytes + nativeTableBytes, scoreAdj };
  const all = [...uses, use];
  if (all.length < pids.length) return { ...context, uses: all };
  return kill({ ...context, uses: null }, all, send);
});

function kill(context: C, uses: NonNullable<C['uses']>, send: Send): C {
  const { totalPages, kernelPageBytes: pageBytes, victims } = context;
  const ordered = [...uses].sort((a, b) => a.pid - b.pid);
  const pid = selectVictim(ordered, new Set(victims), { totalPages, pageBytes });
  if (pid === null) return goOn(context, { of: 'kill', found: false }, send);
  send(processOf(pid), { type: 'KILL', pid });
  const state = release({ ...context, victims: [...victims, pid] }, mmOf(pid), send);
  // It was the one that waited: its allocation has ended.
  return state.current === null ? next(state, send) : goOn(state, { of: 'kill', found: true }, send);
}

/** A victim that waits for memory itself gets none: it is to end [mm/page_alloc.c:tsk_is_oom_victim]. */
function release(context: C, sender: string, send: Send): C {
  const { current, queue } = context;
  const isOf = (wish: SlowWish): boolean => wish.sender === sender;
  const waiting = current === null ? queue : [current.wish, ...queue];
  for (const { request } of waiting.filter(isOf)) send(sender, { type: 'NO_MEMORY', request });
  const kept = queue.filter((wish) => !isOf(wish));
  return { ...context, queue: kept, current: current !== null && isOf(current.wish) ? null : current };
}

const doing =
  (...steps: SlowpathStep[]) =>
  ({ context }: { context: C }): boolean =>
    context.current !== null && steps.includes(context.current.at.step);

/** The guard of each state: the step that is under way, if any. */
const guardOf = {
  trying: 'tries',
  compacting: 'compacts',
  reclaiming: 'reclaims',
  killing: 'kills',
  waiting: 'waits',
  idle: 'rests',
} as const;

/** A state that an answer leaves for one of others. */
const leadsTo = (...targets: (keyof typeof guardOf)[]) => ({
  always: targets.map((target) => ({ guard: guardOf[target], target })),
});

/** The statechart: what the allocation at the head is waiting for. */
export const pageAllocMachine = setup({
  types: { context: {} as C, events: {} as Message, input: {} as PageAllocInput },
  actions: { slowAlloc, answered, walked },
  guards: {
    tries: doing('try', 'try-high'),
    compacts: doing('compact'),
    reclaims: doing('reclaim'),
    kills: doing('kill'),
    waits: doing('wait'),
    rests: ({ context }) => context.current === null,
  },
}).createMachine({
  id: 'page-alloc',
  context: ({ input }) => initialPageAlloc(input),
  initial: 'idle',
  on: {
    SLOW_ALLOC: { actions: 'slowAlloc' },
    TRIED: { actions: 'answered' },
    COMPACTED: { actions: 'answered' },
    DIRECT_RECLAIMED: { actions: 'answered' },
    ALLOC_TIMER: { actions: 'answered' },
    WALKED: { actions: 'walked' },
  },
  states: {
    idle: leadsTo('trying'),
    trying: leadsTo('compacting', 'reclaiming', 'killing', 'waiting', 'idle'),
    compacting: leadsTo('trying'),
    reclaiming: leadsTo('trying'),
    // Where nobody is left to kill, or the victim is the one that waits, the next allocation begins.
    killing: leadsTo('waiting', 'trying', 'idle'),
    waiting: leadsTo('trying', 'killing'),
  },
});
