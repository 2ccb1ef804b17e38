/**
 * The huge zero page: a read fault where a write would get a huge page maps one zeroed folio of the PMD size, shared by all, and a
 * write to it gets a huge page in its place. Sources: mm/huge_memory.c:do_huge_pmd_anonymous_page, get_huge_zero_folio,
 * do_huge_zero_wp_pmd.
 *
 * @models S-17 S-34
 */
import { largeFlag } from '../../src/mm/contpte.ts';
import { invariant } from '../../src/errors.ts';
import { fallingOrders, pmdOrderOf, rangeOf } from '../../src/mm/anonOrders.ts';
import { protectionFlags, PTE } from '../../src/mm/pte.ts';
import type { Vma } from '../../src/mm/vma.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message } from '../messages.ts';
import { type FaultJob, type FaultStep, prepareAnon, setRuns, vmaOf, waitsOn, workOf } from '../mmFaultParts.ts';
import { ask, type MmContext } from '../mmState.ts';
import { reviseMm } from '../revise.ts';
import { copyZone } from '../revise.ts';
import { assertType, type Send } from '../support.ts';
import type { ZoneContext } from '../zone.ts';
import { takeBlocks, type Wish } from '../zoneAlloc.ts';
import { usesHugeZero } from './mmSettings.ts';

function pmdOf({ pageBytes, kernelPageBytes }: MmContext): number {
  return pmdOrderOf(pageBytes, kernelPageBytes);
}

function readRange(context: MmContext, job: FaultJob, step: string, send: Send): FaultStep {
  const ranges = [rangeOf(workOf(job).va, pmdOf(context), context.kernelPageBytes)];
  const read = (request: number): Message => ({ type: 'READ_PTES', request, ranges });
  return waitsOn(ask(context, job, step, mmuOf(context.pid), read, send));
}

/**
 * Begins a read fault that may map the huge zero page: `orders` are those that a write fault could use. Null where it may not.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'read' as const, ptePfn: 0, pteFlags: 0, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * beginHugeZero({ ...mm, pageBytes: 4096 }, job, 2 ** 9, () => {}); // null
 * ```
 */
export function beginHugeZero(context: MmContext, job: FaultJob, orders: number, send: Send): FaultStep | null {
  const allowed = usesHugeZero(context) && (orders & (2 ** pmdOf(context))) !== 0;
  return allowed ? readRange(context, job, 'hugeZeroRead', send) : null;
}

/**
 * Whether a write is one to the huge zero page.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * isHugeZero({ ...mm, hugeZero: { pfn: 512, nr: 512 } }, 700); // true
 * isHugeZero(mm, 700); // false
 * ```
 */
export function isHugeZero({ hugeZero }: MmContext, pfn: number): boolean {
  return hugeZero !== undefined && pfn >= hugeZero.pfn && pfn < hugeZero.pfn + hugeZero.nr;
}

/**
 * Begins a write to the huge zero page: whether all of it is still there decides how much is replaced.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const fault = { va: 0x15000, access: 'write' as const, ptePfn: 9, pteFlags: 9, major: false, pages: [], truncated: false };
 * const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).insert(vma);
 * writeHugeZero({ ...mm, vmas, pageBytes: 4096 }, job, () => {}).context.vmas.find(0x15000)?.anonVma; // 1
 * ```
 */
export function writeHugeZero(context: MmContext, job: FaultJob, send: Send): FaultStep {
  return readRange(prepareAnon(context, workOf(job).va), job, 'hugeZeroFound', send);
}

/** What the steps need of the fault handler. */
export interface HugeZeroParts {
  /** Maps single zero pages, as where there is no huge one. */
  single: (context: MmContext, job: FaultJob, vma: Vma, send: Send) => FaultStep;
  /** Asks for a zeroed folio of the first order that can be had. */
  allocate: (context: MmContext, job: FaultJob, orders: readonly number[], send: Send) => MmContext;
  /** Orders that a write fault may use. */
  ordersOf: (context: MmContext, vma: Vma, va: number) => number;
  leastOrder: (context: MmContext) => number;
}

type Handler = (context: MmContext, job: FaultJob, event: Message, send: Send) => FaultStep;

/**
 * The steps, by the name that a job waits under.
 *
 * @example
 * ```ts
 * const parts = { single: waitsOn, allocate: (mm) => mm, ordersOf: () => 0, leastOrder: () => 0 };
 * Object.keys(hugeZeroSteps(parts)); // ['hugeZeroRead', 'hugeZeroed', 'hugeZeroFound']
 * ```
 */
