/** Where a new mapping goes (`mm/mmap.c:__get_unmapped_area`, `generic_get_unmapped_area_topdown`). */
import { geometryOf } from '../../arch/granule.ts';
import { TASK_SIZE } from '../abiRules.ts';
import { VM } from '../vma.ts';
import type { Space } from './plan.ts';

/** vm.mmap_min_addr, the default. */
const MMAP_MIN_ADDR = 65536;

/**
 * `arch/arm64/mm/mmap.c`, `mm/util.c:mmap_base` without randomisation: 128M below the top, which is more than the stack
 * limit and its guard gap take.
 */
const MMAP_BASE = TASK_SIZE - 128 * 2 ** 20;

function isFree(space: Space, va: number, lengthBytes: number): boolean {
  if (va < MMAP_MIN_ADDR || va + lengthBytes > TASK_SIZE) return false;
  const next = space.vmas.atOrAfter(va);
  if (next === null) return true;
  const guard = (next.flags & VM.GROWSDOWN) === 0 ? 0 : space.stackGuardBytes;
  return va + lengthBytes <= next.startVa - guard;
}

function gap(space: Space, lengthBytes: number, highVa: number): number | null {
  return space.vmas.findGap({
    lengthBytes,
    lowVa: MMAP_MIN_ADDR,
    highVa,
    topDown: true,
    guardBytes: space.stackGuardBytes,
    guardedFlags: VM.GROWSDOWN,
  });
}

/** `thp_get_unmapped_area_vmflags`: whole PMDs of anonymous memory are aligned to one, where there is room for it. */
function hugeGap(space: Space, lengthBytes: number, hugeBytes: number): number | null {
  const va = gap(space, lengthBytes + hugeBytes, MMAP_BASE);
  if (va === null) return null;
  const within = va % hugeBytes;
  return within === 0 ? va + hugeBytes : va + hugeBytes - within;
}

/**
 * The address for a mapping that may go anywhere: the hint where that is free, else the highest gap below the stack; null
 * where there is none (ENOMEM).
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * placeFor(space, { hint: 0x200000, lengthBytes: 4096, anonymous: true }); // 2097152
 * ```
 */
export function placeFor(space: Space, wish: { hint: number; lengthBytes: number; anonymous: boolean }): number | null {
  const { lengthBytes, anonymous } = wish;
  // round_hint_to_min: a hint below the least address is raised to it.
  const aligned = wish.hint - (wish.hint % space.pageBytes);
  const hint = aligned !== 0 && aligned < MMAP_MIN_ADDR ? MMAP_MIN_ADDR : aligned;
  if (hint !== 0 && isFree(space, hint, lengthBytes)) return hint;
  const hugeBytes = geometryOf(space.pageBytes).levels.at(-1)?.tableSpanBytes ?? 0;
  if (anonymous && hint === 0 && hugeBytes > 0 && lengthBytes % hugeBytes === 0) {
    const va = hugeGap(space, lengthBytes, hugeBytes);
    if (va !== null) return va;
  }
  return gap(space, lengthBytes, MMAP_BASE) ?? gap(space, lengthBytes, TASK_SIZE);
}
