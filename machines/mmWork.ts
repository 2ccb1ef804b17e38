/** Pages that an mm is bringing in: one by a fault, or a range. */
import type { PinWish } from '../src/mm/gup/rules.ts';
import type { Access, FileRun, PteRun } from './messages.ts';

/** A page that is being faulted in: by hardware, or by populating a range. */
export interface FaultWork {
  va: number;
  access: Access;
  /** What the Linux table holds there, 0 and 0 for nothing. */
  ptePfn: number;
  pteFlags: number;
  major: boolean;
  /** File pages that came with a reference each. */
  pages: FileRun[];
  /** The file was cut short below the page while it was being copied: the copy is not mapped. */
  truncated: boolean;
  /** FOLL_FORCE: the area need not allow the access. */
  force?: true;
  /** FAULT_FLAG_UNSHARE: it is to have a page of its own, but not to write to. */
  unshare?: true;
  /** Entries whose pages are being brought back from swap. */
  swapped?: PteRun[];
}

/** A range that is being populated (`mm/gup.c:populate_vma_page_range`). */
export interface Populate {
  va: number;
  endVa: number;
  /** `lock`: write where that breaks COW beforehand, read elsewhere, as mlock and MAP_POPULATE do. */
  access: 'read' | 'write' | 'lock';
  /** What the table holds from `va` on; null until it has been read. */
  present: PteRun[] | null;
  /** The pages are to be pinned: each is looked at again after its fault. */
  wish?: PinWish;
}
