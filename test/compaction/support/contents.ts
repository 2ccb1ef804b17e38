/**
 * Follows contents through a run: which page was put at each address, and where compaction has carried it since. A page that was
 * moved must be found at the address it was put at, in whatever frame.
 */
import type { MessageOf, MmuContext } from '../../../machines/index.ts';
import { isPresent, pfnOf } from '../../../src/mm/pte.ts';
import type { MessageRecord } from '../../../src/runtime/envelope.ts';
import type { System } from '../../../src/runtime/system.ts';

const PAGE_BYTES = 4096;

/** Contents by frame and by address, as numbers that are given out once. */
export class Contents {
  private next = 1;
  private readonly inFrame = new Map<number, number>();
  private readonly at = new Map<string, number>();
  moved = 0;

  note({ type, to, payload }: MessageRecord): void {
    if (type === 'FRAMES') {
      const { orderPages, pfns } = payload as unknown as MessageOf<'FRAMES'>;
      for (const pfn of pfns)
        for (let page = 0; page < 2 ** orderPages; page++) this.inFrame.set(pfn + page, this.next++);
    } else if (type === 'SET_PTES') {
      const { runs } = payload as unknown as MessageOf<'SET_PTES'>;
      for (const { va, pfn, nr } of runs) {
        for (let page = 0; page < nr; page++) {
          const contents = this.inFrame.get(pfn + page);
          if (contents !== undefined) this.at.set(`${to} ${va + page * PAGE_BYTES}`, contents);
        }
      }
    } else if (type === 'COMPACT_SCAN') {
      const { done } = payload as unknown as MessageOf<'COMPACT_SCAN'>;
      for (const { fromPfn, toPfn, pages } of done) {
        for (const page of pages) {
          this.inFrame.set(toPfn + page, this.inFrame.get(fromPfn + page) ?? -1);
          this.moved++;
        }
      }
    }
  }

  /** Addresses at which other contents are found than were put there, and how many were looked at. */
  check(system: System, pids: readonly number[]): { wrong: string[]; looked: number } {
    const wrong: string[] = [];
    let looked = 0;
    for (const pid of pids) {
      const mmu = system.snapshot(`mmu:${pid}`).context as unknown as MmuContext;
      mmu.linux.forEach(0, 2 ** 48, (va, pte) => {
        const put = this.at.get(`mmu:${pid} ${va}`);
        if (!isPresent(pte) || put === undefined) return;
        looked++;
        if (this.inFrame.get(pfnOf(pte)) !== put) wrong.push(`mmu:${pid} ${va.toString(16)}`);
      });
    }
    return { wrong, looked };
  }
}
