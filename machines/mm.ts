/**
 * An address space (`mm_struct`): VMAs, the fault handler, and the page size of its ABI (layer 2). One job at a time is
 * done under its lock; what arrives meanwhile waits, but for the page cache's requests to unmap, which take no lock.
 */
import { setup } from 'xstate';
import { invariant } from '../src/errors.ts';
import { mmuOf, processOf, tlbOf } from './addresses.ts';
import { readSequence } from './gup/mmPins.ts';
import { obey } from './khugepaged/mmSettings.ts';
import { collapseCall } from './khugepaged/mmCollapse.ts';
import type { Message, MessageOf, MmCall } from './messages.ts';
import { callJob, type CallJob, type CallStep } from './mmCallJob.ts';
import { beginCall, continueCall } from './mmCalls.ts';
import { populateEnded, refuseEffect } from './mmEffects.ts';
import { beginFault, type FaultEnd, type FaultStep, faultSteps, HANDLED, RETRIED } from './mmFault.ts';
import { withWritten } from './mmEntries.ts';
import { childSteps } from './mmFork.ts';
import { beginPopulate, nextToPopulate } from './mmPopulate.ts';
import { hasLeft, isIn } from './mmPhase.ts';
import { beginUnmap, endUnmap } from './mmRmap.ts';
import { initialMm, type Job, type MmContext, type MmInput, type RmapWork } from './mmState.ts';
import { beginReferenced, endReferenced, isCopyingEntries } from './reclaim/mmReferenced.ts';
import { assertType, handle, type Send } from './support.ts';
import { releaseUserfaults } from './userfaultfd/mmFault.ts';
import { beginReplace, endReplace, showMm } from './walkers/mmWalk.ts';
import { reviseMm } from './revise.ts';
import { reviseJob } from './reviseWork.ts';
import { migrationEnded } from './swap/mmSwap.ts';

export type { MmContext, MmInput } from './mmState.ts';

type FaultJob = Extract<Job, { kind: 'fault' }>;

/** Starts the first message that waits, unless something is under way. */
function next(context: MmContext, send: Send): MmContext {
  if (context.job !== null) return context;
  const [message, ...waiting] = context.waiting;
  return message === undefined
    ? context
    : start(
        reviseMm(context, (draft) => {
          draft.waiting = waiting;
        }),
        message,
        send,
      );
}

function start(context: MmContext, message: Message, send: Send): MmContext {
  if (message.type === 'FAULT') {
    const { pid: tid, walk, cpu, va, access, ptePfn, pteFlags } = message;
    const fault = { va, access, ptePfn, pteFlags, major: false, pages: [], truncated: false };
    const job: FaultJob = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault', walk, cpu, fault };
    if (tid !== context.pid) job.tid = tid;
    return afterFault(
      beginFault(
        reviseMm(context, (draft) => {
          draft.job = job;
        }),
        job,
        send,
      ),
      send,
    );
  }
  if (message.type === 'MM_CALL' || message.type === 'COLLAPSE') {
    const job = callJob(message.request, message.type === 'MM_CALL' ? message.call : collapseCall(message));
    return afterCall(
      beginCall(
        reviseMm(context, (draft) => {
          draft.job = job;
        }),
        job,
        send,
      ),
      send,
    );
  }
  if (message.type === 'UFFD_RELEASE') return next(releaseUserfaults(context, message), send);
  if (message.type === 'REPLACE_PTES') return next(beginReplace(context, message, send), send);
  if (message.type === 'MM_QUERY') return next(showMm(context, message, send), send);
  invariant(message.type === 'DUP_MM', `an mm does not start on ${message.type}`);
  return next(childSteps.begin(context, message, send), send);
}

/** Goes on after a step of a fault: waits, or ends it for hardware or for the range that is being populated. */
function afterFault({ context, end }: FaultStep, send: Send): MmContext {
  if (end === null) return context;
  const job = context.job as Job;
  if (job.kind === 'call') return afterPopulated(context, job, end, send);
  invariant(job.kind === 'fault', 'a fault ends in a fault job or a populating call');
  const pid = job.tid ?? context.pid;
  const { major, va } = job.fault;
  // A fault that is taken again counts as major (`mm_account_fault`, FAULT_FLAG_TRIED).
  const counts = end.signal === 0 && end !== RETRIED;
  const state = reviseMm(context, (draft) => {
    draft.job = null;
    if (counts) countFault(draft, major || end.sleeps === true);
  });
  const delay = heldCycles(context, job);
  if (end.sleeps === true) send(tlbOf(job.cpu), { type: 'SLEEP', pid }, delay);
  else if (job.asleep) send(processOf(pid), { type: 'WAKE' }, delay);
  else if (end.signal === 0) send(mmuOf(context.pid), { type: 'FAULT_DONE', walk: job.walk, pid, cpu: job.cpu }, delay);
  else {
    const { signal, code } = end;
    send(mmuOf(context.pid), { type: 'FAULT_SIGNAL', walk: job.walk, pid, cpu: job.cpu, va, signal, code }, delay);
  }
  return next(state, send);
}

