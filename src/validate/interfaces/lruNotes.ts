/**
 * What the LRU lists of Linux know of folios and the zone here does not: which were used by the kernel itself, and which MADV_FREE
 * has given up but a CPU still has in its batch (`mm/swap.c`). Noted from what the tables hold after each call, and shown by smaps.
 */
import { ADVICE } from '../../mm/abi/numbers.ts';
import type { TraceCall } from '../../mm/runs.ts';
import type { Outcome, PlannedStep } from './play.ts';
import { ProcView } from './procView.ts';

/** Folios of a batch (`PAGEVEC_SIZE`): with the last one it is worked through. */
const BATCH_FOLIOS = 31;

/** Advice that takes `PG_referenced` away (`madvise_cold_or_pageout_pte_range`, `mm/swap.c:lru_lazyfree`), and that sets it. */
const FORGETS: readonly number[] = [ADVICE.COLD, ADVICE.FREE, ADVICE.PAGEOUT];
const TOUCHES: readonly number[] = [ADVICE.POPULATE_READ, ADVICE.POPULATE_WRITE];
/** Calls that work through the batches of their CPU before they begin (`lru_add_drain`). */
const DRAINING_ADVICE: readonly number[] = [...FORGETS, ...TOUCHES, ADVICE.DONTNEED, ADVICE.DONTNEED_LOCKED];
const DRAINING_CALLS: readonly string[] = ['munmap', 'mlock', 'munlock'];

/** A call on a range of memory. */
export type AreaCall = Extract<TraceCall, { addr: number; lengthBytes: number }>;

/**
 * The notes of one run.
 *
 * @example
 * ```ts
 * const notes = new LruNotes(0);
 * notes.step({ op: 'mlock', addr: 0x200000000, lengthBytes: 4096 }).action.op; // 'mlock'
 * notes.referenced.size; // 0
 * ```
 */
export class LruNotes {
  /** First frames of folios that the kernel used itself, as mlock does when it faults them in (`FOLL_TOUCH`, `mm/gup.c`). */
  readonly referenced = new Set<number>();
  /** First frames of folios that wait in the batch to be made lazily freeable (`PG_swapbacked` is still set). */
  readonly waiting = new Set<number>();
  readonly #smallOrder: number;

  /** `smallOrder` is the largest order of a folio that waits in a batch; a large folio is worked through at once. */
  constructor(smallOrder: number) {
    this.#smallOrder = smallOrder;
  }

  /** The step of a call, with what it does to the notes. */
  step(action: AreaCall): PlannedStep {
    const advice = action.op === 'madvise' ? action.advice : -1;
    const hear = ({ system, pid }: Outcome): void => {
      if (DRAINING_CALLS.includes(action.op) || DRAINING_ADVICE.includes(advice)) this.waiting.clear();
      const touches = action.op === 'mlock' || TOUCHES.includes(advice);
      if (!touches && !FORGETS.includes(advice)) return;
      const view = new ProcView(system, pid);
      for (const { head, order, lazyFree } of view.folios(action.addr, action.addr + action.lengthBytes)) {
        if (touches) this.referenced.add(head);
        else this.referenced.delete(head);
        if (advice === ADVICE.FREE && lazyFree && order <= this.#smallOrder) this.#wait(head);
      }
    };
    return { action, hear };
  }

  #wait(head: number): void {
    this.waiting.add(head);
    if (this.waiting.size === BATCH_FOLIOS) this.waiting.clear();
  }
}
