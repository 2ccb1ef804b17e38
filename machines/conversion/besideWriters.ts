/**
 * Writers beside a conversion: `generic_perform_write` holds `i_rwsem`, and a conversion that takes `invalidate_lock` alone does not
 * keep it out. What it makes dirty after it was written back cannot be dropped (-EBUSY), and is written back again.
 *
 * @models T-02 T-09 D-15
 */
import { defaultConversion } from '../../src/arch/conversion.ts';
import { markDirty, pageRuns } from '../filePages.ts';
import type { FileContext } from '../fileState.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';

/** Operations during which smaller folios go. */
function isConverting({ current, phase }: FileContext): boolean {
  const type = current?.message.type;
  return (type === 'MAP_FILE' || type === 'GET_PAGES') && (phase === 'unmapping' || phase === 'writing');
}

/**
 * Does a write to pages that are cached while a conversion is under way; null where it waits its turn.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const write = { type: 'WRITE_FILE' as const, file: 'a', request: 1, offsetBytes: 0, lengthBytes: 9 };
 * writeBeside(file, write, () => {}); // null
 * ```
 */
export function writeBeside(context: FileContext, message: MessageOf<'WRITE_FILE'>, send: Send): FileContext | null {
  const { writers } = context.resources.design.conversion ?? defaultConversion;
  if (writers === 'shut-out' || !isConverting(context)) return null;
  const { offsetBytes, lengthBytes, request } = message;
  const first = Math.floor(offsetBytes / context.kernelPageBytes);
  const end = Math.ceil((offsetBytes + lengthBytes) / context.kernelPageBytes);
  const cached = pageRuns(context.cache, { first, end }).reduce((sum, { nr }) => sum + nr, 0);
  if (cached < end - first || offsetBytes + lengthBytes > context.sizeBytes) return null;
  const done = { rereadPages: 0, failed: false, errno: 0, doneBytes: lengthBytes };
  send('abi', { type: 'FILE_DONE', request, ...done });
  return markDirty(context, [{ index: first, nr: end - first }]);
}
