/** mprotect and pkey_mprotect (`mm/mprotect.c`). */
import { PROT_EXTRA } from '../abi/numbers.ts';
import { ERRNO } from '../abiRules.ts';
import { maySplit, unsharing } from '../hugetlb/areas.ts';
import { PROT, protectionFlags, PTE } from '../pte.ts';
import { VM, type Vma } from '../vma.ts';
import { isSealed, splitsWhole } from './areas.ts';
import { mayGrow } from './limits.ts';
import {
  beforeHole,
  type Effect,
  ended,
  type Plan,
  type ProtectedRange,
  refuses,
  type Space,
  succeeds,
  type VaRange,
} from './plan.ts';

const ACCESS = PROT.READ | PROT.WRITE | PROT.EXEC;

interface ProtectCall {
  op: 'mprotect';
  addr: number;
  lengthBytes: number;
  prot: number;
}

/**
 * The flags of an area under its new protection: a private area that becomes writable is charged for (VM_ACCOUNT), and the
 * charge is given back only while it is anonymous and untouched (`mprotect_fixup`).
 */
function accounted(vma: Vma, prot: number): number {
  if ((prot & PROT.WRITE) !== 0) {
    const needsNoCharge = VM.ACCOUNT | VM.HUGETLB | VM.SHARED | VM.NORESERVE;
    const charges = (vma.prot & PROT.WRITE) === 0 && (vma.flags & needsNoCharge) === 0;
    return charges ? (vma.flags | VM.ACCOUNT) >>> 0 : vma.flags;
  }
  const untouched = vma.file === null && (vma.anonVma ?? 0) === 0;
  return untouched ? (vma.flags & ~VM.ACCOUNT) >>> 0 : vma.flags;
}

/**
 * PTE flags for pages of files and for anonymous ones. Exclusive anonymous pages become writable at once
 * (`can_change_pte_writable`); those of a private file mapping are read-only until they are copied, and clean ones of a
 * shared mapping whose file system wants to hear of writes until they are written.
 */
function protectedRange(range: VaRange, vma: Vma, prot: number, writeNotify: readonly string[]): ProtectedRange {
  const shared = (vma.flags & VM.SHARED) !== 0;
  const notes = shared && vma.file !== null && writeNotify.includes(vma.file);
  const protection = protectionFlags(prot, shared && !notes);
  const anonProtection = protection | ((prot & PROT.WRITE) === 0 ? 0 : PTE.WRITE);
  const { startVa, endVa } = range;
  const flags = { startVa, endVa, protection, anonProtection };
  return notes ? { ...flags, dirtyProtection: protectionFlags(prot, true) } : flags;
}

/** The start of the range and the first area's errors, for PROT_GROWSDOWN and without. */
function startOf(space: Space, call: ProtectCall): { startVa: number } | { errno: number } {
  const endVa = call.addr + call.lengthBytes;
  const first = space.vmas.atOrAfter(call.addr);
  if (first === null || first.startVa >= endVa) return { errno: ERRNO.ENOMEM };
  if ((call.prot & PROT_EXTRA.GROWSDOWN) === 0)
    return first.startVa > call.addr ? { errno: ERRNO.ENOMEM } : { startVa: call.addr };
  return (first.flags & VM.GROWSDOWN) === 0 ? { errno: ERRNO.EINVAL } : { startVa: first.startVa };
}

/**
 * Plans mprotect (`do_mprotect_pkey`): area by area up to the first that is missing (ENOMEM) or refused; what came before
 * stays changed. A locked private area that becomes writable is populated, and its errors do not count.
 *
 * @example
 * ```ts
 * const space = emptySpace(4096);
 * planProtect(space, { op: 'mprotect', addr: 0x10000, lengthBytes: 4096, prot: 1 }).errno; // 12
 * ```
 */
export function planProtect(space: Space, call: ProtectCall): Plan {
  const start = startOf(space, call);
  if ('errno' in start) return refuses(start.errno);
  const endVa = call.addr + call.lengthBytes;
  const prot = call.prot & ACCESS;
  let { vmas } = space;
  const ranges: ProtectedRange[] = [];
  const { parts, complete } = beforeHole(vmas, start.startVa, endVa);
  // One gather for the whole call, whatever ends it.
  const changed = (): Effect[] =>
    ranges.length === 0
      ? []
      : [...unsharing(parts.map(({ vma }) => vma)), { do: 'vmas', vmas }, { do: 'protect', ranges, undo: space.vmas }];
  for (const { vma, ...range } of parts) {
    if (isSealed(vma)) return refuses(ERRNO.EPERM, changed());
    if (vma.prot === prot) continue;
    if (splitsWhole(vma, range.startVa, range.endVa)) return refuses(ERRNO.EINVAL, changed());
    const splits = maySplit(vmas, range.startVa) && maySplit(vmas, range.endVa);
    if (!splits) return refuses(ERRNO.EINVAL, changed());
    const lengthBytes = range.endVa - range.startVa;
    const flags = accounted(vma, prot);
    const grows = (prot & PROT.WRITE) !== 0 && !mayGrow({ vmas, limits: space.limits }, prot, flags, lengthBytes);
    if (grows && mayGrow({ vmas, limits: space.limits }, vma.prot, vma.flags, lengthBytes)) {
      return refuses(ERRNO.ENOMEM, changed());
    }
    if (flags !== vma.flags && lengthBytes > space.limits.commitBytes) return refuses(ERRNO.ENOMEM, changed());
    vmas = vmas.modify(range.startVa, range.endVa, (part) => ({ ...part, prot, flags })).set;
    ranges.push(protectedRange(range, vma, prot, space.writeNotify));
    const breaksCow = (vma.flags & (VM.SHARED | VM.LOCKED)) === VM.LOCKED && (vma.prot & PROT.WRITE) === 0;
    if (!breaksCow || (prot & PROT.WRITE) === 0) continue;
    const populate: Effect = { do: 'populate', ...range, access: 'lock', errors: 'ignore' };
    const rest = { ...call, prot, addr: range.endVa, lengthBytes: endVa - range.endVa };
    if (rest.lengthBytes === 0) return succeeds([...changed(), populate]);
    return succeeds([...changed(), populate, { do: 'goOn', call: rest }]);
  }
  return ended(changed(), complete ? 0 : ERRNO.ENOMEM);
}