/**
 * The time that writing its entries took. It is added at the end of a job: a delayed TABLE_DONE could be overtaken by that
 * of a later operation, and a file would hear of pages unmapped before it hears that they were dirty.
 */
function heldCycles(context: MmContext, job: Job): number {
  return job.ptesWritten * context.resources.costs.pteWrite;
}

/** `mm_account_fault`: one a completed fault, however many pages it mapped. */
function countFault(draft: MmContext, major: boolean): void {
  if (major) draft.majorFaults++;
  else draft.minorFaults++;
}

/** Who made a call: the ABI adapter for a process, or who pins. */
const callerOf = (call: MmCall): string => (call.op === 'pin_user_pages' ? call.sender : 'abi');

/** Goes on after a step of a call: waits, populates, or answers. */
function afterCall({ context, done }: CallStep, send: Send): MmContext {
  const { job } = context;
  if (done === null) {
    const goesOn = job?.kind === 'call' && Array.isArray(job.populate?.present) && job.fault === null;
    return goesOn ? populateOn(context, job, send) : context;
  }
  invariant(job?.kind === 'call', 'a call that ends was under way');
  // khugepaged has been told by the last step.
  if (job.call.op !== 'collapse') {
    const { result, errno, data } = done;
    send(callerOf(job.call), { type: 'MM_DONE', request: job.request, result, errno, data }, heldCycles(context, job));
  }
  return next(
    reviseMm(context, (draft) => {
      draft.job = null;
    }),
    send,
  );
}

/** Faults the next page of a range in, until one has to wait or the end is reached. */
function populateOn(context: MmContext, job: CallJob, send: Send): MmContext {
  const filled = nextToPopulate(context, job);
  const state = reviseMm(context, (draft) => {
    draft.job = filled;
  });
  if (filled.fault === null) return afterCall(populateEnded(state, filled, HANDLED, send), send);
  return afterFault(beginFault(state, filled, send), send);
}

function afterPopulated(context: MmContext, job: CallJob, end: FaultEnd, send: Send): MmContext {
  if (end.signal !== 0) return afterCall(populateEnded(context, job, end, send), send);
  const [effect] = job.effects;
  const inserts = effect?.do === 'populate' && effect.errors === 'insert';
  const goesOn = reviseJob(job, (draft) => {
    draft.fault = null;
  });
  const counted = reviseMm(context, (draft) => {
    draft.job = goesOn;
    if (!inserts) countFault(draft, job.fault?.major ?? false);
  });
  const { populate } = goesOn;
  return populate?.wish === undefined
    ? populateOn(counted, goesOn, send)
    : afterCall(beginPopulate(counted, goesOn, populate, send), send);
}

function later(context: MmContext, event: Message): MmContext {
  return reviseMm(context, (draft) => {
    draft.waiting = [...context.waiting, event];
  });
}

const enqueue = handle<MmContext>((context, event, send) => {
  // Most find the lock free, and need not go through the queue.
  if (context.job === null && context.waiting.length === 0) return start(context, event, send);
  return next(later(context, event), send);
});

/** An answer takes the job, or a request of the page cache, one step on. */
const answered = handle<MmContext>((before, event, send) => {
  const message = event as Message & { request: number };
  if (message.type === 'TABLE_DONE' && before.rmap.length > 0) {
    const at = before.rmap.findIndex((work) => work.tableRequest === message.request);
    const work = before.rmap[at];
    if (work !== undefined) return rmapDone(before, work, at, message, send);
  }
  if (before.job === null || before.job.awaits !== message.request) return before;
  const context = withWritten(before, before.job, message);
  const job = context.job as Job;
  if (job.kind === 'forked') return next(childSteps.go(context, job, message, send), send);
  const faultStep = job.fault === null ? undefined : faultSteps[job.step];
  if (faultStep !== undefined) return afterFault(faultStep(context, job, message as never, send), send);
  invariant(job.kind === 'call', 'an answer takes a fault or a call on');
  if (message.type === 'TABLE_DONE' && message.failed !== '') return afterCall(refuseEffect(context, job, send), send);
  return afterCall(continueCall(context, job, message, send), send);
});

/** What rmap asked for is done; a fault that waited for a page to be moved may have been waiting for this. */
function rmapDone(
  context: MmContext,
  work: RmapWork,
  at: number,
  message: MessageOf<'TABLE_DONE'>,
  send: Send,
): MmContext {
  if ('file' in work) return endUnmap(context, at, message, send);
  if ('harvest' in work) return endReferenced(context, work, message, send);
  const replaced = endReplace(context, work, message, send);
  const ended = migrationEnded(replaced, message.cleared);
  return ended === null ? replaced : afterFault({ context: replaced, end: HANDLED }, send);
}

/**
 * The answer needs the disk: a fault gives its CPU up, a call puts its process to sleep. The second goes by the ABI
 * adapter, behind which the call's result will come: a process that has its result must not be sent to sleep.
 */
