/**
 * Call lists that once told a process on a 4K kernel from the same process on a kernel of its page size, shrunk, with the
 * page size they were found at. They play before any random list.
 */
import type { AbiAction } from '../../../src/validate/abiStep.ts';

/** One such list. */
export interface Found {
  pageBytes: number;
  /** The file mapping that is there first is shared. */
  shared: boolean;
  what: string;
  calls: AbiAction[];
}

/** All of them, oldest first. */
export const FOUND: readonly Found[] = [];
