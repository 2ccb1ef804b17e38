/** A trace reduced to the accesses that can fault: what faults and memory need of a long program. */
import { RUN_CALL, RUN_FETCH, RUN_WRITE, type RunBlock, type RunSource, type TraceCall } from '../mm/runs.ts';
import { traceFromBlocks } from './memoryTrace.ts';
import { PageDictionary } from './pageDictionary.ts';
import { RunBuilder } from './runBuilder.ts';

/** Calls that change no entry of the caller's tables, so that what it has touched stays entered. */
const HARMLESS: ReadonlySet<TraceCall['op']> = new Set([
  'read',
  'write',
  'truncate',
  'ftruncate',
  'fallocate',
  'mincore',
  'mlock',
  'mlock2',
  'munlock',
  'brk',
  'exit',
  'other',
]);

/**
 * The trace without the accesses that cannot fault: of each 4K page the first fetch, the first read and the first write are kept, in their
 * order, and again behind every call that may take entries away (munmap, mprotect, madvise, mremap, fork and whatever is not known to
 * be harmless). All calls are kept.
 *
 * Whatever the page size, faults, resident memory, page tables and page cache of the reduced trace are those of the whole one, as long as
 * nothing is reclaimed: the first touch of a larger page is the first touch of one of its 4K pages. TLB counts and times are not.
 *
 * @example
 * ```ts
 * const steps = [1, 2, 3].flatMap(() => [{ access: 'X' as const, addr: 0x1000 }, { access: 'W' as const, addr: 0x9000 }]);
 * const reduced = firstTouches(traceFromSteps(steps));
 * reduced.references; // 2
 * ```
 */
export function firstTouches(source: RunSource): RunSource {
  const blocks: RunBlock[] = [];
  // The builder's pages are the indexes of the source: a mapping that is made anew has indexes of its own there already.
  const indexes = new PageDictionary();
  const builder = new RunBuilder(indexes, (block) => blocks.push(block));
  const seen = new Uint8Array(source.pages.length);
  for (let at = 0; at * source.blockRuns < source.runs; at += 1) {
    const block = source.block(at);
    for (let run = 0; run < block.count; run += 1) takeRun(block, run, seen, builder);
  }
  builder.end();
  const pages = indexes.pageNumbers().map((index) => source.pages[index]);
  const { name, command, image, files } = source;
  return traceFromBlocks(blocks, { name, command, pages, image, files });
}

function takeRun({ kind, page, calls }: RunBlock, run: number, seen: Uint8Array, builder: RunBuilder): void {
  const [kindOfRun, index] = [kind[run], page[run]];
  if (kindOfRun === RUN_CALL) {
    const call = calls[index];
    if (!HARMLESS.has(call.op)) seen.fill(0);
    builder.call(call);
    return;
  }
  const bit = 1 << kindOfRun;
  if ((seen[index] & bit) !== 0) return;
  seen[index] |= bit;
  if (kindOfRun === RUN_FETCH) builder.fetch(index, 0, 1);
  else if (kindOfRun === RUN_WRITE) builder.store(index, 0, 1);
  else builder.load(index, 0, 1);
}
