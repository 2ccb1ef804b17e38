/**
 * What makes memory soft-dirty again: a write to it, and that it is mapped anew (`mm/memory.c:wp_page_reuse`, VM_SOFTDIRTY).
 *
 * @models D-07
 */
import { newlyMapped, withoutRange } from '../../src/mm/softDirty.ts';
import type { VaRange } from '../../src/mm/tableWork.ts';
import type { VmaSet } from '../../src/mm/vmaSet.ts';
import type { PteRun } from '../messages.ts';
import { unitPages } from '../mmFaultParts.ts';
import type { FaultWork, MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';

/**
 * What was written, or is newly there, is soft-dirty.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const clean = { ...mm, softClean: [{ startVa: 0, endVa: 8192 }] };
 * makeSoftDirty(clean, [{ startVa: 0, endVa: 4096 }]).softClean; // [{ startVa: 4096, endVa: 8192 }]
 * ```
 */
export function makeSoftDirty(context: MmContext, ranges: readonly VaRange[]): MmContext {
  const { softClean } = context;
  if (softClean === undefined || ranges.length === 0) return context;
  return reviseMm(context, (draft) => {
    draft.softClean = ranges.reduce<readonly VaRange[]>((left, range) => withoutRange(left, range), softClean);
  });
}

/**
 * The same for the page around a write fault that has been handled: a process page, or what the design copies at once.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const clean = { ...mm, pageBytes: 65536, softClean: [{ startVa: 0, endVa: 0x20000 }] };
 * written(clean, { va: 0x12345, access: 'write' }, []).softClean; // [{ startVa: 0, endVa: 0x10000 }]
 * written(clean, { va: 0x12345, access: 'read' }, []) === clean; // true
 * ```
 */
export function written(
  context: MmContext,
  { va, access }: Pick<FaultWork, 'va' | 'access'>,
  entered: readonly PteRun[],
): MmContext {
  if (context.softClean === undefined || access !== 'write') return context;
  const whole = context.resources.design.copyOnWrite === 'process-page';
  const pages = whole ? unitPages(context, context.vmas.find(va) ?? {}) : 1;
  const bytes = pages * context.kernelPageBytes;
  const startVa = va - (va % bytes);
  const others = entered.map((run) => ({ startVa: run.va, endVa: run.va + run.nr * context.kernelPageBytes }));
  return makeSoftDirty(context, [{ startVa, endVa: startVa + bytes }, ...others]);
}

/**
 * The areas have changed: what is newly mapped is soft-dirty.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const area = { startVa: 0, endVa: 4096, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const clean = { ...mm, softClean: [{ startVa: 0, endVa: 8192 }] };
 * mappedAnew(clean, VmaSet.empty(4096).map(area)).softClean; // [{ startVa: 4096, endVa: 8192 }]
 * ```
 */
export function mappedAnew(context: MmContext, vmas: VmaSet): MmContext {
  return context.softClean === undefined ? context : makeSoftDirty(context, newlyMapped(context.vmas, vmas));
}
