/**
 * An address space (`mm_struct`): VMAs, the fault handler, and the page size of its ABI (layer 2). One job at a time is
 * done under its lock; what arrives meanwhile waits, but for the page cache's requests to unmap, which take no lock.
 */
import { setup } from 'xstate';
import { invariant } from '../src/errors.ts';
import { isDirty, PTE } from '../src/mm/pte.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import type { Message, MessageOf } from './messages.ts';
import { beginCall, type CallJob, type CallStep } from './mmCalls.ts';
import { beginFault, type FaultEnd, type FaultStep, faultSteps } from './mmFault.ts';
import { childSteps } from './mmFork.ts';
import { account, hasFlagBits, type Job, type MmContext, type MmInput, putEntries, SIGNAL } from './mmState.ts';
import { callSteps } from './mmSteps.ts';
import { handle, type Send } from './support.ts';

export type { MmContext, MmInput } from './mmState.ts';

type FaultJob = Extract<Job, { kind: 'fault' }>;

/** Starts the first message that waits, unless something is under way. */
function next(context: MmContext, send: Send): MmContext {
  if (context.job !== null) return context;
  const [message, ...waiting] = context.waiting;
  return message === undefined ? context : start({ ...context, waiting }, message, send);
}

function start(context: MmContext, message: Message, send: Send): MmContext {
  const base = { awaits: -1, step: '', asleep: false };
  if (message.type === 'FAULT') {
    const { walk, cpu, va, access, ptePfn, pteFlags } = message;
    const fault = { va, access, ptePfn, pteFlags, major: false, pages: [] };
    const job: FaultJob = { ...base, kind: 'fault', walk, cpu, fault };
    return afterFault(beginFault({ ...context, job }, job, send), send);
  }
  if (message.type === 'MM_CALL') {
    const job: CallJob = {
      ...base,
      kind: 'call',
      request: message.request,
      call: message.call,
      before: context.vmas,
      files: [],
      populate: null,
      fault: null,
      errno: 0,
      child: null,
    };
    return afterCall(beginCall({ ...context, job }, job, send), send);
  }
  invariant(message.type === 'FORKED', `an mm does not start on ${message.type}`);
  return next(childSteps.begin(context, message, send), send);
}

/** Goes on after a step of a fault: waits, or ends it for hardware or for the range that is being populated. */
function afterFault({ context, end }: FaultStep, send: Send): MmContext {
  if (end === null) return context;
  const job = context.job as Job;
  if (job.kind === 'call') return afterPopulated(context, job, end, send);
  invariant(job.kind === 'fault', 'a fault ends in a fault job or a populating call');
  const { pid } = context;
  const { major, va } = job.fault;
  const counted = end.signal === 0 ? countFault(context, major) : context;
  const state = { ...counted, job: null };
  if (job.asleep) send(`process:${pid}`, { type: 'WAKE' });
  else if (end.signal === 0) send(`mmu:${pid}`, { type: 'FAULT_DONE', walk: job.walk, pid, cpu: job.cpu });
  else {
    const { signal, code } = end;
    send(`mmu:${pid}`, { type: 'FAULT_SIGNAL', walk: job.walk, pid, cpu: job.cpu, va, signal, code });
  }
  return next(state, send);
}

/** `mm_account_fault`: one a completed fault, however many pages it mapped. */
function countFault(context: MmContext, major: boolean): MmContext {
  return major
    ? { ...context, majorFaults: context.majorFaults + 1 }
    : { ...context, minorFaults: context.minorFaults + 1 };
}

/** Goes on after a step of a call: waits, populates, or answers. */
function afterCall({ context, done }: CallStep, send: Send): MmContext {
  const job = context.job;
  if (done === null)
    return job?.kind === 'call' && job.populate !== null && job.fault === null ? populate(context, job, send) : context;
  invariant(job?.kind === 'call', 'a call that ends was under way');
  send('abi', { type: 'MM_DONE', request: job.request, result: done.result, errno: done.errno });
  return next({ ...context, job: null }, send);
}

/** MADV_POPULATE_*, mlock: faults in the next page of the range (`mm/gup.c:populate_vma_page_range`). */
function populate(context: MmContext, job: CallJob, send: Send): MmContext {
  const range = job.populate;
  invariant(range !== null, 'there is a range to populate');
  if (range.va >= range.endVa) return afterCall({ context, done: { result: 0, errno: job.errno } }, send);
  const fault = { va: range.va, access: range.access, ptePfn: 0, pteFlags: 0, major: false, pages: [] };
  const filled = { ...job, fault, populate: { ...range, va: range.va + context.pageBytes } };
  return afterFault(beginFault({ ...context, job: filled }, filled, send), send);
}

const ERRNO_OF_SIGNAL = new Map<number, number>([
  [SIGNAL.KILL, 12],
  [SIGNAL.BUS, 14],
  [SIGNAL.SEGV, 14],
]);

function afterPopulated(context: MmContext, job: CallJob, end: FaultEnd, send: Send): MmContext {
  const errno = ERRNO_OF_SIGNAL.get(end.signal) ?? 0;
  if (errno !== 0) return afterCall({ context, done: { result: -1, errno } }, send);
  const counted = countFault(context, job.fault?.major ?? false);
  const goesOn = { ...job, fault: null };
  return populate({ ...counted, job: goesOn }, goesOn, send);
}

const enqueue = handle<MmContext>((context, event, send) =>
  next({ ...context, waiting: [...context.waiting, event as Message] }, send),
);

