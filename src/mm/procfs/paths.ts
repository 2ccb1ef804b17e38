/** Names of files in procfs and sysfs, and what they stand for. */

/** A file, by the name under which the matrix has it. */
export type ProcPath =
  | { scope: 'process'; pid: number; name: string }
  | { scope: 'system'; name: string }
  /** Relative to `/sys/kernel/mm`; a listing ends in a slash. */
  | { scope: 'sysfs'; name: string };

/**
 * Reads a path; `/proc/self` is the caller. Null for one that is in neither file system.
 *
 * @example
 * ```ts
 * parsePath('/proc/self/smaps', 7); // { scope: 'process', pid: 7, name: 'smaps' }
 * parsePath('/proc/sys/vm/min_free_kbytes', 7); // { scope: 'system', name: 'sys/vm/min_free_kbytes' }
 * parsePath('/etc/passwd', 7); // null
 * ```
 */
export function parsePath(path: string, callerPid: number): ProcPath | null {
  const sysfs = /^\/sys\/kernel\/mm\/(.+)$/.exec(path);
  if (sysfs !== null) return { scope: 'sysfs', name: sysfs[1] };
  const process = /^\/proc\/(self|\d+)\/([a-z_]+)$/.exec(path);
  if (process !== null) {
    const pid = process[1] === 'self' ? callerPid : Number(process[1]);
    return { scope: 'process', pid, name: process[2] };
  }
  const system = /^\/proc\/([a-z_/]+)$/.exec(path);
  return system === null ? null : { scope: 'system', name: system[1] };
}
