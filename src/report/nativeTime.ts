/**
 * How much of its life a process ran with its native table: what a fallback costs depends on when it comes (S-40).
 *
 * @models S-40 L-05
 */

/** What is looked at of a record. */
export interface TimedRecord {
  timeCycles: number;
  to: string;
  type: string;
  payload: unknown;
}

/**
 * Cycles between execve and exit of a process, and those of them with the native table, from the records of its run. The change
 * counts from where the first CPU hears of it.
 *
 * @example
 * ```ts
 * const records = [
 *   { timeCycles: 100, to: 'mmu:1', type: 'CONFIGURE', payload: { native: true } },
 *   { timeCycles: 160, to: 'tlb:0', type: 'TTBR0_INSTALL', payload: { mmu: 'mmu:1', root: 'linux' } },
 *   { timeCycles: 200, to: 'mmu:1', type: 'RELEASE_TABLES', payload: {} },
 * ];
 * nativeTime(records, 1); // { lifeCycles: 100, nativeCycles: 60 }
 * ```
 */
export function nativeTime(records: Iterable<TimedRecord>, pid: number): { lifeCycles: number; nativeCycles: number } {
  const mmu = `mmu:${pid}`;
  let begun = -1;
  let nativeSince = -1;
  let lifeCycles = 0;
  let nativeCycles = 0;
  for (const { timeCycles, to, type, payload } of records) {
    const message = payload as { mmu?: string; native?: boolean; root?: string };
    const configured = to === mmu && type === 'CONFIGURE';
    const released = to === mmu && type === 'RELEASE_TABLES';
    const changed = message.mmu === mmu && (type === 'TTBR0_INSTALL' || type === 'REGRANULE');
    if (configured) begun = timeCycles;
    if (released && begun >= 0) lifeCycles += timeCycles - begun;
    if (!configured && !released && !changed) continue;
    const native = configured ? message.native === true : changed && message.root === 'native';
    if (nativeSince >= 0 && !native) nativeCycles += timeCycles - nativeSince;
    nativeSince = native ? (nativeSince >= 0 ? nativeSince : timeCycles) : -1;
    if (released) begun = -1;
  }
  return { lifeCycles, nativeCycles };
}
