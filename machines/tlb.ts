/**
 * The TLBs of one CPU and the stretch of a trace that runs on it: hits are derived from the trace, so that a message
 * passes only at a miss, at a permission or dirty-bit update, at a system call and at the end of a quantum.
 */
import { setup } from 'xstate';
import { switchSteps } from '../src/arch/ttbrSwitch.ts';
import { invariant } from '../src/errors.ts';
import { Tlb } from '../src/mm/tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE } from '../src/mm/tlbArray.ts';
import { noCounts, type Stretch } from '../src/mm/stretch.ts';
import { accessAt, runStretch } from '../src/mm/tlbRun.ts';
import { processOf } from './addresses.ts';
import { installRoot, reserve, writeGranule } from './liveFallback/tlbSwitch.ts';
import type { Access, Message, MessageOf } from './messages.ts';
import { copyTlb, reviseTlb } from './reviseCpu.ts';
import { assertType, handle, type Send } from './support.ts';
import { type Copy, copyRun } from './tlbCopy.ts';
import { groupPagesOf, invalidate, obeyedOf, walkGeometry } from './tlbMaintenance.ts';
import {
  countsOf,
  countWalk,
  drafted,
  draftedWork,
  type Installed,
  type PendingAccess,
  type TlbContext,
  type TlbInput,
  type Work,
} from './tlbState.ts';

/** Works on in a draft until something must be asked of another actor, and asks it. */
function advance(draft: TlbContext, send: Send): TlbContext {
  const { work, installed, tlb } = draft;
  invariant(work !== null && installed !== null, 'a CPU that advances has work and tables');
  const { resources } = draft;
  if (work.pid !== installed.pid && resources.mmPidOf(work.pid) !== resources.mmPidOf(installed.pid)) {
    invariant(false, `the tables of ${installed.pid} are installed, not those of ${work.pid}`);
  }
  const pageShift = 31 - Math.clz32(installed.pageBytes);
  if (work.kind === 'copy') {
    const { copy } = work;
    if (copyRun(tlb, copy, installed.asid, pageShift)) return finishCopy(draft, 'done', send);
    return askWalk(draft, copy.va, copy.access, 0, send);
  }
  const trace = draft.resources.traces.get(work.trace);
  if (trace === undefined) invariant(false, `the trace ${work.trace} is among the resources`);
  const { stretch } = work;
  const before = stretch.cycles;
  const stop = runStretch(tlb, trace, stretch, {
    asid: installed.asid,
    pageShift,
    l2HitCycles: draft.l2HitCycles,
    instructionCycles: draft.resources.costs.instruction,
  });
  if (stop !== 'walk') return finishRun(draft, stop, stretch.cycles - before, send);
  const { va, access } = accessAt(trace, stretch.at);
  return askWalk(draft, va, access, stretch.cycles - before, send);
}

function askWalk(draft: TlbContext, va: number, access: Access, delayCycles: number, send: Send): TlbContext {
  const { installed, cpu, tlb, work } = draft;
  if (installed === null || work === null) invariant(false, 'a CPU that walks has work and tables');
  const { pid } = work;
  const { asid, mmu, pageBytes, root, reserved } = installed;
  if (reserved === true) {
    draft.waits = { va, access, skipLevels: 0, stale: false, parked: true };
    return draft;
  }
  const skipLevels = tlb.walkLevelsCached(asid, va, walkGeometry(pageBytes));
  const walk = ++draft.walk;
  const asked: MessageOf<'WALK'> = { type: 'WALK', walk, pid, cpu, va, access, skipLevels };
  if (root !== undefined) Object.assign(asked, { root, granuleBytes: pageBytes });
  send(mmu, asked, delayCycles);
  draft.waits = { va, access, skipLevels, stale: false };
  return draft;
}

type RunEnd = MessageOf<'RAN'>['reason'];

function finishRun(
  draft: TlbContext,
  reason: RunEnd,
  delayCycles: number,
  send: Send,
  fatal?: MessageOf<'ABORT'>,
): TlbContext {
  const work = draft.work as Extract<Work, { kind: 'run' }>;
  const { at, cycles } = work.stretch;
  const { signal, code, va } = fatal ?? { signal: 0, code: 0, va: 0 };
  const ran: Message = { type: 'RAN', to: at, reason, cycles, counts: countsOf(work), signal, code, va };
  send(processOf(work.pid), ran, delayCycles);
  draft.work = null;
  draft.waits = null;
  return draft;
}

type CopyEnd = MessageOf<'UACCESS_DONE'>['reason'];

function finishCopy(draft: TlbContext, reason: CopyEnd, send: Send, signal = 0): TlbContext {
  const work = draft.work as Extract<Work, { kind: 'copy' }>;
  const { doneBytes } = work.copy;
  const done: Message = { type: 'UACCESS_DONE', pid: work.pid, doneBytes, reason, signal, counts: countsOf(work) };
  send('abi', done, Math.ceil((doneBytes * draft.resources.costs.copyPerKb) / 1024));
  draft.work = null;
  draft.waits = null;
  return draft;
}

