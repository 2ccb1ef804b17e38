/**
 * The folio orders of a file, by the policy that makes them follow those who map it.
 *
 * @models S-16 S-36 S-37 T-02 T-07 T-08 L-01 L-02 D-14
 */
import type { Mappers } from './fileMappers.ts';
import { type FileContext, inMemory } from './fileState.ts';
import { ZERO_BYTES } from './support.ts';

/** The order of the largest page that a process can have. */
function largestOrder(context: FileContext): number {
  return Math.log2(ZERO_BYTES / context.kernelPageBytes);
}

/**
 * The order of the blocks that a file is cached and read ahead in: its least order, or that of whole blocks where the
 * policy allows smaller folios beside them.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096 };
 * blockOrder(initialFile({ ...input, policy: 'sticky-order' })); // 0
 * blockOrder(initialFile({ ...input, policy: 'large-folios-to-eof' })); // 4
 * ```
 */
export function blockOrder(context: FileContext): number {
  const grows = context.policy === 'large-folios-to-eof' && !inMemory(context);
  return grows ? largestOrder(context) : context.minOrderPages;
}

/**
 * The least order of a file that is mapped as said, by its policy. Memory files never have a small tail: their blocks past
 * the end are zero memory, so for them `large-folios-to-eof` is `drop-and-re-read`, with collapse in the place of dropping.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096 };
 * leastOrder(initialFile({ ...input, policy: 'convert-at-first-mmap' }), Mappers.fromPlain([{ mm: 'mm:1', orderPages: 0 }])); // 4
 * ```
 */
export function leastOrder(context: FileContext, mappers: Mappers): number {
  switch (context.policy) {
    case 'drop-and-re-read':
      return mappers.largestOrder;
    case 'sticky-order':
      return Math.max(mappers.largestOrder, context.minOrderPages);
    case 'convert-at-first-mmap':
      return Math.max(mappers.length > 0 ? largestOrder(context) : 0, context.minOrderPages);
    default:
      return inMemory(context) ? Math.max(mappers.largestOrder, context.minOrderPages) : 0;
  }
}
