/**
 * An MMU's part in sharing its tables with devices (SVA): walks by their hardware, and the word to whoever looks after them that
 * something has to be forgotten. The MMU waits for their answers as for the DSBs of the CPUs, so that no frame is given
 * back that a device can still reach.
 *
 * A context descriptor has one root and one granule (TTB0, TG0). Hardware that can walk the granule of the native table is given that
 * one; other hardware gets the Linux table, which is there for every process, and in which a page of the process is many.
 *
 * @models D-10
 */
import { isValid, isWritable, makeDirty, makeYoung, pfnOf } from '../../src/mm/pte.ts';
import type { VaRange } from '../../src/mm/tableOps.ts';
import type { Message, TlbiRequest } from '../messages.ts';
import { mmuOf } from '../addresses.ts';
import { type MmuContext, walked } from '../mmuState.ts';
import { USER_END } from '../mmuSupport.ts';
import { reviseMmu } from '../revise.ts';
import { assertType, type Send } from '../support.ts';

/** A page as the hardware of a device finds it. */
export interface DeviceTranslation {
  /** First address of the page, and its first frame in kernel pages. */
  va: number;
  /** Whether there is an entry. */
  found: boolean;
  pfn: number;
  pageBytes: number;
  write: boolean;
  /** Descriptors that were read. */
  levels: number;
}

type Shared = Pick<MmuContext, 'linux' | 'native' | 'kernelPageBytes'>;

/** The table that a device's context descriptor names: the native one where its hardware can walk that. */
function tableFor({ native }: Pick<Shared, 'native'>, granules: readonly number[]): 'linux' | 'native' {
  return native !== null && granules.includes(native.geometry.granuleBytes) ? 'native' : 'linux';
}

/**
 * What a device finds for an address in the table that it is given.
 *
 * @example
 * ```ts
 * const linux = PageTable.empty(4096).edit();
 * linux.set(0x10000, packPte(32, PTE.VALID));
 * const shared = { linux: linux.done(), native: null, kernelPageBytes: 4096 };
 * deviceTranslation(shared, 0x10008, [4096]).pfn; // 32
 * ```
 */
export function deviceTranslation(shared: Shared, va: number, granules: readonly number[]): DeviceTranslation {
  const table = shared[tableFor(shared, granules)] ?? shared.linux;
  const { granuleBytes: pageBytes } = table.geometry;
  const page = va - (va % pageBytes);
  const { pte, levelsRead: levels } = table.walk(page);
  const found = isValid(pte);
  const pfn = found ? pfnOf(pte) * (pageBytes / shared.kernelPageBytes) : 0;
  return { va: page, found, pfn, pageBytes, write: found && isWritable(pte), levels };
}

/**
 * Answers DEVICE_WALK, and notes in the entry that it was used and written, as an SMMU with SMMU_IDR0.HTTU does.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const walk = { type: 'DEVICE_WALK' as const, sender: 'smmu:0', request: 1, va: 0, write: false, granules: [4096] };
 * const sent: Message[] = [];
 * deviceWalk(mmu, walk, (_to, message) => sent.push(message));
 * sent[0]?.type; // 'DEVICE_WALKED'
 * ```
 */
export function deviceWalk(context: MmuContext, event: Message, send: Send): MmuContext {
  assertType(event, 'DEVICE_WALK');
  const { sender, request, va, write, granules } = event;
  const found = deviceTranslation(context, va, granules);
  const allowed = found.found && (!write || found.write);
  const delay = found.levels * context.resources.costs.walkStep;
  send(sender, { type: 'DEVICE_WALKED', request, pid: context.pid, ...found, found: allowed }, delay);
  if (!allowed) return context;
  const name = tableFor(context, granules);
  const table = context[name] ?? context.linux;
  const pte = table.get(found.va);
  const updated = write ? makeDirty(makeYoung(pte)) : makeYoung(pte);
  if (updated === pte) return context;
  const edit = table.edit();
  edit.set(found.va, updated);
  const done = edit.done();
  return reviseMmu(context, (draft) => {
    draft[name] = done;
  });
}

/** Maintenance of the CPUs as ranges of addresses. */
function rangesOf(operations: readonly TlbiRequest[]): VaRange[] {
  const whole = operations.some(({ startVa, endVa }) => endVa <= startVa);
  if (whole) return [{ startVa: 0, endVa: USER_END }];
  return operations.map(({ startVa, endVa }) => ({ startVa, endVa }));
}

/**
 * Tells every notifier of the process what to forget; answers how many there are to wait for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * notify({ ...mmu, notifiers: ['smmu:0'] }, [wholeAsid(mmu)], 0, () => {}); // 1
 * ```
 */
export function notify(context: MmuContext, operations: readonly TlbiRequest[], delay: number, send: Send): number {
  const { notifiers = [], pid, flushes } = context;
  const walkedBytes = walked(context).geometry.granuleBytes;
  const ranges = rangesOf(operations);
  for (const notifier of notifiers) {
    const message = { type: 'MMU_INVALIDATE' as const, sender: mmuOf(pid), request: flushes, pid, ranges, walkedBytes };
    send(notifier, message, delay);
  }
  return notifiers.length;
}
