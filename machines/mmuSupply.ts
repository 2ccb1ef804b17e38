/** The frames that a table operation has asked for: they come, or there are none. */
import { invariant } from '../src/errors.ts';
import { operate } from '../src/mm/tableOps.ts';
import { fallBack, returnSupplied } from './liveFallback/mmuReturn.ts';
import { reserveAll } from './liveFallback/mmuSwitch.ts';
import type { MessageOf } from './messages.ts';
import { runsOf, withGranted } from './mmuFrames.ts';
import type { MmuContext, TableMessage } from './mmuState.ts';
import { opOf } from './mmuSupport.ts';
import { commit, configured, emptyAnswer, finish } from './mmuTables.ts';
import type { Send } from './support.ts';
import { reviseMmu } from './revise.ts';

/**
 * Frames for tables came: with the last of them the operation is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const configure = { type: 'CONFIGURE' as const, request: 7, pageBytes: 65536, native: true };
 * const asked = beginOperation({ ...mmu, queue: [configure] }, () => {});
 * takeFrames(asked, { type: 'FRAMES', request: 0, orderPages: 0, pfns: [64] }, () => {}).tableFrames; // [{ orderPages: 0, pfns: [64] }]
 * ```
 */
export function takeFrames(context: MmuContext, event: MessageOf<'FRAMES'>, send: Send): MmuContext {
  const { orderPages, pfns } = event;
  const allocations = context.allocations.filter((entry) => entry.orderPages !== orderPages);
  const state = reviseMmu(context, (draft) => {
    draft.allocations = allocations;
    draft.granted = [...context.granted, { orderPages, pfns }];
  });
  return allocations.length > 0 ? state : supplied(state, send);
}

/**
 * No frames of an order.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const configure = { type: 'CONFIGURE' as const, request: 7, pageBytes: 65536, native: true };
 * const asked = beginOperation({ ...mmu, queue: [configure] }, () => {});
 * refuseFrames(asked, { type: 'NO_MEMORY', request: 0 }, () => {}).pageBytes; // 0
 * ```
 */
export function refuseFrames(context: MmuContext, event: MessageOf<'NO_MEMORY'>, send: Send): MmuContext {
  const allocations = context.allocations.filter((entry) => entry.orderPages !== event.request);
  const state = reviseMmu(context, (draft) => {
    draft.allocations = allocations;
    draft.refused = [...context.refused, event.request];
  });
  return allocations.length > 0 ? state : supplied(state, send);
}

/** Everything that was asked for is answered. */
function supplied(context: MmuContext, send: Send): MmuContext {
  const current = context.current as TableMessage;
  invariant(current.type !== 'RELEASE_TABLES', 'freeing tables asks for no frames');
  // The tables of a kernel page's size are the Linux table's: without them nothing goes, without native ones it does.
  if (current.type === 'RETURN_NATIVE') return returnSupplied(context, send);
  if (context.refused.includes(0)) return fail(context, current, send);
  const state = reviseMmu(context, (draft) => {
    draft.refused = [];
  });
  if (current.type === 'CONFIGURE') {
    return configured(
      reviseMmu(state, (draft) => {
        draft.tableFrames = withGranted(state.tableFrames, state.granted);
        draft.granted = [];
      }),
      current,
      send,
    );
  }
  const { contpte, nativeFill } = state.resources.design;
  if (context.refused.length === 0)
    return commit(state, operate(state, opOf(current), contpte, nativeFill === 'lazy'), send);
  const reason = 'no memory for a native table';
  return reserveAll(state, reason, send) ?? fallBack(state, reason, send);
}

/** No memory for a table: the operation fails as a whole, and the mm takes it as an out-of-memory fault. */
function fail(context: MmuContext, current: TableMessage, send: Send): MmuContext {
  const freed = context.granted.flatMap(runsOf);
  const rejected = current.type === 'SET_PTES' ? current.runs : [];
  const answer = { ...emptyAnswer(current.request), rejected, fallback: 'no-memory' };
  const state = reviseMmu(context, (draft) => {
    draft.granted = [];
    draft.refused = [];
    draft.freed = freed;
    draft.answer = answer;
  });
  return finish(
    current.type === 'CONFIGURE'
      ? reviseMmu(state, (draft) => {
          draft.pageBytes = 0;
          draft.native = null;
        })
      : state,
    send,
  );
}
