/**
 * A process: a task with one thread that works through a recorded trace. It asks its CPU to run stretches, makes the
 * system calls the trace holds, sleeps while the kernel waits for the disk, and ends where the trace ends.
 */
import { setup } from 'xstate';
import { invariant } from '../src/errors.ts';
import { RUN_CALL, type RunSource, type TraceCall } from '../src/mm/runs.ts';
import { blockOf } from '../src/mm/stackIndex.ts';
import { tlbOf } from './addresses.ts';
import type { ExecCall, Message } from './messages.ts';
import { addCounts, type ProcessContext, type ProcessInput, zeroCounts } from './processState.ts';
import { reviseProcess } from './reviseCpu.ts';
import { mceSignal, takePending } from './hwpoison/processPoison.ts';
import { assertType, handle, type Send } from './support.ts';

/** The signal that no handler takes: out of memory. */
const SIGKILL = 9;

function traceOf(context: ProcessContext): RunSource {
  const trace = context.resources.traces.get(context.trace);
  if (trace === undefined) invariant(false, `the trace ${context.trace} is among the resources`);
  return trace;
}

function callAt(context: ProcessContext): TraceCall {
  const trace = traceOf(context);
  const block = blockOf(trace, Math.floor(context.at / trace.blockRuns));
  const call = block.calls[block.page[context.at - block.firstRun]];
  if (call === undefined) invariant(false, `run ${context.at} of ${context.trace} is a system call`);
  if (call.op !== 'fork') return call;
  return { ...call, childPid: context.children[0] ?? -1 };
}

function run(context: ProcessContext, send: Send): ProcessContext {
  const trace = traceOf(context);
  send(tlbOf(context.cpu), {
    type: 'RUN',
    pid: context.pid,
    trace: context.trace,
    from: context.at,
    to: trace.runs,
    resumed: context.resumed,
    quantumCycles: context.quantumCycles,
  });
  return reviseProcess(context, (draft) => {
    draft.quanta = context.quanta + 1;
  });
}

function syscall(context: ProcessContext, call: TraceCall | ExecCall, send: Send): ProcessContext {
  const { pid, cpu } = context;
  send('abi', { type: 'SYSCALL', pid, cpu, call }, context.resources.costs.syscallEntryExit);
  const children = call.op === 'fork' && call.childPid >= 0 ? context.children.slice(1) : context.children;
  return reviseProcess(context, (draft) => {
    draft.children = children;
    draft.calls = context.calls + 1;
  });
}

const execve = handle<ProcessContext>((context, _event, send) => {
  const trace = traceOf(context);
  const file = trace.image.find((segment) => segment.kind === 'program')?.file ?? trace.name;
  return syscall(context, { op: 'execve', file, pageBytes: context.pageBytes, image: trace.image }, send);
});

const account = handle<ProcessContext>((context, event) => {
  assertType(event, 'RAN');
  return reviseProcess(context, (draft) => {
    draft.at = event.to;
    draft.resumed = event.reason === 'asleep';
    draft.counts = addCounts(context.counts, event.counts);
    draft.userCycles = context.userCycles + event.cycles;
    draft.signal = event.signal;
    draft.signalCode = event.code;
    draft.signalVa = event.va;
  });
});

/** The handler jumps to behind the access (`siglongjmp`), which is then never done. */
const skipAccess = handle<ProcessContext>((context) => {
  const { at, signalsHandled } = context;
  return reviseProcess(context, (draft) => {
    draft.at = at + 1;
    draft.resumed = false;
    draft.signal = 0;
    draft.signalCode = 0;
    draft.signalVa = 0;
    draft.signalsHandled = signalsHandled + 1;
  });
});

const leaveCpu = (type: 'BLOCKED' | 'YIELD' | 'EXITED') =>
  handle<ProcessContext>((context, _event, send) => {
    if (context.cpu >= 0) send('sched', { type, pid: context.pid, cpu: context.cpu });
    return reviseProcess(context, (draft) => {
      draft.cpu = -1;
      if (context.mustLeave !== undefined) delete draft.mustLeave;
    });
  });

