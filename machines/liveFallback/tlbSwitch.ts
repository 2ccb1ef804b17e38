/**
 * A CPU's part in a change of table and granule (D-06): the reserved table in TTBR0, the translations of the ASID dropped, then
 * TG0 and the new root. An access that meets the reserved table waits (state `parked`).
 *
 * @models S-39 D-06
 */
import type { Message } from '../messages.ts';
import { reviseTlb } from '../reviseCpu.ts';
import { assertType, type Send } from '../support.ts';
import type { Installed, PendingAccess, TlbContext, Work } from '../tlbState.ts';

/** Nothing is known any more of what the stretch touched last: page numbers mean other addresses. */
function forgetful(work: Work | null): Work | null {
  if (work?.kind !== 'run') return work;
  return { ...work, stretch: { ...work.stretch, lastFetchPage: -1, lastDataPage: -1 } };
}

function withInstalled(context: TlbContext, mmu: string, change: (installed: Installed) => Installed): TlbContext {
  const { installed } = context;
  if (installed?.mmu !== mmu) return context;
  return reviseTlb(context, (draft) => {
    draft.installed = change(installed);
    draft.work = forgetful(context.work);
  });
}

/**
 * The reserved table goes in where the mm is installed; the ASID is flushed whether it is or not, as it may have been.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, cpu: 5, core: corePresets['cortex-a76'] };
 * const context = createActor(machines.tlb, { input }).getSnapshot().context;
 * const sent: unknown[] = [];
 * const order = { type: 'TTBR0_RESERVE' as const, mmu: 'mmu:1', asid: 3, flush: true };
 * reserve(context, order, (_to, message) => sent.push(message));
 * sent; // [{ type: 'TTBR0_RESERVED', cpu: 5 }]
 * ```
 */
export function reserve(before: TlbContext, event: Message, send: Send): TlbContext {
  assertType(event, 'TTBR0_RESERVE');
  const { mmu, asid, flush } = event;
  const { dsbInnerShareable } = before.resources.costs;
  send(mmu, { type: 'TTBR0_RESERVED', cpu: before.cpu }, dsbInnerShareable);
  let context = withInstalled(before, mmu, (installed) => ({ ...installed, reserved: true }));
  if (context !== before && context.waits !== null) {
    const waits: PendingAccess = { ...context.waits, parked: true };
    context = reviseTlb(context, (draft) => {
      draft.waits = waits;
    });
  }
  if (!flush) return context;
  const tlb = context.tlb.edit();
  const dropped = tlb.invalidateAsid(asid);
  return reviseTlb(context, (draft) => {
    draft.tlb = tlb;
    draft.maintained = context.maintained + dropped;
  });
}

/**
 * TG0 and the new root.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, cpu: 5, core: corePresets['cortex-a76'] };
 * const context = createActor(machines.tlb, { input }).getSnapshot().context;
 * const installed = { pid: 1, asid: 3, mmu: 'mmu:1', pageBytes: 65536, reserved: true };
 * const order = { type: 'TTBR0_INSTALL' as const, mmu: 'mmu:1', root: 'linux' as const, pageBytes: 4096 };
 * installRoot({ ...context, installed }, order).installed?.pageBytes; // 4096
 * ```
 */
export function installRoot(context: TlbContext, event: Message): TlbContext {
  assertType(event, 'TTBR0_INSTALL');
  const { mmu, root, pageBytes } = event;
  const next = withInstalled(context, mmu, ({ pid, asid }) => ({ pid, asid, mmu, pageBytes, root }));
  return next === context
    ? context
    : reviseTlb(next, (draft) => {
        draft.granuleSwitches = context.granuleSwitches + 1;
      });
}

/**
 * TG0 alone: walks go on from the old root with it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, cpu: 5, core: corePresets['cortex-a76'] };
 * const context = createActor(machines.tlb, { input }).getSnapshot().context;
 * writeGranule(context, { type: 'TCR_TG0', mmu: 'mmu:1', pageBytes: 4096 }) === context; // true
 * ```
 */
export function writeGranule(context: TlbContext, event: Message): TlbContext {
  assertType(event, 'TCR_TG0');
  return withInstalled(context, event.mmu, (installed) => ({ ...installed, pageBytes: event.pageBytes }));
}
