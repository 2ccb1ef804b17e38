/**
 * Settings that files of /proc/sys show, and numbers of devices: what a kernel of a page size has after it has booted.
 *
 * @models S-25 S-46 T-21
 */
import { PIPE_MAX_SIZE } from '../abi/pipes.ts';
import { MMAP_MIN_ADDR } from '../abi/numbers.ts';
import { hugeSizes } from '../hugetlb/sizes.ts';

/** Anonymous block devices that come before a tmpfs mounted at boot, besides one for each huge page size. */
const DEVICES_BEFORE = 14;

/**
 * The minor number of the device of the first tmpfs that user space mounts. The kernel numbers anonymous devices as they come
 * (`fs/super.c:get_anon_bdev`), and it mounts one hugetlbfs of its own for each huge page size
 * (`fs/hugetlbfs/inode.c:init_hugetlbfs_fs`): so the number tells how many sizes there are.
 *
 * @example
 * ```ts
 * deviceMinor(4096); // 18
 * deviceMinor(65536); // 17
 * ```
 */
export function deviceMinor(pageBytes: number): number {
  return DEVICES_BEFORE + hugeSizes(pageBytes).length;
}

/** `ULONG_MAX - (1UL << 24)` (`include/uapi/linux/shm.h:SHMMAX`, `SHMALL`), which no double holds. */
const SHM_MAX = '18446744073692774399';

/** Values that do not depend on the page size, and those that do, by the last name of their path. */
const VALUES: Readonly<Record<string, (pageBytes: number) => string>> = {
  mmap_min_addr: () => String(MMAP_MIN_ADDR),
  // MAPCOUNT_ELF_CORE_MARGIN below the 16-bit count of sections.
  max_map_count: () => '65530',
  shmmax: () => SHM_MAX,
  shmall: () => SHM_MAX,
  shmmni: () => '4096',
  overcommit_memory: () => '0',
  overcommit_ratio: () => '50',
  swappiness: () => '60',
  'pipe-max-size': () => String(PIPE_MAX_SIZE),
  // PIPE_DEF_BUFFERS for each of INR_OPEN_CUR files: pages of the kernel.
  'pipe-user-pages-soft': () => '16384',
  'pipe-user-pages-hard': () => '0',
  // 512 KiB and one page (`kernel/events/core.c:sysctl_perf_event_mlock`).
  perf_event_mlock_kb: (pageBytes) => String(512 + pageBytes / 1024),
};

const MEGABYTE = 2 ** 20;
/** `RLIM_INFINITY`, as a signed long. */
const INFINITE = -1;

/** Soft limits of the first process (`include/asm-generic/resource.h:INIT_RLIMITS`), which every other inherits. */
const RLIMITS: Readonly<Record<string, number>> = {
  CPU: INFINITE,
  FSIZE: INFINITE,
  DATA: INFINITE,
  STACK: 8 * MEGABYTE,
  CORE: 0,
  RSS: INFINITE,
  NOFILE: 1024,
  // MLOCK_LIMIT (`include/uapi/linux/resource.h`).
  MEMLOCK: 8 * MEGABYTE,
  AS: INFINITE,
  LOCKS: INFINITE,
  // MQ_BYTES_MAX (`include/linux/mqueue.h`).
  MSGQUEUE: 819_200,
  NICE: 0,
  RTPRIO: 0,
  RTTIME: INFINITE,
};

/** Hard limits, where they are others. */
const HARD_RLIMITS: Readonly<Record<string, number>> = { STACK: INFINITE, CORE: INFINITE, NOFILE: 4096 };

/**
 * A hard resource limit as a process of a fresh system has it. Null for one that depends on the machine.
 *
 * @example
 * ```ts
 * hardLimit('NOFILE'); // 4096
 * hardLimit('MEMLOCK'); // 8388608
 * ```
 */
export function hardLimit(name: string): number | null {
  return HARD_RLIMITS[name] ?? softLimit(name);
}

/**
 * A soft resource limit as a process of a fresh system has it; bytes, never pages. Null for one that depends on the machine.
 *
 * @example
 * ```ts
 * softLimit('STACK'); // 8388608
 * softLimit('NPROC'); // null
 * ```
 */
export function softLimit(name: string): number | null {
  return RLIMITS[name] ?? null;
}

/**
 * The text of a setting, as a kernel of a page size has it after boot; null for one that is not known.
 *
 * @example
 * ```ts
 * settingText('max_map_count', 65536); // '65530\n'
 * settingText('perf_event_mlock_kb', 65536); // '576\n'
 * settingText('nonsense', 4096); // null
 * ```
 */
export function settingText(name: string, pageBytes: number): string | null {
  const value = VALUES[name] as ((pageBytes: number) => string) | undefined;
  return value === undefined ? null : `${value(pageBytes)}\n`;
}
