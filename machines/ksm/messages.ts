/**
 * What ksmd and address spaces tell each other.
 *
 * @models S-48
 */

/** Settings of /sys/kernel/mm/ksm, and what a merge is of. */
export interface KsmSettings {
  run: boolean;
  pagesToScan: number;
  /** `sleep_millisecs`, in cycles. */
  sleepCycles: number;
  maxPageSharing: number;
  useZeroPages: boolean;
  /** A unit is a page of the process, or a kernel page; `off` leaves processes of larger pages alone. */
  unit: 'process-page' | 'kernel-page' | 'off';
  /** A process of kernel pages may map single pages of a merged larger page. */
  subPages: boolean;
}

/** Every message of KSM. */
export type KsmMessage =
  | { type: 'KSM_ENTER'; pid: number /** The parent where it was forked, 0 for none. */; parentPid: number }
  | { type: 'KSM_EXIT'; pid: number }
  /** The process has filled a range with one value. */
  | { type: 'KSM_PATTERN'; pid: number; startVa: number; endVa: number; value: number }
  | { type: 'KSM_GONE'; pid: number; runs: { va: number; nr: number }[] }
  | { type: 'KSM_SCAN' }
  | { type: 'KSM_SET'; settings: Partial<KsmSettings> };
