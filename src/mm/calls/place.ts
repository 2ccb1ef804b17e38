/** Where a new mapping goes (`mm/mmap.c:__get_unmapped_area`, `generic_get_unmapped_area_topdown`). */
import { geometryOf } from '../../arch/granule.ts';
import { TASK_SIZE } from '../abiRules.ts';
import { VM } from '../vma.ts';
import { guardedStart } from './areas.ts';
import type { Space } from './plan.ts';

/**
 * `arch/arm64/mm/mmap.c`, `mm/util.c:mmap_base` without randomisation: 128M below the top, which is more than the stack
 * limit and its guard gap take.
 */
const MMAP_BASE = TASK_SIZE - 128 * 2 ** 20;

/** Where the search upwards begins (`arch/arm64/include/asm/processor.h`). */
const TASK_UNMAPPED_BASE = TASK_SIZE / 4;

function isFree(space: Space, va: number, lengthBytes: number): boolean {
  if (va + lengthBytes > TASK_SIZE) return false;
  const next = space.vmas.atOrAfter(va);
  return next === null || va + lengthBytes <= guardedStart(space, next);
}

/** The highest gap below `mmap_base`, else the lowest from `TASK_UNMAPPED_BASE` on. */
function gap(space: Space, lengthBytes: number): number | null {
  const wish = { lengthBytes, guardBytes: space.stackGuardBytes, guardedFlags: VM.GROWSDOWN };
  return (
    space.vmas.findGap({ ...wish, lowVa: space.pageBytes, highVa: MMAP_BASE }) ??
    space.vmas.findGap({ ...wish, lowVa: TASK_UNMAPPED_BASE, highVa: TASK_SIZE, topDown: false })
  );
}

/** `thp_get_unmapped_area_vmflags`: whole PMDs of anonymous memory are aligned to one, where there is room for it. */
function hugeGap(space: Space, lengthBytes: number, hugeBytes: number): number | null {
  const va = gap(space, lengthBytes + hugeBytes);
  if (va === null) return null;
  const within = va % hugeBytes;
  return within === 0 ? va + hugeBytes : va + hugeBytes - within;
}

/**
 * The address for a mapping that may go anywhere: the hint where that is free, else the highest gap below the stack; null
 * where there is none (ENOMEM). That a hint of mmap is not below `mmap_min_addr` is the ABI table's affair.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * placeFor(space, { hint: 0x200000, lengthBytes: 4096, anonymous: true }); // 2097152
 * ```
 */
export function placeFor(space: Space, wish: { hint: number; lengthBytes: number; anonymous: boolean }): number | null {
  const { lengthBytes, anonymous } = wish;
  const hint = wish.hint - (wish.hint % space.pageBytes);
  if (hint !== 0 && isFree(space, hint, lengthBytes)) return hint;
  const hugeBytes = geometryOf(space.pageBytes).levels.at(-1)?.tableSpanBytes ?? 0;
  if (anonymous && hint === 0 && hugeBytes > 0 && lengthBytes % hugeBytes === 0) {
    const va = hugeGap(space, lengthBytes, hugeBytes);
    if (va !== null) return va;
  }
  return gap(space, lengthBytes);
}
