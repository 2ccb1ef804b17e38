/** Pages that go back to a pool, and out of it to the zone. */
import { givePage, unpromise } from '../../src/mm/hugetlb/pool.ts';
import type { Send } from '../support.ts';
import { type HugetlbContext, poolOf, withPool } from './state.ts';

/**
 * Gives pages that left a pool back to the zone: the references of the pool.
 *
 * @example
 * ```ts
 * const sent: unknown[] = [];
 * putFrames([512], 2 ** 21, 4096, (_to, message) => sent.push(message));
 * sent; // [{ type: 'PUT', runs: [{ pfn: 512, nr: 512 }] }]
 * ```
 */
export function putFrames(pfns: readonly number[], hugeBytes: number, kernelPageBytes: number, send: Send): void {
  if (pfns.length === 0) return;
  send('zone', { type: 'PUT', runs: pfns.map((pfn) => ({ pfn, nr: hugeBytes / kernelPageBytes })) });
}

/**
 * Mappings give pages back to their pool (`free_huge_folio`).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const used = { ...hugetlb, pools: [{ ...emptyPool(2 ** 21, 0), total: 1 }] };
 * giveBack(used, 2 ** 21, [{ pfn: 512, restore: true }], () => {}).pools[0]?.reserved; // 1
 * ```
 */
export function giveBack(
  context: HugetlbContext,
  bytes: number,
  given: readonly { pfn: number; restore: boolean }[],
  send: Send,
): HugetlbContext {
  let pool = poolOf(context, bytes);
  const freed: number[] = [];
  for (const { pfn, restore } of given) {
    const left = givePage(pool, pfn, restore);
    pool = left.pool;
    freed.push(...left.freed);
  }
  putFrames(freed, bytes, context.kernelPageBytes, send);
  return withPool(context, pool);
}

/**
 * Takes promises back (`hugetlb_acct_memory` with a negative number).
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { pools: {}, policy: 'translate' as const, defaultSize: 'process' as const, pmdSharing: 'none' as const };
 * const hugetlb = initialHugetlb({ resources, kernelPageBytes: 4096, facility });
 * const promised = { ...hugetlb, pools: [{ ...emptyPool(2 ** 21, 0), total: 1, free: [512], reserved: 1 }] };
 * takePromises(promised, 2 ** 21, 1, () => {}).pools[0]?.reserved; // 0
 * ```
 */
export function takePromises(context: HugetlbContext, bytes: number, count: number, send: Send): HugetlbContext {
  if (count === 0) return context;
  const { pool, freed } = unpromise(poolOf(context, bytes), count);
  putFrames(freed, bytes, context.kernelPageBytes, send);
  return withPool(context, pool);
}
