/** What procfs shows of a process at a moment of a run: its areas, their entries, and the folios behind them. */
import type {
  FileContext,
  Message,
  MmContext,
  MmuContext,
  ShmemContext,
  ZoneContext,
} from '../../../machines/index.ts';
import { actorOfFile } from '../../../machines/fileState.ts';
import { pagewalk } from '../../../machines/walkers/mmuWalk.ts';
import { ZERO_BYTES } from '../../../machines/support.ts';
import type { Design } from '../../arch/design.ts';
import { pmdOrderOf } from '../../mm/anonOrders.ts';
import { mappedRuns, type MemorySight, type WalkedRun } from '../../mm/procfs/folios.ts';
import { clipRuns, type MappedFolio, type MappedRun } from '../../mm/procfs/mapped.ts';
import type { InodeName } from '../../mm/procfs/maps.ts';
import { entryText, pagemapEntries } from '../../mm/procfs/pagemap.ts';
import { smapText } from '../../mm/procfs/smaps.ts';
import { isThpEligible } from '../../mm/procfs/thpEligible.ts';
import type { Vma } from '../../mm/vma.ts';
import type { System } from '../../runtime/system.ts';
import { actorStateOf } from '../../runtime/xstateAdapter.ts';

function contextOf(system: System, id: string): unknown {
  return actorStateOf(system.snapshot(id)).context;
}

/** What is known of folios besides, by their first frames. */
export interface FolioNotes {
  referenced: ReadonlySet<number>;
  waiting: ReadonlySet<number>;
}

const NOTHING_NOTED: FolioNotes = { referenced: new Set(), waiting: new Set() };

/**
 * A process of a running system as procfs sees it.
 *
 * @example
 * ```ts
 * const topology = loadTopology('plain-4k');
 * const { system } = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
 * new ProcView(system, topology.processes[0].pid).areas(0, 2 ** 48); // []
 * ```
 */
export class ProcView {
  readonly #system: System;
  readonly #mm: MmContext;
  readonly #mmu: MmuContext;
  readonly #sight: MemorySight;

  /** `notes` are first frames of folios: those that the kernel itself used, and those that wait to be lazily freeable. */
  constructor(system: System, pid: number, notes: FolioNotes = NOTHING_NOTED) {
    this.#system = system;
    this.#mm = contextOf(system, `mm:${pid}`) as MmContext;
    this.#mmu = contextOf(system, `mmu:${pid}`) as MmuContext;
    const { folios } = contextOf(system, 'zone') as ZoneContext;
    const { kernelPageBytes, zeroPfn } = this.#mm;
    this.#sight = {
      kernelPageBytes,
      zeroPfn,
      zeroPages: ZERO_BYTES / kernelPageBytes,
      folioOf: (pfn) => {
        const folio = folios.find(pfn);
        return folio !== null && notes.waiting.has(folio.pfn) ? { ...folio, lazyFree: false } : folio;
      },
      cachedOf: (file, index) => this.#file(file)?.cache.get(index) ?? null,
      isReferenced: (head) => notes.referenced.has(head),
      inMemory: (file) => ['tmpfs', 'shmem'].includes(this.#file(file)?.kind ?? ''),
    };
  }

  /** The areas that begin in [startVa, endVa). */
  areas(startVa: number, endVa: number): Vma[] {
    return this.#mm.vmas.list().filter((vma) => vma.startVa >= startVa && vma.startVa < endVa);
  }

  /** The folios that are mapped in a range. */
  folios(startVa: number, endVa: number): MappedFolio[] {
    const vmas = this.#mm.vmas.overlapping(startVa, endVa);
    const runs = vmas.flatMap((vma) => clipRuns(this.runsOf(vma), startVa, endVa, this.#mm.kernelPageBytes));
    return runs.flatMap(({ folio }) => (folio === null ? [] : [folio]));
  }

  /** The area that an address lies in, or null. */
  areaAt(va: number): Vma | null {
    return this.#mm.vmas.find(va);
  }

  /** Whether anything stands in the table for any byte of a range: present or not. */
  isEmpty(startVa: number, endVa: number): boolean {
    return this.#walk(startVa, endVa).length === 0;
  }

  /** The entries of an area. */
  runsOf(vma: Vma): MappedRun[] {
    return mappedRuns(this.#sight, vma, this.#walk(vma.startVa, vma.endVa));
  }

  /** The text of smaps for the areas that begin in a range. */
  smaps(startVa: number, endVa: number, inodeOf: (file: string) => InodeName): string {
    const { kernelPageBytes, pageBytes } = this.#mm;
    const { design } = this.#mm.resources;
    const units = { kernelPageBytes, pageBytes, pmdOrder: pmdOrderOf(pageBytes, kernelPageBytes) };
    const texts = this.areas(startVa, endVa).map((vma) =>
      smapText(
        {
          vma,
          inode: vma.file === null ? null : inodeOf(vma.file),
          runs: this.runsOf(vma),
          kernelPageSizeBytes: pageBytes,
          mmuPageSizeBytes: this.walkedBytes,
          thpEligible: this.#isEligible(vma, design),
        },
        units,
      ),
    );
    return texts.join('');
  }

  /** The granule of the table that hardware walks. */
  get walkedBytes(): number {
    return (this.#mmu.native ?? this.#mmu.linux).geometry.granuleBytes;
  }

  /** The flags of pagemap for a range, a word for each page of the process. */
  pagemap(startVa: number, lengthBytes: number): string {
    const { kernelPageBytes, pageBytes } = this.#mm;
    const vmas = this.#mm.vmas.overlapping(startVa, startVa + lengthBytes);
    const runs = vmas.flatMap((vma) => this.runsOf(vma));
    const reader = { kernelPageBytes, readerPageBytes: pageBytes, showFrames: true };
    const entries = pagemapEntries(runs, startVa, Math.ceil(lengthBytes / pageBytes), reader);
    return entries.map((entry) => `${entryText(entry)} `).join('');
  }

  #isEligible(vma: Vma, { thp }: Design): boolean {
    const { kernelPageBytes, pageBytes } = this.#mm;
    return isThpEligible({ vma, thp, pageBytes, kernelPageBytes });
  }

  #file(path: string): Pick<FileContext, 'cache' | 'kind'> | undefined {
    const actor = contextOf(this.#system, actorOfFile(path));
    return path.startsWith('shmem:') ? (actor as ShmemContext).inodes.get(path) : (actor as FileContext);
  }

  #walk(startVa: number, endVa: number): WalkedRun[] {
    const runs: WalkedRun[] = [];
    const walk: Message = { type: 'PAGEWALK', sender: 'procfs', request: 0, startVa, endVa };
    pagewalk(this.#mmu, walk, (_to, message) => {
      if (message.type === 'WALKED') runs.push(...message.runs);
    });
    return runs;
  }
}