const startRun = handle<TlbContext>((context, event, send) => {
  assertType(event, 'RUN');
  const stretch: Stretch = {
    at: event.from,
    end: event.to,
    counted: event.resumed,
    lastFetchPage: -1,
    lastDataPage: -1,
    cycles: 0,
    cyclesMax: event.quantumCycles,
    counts: noCounts(),
  };
  const work: Work = { kind: 'run', pid: event.pid, trace: event.trace, stretch, walks: 0, walkReads: 0 };
  const draft = drafted(context, context.installed?.pageBytes ?? 0);
  draft.work = work;
  return advance(draft, send);
});

const startCopy = handle<TlbContext>((context, event, send) => {
  assertType(event, 'UACCESS');
  const { va, lengthBytes, access } = event;
  const copy: Copy = { va, endVa: va + lengthBytes, access, doneBytes: 0, counts: noCounts() };
  const draft = drafted(context, context.installed?.pageBytes ?? 0);
  draft.work = { kind: 'copy', pid: event.pid, copy, walks: 0, walkReads: 0 };
  return advance(draft, send);
});

const translated = handle<TlbContext>((context, event, send) => {
  assertType(event, 'TRANSLATION');
  const { asid, pageBytes } = context.installed as Installed;
  const waits = context.waits as NonNullable<TlbContext['waits']>;
  const draft = drafted(context, pageBytes);
  // Maintenance reaches the registers of a walk under way too (Arm ARM D8.17 RRVJDB): it starts again.
  if (waits.stale || event.pageBytes !== pageBytes) return askWalk(draft, waits.va, waits.access, 0, send);
  const { tlb } = draft;
  const rights = (event.read ? MAY_READ : 0) | (event.write ? MAY_WRITE : 0) | (event.exec ? MAY_FETCH : 0);
  const page = Math.floor(waits.va / pageBytes);
  tlb.keepWalk(asid, waits.va, walkGeometry(pageBytes), event.levels);
  const fetch = waits.access === 'fetch';
  if (event.contiguousPages > 1 && tlb.groupPages === event.contiguousPages) {
    const inGroup = page % event.contiguousPages;
    tlb.fillGroup(fetch, asid, page - inGroup, event.pfn - inGroup, rights);
  } else tlb.fill(fetch, asid, page, event.pfn, rights);
  draft.work = draftedWork(context.work as Work);
  countWalk(draft.work, waits, event.levels);
  draft.waits = null;
  return advance(draft, send);
});

/** The walk found nothing: what it read is counted, and the kernel has the CPU. */
const excepted = handle<TlbContext>((context, event) => {
  assertType(event, 'EXCEPTION');
  const work = { ...(context.work as Work) };
  countWalk(work, context.waits, event.levels);
  return reviseTlb(context, (draft) => {
    draft.work = work;
  });
});

const retry = handle<TlbContext>((context, _event, send) => {
  const { va, access } = context.waits as NonNullable<TlbContext['waits']>;
  return askWalk(drafted(context, context.installed?.pageBytes ?? 0), va, access, 0, send);
});

const abort = handle<TlbContext>((context, event, send) => {
  assertType(event, 'ABORT');
  if (context.work?.kind === 'copy') return finishCopy(copyTlb(context), 'fault', send, event.signal);
  return finishRun(copyTlb(context), 'signal', 0, send, event);
});

const sleep = handle<TlbContext>((context, _event, send) => {
  if (context.work?.kind === 'copy') return finishCopy(copyTlb(context), 'asleep', send);
  return finishRun(copyTlb(context), 'asleep', 0, send);
});

const install = handle<TlbContext>((context, event, send) => {
  assertType(event, 'SET_TTBR');
  const { pid, asid, mmu, pageBytes, root, reserved } = event;
  const { costs } = context.resources;
  // The steps of a switch without a change of granule are in the cost of a context switch.
  const granuleChanges = switchSteps(context.installed?.pageBytes ?? null, pageBytes).includes('TCR_EL1 TG0');
  const granuleSwitches = context.granuleSwitches + (granuleChanges ? 1 : 0);
  send('sched', { type: 'SWITCHED', pid, cpu: context.cpu }, granuleChanges ? costs.granuleSwitch : 0);
  const installed: Installed = { pid, asid, mmu, pageBytes };
  if (root !== undefined) installed.root = root;
  if (reserved !== undefined) installed.reserved = reserved;
  if (!event.flush)
    return reviseTlb(context, (draft) => {
      draft.installed = installed;
      draft.granuleSwitches = granuleSwitches;
    });
  const tlb = context.tlb.edit();
  const maintained = context.maintained + tlb.invalidateAll();
  return reviseTlb(context, (draft) => {
    draft.installed = installed;
    draft.tlb = tlb;
    draft.maintained = maintained;
    draft.granuleSwitches = granuleSwitches;
  });
});

