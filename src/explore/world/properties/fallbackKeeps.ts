/** What a process has of its memory before it falls back to the Linux table, it has afterwards. */
import type { MmuContext } from '../../../../machines/index.ts';
import { flagsOf, hasFlags, isDirty, isPresent, PTE, pfnOf } from '../../../mm/pte.ts';
import type { LawSight } from '../../../topology/lawSight.ts';
import type { WorldProperty } from '../inspections.ts';
import type { Delivery } from '../world.ts';

/**
 * Hardware notes these of its own, a write takes READONLY away, and CONT says how entries are cached. All other flags are permissions
 * and kinds.
 */
const NOTED = PTE.YOUNG | PTE.DIRTY | PTE.READONLY | PTE.CONT;

interface Range {
  readonly startVa: number;
  readonly endVa: number;
}

/** All ranges of addresses that an operation names: what lies in them it may change by itself. */
function rangesIn(value: unknown, kernelPageBytes: number): Range[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each) => rangesIn(each, kernelPageBytes));
  const fields = value as Record<string, unknown>;
  const { va, nr, startVa, endVa } = fields;
  if (typeof va === 'number') return [{ startVa: va, endVa: va + (typeof nr === 'number' ? nr : 1) * kernelPageBytes }];
  if (typeof startVa === 'number' && typeof endVa === 'number') return [{ startVa, endVa }];
  return Object.values(fields).flatMap((each) => rangesIn(each, kernelPageBytes));
}

/** What the step in which a native table is given up did to entries that it was not about; null for nothing. */
function changeOf(before: MmuContext, after: MmuContext, operation: unknown): string | null {
  const { linux, native, kernelPageBytes } = before;
  if (native === null) return null;
  const own = rangesIn(operation, kernelPageBytes);
  const { granuleBytes } = native.geometry;
  let fault: string | null = null;
  linux.forEach(0, 2 ** linux.geometry.vaBits, (va, pte) => {
    if (fault !== null || !isPresent(pte)) return;
    if (own.some(({ startVa, endVa }) => va < endVa && va + kernelPageBytes > startVa)) return;
    const found = after.linux.get(va);
    const at = `at 0x${va.toString(16)} of mmu:${before.pid}, with its fallback,`;
    if (!isPresent(found) || pfnOf(found) !== pfnOf(pte))
      fault = `the page ${at} is no longer that of frame ${pfnOf(pte)}`;
    else if ((flagsOf(found) | NOTED) !== (flagsOf(pte) | NOTED)) {
      fault = `the page ${at} has other rights: flags ${flagsOf(pte)} became ${flagsOf(found)}`;
    } else if (!isDirty(found) && (isDirty(pte) || isDirty(native.get(va - (va % granuleBytes)))))
      fault = `the page ${at} is clean, though it was written to`;
    else if (hasFlags(pte, PTE.EXCLUSIVE) !== hasFlags(found, PTE.EXCLUSIVE))
      fault = `the page ${at} is exclusive no more`;
  });
  return fault;
}

function fallbackAt(after: LawSight, { sent: { channel, content } }: Delivery, before: LawSight): string | null {
  const was = before.snapshot(channel.to).context as MmuContext;
  if (was.native === null) return null;
  const is = after.snapshot(channel.to).context as MmuContext;
  if (is.native !== null || is.fallback === '') return null;
  return changeOf(was, is, [was.current, content.message]);
}

/**
 * The property: frames, rights, exclusivity and dirt of all pages outlast a fallback. Of contents the model has nothing more.
 *
 * @example
 * ```ts
 * fallbackKeeps(['mmu:1']).name; // 'fallback-keeps'
 * ```
 */
export function fallbackKeeps(ids: readonly string[]): WorldProperty {
  return {
    name: 'fallback-keeps',
    kind: 'always',
    says: 'A process that falls back to the Linux table keeps the frames of its pages, their rights, and what was noted of writes to them.',
    reads: (owner) => owner.startsWith('mmu:'),
    step: { to: ids.filter((id) => id.startsWith('mmu:')), fault: fallbackAt },
  };
}
