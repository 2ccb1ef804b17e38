/**
 * The page tables of one mm: the Linux table that core mm edits, and the native table of layer 3 that hardware walks when
 * the page-size ABI is larger than the kernel page. An operation that the native table cannot hold makes it warn and move
 * to `fallback`: from then on hardware walks the Linux table.
 */
import { setup } from 'xstate';
import { pageSizeLimits } from '../src/arch/granule.ts';
import { flagsOf, hasFlags, isValid, isWritable, makeDirty, makeYoung, PTE, pfnOf } from '../src/mm/pte.ts';
import { mmOf, mmuOf, tlbOf } from './addresses.ts';
import { walkLockless } from './gup/mmuWalkers.ts';
import { reservedBy } from './liveFallback/mmuReturn.ts';
import { installing, noteWalk } from './liveFallback/mmuSwitch.ts';
import type { Access, Message } from './messages.ts';
import { initialMmu, type MmuContext, type MmuInput, type TableMessage, walked } from './mmuState.ts';
import { refuseFrames, takeFrames } from './mmuSupply.ts';
import { acknowledgeFlush, commit, takeOperation } from './mmuTables.ts';
import { deviceWalk } from './notifiers/mmuNotify.ts';
import { pagewalk } from './walkers/mmuWalk.ts';
import { assertType, handle } from './support.ts';
import { reviseMmu } from './revise.ts';
import { isBetweenSteps, secondStep } from './twoTables/mmuSteps.ts';

export type { MmuContext, MmuInput } from './mmuState.ts';

function allows(pte: number, access: Access): boolean {
  if (!isValid(pte)) return false;
  if (access === 'fetch') return hasFlags(pte, PTE.EXEC);
  return access === 'read' || isWritable(pte);
}

/** A hardware walk, access flag and dirty state updated by hardware (FEAT_HAFDBS, Arm ARM D8.5). */
const walk = handle<MmuContext>((before, event, send) => {
  assertType(event, 'WALK');
  const context = noteWalk(before, event);
  const { va, access, cpu, pid } = event;
  const table = walked(context);
  const { granuleBytes } = table.geometry;
  const page = Math.floor(va / granuleBytes) * granuleBytes;
  const { pte, levelsRead: levels } = table.walk(page);
  const delay = Math.max(1, levels - event.skipLevels) * context.resources.costs.walkStep;
  const state = reviseMmu(context, (draft) => {
    draft.walks = context.walks + 1;
  });
  const isBroken = isBetweenSteps(context, page) || context.makes.some((make) => make.va === page);
  if (!allows(pte, access) && isBroken) {
    // Invalid for the moment of a break-before-make, or between two tables: the fault waits for the page-table lock, and finds
    // nothing to do.
    send(tlbOf(cpu), { type: 'EXCEPTION', walk: event.walk, pid, va, levels }, delay);
    const spurious = [...state.spurious, { walk: event.walk, pid, cpu }];
    return reviseMmu(state, (draft) => {
      draft.spurious = spurious;
      draft.spuriousFaults = state.spuriousFaults + 1;
    });
  }
  if (!allows(pte, access)) {
    const linux = context.linux.get(va);
    const known =
      linux === 0 ? { ptePfn: 0, pteFlags: 0 } : { ptePfn: pfnOf(linux), pteFlags: flagsOf(linux) & ~PTE.CONT };
    send(tlbOf(cpu), { type: 'EXCEPTION', walk: event.walk, pid, va, levels }, delay);
    const entered = delay + context.resources.costs.exceptionEntryExit;
    send(mmOf(context.pid), { type: 'FAULT', walk: event.walk, pid, cpu, va, access, ...known }, entered);
    return state;
  }
  const updated = access === 'write' ? makeDirty(makeYoung(pte)) : makeYoung(pte);
  const translation: Message = {
    type: 'TRANSLATION',
    walk: event.walk,
    pid,
    va,
    // In kernel pages, whichever table it came from.
    pfn: pfnOf(updated) * (granuleBytes / context.kernelPageBytes),
    pageBytes: granuleBytes,
    read: true,
    write: isWritable(updated) && !hasFlags(updated, PTE.READONLY),
    exec: hasFlags(updated, PTE.EXEC),
    levels,
    contiguousPages: hasFlags(updated, PTE.CONT) ? pageSizeLimits(granuleBytes).contPtes : 1,
  };
  send(tlbOf(cpu), translation, delay);
  if (updated === pte) return state;
  const edit = table.edit();
  edit.set(page, updated);
  return context.native === null
    ? reviseMmu(state, (draft) => {
        draft.linux = edit.done();
      })
    : reviseMmu(state, (draft) => {
        draft.native = edit.done();
      });
});

const operation = handle<MmuContext>((context, event, send) => takeOperation(context, event as TableMessage, send));

const frames = handle<MmuContext>((context, event, send) => {
  assertType(event, 'FRAMES');
  return takeFrames(context, event, send);
});

const noFrames = handle<MmuContext>((context, event, send) => {
  assertType(event, 'NO_MEMORY');
  return refuseFrames(context, event, send);
});

const acknowledged = handle<MmuContext>((context, _event, send) => acknowledgeFlush(context, send));

const secondTable = handle<MmuContext>((context, _event, send) => secondStep(context, commit, send));

const reserved = handle<MmuContext>((context, _event, send) => reservedBy(context, send));