const ioWait = handle<MmContext>((context, _event, send) => {
  const { job } = context;
  if (job === null || job.asleep || job.kind === 'forked') return context;
  if (job.kind === 'fault') send(tlbOf(job.cpu), { type: 'SLEEP', pid: job.tid ?? context.pid });
  else if (callerOf(job.call) === 'abi') send('abi', { type: 'IO_WAIT', request: job.request });
  return reviseMm(context, (mmDraft) => {
    mmDraft.job = reviseJob(job, (draft) => {
      draft.asleep = true;
    });
  });
});

const unmapRange = handle<MmContext>((context, event, send) => {
  assertType(event, 'UNMAP_RANGE');
  return beginUnmap(context, event, send);
});

const replacePtes = handle<MmContext>((context, event, send) => {
  assertType(event, 'REPLACE_PTES');
  if (isCopyingEntries(context.job)) return later(context, event);
  return beginReplace(context, event, send);
});

const thpSettings = handle<MmContext>((context, event, send) => {
  assertType(event, 'THP_SETTINGS');
  return obey(context, event, send);
});

const referenced = handle<MmContext>((context, event, send) => {
  assertType(event, 'FOLIO_REFERENCED');
  return beginReferenced(context, event, send);
});

const forked = handle<MmContext>((context, event, send) => {
  assertType(event, 'FORKED');
  const { job } = context;
  invariant(job?.kind === 'forked', 'a child that gets entries is being forked');
  return childSteps.enter(context, job, event, send);
});

/** The mm's statechart: what it holds its lock for. */
export const mmMachine = setup({
  types: { context: {} as MmContext, events: {} as Message, input: {} as MmInput },
  actions: {
    enqueue,
    answered,
    ioWait,
    unmapRange,
    replacePtes,
    referenced,
    forked,
    protectSequence: handle<MmContext>(readSequence),
    thpSettings,
  },
  guards: {
    faults: isIn('handling-fault'),
    calls: isIn('in-call'),
    execs: isIn('exec'),
    exits: isIn('exiting'),
    forks: isIn('forking'),
    faulted: hasLeft('handling-fault'),
    called: hasLeft('in-call'),
    execed: hasLeft('exec'),
    exited: hasLeft('exiting'),
    forked: hasLeft('forking'),
  },
}).createMachine({
  id: 'mm',
  context: ({ input }) => initialMm(input),
  initial: 'idle',
  on: {
    FAULT: { actions: 'enqueue' },
    MM_CALL: { actions: 'enqueue' },
    DUP_MM: { actions: 'enqueue' },
    FORKED: { actions: 'forked' },
    UNMAP_RANGE: { actions: 'unmapRange' },
    REPLACE_PTES: { actions: 'replacePtes' },
    FOLIO_REFERENCED: { actions: 'referenced' },
    MM_QUERY: { actions: 'enqueue' },
    READ_PROTECT_SEQ: { actions: 'protectSequence' },
    GRABBED: { actions: 'answered' },
    UNPINNED: { actions: 'answered' },
    UFFD_RELEASE: { actions: 'enqueue' },
    COLLAPSE: { actions: 'enqueue' },
    FOLIOS: { actions: 'answered' },
    HUGE_PAGE: { actions: 'answered' },
    HUGE_RESERVED: { actions: 'answered' },
    HUGE_UNSHARED: { actions: 'answered' },
    HUGE_DUPED: { actions: 'answered' },
    THP_SETTINGS: { actions: 'thpSettings' },
    TABLE_DONE: { actions: 'answered' },
    FRAMES: { actions: 'answered' },
    NO_MEMORY: { actions: 'answered' },
    REUSE: { actions: 'answered' },
    GOT: { actions: 'answered' },
    SHRUNK: { actions: 'answered' },
    SWAPPED_IN: { actions: 'answered' },
    SWAP_DUPLICATED: { actions: 'answered' },
    SWAP_CACHED: { actions: 'answered' },
    RECLAIMED: { actions: 'answered' },
    MAPPED: { actions: 'answered' },
    RESIDENT_PAGES: { actions: 'answered' },
    PAGES: { actions: 'answered' },
    FILE_DONE: { actions: 'answered' },
    FORK_READY: { actions: 'answered' },
    IO_WAIT: { actions: 'ioWait' },
  },
  states: {
    idle: {
      always: [
        { guard: 'faults', target: 'handling-fault' },
        { guard: 'execs', target: 'exec' },
        { guard: 'exits', target: 'exiting' },
        { guard: 'forks', target: 'forking' },
        { guard: 'calls', target: 'in-call' },
      ],
    },
    'handling-fault': { always: { guard: 'faulted', target: 'idle' } },
    'in-call': { always: { guard: 'called', target: 'idle' } },
    exec: { always: { guard: 'execed', target: 'idle' } },
    exiting: { always: { guard: 'exited', target: 'idle' } },
    forking: { always: { guard: 'forked', target: 'idle' } },
  },
});