/** The process's statechart. */
export const processMachine = setup({
  types: { context: {} as ProcessContext, events: {} as Message, input: {} as ProcessInput },
  actions: {
    mceSignal,
    takePending,
    execve,
    account,
    skipAccess,
    block: leaveCpu('BLOCKED'),
    yield: leaveCpu('YIELD'),
    exited: leaveCpu('EXITED'),
    requestKill: handle<ProcessContext>((context) => ({ ...context, killed: true })),
    dieOf: handle<ProcessContext>((context) =>
      reviseProcess(context, (draft) => {
        draft.signal = SIGKILL;
      }),
    ),
    run: handle<ProcessContext>((context, event, send) => {
      assertType(event, 'DISPATCH');
      return run(
        reviseProcess(context, (draft) => {
          draft.cpu = event.cpu;
        }),
        send,
      );
    }),
    call: handle<ProcessContext>((context, _event, send) => syscall(context, callAt(context), send)),
    exit: handle<ProcessContext>((context, _event, send) => syscall(context, { op: 'exit', status: 0 }, send)),
    returned: handle<ProcessContext>((context, event) => {
      assertType(event, 'SYSRET');
      const counts = addCounts(context.counts, event.counts);
      const callsFailed = context.callsFailed + (event.errno === 0 ? 0 : 1);
      // execve returns to the first run of the trace; any other call to the run behind it.
      return reviseProcess(context, (draft) => {
        draft.counts = counts;
        draft.callsFailed = callsFailed;
        draft.at = context.begun ? context.at + 1 : 0;
        draft.begun = true;
        // An execve of the program itself: it runs on in memory of another page size.
        if (context.begun && event.data.length === 1 && isCall(context, 'exec')) draft.pageBytes = event.data[0];
      });
    }),
    take: handle<ProcessContext>((context, event) => {
      assertType(event, 'DISPATCH');
      return reviseProcess(context, (draft) => {
        draft.cpu = event.cpu;
      });
    }),
    killedBy: handle<ProcessContext>((context, event) => {
      assertType(event, 'SYSRET');
      return reviseProcess(context, (draft) => {
        draft.signal = event.signal;
      });
    }),
    runOn: handle<ProcessContext>((context, _event, send) => run(context, send)),
    requestLeave: handle<ProcessContext>((context, event) => {
      assertType(event, 'MIGRATE');
      return reviseProcess(context, (draft) => {
        draft.mustLeave = event.cpu;
      });
    }),
    wantCpu: handle<ProcessContext>((context, _event, send) => {
      send('sched', { type: 'READY', pid: context.pid });
      return reviseProcess(context, (draft) => {
        draft.woken = false;
        draft.begun = true;
      });
    }),
    awake: handle<ProcessContext>((context, event, send) => {
      assertType(event, 'DISPATCH');
      send('abi', { type: 'AWAKE', pid: context.pid, cpu: event.cpu });
      return reviseProcess(context, (draft) => {
        draft.cpu = event.cpu;
      });
    }),
    wokenEarly: handle<ProcessContext>((context) =>
      reviseProcess(context, (draft) => {
        draft.woken = true;
      }),
    ),
    requestStop: handle<ProcessContext>((context) =>
      reviseProcess(context, (draft) => {
        draft.stopRequested = true;
      }),
    ),
    cancelStop: handle<ProcessContext>((context) =>
      reviseProcess(context, (draft) => {
        draft.stopRequested = false;
      }),
    ),
  },
  guards: {
    exitReturned: ({ context, event }) =>
      event.type === 'SYSRET' &&
      context.begun &&
      (context.signal !== 0 || context.at >= traceOf(context).runs || isCall(context, 'exit')),
    execFailed: ({ context, event }) => event.type === 'SYSRET' && !context.begun && event.errno !== 0,
    hasCpu: ({ context }) => context.cpu >= 0,
    isPending: ({ context }) => context.pending !== undefined,
    isPendingOnCpu: ({ context }) => context.pending !== undefined && context.cpu >= 0,
    isPendingAwake: ({ context, event }) =>
      context.pending !== undefined && event.type === 'RAN' && event.reason !== 'asleep',
    /** SIGKILL is pending, and it is on its way back to user mode (`exit_to_user_mode_loop`). */
    dies: ({ context, event }) =>
      context.killed === true && context.cpu >= 0 && !(event.type === 'RAN' && event.reason === 'asleep'),
    dispatchedToDie: ({ context }) => context.killed === true,
    woken: ({ context }) => context.woken,
    stopped: ({ context, event }) => event.type === 'RAN' && event.reason === 'quantum' && context.stopRequested,
    stopRequested: ({ context }) => context.stopRequested,
    killed: ({ context, event }) => event.type === 'SYSRET' && event.signal !== 0 && context.signal === 0,
    ranOut: ({ event }) => event.type === 'RAN' && event.reason === 'quantum',
    /** The CPU that it has is no longer one of its own. */
    mustLeave: ({ context }) => context.cpu >= 0 && context.mustLeave === context.cpu,
    mayNotTake: ({ context, event }) => event.type === 'DISPATCH' && context.mustLeave === event.cpu,
    handlesSignal: ({ context, event }) =>
      event.type === 'RAN' && event.reason === 'signal' && event.signal !== SIGKILL && context.signals === 'skip',
    atCall: ({ event }) => event.type === 'RAN' && event.reason === 'call',
    asleep: ({ event }) => event.type === 'RAN' && event.reason === 'asleep',
  },
}).createMachine({
  id: 'process',
  context: ({ input }) => ({
    resources: input.resources,
    pid: input.pid,
    trace: input.trace,
    pageBytes: input.pageBytes,
    quantumCycles: input.quantumCycles,
    children: input.children,
    signals: input.signals,
    cpu: -1,
    at: 0,
    resumed: false,
    woken: false,
    stopRequested: false,
    begun: false,
    counts: zeroCounts(),
    userCycles: 0,
    calls: 0,
    callsFailed: 0,
    quanta: 0,
    signalsHandled: 0,
    signal: 0,
    signalCode: 0,
    signalVa: 0,
  }),
  initial: 'new',
  on: {
    MCE_SIGNAL: { actions: 'mceSignal' },
    STOP: { actions: 'requestStop' },
    CONTINUE: { actions: 'cancelStop' },
    KILL: { actions: 'requestKill' },
    MIGRATE: { actions: 'requestLeave' },
  },
  states: {
    new: {
      on: {
        START: { target: 'in-syscall', actions: 'execve' },
        // A forked child begins at its own trace with the memory of its parent.
        WAKE: { target: 'ready', actions: 'wantCpu' },
      },
    },
    ready: {
      on: {
        DISPATCH: [
          { guard: 'dispatchedToDie', target: 'in-syscall', actions: ['take', 'dieOf', 'exit'] },
          // Signals are taken on the way back to user mode (`exit_to_user_mode_loop`).
          { guard: 'isPending', target: 'in-syscall', actions: ['take', 'takePending', 'exit'] },
          { guard: 'stopRequested', target: 'stopped', actions: ['take', 'block'] },
          { guard: 'mayNotTake', target: 'ready', actions: ['take', 'yield'] },
          { target: 'running', actions: 'run' },
        ],
      },
    },
    running: {
      on: {
        RAN: [
          { guard: 'isPendingAwake', target: 'in-syscall', actions: ['account', 'takePending', 'exit'] },
          { guard: 'dies', target: 'in-syscall', actions: ['account', 'dieOf', 'exit'] },
          { guard: 'stopped', target: 'stopped', actions: ['account', 'block'] },
          { guard: 'ranOut', target: 'ready', actions: ['account', 'yield'] },
          { guard: 'atCall', target: 'in-syscall', actions: ['account', 'call'] },
          { guard: 'asleep', target: 'in-fault', actions: ['account', 'block'] },
          { guard: 'handlesSignal', actions: ['account', 'skipAccess', 'runOn'] },
          { target: 'in-syscall', actions: ['account', 'exit'] },
        ],
        WAKE: { actions: 'wokenEarly' },
      },
    },
    'in-syscall': {
      initial: 'active',
      on: {
        SYSRET: [
          { guard: 'execFailed', target: 'zombie', actions: ['returned', 'exited'] },
          { guard: 'exitReturned', target: 'zombie', actions: ['returned', 'exited'] },
          { guard: 'isPendingOnCpu', target: 'in-syscall', actions: ['returned', 'takePending', 'exit'] },
          { guard: 'killed', target: 'in-syscall', actions: ['returned', 'killedBy', 'exit'] },
          { guard: 'dies', target: 'in-syscall', actions: ['returned', 'dieOf', 'exit'] },
          { guard: 'stopRequested', target: 'stopped', actions: ['returned', 'block'] },
          { guard: 'mustLeave', target: 'ready', actions: ['returned', 'yield'] },
          { guard: 'hasCpu', target: 'running', actions: ['returned', 'runOn'] },
          { target: 'ready', actions: ['returned', 'wantCpu'] },
        ],
      },
      states: {
        active: {
          on: {
            SLEEP: { target: 'asleep', actions: 'block' },
            WAKE: { actions: 'wokenEarly' },
          },
        },
        asleep: {
          on: { WAKE: { target: 'queued', actions: 'wantCpu' } },
          always: { guard: 'woken', target: 'queued', actions: 'wantCpu' },
        },
        queued: { on: { DISPATCH: { target: 'active', actions: 'awake' } } },
      },
    },
    'in-fault': {
      on: { WAKE: { target: 'ready', actions: 'wantCpu' } },
      always: { guard: 'woken', target: 'ready', actions: 'wantCpu' },
    },
    stopped: {
      on: {
        CONTINUE: { target: 'ready', actions: ['cancelStop', 'wantCpu'] },
        KILL: { target: 'ready', actions: ['requestKill', 'cancelStop', 'wantCpu'] },
      },
    },
    zombie: {},
  },
});

/** Whether there is such a call at `at`. */
function isCall(context: ProcessContext, op: TraceCall['op']): boolean {
  const trace = traceOf(context);
  const block = blockOf(trace, Math.floor(context.at / trace.blockRuns));
  const at = context.at - block.firstRun;
  return block.kind[at] === RUN_CALL && block.calls[block.page[at]]?.op === op;
}
