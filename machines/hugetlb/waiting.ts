/** The small steps of requests that wait. */
import { controlAt, type HugeControl } from '../../src/mm/hugetlb/controls.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { inodeFor } from './mappings.ts';
import type { HugeOperation, HugeRequest, HugetlbContext } from './state.ts';

/** A request of one type. */
export type MessageRequest<T extends HugeRequest['type']> = Extract<HugeRequest, { type: T }>;

/**
 * The operation waits.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const message = { type: 'FILL' as const, bytes: 2 ** 21, pages: 1 };
 * waitFor(hugetlb, { message, step: 'frames', left: 1, page: null }).current?.left; // 1
 * ```
 */
export function waitFor(context: HugetlbContext, operation: HugeOperation): HugetlbContext {
  return { ...context, current: operation };
}

/**
 * Asks the zone for pages of a size: all at once, or none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const message = { type: 'FILL' as const, bytes: 2 ** 21, pages: 1 };
 * askZone(hugetlb, { message, left: 1 }, 2 ** 21, 1, () => {}).current?.step; // 'frames'
 * ```
 */
export function askZone(
  context: HugetlbContext,
  operation: Pick<HugeOperation, 'message'> & { left: number },
  bytes: number,
  count: number,
  send: Send,
): HugetlbContext {
  const orderPages = Math.log2(bytes / context.kernelPageBytes);
  const request = context.nextRequest;
  send('zone', { type: 'ALLOC', sender: 'hugetlb', request, orderPages, count, purpose: 'kernel', zero: false });
  const next = { ...context, nextRequest: request + 1 };
  return waitFor(next, { ...operation, step: 'frames', page: null });
}

/**
 * The size of the pages that a request is about; 0 where it is about none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * bytesOf(hugetlb, { type: 'FILL', bytes: 2 ** 21, pages: 1 }); // 2097152
 * ```
 */
export function bytesOf(context: HugetlbContext, message: HugeRequest): number {
  if (message.type === 'FILL') return message.bytes;
  if (message.type !== 'WRITE_CONTROL') return inodeFor(context, message.file, 0).hugeBytes;
  return controlOf(context, message)?.bytes ?? 0;
}

/**
 * What a write to a control is about; null where its writer finds no such file.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const write = { type: 'WRITE_CONTROL' as const, sender: 'abi', request: 1, text: '1', pageBytes: 4096 };
 * controlOf(hugetlb, { ...write, path: '/proc/sys/vm/nr_hugepages' })?.bytes; // 2097152
 * ```
 */
export function controlOf(
  { kernelPageBytes, facility }: HugetlbContext,
  { path, pageBytes }: MessageOf<'WRITE_CONTROL'>,
): HugeControl | null {
  return controlAt(path, { pageBytes, kernelPageBytes, policy: facility.policy }, facility.defaultSize);
}

/**
 * A request about a file is done.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const create = { type: 'CREATE_FILE' as const, file: 'hugetlb:2048kB:1', sender: 'abi', request: 1, sizeBytes: 0 };
 * finishFile(hugetlb, create, 0, 0, () => {}).current; // null
 * ```
 */
export function finishFile(
  context: HugetlbContext,
  message: MessageRequest<'CREATE_FILE' | 'TRUNCATE_FILE' | 'ALLOCATE_FILE'>,
  errno: number,
  doneBytes: number,
  send: Send,
): HugetlbContext {
  const to = message.type === 'TRUNCATE_FILE' ? 'abi' : message.sender;
  const { request } = message;
  send(to, { type: 'FILE_DONE', request, rereadPages: 0, failed: errno !== 0, errno, doneBytes });
  return { ...context, current: null };
}