/** An answer takes the job, or a request of the page cache, one step on. */
const answered = handle<MmContext>((context, event, send) => {
  const message = event as Message & { request: number };
  if (message.type === 'TABLE_DONE') {
    const at = context.rmap.findIndex((work) => work.tableRequest === message.request);
    if (at >= 0) return rmapDone(context, at, message, send);
  }
  const { job } = context;
  if (job === null || job.awaits !== message.request) return context;
  if (job.kind === 'forked') return next(childSteps.go(context, job, message, send), send);
  const faultStep = job.fault === null ? undefined : faultSteps[job.step];
  if (faultStep !== undefined) return afterFault(faultStep(context, job, message as never, send), send);
  const step = callSteps[job.step];
  invariant(step !== undefined && job.kind === 'call', `there is a step ${job.step}`);
  return afterCall(step(context, job, message, send), send);
});

/** The answer needs the disk: a fault gives its CPU up, a call puts its process to sleep. */
const ioWait = handle<MmContext>((context, _event, send) => {
  const { job, pid } = context;
  if (job === null || job.asleep || job.kind === 'forked') return context;
  send(job.kind === 'fault' ? `tlb:${job.cpu}` : `process:${pid}`, { type: 'SLEEP', pid });
  return { ...context, job: { ...job, asleep: true } };
});

/** `unmap_mapping_pages`: zaps pages of a file from every VMA here that maps them; private copies stay. */
const unmapRange = handle<MmContext>((context, event, send) => {
  const { file, request, firstIndex, endIndex } = event as MessageOf<'UNMAP_RANGE'>;
  const page = context.kernelPageBytes;
  const ranges = context.vmas
    .list()
    .filter((vma) => vma.file === file)
    .map((vma) => ({
      startVa: Math.max(vma.startVa, vma.startVa + firstIndex * page - vma.offsetBytes),
      endVa: Math.min(vma.endVa, vma.startVa + endIndex * page - vma.offsetBytes),
    }))
    .filter((range) => range.startVa < range.endVa);
  const tableRequest = context.nextRequest;
  const clear: Message = { type: 'CLEAR_PTES', request: tableRequest, ranges, freeWithin: null, fileOnly: true };
  send(`mmu:${context.pid}`, clear);
  const rmap = [...context.rmap, { tableRequest, file, request }];
  return { ...context, nextRequest: tableRequest + 1, rmap };
});

function rmapDone(context: MmContext, at: number, event: MessageOf<'TABLE_DONE'>, send: Send): MmContext {
  const work = context.rmap[at];
  invariant(work !== undefined, 'the answer is to a request of the page cache');
  const dirtyIndexes: number[] = [];
  for (const run of event.cleared) {
    if (!isDirty(run.flags) || hasFlagBits(run.flags, PTE.SPECIAL)) continue;
    const vma = context.vmas.find(run.va);
    if (vma === null || vma.file !== work.file) continue;
    const first = (run.va - vma.startVa + vma.offsetBytes) / context.kernelPageBytes;
    for (let page = 0; page < run.nr; page++) dirtyIndexes.push(first + page);
  }
  putEntries(event.cleared, send);
  send(`file:${work.file}`, { type: 'RANGE_UNMAPPED', mm: `mm:${context.pid}`, request: work.request, dirtyIndexes });
  const rmap = context.rmap.filter((_, index) => index !== at);
  return { ...account(context, [], event.cleared), rmap };
}

type Phase = 'idle' | 'handling-fault' | 'in-call' | 'exec' | 'exiting' | 'forking';

const PHASE_OF_CALL: Partial<Record<string, Phase>> = { execve: 'exec', exit: 'exiting', fork: 'forking' };

/** What the lock is held for; the statechart follows it. */
function phaseOf({ job }: MmContext): Phase {
  if (job === null) return 'idle';
  if (job.kind === 'fault') return 'handling-fault';
  return job.kind === 'forked' ? 'forking' : (PHASE_OF_CALL[job.call.op] ?? 'in-call');
}

const isIn =
  (phase: Phase) =>
  ({ context }: { context: MmContext }): boolean =>
    phaseOf(context) === phase;
const hasLeft =
  (phase: Phase) =>
  ({ context }: { context: MmContext }): boolean =>
    phaseOf(context) !== phase;

/** The mm's statechart: what it holds its lock for. */
export const mmMachine = setup({
  types: { context: {} as MmContext, events: {} as Message, input: {} as MmInput },
  actions: { enqueue, answered, ioWait, unmapRange },
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
  context: ({ input }) => ({
    resources: input.resources,
    pid: input.pid,
    kernelPageBytes: input.kernelPageBytes,
    nativeTables: input.nativeTables,
    zeroPfn: input.zeroPfn,
    stackLimitBytes: input.stackLimitBytes,
    pageBytes: 0,
    vmas: VmaSet.empty(input.kernelPageBytes),
    startBrk: 0,
    brk: 0,
    job: null,
    rmap: [],
    waiting: [],
    nextRequest: 1,
    minorFaults: 0,
    majorFaults: 0,
    rssAnonPages: 0,
    rssFilePages: 0,
    rssPeakPages: 0,
    droppedPages: 0,
    rereadPages: 0,
    zeroedBytes: 0,
    copiedBytes: 0,
    fallbacks: 0,
    fallbackReason: '',
  }),
  initial: 'idle',
  on: {
    FAULT: { actions: 'enqueue' },
    MM_CALL: { actions: 'enqueue' },
    FORKED: { actions: 'enqueue' },
    UNMAP_RANGE: { actions: 'unmapRange' },
    TABLE_DONE: { actions: 'answered' },
    FRAMES: { actions: 'answered' },
    NO_MEMORY: { actions: 'answered' },
    REUSE: { actions: 'answered' },
    GOT: { actions: 'answered' },
    MAPPED: { actions: 'answered' },
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
