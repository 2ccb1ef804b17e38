/**
 * A zone with free lists by migrate type as it is at the beginning: its reserve as a kernel with huge pages sets it, and memory
 * that the kernel itself has taken here and there, where a topology begins with a zone that is broken up.
 *
 * @models S-14 S-15
 */
import { minFreeAtBoot } from '../../src/arch/minFree.ts';
import { pageSizeLimits } from '../../src/arch/granule.ts';
import { watermarks } from '../../src/arch/watermarks.ts';
import { MAX_FRAME } from '../../src/mm/folioHeads.ts';
import type { FolioTableEdit } from '../../src/mm/frames.ts';
import { Pageblocks, type PageblocksEdit } from '../../src/mm/pageblock/pageblocks.ts';
import { groupsByMobility } from '../../src/mm/pageblock/reserves.ts';
import type { ZoneContext } from '../zone.ts';
import { noPressure } from './zonePressure.ts';

/** What a zone with a slow path is built with. Plain data. */
export interface PressureInput {
  /** Memory is grouped by mobility; what the kernel decides by the size of memory, unless given. */
  migrateTypes?: boolean;
  /** kcompactd is there. */
  background: boolean;
  /** vm.min_free_kbytes; what a kernel with huge pages sets, unless given. */
  minFreeKbytes?: number;
  /** One page in so many is the kernel's own from the beginning, and does not move. */
  kernelPageEvery?: number;
}

/** Takes one page in so many, wherever it lies: what a kernel leaves behind that has run for long. */
function breakUp(folios: FolioTableEdit, buddy: PageblocksEdit, every: number): void {
  const end = buddy.base + buddy.count;
  for (let pfn = buddy.base + every - 1; pfn < end; pfn += every) {
    if (buddy.allocAt(pfn, 0)) folios.add({ pfn, order: 0, owner: 'kernel', kind: 'kernel' });
  }
}

/**
 * The zone with free lists by migrate type in the place of the plain ones.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 25 };
 * const plain = createActor(machines.zone, { input }).getSnapshot().context;
 * const grouped = groupedZone(plain, { background: true, kernelPageEvery: 16 });
 * grouped.buddy.largestFreeOrder; // 3
 * grouped.folios.frames + grouped.buddy.freeFrames === grouped.totalPages; // true
 * ```
 */
export function groupedZone(plain: ZoneContext, input: PressureInput): ZoneContext {
  const { kernelPageBytes, totalPages } = plain;
  const { maxPageOrder, pageblockOrder } = pageSizeLimits(kernelPageBytes);
  const buddy = Pageblocks.create(plain.buddy.base, totalPages, maxPageOrder, pageblockOrder).edit();
  plain.folios.forEach(0, MAX_FRAME, ({ pfn, order }) => buddy.allocAt(pfn, order));
  const folios = plain.folios.edit();
  if (input.kernelPageEvery !== undefined) breakUp(folios, buddy, input.kernelPageEvery);
  const memTotalKbytes = (totalPages * kernelPageBytes) / 1024;
  const machine = { pageBytes: kernelPageBytes, memTotalKbytes, startupKbytes: 0, zones: 1, hugePages: true };
  const { minFreeKbytes = minFreeAtBoot(machine).minFreeKbytes } = input;
  const minPages = Math.floor((minFreeKbytes * 1024) / kernelPageBytes);
  const groups = input.migrateTypes ?? groupsByMobility(totalPages, pageblockOrder);
  const pressure = noPressure({ groups, background: input.background });
  const sealed = buddy.done();
  return {
    ...plain,
    buddy: sealed,
    folios: folios.done(),
    marks: watermarks(minPages, totalPages),
    freePagesLeast: sealed.freeFrames,
    pressure,
  };
}
