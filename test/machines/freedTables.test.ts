/**
 * Page tables that are empty are freed, and their frames go back when no CPU can walk them any more
 * (`mm/memory.c:free_pgd_range`, `mm/mmu_gather.c:tlb_finish_mmu`).
 *
 * @models S-09 S-12 D-04
 */
import { describe, expect, it } from 'vitest';
import { ResourceHolder } from '../../machines/index.ts';
import type { Message } from '../../machines/messages.ts';
import { initialMmu, type MmuContext } from '../../machines/mmuState.ts';
import { takeFrames } from '../../machines/mmuSupply.ts';
import { acknowledgeFlush, beginOperation, withoutNative } from '../../machines/mmuTables.ts';
import { defaultCosts } from '../../src/arch/costs.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { packPte, PTE } from '../../src/mm/pte.ts';

const AREA = 0x1000_0000;
const page = { startVa: AREA, endVa: AREA + 4096 };

/** An MMU of two CPUs with one page, whose tables take three frames beside the root; and a way to hear what it says. */
function mapped(): { state: MmuContext; sent: Message[]; send: (to: string, message: Message) => void } {
  const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
  const sent: Message[] = [];
  const send = (_to: string, message: Message): void => void sent.push(message);
  const input = { resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false };
  const set = {
    type: 'SET_PTES' as const,
    request: 1,
    runs: [{ va: AREA, pfn: 5, nr: 1, flags: PTE.VALID }],
    expects: -1,
  };
  const asked = beginOperation({ ...initialMmu(input), pageBytes: 4096, queue: [set] }, send);
  const state = takeFrames(asked, { type: 'FRAMES', request: 0, orderPages: 0, pfns: [1, 2, 3] }, send);
  return { state: { ...state, asid: 1 }, sent, send };
}

describe('tables that an unmapping leaves empty', () => {
  const clear = {
    type: 'CLEAR_PTES' as const,
    request: 2,
    ranges: [page],
    freeWithin: { startVa: 0, endVa: 2 ** 48 },
    fileOnly: false,
    fullMm: false,
  };
  const freed = (sent: readonly Message[]): unknown[] => sent.filter(({ type }) => type === 'PUT');

  it('give their frames back, after the last acknowledgement and not before', () => {
    const { state, sent, send } = mapped();
    const cleared = beginOperation({ ...state, queue: [clear] }, send);
    expect(cleared.linux.tableCount).toEqual([1, 0, 0, 0]);
    expect(freed(sent)).toEqual([]);
    const half = acknowledgeFlush(cleared, send);
    expect(freed(sent)).toEqual([]);
    const done = acknowledgeFlush(half, send);
    expect(freed(sent)).toEqual([{ type: 'PUT', runs: [3, 2, 1].map((pfn) => ({ pfn, nr: 1 })) }]);
    expect(done.tableFrames.flatMap(({ pfns }) => pfns)).toEqual([]);
  });

  it('give the frames of a native table back at a fallback, all but the root', () => {
    const { state } = mapped();
    const native = PageTable.empty(65536).edit();
    native.set(AREA, packPte(1, PTE.VALID));
    const frames = [
      { orderPages: 0, pfns: [1, 2, 3] },
      { orderPages: 4, pfns: [64, 80] },
    ];
    const fallen = withoutNative({ ...state, native: native.done(), tableFrames: frames }, 'torn');
    expect(fallen.freed.reduce((sum, { nr }) => sum + nr, 0)).toBe(32);
    expect(fallen.native).toBeNull();
  });

  it('and what hardware noted in it is not lost', () => {
    const { state } = mapped();
    const writable = PTE.VALID | PTE.WRITE | PTE.READONLY;
    const linux = PageTable.empty(4096).edit();
    for (let at = 0; at < 16; at++) linux.set(AREA + at * 4096, packPte(16 + at, writable));
    const native = PageTable.empty(65536).edit();
    native.set(AREA, packPte(1, PTE.VALID | PTE.WRITE | PTE.DIRTY | PTE.YOUNG));
    const frames = [
      { orderPages: 0, pfns: [1, 2, 3] },
      { orderPages: 4, pfns: [64, 80] },
    ];
    const fallen = withoutNative({ ...state, linux: linux.done(), native: native.done(), tableFrames: frames }, 'torn');
    expect(fallen.linux.get(AREA + 4096)).toBe(packPte(17, PTE.VALID | PTE.WRITE | PTE.DIRTY | PTE.YOUNG));
  });
});
