/** Access to memory by another process (`mm/process_vm_access.c`, `mm/gup.c:pin_user_pages_remote`). */
import { checkArea } from '../gup/rules.ts';
import { beforeHole, type Effect, type Plan, type Space, succeeds } from './plan.ts';
import { populatingByAdvice } from './populating.ts';

/**
 * Plans the faulting in of a range that another process reads or writes. The result is how many bytes from `addr` on are
 * there: up to the first page that is missing, forbidden or cannot be had.
 *
 * @example
 * ```ts
 * planRemoteAccess(emptySpace(4096), { addr: 0x10010, lengthBytes: 64, write: false }).result; // 0
 * ```
 */
export function planRemoteAccess(
  space: Space,
  call: { addr: number; lengthBytes: number; write: boolean; force?: boolean },
): Plan {
  const { pageBytes } = space;
  if (call.force !== undefined) return planForced(space, call, call.force);
  const startVa = call.addr - (call.addr % pageBytes);
  const endVa = Math.ceil((call.addr + call.lengthBytes) / pageBytes) * pageBytes;
  if (startVa >= endVa) return succeeds();
  const { effects } = populatingByAdvice(space.vmas, startVa, endVa, call.write ? 'write' : 'read');
  const last = effects.at(-1);
  const reach = last?.do === 'populate' ? last.endVa : startVa;
  const bytes = Math.max(0, Math.min(reach, call.addr + call.lengthBytes) - call.addr);
  return succeeds(
    effects.map((effect) => (effect.do === 'populate' ? { ...effect, errors: 'remote' } : effect)),
    bytes,
  );
}

/** `access_remote_vm` for a debugger, with FOLL_FORCE where the design lets it: what may be touched comes before what may not. */
function planForced(
  space: Space,
  { addr, lengthBytes, write }: { addr: number; lengthBytes: number; write: boolean },
  force: boolean,
): Plan {
  const wish = { write, longterm: false, force };
  const effects: Effect[] = [];
  let reach = addr;
  for (const { vma, startVa, endVa } of beforeHole(space.vmas, addr, addr + lengthBytes).parts) {
    if (checkArea(vma, wish, false) !== 0) break;
    effects.push({ do: 'populate', startVa, endVa, access: write ? 'write' : 'read', errors: 'remote', wish });
    reach = endVa;
  }
  return succeeds(effects, reach - addr);
}