const maintain = handle<TlbContext>((context, event, send) => {
  assertType(event, 'TLBI');
  const tlb = context.tlb.edit();
  let dropped = 0;
  const used = context.installed?.pageBytes ?? null;
  const obeyed = obeyedOf(context.resources, event.operations, used, event.issuerPageBytes);
  for (const request of obeyed) {
    tlb.groupPages = groupPagesOf(context.resources, request.pageBytes);
    dropped += invalidate(tlb, request);
  }
  send(event.mmu, { type: 'TLBI_DONE', cpu: context.cpu, dropped }, context.resources.costs.dsbInnerShareable);
  const walksThis = obeyed.length > 0 && context.waits !== null && context.installed?.mmu === event.mmu;
  const waits = walksThis ? { ...(context.waits as PendingAccess), stale: true } : context.waits;
  return reviseTlb(context, (draft) => {
    draft.tlb = tlb;
    draft.waits = waits;
    draft.maintained = context.maintained + dropped;
  });
});

/**
 * The mm falls back to its Linux table while it may be running here: reserved TTBR0, local flush of the ASID, new TG0, new
 * root (D-06). Without the flush an old entry's page number would be read as one of the new, smaller pages.
 */
const regranule = handle<TlbContext>((context, event) => {
  assertType(event, 'REGRANULE');
  if (context.installed?.mmu !== event.mmu) return context;
  const installed: Installed = { ...context.installed, pageBytes: event.pageBytes };
  if (event.root !== undefined) installed.root = event.root;
  const tlb = context.tlb.edit();
  const maintained = context.maintained + tlb.invalidateAsid(installed.asid);
  const { work } = context;
  if (work?.kind !== 'run')
    return reviseTlb(context, (draft) => {
      draft.installed = installed;
      draft.tlb = tlb;
      draft.maintained = maintained;
    });
  const stretch = { ...work.stretch, lastFetchPage: -1, lastDataPage: -1 };
  return reviseTlb(context, (draft) => {
    draft.installed = installed;
    draft.tlb = tlb;
    draft.maintained = maintained;
    draft.work = { ...work, stretch };
  });
});

const isParked = ({ context }: { context: TlbContext }): boolean => context.waits?.parked === true;
const isReserved = ({ context }: { context: TlbContext }): boolean => context.installed?.reserved === true;

const answersWalk = ({ context, event }: { context: TlbContext; event: Message }): boolean =>
  'walk' in event && event.walk === context.walk;
const forThis = ({ context, event }: { context: TlbContext; event: Message }): boolean =>
  event.type === 'SLEEP' && context.work?.pid === event.pid;

/** The statechart of a CPU's TLBs. */
export const tlbMachine = setup({
  types: { context: {} as TlbContext, events: {} as Message, input: {} as TlbInput },
  actions: {
    startRun,
    startCopy,
    translated,
    excepted,
    retry,
    abort,
    sleep,
    install,
    maintain,
    regranule,
    reserveTtbr0: handle<TlbContext>(reserve),
    installTtbr0: handle<TlbContext>(installRoot),
    writeTg0: handle<TlbContext>(writeGranule),
  },
  guards: {
    answersWalk,
    forThis,
    waits: ({ context }) => context.waits !== null,
    rests: ({ context }) => context.work === null,
    isParked,
    released: (given) => isParked(given) && !isReserved(given),
  },
}).createMachine({
  id: 'tlb',
  context: ({ input }) => ({
    resources: input.resources,
    cpu: input.cpu,
    l2HitCycles: input.core.l2HitCycles ?? input.resources.costs.l2TlbHit,
    tlb: Tlb.empty(input.core),
    installed: null,
    work: null,
    waits: null,
    walk: 0,
    maintained: 0,
    granuleSwitches: 0,
  }),
  initial: 'idle',
  on: {
    TLBI: { actions: 'maintain' },
    REGRANULE: { actions: 'regranule' },
    TTBR0_RESERVE: { actions: 'reserveTtbr0' },
    TTBR0_INSTALL: { actions: 'installTtbr0' },
    TCR_TG0: { actions: 'writeTg0' },
  },
  states: {
    idle: {
      on: {
        SET_TTBR: { actions: 'install' },
        RUN: { target: 'running', actions: 'startRun' },
        UACCESS: { target: 'running', actions: 'startCopy' },
      },
    },
    /** A moment only: the stretch runs within the step that leads here. */
    running: {
      always: [
        { guard: 'waits', target: 'walking' },
        { guard: 'rests', target: 'idle' },
      ],
    },
    walking: {
      on: {
        TRANSLATION: { guard: 'answersWalk', target: 'running', actions: 'translated' },
        EXCEPTION: { guard: 'answersWalk', target: 'faulted', actions: 'excepted' },
        SLEEP: { guard: 'forThis', target: 'idle', actions: 'sleep' },
      },
      always: { guard: 'isParked', target: 'parked' },
    },
    /** The access has met the reserved table, and waits for the new root. */
    parked: {
      on: { SLEEP: { guard: 'forThis', target: 'idle', actions: 'sleep' } },
      always: { guard: 'released', target: 'walking', actions: 'retry' },
    },
    faulted: {
      on: {
        WALK_AGAIN: { guard: 'answersWalk', target: 'walking', actions: 'retry' },
        ABORT: { guard: 'answersWalk', target: 'idle', actions: 'abort' },
        SLEEP: { guard: 'forThis', target: 'idle', actions: 'sleep' },
      },
    },
  },
});
