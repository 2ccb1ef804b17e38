/**
 * What hugetlb and the address spaces that map its files say to each other; they also speak as files and their mappers do (MAP_FILE,
 * UNMAP_FILE, UNMAP_RANGE). Indexes count huge pages of the file.
 */
import type { Sharer } from '../../src/mm/hugetlb/sharing.ts';

/** Every message of this part. */
export type HugetlbMessage =
  | { type: 'HUGETLB_BOOT' }
  /** `hugetlb_reserve_pages` of a mapping, before it is there; an inode that is new comes to be with its size. */
  | {
      type: 'RESERVE_HUGE';
      sender: string;
      request: number;
      file: string;
      sizeBytes: number;
      firstIndex: number;
      endIndex: number;
      shared: boolean;
      /** MAP_NORESERVE was not given. */
      promises: boolean;
      /** The mapping may be written, so the file grows to hold it. */
      grows: boolean;
    }
  | { type: 'HUGE_RESERVED'; request: number; errno: number }
  | {
      type: 'HUGE_FAULT';
      sender: string;
      request: number;
      file: string;
      index: number;
      /** First address of the huge page, the area and the page size of the process: tables are shared by them. */
      va: number;
      area: Sharer['area'];
      pageBytes: number;
      write: boolean;
      shared: boolean;
      /** A write to a private page that is mapped read-only. */
      wrote: boolean;
    }
  | {
      type: 'HUGE_PAGE';
      request: number;
      /** 0, ENOSPC where the pool has no page for it, or EFAULT behind the end of the file. */
      errno: number;
      pfn: number;
      /** The page is the address space's own; else it is a page of the file. */
      own: boolean;
      /** The present page may be written: nobody else has it. */
      reuse: boolean;
    }
  /** Own pages of a private mapping that are mapped no more. */
  | { type: 'HUGE_UNMAPPED'; file: string; mm: string; indexes: number[] }
  /** Parts of the file that a private mapping covers no more. */
  | { type: 'HUGE_RELEASE'; file: string; mm: string; firstIndex: number; endIndex: number }
  /** `copy_hugetlb_page_range`: a child has the own pages of its parent too. */
  | { type: 'HUGE_DUP'; sender: string; request: number; child: string }
  | { type: 'HUGE_DUPED'; request: number }
  /** `huge_pmd_unshare`, for every file where none is named: the area is no more what it was when its tables were shared. */
  | { type: 'HUGE_UNSHARE'; file: string; sender: string; request: number }
  | { type: 'HUGE_UNSHARED'; request: number };
