/** The size of a pipe: its ring holds one page a slot, so every size is whole pages of somebody (`fs/pipe.c`). */
import { pageSizeLimits } from '../../arch/granule.ts';
import { ERRNO } from './numbers.ts';
import type { QueryAnswer } from './answers.ts';

/** Slots of a new pipe (`PIPE_DEF_BUFFERS`). */
const DEFAULT_SLOTS = 16;
/** `struct pipe_buffer` on a 64-bit kernel. */
const BUFFER_BYTES = 40;
/** The largest size that `round_pipe_size` takes. */
const SIZE_MAX = 2 ** 31;
/** `fs.pipe-max-size`: what a process without CAP_SYS_RESOURCE may ask for. */
export const PIPE_MAX_SIZE: number = 1_048_576;

/** Who asks, and for what pipe. */
export interface PipeCaller {
  /** The page that slots are counted in: of the process, or of the kernel where pipes are not translated. */
  pageBytes: number;
  /** It has CAP_SYS_RESOURCE. */
  privileged: boolean;
  /** Slots that the pipe had at most so far; one that has never been larger may grow to them again. */
  slotsMax?: number;
}

/**
 * F_GETPIPE_SZ of a new pipe.
 *
 * @example
 * ```ts
 * defaultPipeBytes(65536); // 1048576
 * ```
 */
export function defaultPipeBytes(pageBytes: number): number {
  return DEFAULT_SLOTS * pageBytes;
}

/**
 * F_SETPIPE_SZ of an empty pipe (`round_pipe_size`, `pipe_set_size`, `pipe_resize_ring`): the size that it has then. The
 * argument is an unsigned int; a ring that kmalloc cannot give is ENOMEM.
 *
 * @example
 * ```ts
 * setPipeSize(5000, { pageBytes: 4096, privileged: true }); // { result: 8192, errno: 0 }
 * setPipeSize(5000, { pageBytes: 65536, privileged: true }); // { result: 65536, errno: 0 }
 * setPipeSize(2 ** 21, { pageBytes: 4096, privileged: false }).errno; // 1
 * ```
 */
export function setPipeSize(
  bytes: number,
  { pageBytes, privileged, slotsMax = DEFAULT_SLOTS }: PipeCaller,
): QueryAnswer {
  const fails = (errno: number): QueryAnswer => ({ result: -1, errno });
  const asked = bytes % 2 ** 32;
  if (asked > SIZE_MAX) return fails(ERRNO.EINVAL);
  const size = asked < pageBytes ? pageBytes : 2 ** Math.ceil(Math.log2(asked));
  const slots = size / pageBytes;
  if (slots > slotsMax && size > PIPE_MAX_SIZE && !privileged) return fails(ERRNO.EPERM);
  // KMALLOC_MAX_SIZE is the largest buddy block of the kernel that the process sees.
  const kmallocMax = pageBytes * 2 ** pageSizeLimits(pageBytes).maxPageOrder;
  if (slots * BUFFER_BYTES > kmallocMax) return fails(ERRNO.ENOMEM);
  return { result: size, errno: 0 };
}
