/** Pinning under the lock of the mm (`mm/gup.c:__get_user_pages` with FOLL_PIN). */
import { ERRNO } from '../abi/numbers.ts';
import { checkArea, type PinWish } from '../gup/rules.ts';
import { beforeHole, type Effect, type Plan, refuses, type Space, succeeds } from './plan.ts';

/** `pin_user_pages_remote` as an mm gets it. `sender` gets the answer: its data are address, frame, pages and 1 for anonymous. */
export interface PinCall extends PinWish {
  op: 'pin_user_pages';
  sender: string;
  addr: number;
  lengthBytes: number;
}

/**
 * Plans the pinning of a range of kernel pages: areas are checked one by one, and what comes before the first that refuses is
 * faulted in and pinned.
 *
 * @example
 * ```ts
 * const wish = { write: true, longterm: false, force: false };
 * planPin(emptySpace(4096), { op: 'pin_user_pages', sender: 'gup:a', addr: 0x10000, lengthBytes: 4096, ...wish }).errno; // 14
 * ```
 */
export function planPin(space: Space, call: PinCall): Plan {
  const { addr, lengthBytes, write, longterm, force } = call;
  const wish = { write, longterm, force };
  const effects: Effect[] = [];
  let reach = addr;
  for (const { vma, startVa, endVa } of beforeHole(space.vmas, addr, addr + lengthBytes).parts) {
    if (checkArea(vma, wish, vma.file !== null && space.writeNotify.includes(vma.file)) !== 0) break;
    effects.push({ do: 'populate', startVa, endVa, access: write ? 'write' : 'read', errors: 'pin', wish });
    reach = endVa;
  }
  if (reach === addr) return refuses(ERRNO.EFAULT);
  return succeeds([...effects, { do: 'pin', startVa: addr, endVa: reach, wish }]);
}