export function hugeZeroSteps(parts: HugeZeroParts): Record<'hugeZeroRead' | 'hugeZeroed' | 'hugeZeroFound', Handler> {
  return {
    hugeZeroRead: (context, job, event, send) => {
      assertType(event, 'TABLE_DONE');
      if (event.set.length > 0) return parts.single(context, job, vmaOf(context, job), send);
      const sender = mmOf(context.pid);
      const orderPages = pmdOf(context);
      const message = (request: number): Message => ({ type: 'HUGE_ZERO', sender, request, orderPages });
      return waitsOn(ask(context, job, 'hugeZeroed', 'zone', message, send));
    },

    hugeZeroed: (context, job, event, send) => {
      const vma = vmaOf(context, job);
      // Linux falls back to page tables with the small zero page (THP_FAULT_FALLBACK).
      if (event.type === 'NO_MEMORY') return parts.single(context, job, vma, send);
      assertType(event, 'FRAMES');
      const [pfn] = event.pfns;
      const nr = 2 ** event.orderPages;
      const known = reviseMm(context, (draft) => {
        draft.hugeZero = { pfn, nr };
      });
      const flags = protectionFlags(vma.prot, false) | PTE.YOUNG | largeFlag(event.orderPages, context.kernelPageBytes);
      const { startVa: va } = rangeOf(workOf(job).va, event.orderPages, context.kernelPageBytes);
      return waitsOn(setRuns(known, job, [{ va, pfn, nr, flags }], send));
    },

    hugeZeroFound: (context, job, event, send) => {
      assertType(event, 'TABLE_DONE');
      const { hugeZero } = context;
      invariant(hugeZero !== undefined, 'a write to the huge zero page is to one that was mapped');
      const pages = event.set.filter(({ pfn }) => isHugeZero(context, pfn)).reduce((sum, { nr }) => sum + nr, 0);
      const { va } = workOf(job);
      const orders = parts.ordersOf(context, vmaOf(context, job), va) & (2 ** pmdOf(context));
      const whole = pages === hugeZero.nr ? orders : 0;
      return waitsOn(parts.allocate(context, job, fallingOrders(whole, parts.leastOrder(context)), send));
    },
  };
}

/**
 * Answers HUGE_ZERO: the one folio of zeroes, made when it is first asked for. It is never given up (`huge_zero_refcount` and its
 * shrinker are not modelled), and nobody counts references to it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const zone = createActor(machines.zone, { input }).getSnapshot().context;
 * const first = hugeZero(zone, { type: 'HUGE_ZERO', sender: 'mm:1', request: 1, orderPages: 9 }, () => {});
 * first.hugeZero?.order; // 9
 * hugeZero(first, { type: 'HUGE_ZERO', sender: 'mm:2', request: 1, orderPages: 9 }, () => {}) === first; // true
 * hugeZero(zone, { type: 'HUGE_ZERO', sender: 'mm:1', request: 1, orderPages: 17 }, () => {}).failures; // 1
 * ```
 */
export function hugeZero(context: ZoneContext, event: Message, send: Send): ZoneContext {
  assertType(event, 'HUGE_ZERO');
  const { sender, request, orderPages } = event;
  const { costs } = context.resources;
  const held = context.hugeZero;
  if (held?.order === orderPages) {
    send(sender, { type: 'FRAMES', request, orderPages, pfns: [held.pfn] });
    return context;
  }
  const draft = copyZone(context);
  const order = { orderPages, leastOrder: orderPages, fallbackOrders: null, count: 1 };
  const wish: Wish = { sender: 'zone', ...order, kind: 'kernel', zero: true };
  const mayBe = held === undefined && orderPages <= context.buddy.maxOrder;
  const [pfn] = (mayBe ? takeBlocks(draft, wish, orderPages) : null) ?? [];
  if (pfn === undefined) {
    send(sender, { type: 'NO_MEMORY', request });
    draft.failures += 1;
    return draft;
  }
  const folios = context.folios.edit();
  folios.add({ pfn, order: orderPages, owner: 'zone', kind: 'reserved' });
  draft.folios = folios.done();
  draft.hugeZero = { pfn, order: orderPages };
  draft.zeroedBytes += 2 ** orderPages * context.kernelPageBytes;
  draft.freePagesLeast = Math.min(draft.freePagesLeast, draft.buddy.freeFrames);
  const delay = costs.frameAllocation + Math.ceil((costs.zeroPerKb * 2 ** orderPages * context.kernelPageBytes) / 1024);
  send(sender, { type: 'FRAMES', request, orderPages, pfns: [pfn] }, delay);
  return draft;
}