const activate = handle<MmuContext>((context, event, send) => {
  assertType(event, 'ACTIVATE');
  const { pid, cpu, asid, flush: flushFirst } = event;
  const pageBytes = walked(context).geometry.granuleBytes;
  send(tlbOf(cpu), {
    type: 'SET_TTBR',
    pid,
    asid,
    pageBytes,
    mmu: mmuOf(context.pid),
    flush: flushFirst,
    ...installing(context),
  });
  return reviseMmu(context, (draft) => {
    draft.asid = asid;
  });
});

/** The MMU's statechart: in which mode hardware walks, and in each what the tables are busy with. */
export const mmuMachine = setup({
  types: { context: {} as MmuContext, events: {} as Message, input: {} as MmuInput },
  actions: {
    walk,
    operation,
    frames,
    noFrames,
    acknowledged,
    secondTable,
    reserved,
    activate,
    pagewalk: handle<MmuContext>(pagewalk),
    deviceWalk: handle<MmuContext>(deviceWalk),
    lockless: handle<MmuContext>((context, event, send) => {
      assertType(event, 'GUP_WALK');
      return walkLockless(context, event, send);
    }),
    retry: handle<MmuContext>((context, event, send) => {
      assertType(event, 'FAULT_DONE');
      send(tlbOf(event.cpu), { type: 'WALK_AGAIN', walk: event.walk, pid: event.pid });
      return context;
    }),
    abort: handle<MmuContext>((context, event, send) => {
      assertType(event, 'FAULT_SIGNAL');
      const { walk: number, pid, va, signal, code } = event;
      send(tlbOf(event.cpu), { type: 'ABORT', walk: number, pid, va, signal, code });
      return context;
    }),
  },
  guards: {
    plain: ({ context }) => context.pageBytes !== 0 && context.native === null && context.fallback === '',
    native: ({ context }) => context.native !== null,
    isLazy: ({ context }) => context.native !== null && context.resources.design.nativeFill === 'lazy',
    released: ({ context }) => context.pageBytes === 0,
    fellBack: ({ context }) => context.fallback !== '',
    allocating: ({ context }) => context.allocations.length > 0,
    flushing: ({ context }) => context.acknowledgements > 0,
    reserving: ({ context }) => (context.live?.waiting ?? 0) > 0,
    rests: ({ context }) => context.current === null,
  },
}).createMachine({
  id: 'mmu',
  context: ({ input }) => initialMmu(input),
  initial: 'unconfigured',
  on: {
    WALK: { actions: 'walk' },
    FAULT_DONE: { actions: 'retry' },
    FAULT_SIGNAL: { actions: 'abort' },
    ACTIVATE: { actions: 'activate' },
    CONFIGURE: { actions: 'operation' },
    SET_PTES: { actions: 'operation' },
    CLEAR_PTES: { actions: 'operation' },
    PROTECT_PTES: { actions: 'operation' },
    AGE_PTES: { actions: 'operation' },
    MOVE_PTES: { actions: 'operation' },
    COPY_PTES: { actions: 'operation' },
    READ_PTES: { actions: 'operation' },
    EXCHANGE_PTES: { actions: 'operation' },
    FILL_NATIVE: { actions: 'operation' },
    DROP_NATIVE: { guard: 'isLazy', actions: 'operation' },
    HARVEST_PTES: { actions: 'operation' },
    PAGEWALK: { actions: 'pagewalk' },
    GUP_WALK: { actions: 'lockless' },
    DEVICE_WALK: { actions: 'deviceWalk' },
    RELEASE_TABLES: { actions: 'operation' },
    FRAMES: { actions: 'frames' },
    NO_MEMORY: { actions: 'noFrames' },
    TABLES_STEP: { actions: 'secondTable' },
    TLBI_DONE: { actions: 'acknowledged' },
    MMU_INVALIDATE_DONE: { actions: 'acknowledged' },
    TTBR0_RESERVED: { actions: 'reserved' },
  },
  states: {
    unconfigured: {
      ...tablesAtWork(),
      always: [
        { guard: 'native', target: 'native' },
        { guard: 'plain', target: 'plain' },
      ],
    },
    plain: { ...tablesAtWork(), always: { guard: 'released', target: 'unconfigured' } },
    native: {
      ...tablesAtWork(),
      always: [
        { guard: 'fellBack', target: 'fallback' },
        { guard: 'released', target: 'unconfigured' },
      ],
    },
    fallback: {
      ...tablesAtWork(),
      always: [
        { guard: 'native', target: 'native' },
        { guard: 'released', target: 'unconfigured' },
      ],
    },
  },
});

/** What the tables are busy with, the same in every mode: a mode is entered idle and moves on by what is outstanding. */
function tablesAtWork() {
  return {
    initial: 'idle',
    states: {
      idle: {
        always: [
          { guard: 'allocating' as const, target: 'allocating' },
          { guard: 'flushing' as const, target: 'flushing' },
          { guard: 'reserving' as const, target: 'reserving' },
        ],
      },
      allocating: {
        always: [
          { guard: 'flushing' as const, target: 'flushing' },
          { guard: 'reserving' as const, target: 'reserving' },
          { guard: 'rests' as const, target: 'idle' },
        ],
      },
      flushing: {
        always: [
          { guard: 'allocating' as const, target: 'allocating' },
          { guard: 'reserving' as const, target: 'reserving' },
          { guard: 'rests' as const, target: 'idle' },
        ],
      },
      /** CPUs are installing the reserved table, before hardware gets another one. */
      reserving: {
        always: [
          { guard: 'allocating' as const, target: 'allocating' },
          { guard: 'flushing' as const, target: 'flushing' },
          { guard: 'rests' as const, target: 'idle' },
        ],
      },
    },
  };
}
