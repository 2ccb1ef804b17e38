/**
 * What a program learns of page sizes: its auxiliary vector, and the C library's sysconf, which divides by AT_PAGESZ.
 *
 * @models S-26
 */
import { ERRNO } from './numbers.ts';

/** Memory as sysinfo(2) tells it, in bytes: the same for every process. */
export interface MemoryInfo {
  totalBytes: number;
  freeBytes: number;
}

/** The answer to a question about the system. */
export interface QueryAnswer {
  result: number;
  errno: number;
}

/**
 * A signal frame and its alignment, in bytes: what arm64 needs where the CPU has neither SVE nor SME
 * (`arch/arm64/kernel/signal.c:minsigstksz_setup`). It does not depend on the page size.
 */
const MIN_SIGNAL_STACK_BYTES = 4720;

const auxiliary: Readonly<Record<string, (pageBytes: number) => number>> = {
  // `fs/binfmt_elf.c:create_elf_tables`: ELF_EXEC_PAGESIZE is PAGE_SIZE on arm64.
  AT_PAGESZ: (pageBytes) => pageBytes,
  AT_MINSIGSTKSZ: () => MIN_SIGNAL_STACK_BYTES,
  AT_CLKTCK: () => 100,
};

const systemConfiguration: Readonly<Record<string, (pageBytes: number, memory: MemoryInfo) => number>> = {
  _SC_PAGESIZE: (pageBytes) => pageBytes,
  _SC_PAGE_SIZE: (pageBytes) => pageBytes,
  _SC_PHYS_PAGES: (pageBytes, memory) => Math.floor(memory.totalBytes / pageBytes),
  _SC_AVPHYS_PAGES: (pageBytes, memory) => Math.floor(memory.freeBytes / pageBytes),
  _SC_MINSIGSTKSZ: () => MIN_SIGNAL_STACK_BYTES,
};

/**
 * getauxval(3); a type that the vector has not is 0 and ENOENT.
 *
 * @example
 * ```ts
 * auxiliaryValue('AT_PAGESZ', 65536); // { result: 65536, errno: 0 }
 * auxiliaryValue('AT_NOTHING', 4096); // { result: 0, errno: 2 }
 * ```
 */
export function auxiliaryValue(name: string, pageBytes: number): QueryAnswer {
  const value = auxiliary[name];
  return value === undefined ? { result: 0, errno: ERRNO.ENOENT } : { result: value(pageBytes), errno: 0 };
}

/**
 * sysconf(3): sizes in bytes, memory in pages of the caller; a name that is not known is -1 and EINVAL.
 *
 * @example
 * ```ts
 * sysconfValue('_SC_PHYS_PAGES', 65536, { totalBytes: 2 ** 31, freeBytes: 0 }).result; // 32768
 * ```
 */
export function sysconfValue(name: string, pageBytes: number, memory: MemoryInfo): QueryAnswer {
  const value = systemConfiguration[name];
  return value === undefined ? { result: -1, errno: ERRNO.EINVAL } : { result: value(pageBytes, memory), errno: 0 };
}
