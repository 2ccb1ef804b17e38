/**
 * What an MMU does once no CPU walks its tables: it falls back to the Linux table, or returns to a native one.
 *
 * @models S-39 S-40 D-06
 */
import { invariant } from '../../src/errors.ts';
import { rebuildNative } from '../../src/mm/liveFallback/rebuild.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { operate } from '../../src/mm/tableOps.ts';
import { noteUnlinked } from '../gup/mmuWalkers.ts';
import { giveBack, giveBackSurplus, runsOf, withGranted } from '../mmuFrames.ts';
import type { MmuContext, TableMessage } from '../mmuState.ts';
import { opOf, tableFramesNeeded } from '../mmuSupport.ts';
import { askFrames, emptyAnswer, finish, regranule, withoutNative, withPeaks } from '../mmuTables.ts';
import { reviseMmu } from '../revise.ts';
import type { Send } from '../support.ts';
import { cpuReserved, reserveAll, stillTorn } from './mmuSwitch.ts';

/**
 * Gives the native table up, and does the operation on the Linux table alone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'READ_PTES' as const, request: 7, ranges: [] };
 * fallBack({ ...mmu, current, native: PageTable.empty(65536) }, 'torn', () => {}).fallback; // 'torn'
 * ```
 */
export function fallBack(state: MmuContext, reason: string, send: Send): MmuContext {
  const current = state.current as TableMessage;
  invariant(isOperation(current), 'an operation falls back');
  const linuxOnly = noteUnlinked(withoutNative(state, reason), state.linux);
  const outcome = operate(linuxOnly, opOf(current), state.resources.design.contpte);
  const { set, cleared, rejected } = outcome;
  const answer = { ...emptyAnswer(current.request), set, cleared, rejected, fallback: reason };
  const tableFrames = withGranted(linuxOnly.tableFrames, linuxOnly.granted);
  const done = withPeaks({ ...linuxOnly, tableFrames, granted: [], linux: outcome.linux, answer });
  const freed = noteUnlinked(giveBack(done, outcome.linux, outcome.freedLinux), outcome.linux);
  return regranule(state.live === undefined ? freed : giveBackSurplus(freed), send);
}

function isOperation(current: TableMessage): current is Parameters<typeof opOf>[0] {
  return !['CONFIGURE', 'RELEASE_TABLES', 'RETURN_NATIVE'].includes(current.type);
}

/**
 * A CPU has the reserved table; with the last of them the tables change.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false });
 * reservedBy({ ...mmu, live: { waiting: 2 } }, () => {}).live?.waiting; // 1
 * ```
 */
export function reservedBy(context: MmuContext, send: Send): MmuContext {
  const state = cpuReserved(context);
  if (state.live?.reserved !== true) return state;
  return state.current?.type === 'RETURN_NATIVE' ? commitReturn(state, send) : fallBack(state, state.live.reason, send);
}

/**
 * The process pages are whole again, it seems: frames for the native table first.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'RETURN_NATIVE' as const, request: 0 };
 * beginReturn({ ...mmu, pageBytes: 65536, current, fallback: 'torn' }, () => {}).fallback; // ''
 * ```
 */
export function beginReturn(context: MmuContext, send: Send): MmuContext {
  const { linux, pageBytes, kernelPageBytes } = context;
  const rebuilt = rebuildNative(linux, pageBytes);
  if ('tornVa' in rebuilt) return finish(stillTorn(context, rebuilt.tornVa), send);
  const after = { ...rebuilt, freedLinux: [], freedNative: [] };
  const allocations = tableFramesNeeded({ linux, native: PageTable.empty(pageBytes) }, after, kernelPageBytes);
  if (allocations.length > 0) return askFrames(context, allocations, send);
  return reserveAll(context, '', send) ?? commitReturn(context, send);
}

/** Hardware walks the native table again. */
function commitReturn(context: MmuContext, send: Send): MmuContext {
  const rebuilt = rebuildNative(context.linux, context.pageBytes);
  invariant('native' in rebuilt, 'nothing is torn while the tables are held');
  const tableFrames = withGranted(context.tableFrames, context.granted);
  const state = reviseMmu(context, (draft) => {
    draft.linux = rebuilt.linux;
    draft.native = rebuilt.native;
    draft.fallback = '';
    draft.tableFrames = tableFrames;
    draft.granted = [];
  });
  return regranule(withPeaks(state), send);
}

/**
 * The frames for a return are there; without memory for its tables the mm stays where it is.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const current = { type: 'RETURN_NATIVE' as const, request: 0 };
 * returnSupplied({ ...mmu, pageBytes: 65536, current, fallback: 'torn', refused: [4] }, () => {}).fallback; // 'torn'
 * ```
 */
export function returnSupplied(context: MmuContext, send: Send): MmuContext {
  if (context.refused.length === 0) return reserveAll(context, '', send) ?? commitReturn(context, send);
  const freed = context.granted.flatMap(runsOf);
  return finish(
    reviseMmu(context, (draft) => {
      draft.granted = [];
      draft.refused = [];
      draft.freed = freed;
    }),
    send,
  );
}
