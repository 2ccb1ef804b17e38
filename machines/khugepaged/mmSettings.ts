/**
 * What faults of an mm obey of the controls of transparent huge pages: what was written to sysfs since the start, else the design.
 *
 * @models S-23
 */
import type { ThpSettings } from '../../src/arch/design.ts';
import type { MessageOf } from '../messages.ts';
import type { MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import type { Send } from '../support.ts';

/**
 * The settings that hold for a fault now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * thpOf(mm).enabled; // 'madvise'
 * thpOf({ ...mm, thp: { settings: { enabled: 'never', sizes: {} }, useZeroPage: false } }).enabled; // 'never'
 * ```
 */
export function thpOf(context: MmContext): ThpSettings {
  return context.thp?.settings ?? context.resources.design.thp;
}

/**
 * Whether a read fault may map the huge zero page; never where the topology does not ask for this part.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * usesHugeZero(mm); // false
 * ```
 */
export function usesHugeZero(context: MmContext): boolean {
  const { thp } = context.resources.facilities;
  return thp !== undefined && (context.thp?.useZeroPage ?? thp.useZeroPage ?? true);
}

/**
 * Takes new settings: the next fault obeys them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const settings = { enabled: 'never' as const, sizes: {} };
 * obey(mm, { type: 'THP_SETTINGS', request: 1, settings, useZeroPage: true }, () => {}).thp?.settings.enabled; // 'never'
 * ```
 */
export function obey(context: MmContext, event: MessageOf<'THP_SETTINGS'>, send: Send): MmContext {
  const { request, settings, useZeroPage } = event;
  send('khugepaged', { type: 'THP_SETTLED', request });
  return reviseMm(context, (draft) => {
    draft.thp = { settings, useZeroPage };
  });
}
