/** A call on an address space as a job in steps, and the small steps that several calls share. */
import { invariant } from '../src/errors.ts';
import { VmaSet } from '../src/mm/vmaSet.ts';
import { mmOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { Message, MessageOf, MmCall } from './messages.ts';
import { dirtyPages, filesBeside } from './mmEntries.ts';
import { ask, type Job, type MmContext, processOrder } from './mmState.ts';
import type { Send } from './support.ts';
import { reviseJob } from './reviseWork.ts';

/** A call job. */
export type CallJob = Extract<Job, { kind: 'call' }>;

/** What a step of a call gives: the context, and result and errno where the call came to its end. */
export interface CallStep {
  context: MmContext;
  /** `data`: the bytes of mincore, the statuses of move_pages. */
  done: { result: number; errno: number; data: number[] } | null;
}

/**
 * The call waits for an answer.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * waits(mm).done; // null
 * ```
 */
export const waits = (context: MmContext): CallStep => ({ context, done: null });

/**
 * The call succeeds.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * returns(mm, 7).done; // { result: 7, errno: 0, data: [] }
 * ```
 */
export const returns = (context: MmContext, result = 0, data: number[] = []): CallStep => ({
  context,
  done: { result, errno: 0, data },
});

/**
 * The call fails.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * fails(mm, 12).done; // { result: -1, errno: 12, data: [] }
 * ```
 */
export const fails = (context: MmContext, errno: number, data: number[] = []): CallStep => ({
  context,
  done: { result: -1, errno, data },
});

/** One past the highest address: ranges for everything. */
export const VA_END = 2 ** 48;

/** The arguments of one call. */
export type CallOf<O extends MmCall['op']> = Extract<MmCall, { op: O }>;

/**
 * The job that a call begins as.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * callJob(1, { op: 'exit', status: 0 }).awaits; // -1
 * ```
 */
export function callJob(request: number, call: MmCall): CallJob {
  return {
    kind: 'call',
    awaits: -1,
    step: '',
    asleep: false,
    ptesWritten: 0,
    request,
    call,
    effects: [],
    result: 0,
    data: [],
    files: [],
    created: null,
    populate: null,
    fault: null,
    errno: 0,
    runs: [],
  };
}

/**
 * The answer to a table operation.
 *
 * @throws GranuleError INVARIANT for any other
 * @example
 * ```ts
 * const done = { type: 'TABLE_DONE' as const, request: 1, set: [], cleared: [], rejected: [], fallback: '', failed: '' };
 * tableDone(done).request; // 1
 * ```
 */
export function tableDone(event: Message): MessageOf<'TABLE_DONE'> {
  if (event.type !== 'TABLE_DONE') invariant(false, `a table operation is answered with TABLE_DONE, not ${event.type}`);
  return event;
}

/**
 * Clears ranges of every kind of page.
 *
 * @example
 * ```ts
 * zap([{ startVa: 0, endVa: 4096 }], null)(7).request; // 7
 * ```
 */
export function zap(
  ranges: { startVa: number; endVa: number }[],
  freeWithin: { startVa: number; endVa: number } | null,
) {
  return (request: number): MessageOf<'CLEAR_PTES'> => {
    return { type: 'CLEAR_PTES', request, ranges, freeWithin, fileOnly: false, fullMm: false };
  };
}

/**
 * Tells files that their last mapping here is gone.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const sent: string[] = [];
 * const send = (to: string, message: { type: string }) => void sent.push(`${to} ${message.type}`);
 * tellUnmapped(mm, vmas, send);
 * sent; // ['file:a UNMAP_FILE']
 * ```
 */
export function tellUnmapped(context: MmContext, before: VmaSet, send: Send): void {
  const mm = mmOf(context.pid);
  for (const file of filesBeside(before, context.vmas)) send(actorOfFile(file), { type: 'UNMAP_FILE', file, mm });
}

/**
 * Gives dirty pages of shared mappings back to their files.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const vma = { startVa: 0x10000, endVa: 0x20000, prot: 3, flags: VM.SHARED, file: 'a', offsetBytes: 0 };
 * const vmas = VmaSet.empty(4096).map(vma);
 * const sent: string[] = [];
 * const send = (to: string, message: { type: string }) => void sent.push(`${to} ${message.type}`);
 * tellDirty(mm, [{ va: 0x10000, pfn: 9, nr: 1, flags: PTE.VALID | PTE.DIRTY }], vmas, send);
 * sent; // ['file:a DIRTIED']
 * ```
 */
export function tellDirty(
  context: MmContext,
  cleared: MessageOf<'TABLE_DONE'>['cleared'],
  vmas: VmaSet,
  send: Send,
): void {
  for (const [file, runs] of dirtyPages(cleared, vmas, context.kernelPageBytes)) {
    send(actorOfFile(file), { type: 'DIRTIED', file, runs });
  }
}

/**
 * Asks the next file to get ready for this mm; done when none is left.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 0x1000 };
 * const job = callJob(1, call);
 * mapFiles({ ...mm, pageBytes: 4096 }, job, 'mmapFile', () => {}); // null
 * ```
 */
export function mapFiles(
  context: MmContext,
  job: Extract<Job, { files: string[] }>,
  step: string,
  send: Send,
): MmContext | null {
  if (job.files.length === 0) return null;
  const [file] = job.files;
  const mm = mmOf(context.pid);
  const orderPages = processOrder(context);
  const next = reviseJob(job, (draft) => {
    draft.files = job.files.slice(1);
  });
  const created = job.kind === 'call' ? job.created : null;
  const createBytes = created?.file === file ? created.sizeBytes : -1;
  const map = (request: number) => ({ type: 'MAP_FILE' as const, file, request, mm, orderPages, createBytes });
  return ask(context, next, step, actorOfFile(file), map, send);
}
