/**
 * The law of files, where conversions of the page cache are modelled: who maps a page of a file maps the folio that the cache has
 * there, and every fault comes to an end.
 *
 * @models S-36 S-37 T-02 T-07
 */
import type { FileContext, MmContext, MmuContext } from '../../machines/index.ts';
import { ROUNDS_MAX } from '../../machines/index.ts';
import type { LawSight } from './lawSight.ts';
import { hasFlags, isPresent, PTE, pfnOf } from '../mm/pte.ts';

/**
 * A fault or a conversion of a file that goes round and round; null for none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * roundsFault(initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' })); // null
 * ```
 */
export function roundsFault(file: FileContext): string | null {
  const rounds = Math.max(
    file.current?.rounds ?? 0,
    ...file.queue.toPlain().map((message) => (message.type === 'GET_PAGES' ? (message.rounds ?? 0) : 0)),
  );
  const { current, path } = file;
  if (rounds <= ROUNDS_MAX) return null;
  const what = current?.message.type === 'MAP_FILE' ? 'a conversion' : 'a fault';
  return `${what} of ${path} has been sent round more than ${ROUNDS_MAX} times`;
}

/** Whether nobody is about to change what an mm maps of a file. */
function isAtRest(file: FileContext, mm: MmContext, mmu: MmuContext): boolean {
  const { current, queue } = mmu;
  const quiet = file.current === null && file.queue.length === 0 && file.shrink === undefined;
  return quiet && mm.rmap.length === 0 && current === null && queue.length === 0;
}

/**
 * A page that an mm maps of a file while the cache has another one there; null for none, and while either is about to change.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * const mm = initialMm({ resources, pid: 1, kernelPageBytes: 4096, nativeTables: true, zeroPfn: 0, stackLimitBytes: 2 ** 23 });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * mappedFault(file, mm, mmu); // null
 * ```
 */
export function mappedFault(file: FileContext, mm: MmContext, mmu: MmuContext): string | null {
  if (!isAtRest(file, mm, mmu)) return null;
  const { kernelPageBytes: page, path, cache } = file;
  let fault: string | null = null;
  for (const vma of mm.vmas.list()) {
    if (vma.file !== path) continue;
    mmu.linux.forEach(vma.startVa, vma.endVa, (va, pte) => {
      if (!isPresent(pte) || hasFlags(pte, PTE.ANON) || hasFlags(pte, PTE.SPECIAL)) return true;
      const index = (vma.offsetBytes + va - vma.startVa) / page;
      const frame = cache.frameOf(index);
      if (frame === pfnOf(pte)) return true;
      const there = frame === null ? 'does not have' : `has in frame ${frame}`;
      fault = `mm:${mmu.pid} maps frame ${pfnOf(pte)} for page ${index} of ${path}, which the cache ${there}`;
      return false;
    });
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * What is wrong with the files of a system whose topology has the field `conversion`; null for nothing.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
 * filesFault(system); // null
 * ```
 */
export function filesFault(system: LawSight): string | null {
  for (const id of system.actors) {
    if (!id.startsWith('file:')) continue;
    const file = system.snapshot(id).context as FileContext;
    if (file.resources.design.conversion === undefined) return null;
    const round = roundsFault(file);
    if (round !== null) return round;
    for (const { mm: name } of file.mappers) {
      const mm = system.snapshot(name).context as MmContext;
      const mmu = system.snapshot(`mmu:${mm.pid}`).context as MmuContext;
      const fault = mappedFault(file, mm, mmu);
      if (fault !== null) return fault;
    }
  }
  return null;
}
