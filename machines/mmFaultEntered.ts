/** How a fault ends once its entries are in the table, or are not. */
import { account, noteFallback, putEntries } from './mmEntries.ts';
import { ends, type FaultStep, HANDLED } from './mmFaultParts.ts';
import type { MessageOf } from './messages.ts';
import { type MmContext, SIGNAL } from './mmState.ts';
import { UNTRANSLATABLE } from './objects/mmInsert.ts';
import { reviseMm } from './revise.ts';
import { written } from './softDirty/mmWritten.ts';
import type { Send } from './support.ts';

/**
 * What an entry or the lack of it leads to once a table operation is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * entered(mm, done, () => {}).end; // { signal: 0, code: 0 }
 * entered(mm, { ...done, failed: 'misaligned' }, () => {}).end; // { signal: 7, code: 2 }
 * ```
 */
export function entered(context: MmContext, event: MessageOf<'TABLE_DONE'>, send: Send): FaultStep {
  putEntries(context, event.cleared, send);
  const counted = account(context, event.set, event.cleared);
  const { job } = counted;
  const fault = job === null || job.kind === 'forked' ? null : job.fault;
  const state = fault === null ? counted : written(counted, fault, event.set);
  if (event.fallback === 'no-memory') return ends(state, SIGNAL.KILL, 0);
  // Layer 3 refuses what it cannot translate (`design.untranslatable`).
  if (event.failed !== '') {
    return ends(state, SIGNAL.BUS, state.job?.kind === 'call' ? UNTRANSLATABLE : SIGNAL.BUS_ADRERR);
  }
  const { job: now } = state;
  const populate = now?.kind === 'call' ? now.populate : null;
  const known =
    now?.kind === 'call' && populate !== null && Array.isArray(populate.present)
      ? reviseMm(state, (draft) => {
          const present = [...(populate.present ?? []), ...event.set];
          draft.job = { ...now, populate: { ...populate, present } };
        })
      : state;
  return { context: noteFallback(known, event.fallback), end: HANDLED };
}
