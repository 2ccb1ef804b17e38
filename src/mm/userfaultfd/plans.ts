/**
 * What a descriptor asks of an address space, as plans (`src/mm/calls/plan.ts`): the areas are looked at here, entries and pages
 * when the effects run.
 *
 * @models L-08 X-05 D-07
 */
import { ERRNO } from '../abi/numbers.ts';
import { type Effect, ended, type Plan, refuses, type Space, succeeds } from '../calls/plan.ts';
import { isArmed, registerRange, unregisterRange } from './areas.ts';
import type { UserfaultMmCall } from './calls.ts';
import { fillErrno, moveErrno } from './fill.ts';
import { UFFD, UFFD_FEATURE } from './numbers.ts';

type CallOf<O extends UserfaultMmCall['op']> = Extract<UserfaultMmCall, { op: O }>;

function rangeOf({ addr, lengthBytes }: { addr: number; lengthBytes: number }) {
  return { startVa: addr, endVa: addr + lengthBytes };
}

function register(space: Space, call: CallOf<'uffd_register'>): Plan {
  const { fd, modes, features } = call;
  const wpAsync = (features & UFFD_FEATURE.WP_ASYNC) !== 0;
  const { vmas, errno } = registerRange(space, rangeOf(call), { fd, modes, features }, wpAsync);
  return errno === 0 ? succeeds([{ do: 'vmas', vmas }]) : refuses(errno);
}

/** Whoever waits for a page tries again, and what was protected may be written. */
function unregister(space: Space, call: CallOf<'uffd_unregister'>): Plan {
  const { fd } = call;
  const { vmas, changed, errno } = unregisterRange(space, rangeOf(call), fd, true);
  if (errno !== 0) return refuses(errno);
  const effects = changed.flatMap(({ startVa, endVa, modes }): Effect[] => [
    ...((modes & UFFD.REGISTER_WP) === 0 ? [] : [{ do: 'userProtect' as const, startVa, endVa, protect: false }]),
    { do: 'userWake', fd, startVa, endVa },
  ]);
  return succeeds([{ do: 'vmas', vmas }, ...effects]);
}

function fill(space: Space, call: CallOf<'uffd_fill'>): Plan {
  const { kind, writeProtect, addr: startVa, lengthBytes } = call;
  const errno = fillErrno(space, { kind, startVa, lengthBytes, writeProtect });
  return errno === 0 ? succeeds([{ do: 'userFill', fill: call, doneUnits: 0, wantedUnits: 0 }]) : refuses(errno);
}

/** `mwriteprotect_range`: area by area, up to the first that is not registered for it. */
function protect(space: Space, call: CallOf<'uffd_protect'>): Plan {
  const { fd, protect: wanted, wake } = call;
  const range = rangeOf(call);
  const effects: Effect[] = [];
  let errno: number = ERRNO.ENOENT;
  for (const vma of space.vmas.overlapping(range.startVa, range.endVa)) {
    if (!isArmed(vma, UFFD.REGISTER_WP)) {
      errno = ERRNO.ENOENT;
      break;
    }
    const startVa = Math.max(vma.startVa, range.startVa);
    effects.push({ do: 'userProtect', startVa, endVa: Math.min(vma.endVa, range.endVa), protect: wanted });
    errno = 0;
  }
  if (errno === 0 && wake) effects.push({ do: 'userWake', fd, ...range });
  return ended(effects, errno);
}

function move(space: Space, call: CallOf<'uffd_move'>): Plan {
  const { fd, addr: toVa, fromVa, lengthBytes } = call;
  const errno = moveErrno(space, { fd, toVa, fromVa, lengthBytes });
  return errno === 0 ? succeeds([{ do: 'userMove', move: call }]) : refuses(errno);
}

function wake(_space: Space, call: CallOf<'uffd_wake'>): Plan {
  return succeeds([{ do: 'userWake', fd: call.fd, ...rangeOf(call) }]);
}

/**
 * The planners, by name.
 *
 * @example
 * ```ts
 * const call = { op: 'uffd_protect' as const, fd: 'u', addr: 0x10000, lengthBytes: 4096, protect: true, wake: false };
 * userfaultPlanners.uffd_protect(emptySpace(4096), call).errno; // 2
 * ```
 */
export const userfaultPlanners: { [O in UserfaultMmCall['op']]: (space: Space, call: CallOf<O>) => Plan } = {
  uffd_register: register,
  uffd_unregister: unregister,
  uffd_fill: fill,
  uffd_protect: protect,
  uffd_move: move,
  uffd_wake: wake,
};
