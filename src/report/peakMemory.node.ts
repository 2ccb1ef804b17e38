/** The most memory that this process has had resident. */
import { readFileSync } from 'node:fs';

const STATUS = '/proc/self/status';

/**
 * In bytes, since the program was started. getrusage(2) would count what the parent held when it forked as well
 * (`fs/exec.c:exec_mmap` keeps that mark); `VmHWM` is of this address space alone.
 *
 * @example
 * ```ts
 * peakMemoryBytes() > 2 ** 20; // true
 * ```
 */
export function peakMemoryBytes(): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(STATUS, 'utf8'))?.[1];
    if (kib !== undefined) return Number(kib) * 1024;
  } catch {
    // No such file outside of Linux: getrusage(2) is the next best.
  }
  return process.resourceUsage().maxRSS * 1024;
}
