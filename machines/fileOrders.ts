/**
 * The folio orders of a file, by the policy that makes them follow those who map it.
 *
 * @models S-16 S-36 S-37 T-02 T-07 T-08 L-01 L-02 D-14
 */
import type { Mappers } from './fileMappers.ts';
import { rulesOf, type SmallFolios } from './filePolicy.ts';
import type { FileContext } from './fileState.ts';
import type { MessageOf } from './messages.ts';

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
  const { blockOrder: decide } = rulesOf(context);
  return decide === undefined ? context.minOrderPages : decide(context);
}

/**
 * The least order of a file that is mapped as said, by its policy.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096 };
 * leastOrder(initialFile({ ...input, policy: 'convert-at-first-mmap' }), Mappers.fromPlain([{ mm: 'mm:1', orderPages: 0 }])); // 4
 * ```
 */
export function leastOrder(context: FileContext, mappers: Mappers): number {
  return rulesOf(context).leastOrder(context, mappers);
}

/**
 * What becomes of the folios that are smaller than a new mapping needs.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const map = { type: 'MAP_FILE' as const, file: 'a', request: 1, mm: 'mm:1', orderPages: 4, createBytes: -1 };
 * smallFoliosAtMap(file, map); // 'convert'
 * ```
 */
export function smallFoliosAtMap(context: FileContext, { mm, orderPages }: MessageOf<'MAP_FILE'>): SmallFolios {
  return rulesOf(context).atMap?.(context, { mm, orderPages }) ?? 'convert';
}
