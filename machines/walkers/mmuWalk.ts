/**
 * A walk of the Linux table that changes nothing.
 *
 * @models S-21 D-10
 */
import { operate } from '../../src/mm/tableOps.ts';
import type { Message } from '../messages.ts';
import { type MmuContext, walked } from '../mmuState.ts';
import { assertType, type Send } from '../support.ts';

/**
 * Answers PAGEWALK: every entry of the range as `ptep_get` gives it, accessed and dirty bits of the native table taken in.
 * In the moment of a break-before-make whoever takes the page-table lock (`mm/pagewalk.c:walk_pte_range`) sees the entry that
 * it will be, and a lockless reader (`mm/gup.c:gup_fast_pte_range`) none.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const sent: string[] = [];
 * pagewalk(mmu, { type: 'PAGEWALK', sender: 'ksmd', request: 1, startVa: 0, endVa: 4096 }, (to) => sent.push(to));
 * sent; // ['ksmd']
 * ```
 */
export function pagewalk(context: MmuContext, event: Message, send: Send): MmuContext {
  assertType(event, 'PAGEWALK');
  const { sender, request, startVa, endVa, lockless = false } = event;
  const { pid, pageBytes, linux, native, makes } = context;
  const table = !lockless && makes.some((make) => make.table === 'linux') ? made(context) : linux;
  const { set: runs } = operate({ linux: table, native }, { op: 'read', ranges: [{ startVa, endVa }] });
  send(sender, {
    type: 'WALKED',
    request,
    pid,
    runs,
    pageBytes,
    walkedBytes: walked(context).geometry.granuleBytes,
    linuxTableBytes: linux.tableBytes,
    nativeTableBytes: native?.tableBytes ?? 0,
  });
  return context;
}

/** The Linux table with what a break-before-make will write. */
function made({ linux, makes }: MmuContext): MmuContext['linux'] {
  const edit = linux.edit();
  for (const { table, va, pte } of makes) if (table === 'linux') edit.set(va, pte);
  return edit.done();
}
