/** Plans about memory: allocations that fail, pins that stay, frames that go bad. */
import { z } from 'zod';
import { defineFaultPlan } from './define.ts';
import { amount } from './schema.ts';

const by = z.string().min(1).default('*').describe('Who asks: mm:*, mmu:*, file:*, an id, or everybody.');
const purpose = z
  .enum(['anon', 'file', 'table', 'kernel'])
  .optional()
  .describe('Only what is asked for that; anything unless given.');
const minOrder = z
  .int()
  .min(0)
  .default(0)
  .describe('Only blocks of that order of kernel pages or more, as min-order of fail_page_alloc.');
const failure = z
  .enum(['kill', 'retry', 'sigbus'])
  .default('kill')
  .describe('What becomes of a fault: SIGKILL, the access again, or SIGBUS.');

const FAULT_IN_LINUX =
  'should_fail_alloc_page makes __alloc_pages return NULL at once. A call gives ENOMEM; a fault is VM_FAULT_OOM, after which ' +
  'pagefault_out_of_memory kills only for a memcg and else lets the access be done again (retry; before 5.16 the OOM killer ' +
  'ran: kill). Without a native table the process runs on the Linux table; without a Linux one the operation fails.';
const FAULT_SOURCE =
  'mm/fail_page_alloc.c, mm/page_alloc.c:prepare_alloc_pages, mm/oom_kill.c:pagefault_out_of_memory, ' +
  'Documentation/fault-injection/fault-injection.rst';

/** The answer of a zone that has nothing (`machines/zoneAlloc.ts`). */
function noMemory(failure: 'kill' | 'retry' | 'sigbus'): { type: 'NO_MEMORY'; failure?: string } {
  return failure === 'kill' ? { type: 'NO_MEMORY' } : { type: 'NO_MEMORY', failure };
}

function allocations(from: string, wanted: string | undefined, least: number) {
  const where = {
    ...(wanted === undefined ? {} : { purpose: wanted }),
    ...(least === 0 ? {} : { orderPages: { from: least } }),
  };
  const wire = { from, to: 'zone', type: 'ALLOC' };
  return Object.keys(where).length === 0 ? { wire } : { wire, where };
}

/** One allocation that fails. */
export const allocationFailureAt = defineFaultPlan({
  name: 'allocation-failure-at',
  says: 'The nth allocation fails, whatever is free.',
  linux: FAULT_IN_LINUX,
  source: FAULT_SOURCE,
  parameters: z.strictObject({
    nth: z.int().min(1).describe('Which allocation of those that count, from 1.'),
    by,
    purpose,
    minOrder,
    failure,
  }),
  rules: ({ nth, by: from, purpose: wanted, minOrder: least, failure: how }) => [
    { ...allocations(from, wanted, least), op: 'answer', nth, message: noMemory(how), copy: ['request'] },
  ],
});

/** Allocations that fail by chance. */
export const failingAllocations = defineFaultPlan({
  name: 'failing-allocations',
  says: 'Each allocation fails with a probability, as with fail_page_alloc.',
  linux: FAULT_IN_LINUX,
  source: FAULT_SOURCE,
  parameters: z.strictObject({
    probability: z.number().min(0).max(1).default(0.01).describe('Of each allocation.'),
    seed: z.int().nonnegative().default(1).describe('Of the draws.'),
    by,
    purpose,
    minOrder,
    failure,
  }),
  rules: ({ probability, seed, by: from, purpose: wanted, minOrder: least, failure: how }) => [
    { ...allocations(from, wanted, least), op: 'answer', probability, seed, message: noMemory(how), copy: ['request'] },
  ],
});

/** Pages of a file that somebody pins and never unpins. */
export const pinHeldForEver = defineFaultPlan({
  name: 'pin-held-for-ever',
  says: 'A device pins pages of a file, which are read for it where the cache has none, and never gives them back.',
  linux:
    'The folio cannot be migrated or split, and truncation only orphans it: folio_maybe_dma_pinned makes ' +
    'reclaim, compaction and collapse pass it by. Nothing times out; FOLL_LONGTERM keeps it off memory ' +
    'that has to stay movable.',
  source: 'Documentation/core-api/pin_user_pages.rst, mm/gup.c, include/linux/mm.h:folio_maybe_dma_pinned',
  parameters: z.strictObject({
    file: z.string().min(1).describe('Path of the file.'),
    firstIndex: z.int().nonnegative().default(0).describe('The first kernel page of the file that is pinned.'),
    endIndex: z.int().min(1).default(1).describe('The first one behind it that is not.'),
    holder: z.string().min(1).default('device').describe('Name of who has them.'),
    atCycles: z
      .int()
      .nonnegative()
      .max(2 ** 32 - 1)
      .default(0)
      .describe('How long after the first process starts.'),
  }),
  rules: ({ file, firstIndex, endIndex, holder, atCycles }) => {
    const to = `file:${file}`;
    const atStart = {
      wire: { from: 'outside', to: 'process:*', type: 'START' },
      op: 'inject',
      nth: 1,
      to,
      delayCycles: atCycles,
    } as const;
    return [
      // As faultin_page does; the file handles the one after the other.
      { ...atStart, message: { type: 'READ_AHEAD', file, mm: holder, firstIndex, endIndex } },
      { ...atStart, message: { type: 'PIN_PAGES', file, holder, firstIndex, endIndex } },
      { wire: { from: '*', to, type: 'UNPIN_PAGES' }, where: { holder }, op: 'drop' },
    ];
  },
});

/** A driver that says that it has unpinned, and has not. */
export const forgottenUnpin = defineFaultPlan({
  name: 'forgotten-unpin',
  says: 'A holder of pins says that it has unpinned, and keeps the pages.',
  linux: 'A leak: unpin_user_pages is the driver’s own affair. The pages stay allocated after the process has gone.',
  source:
    'Documentation/core-api/pin_user_pages.rst; nr_foll_pin_acquired and nr_foll_pin_released in ' +
    '/proc/vmstat drift apart',
  parameters: z.strictObject({
    holder: z.string().min(1).describe('Name of a holder of the field gup.'),
    nth: z.int().min(1).default(1).describe('Which request to unpin, counted from 1.'),
  }),
  rules: ({ holder, nth }) => [
    {
      wire: { from: 'abi', to: `gup:${holder}`, type: 'GUP_UNPIN' },
      op: 'answer',
      nth,
      message: { type: 'GUP_DONE', result: 0, errno: 0 },
      copy: ['request'],
    },
  ],
});

/** An uncorrectable error in a page of a process. */
export const memoryError = defineFaultPlan({
  name: 'memory-error',
  says: 'A frame goes bad while a process is at its nth system call; the topology has memoryFailure.',
  linux: 'memory_failure isolates the frame, unmaps it and sends SIGBUS with BUS_MCEERR_AO or BUS_MCEERR_AR.',
  source: 'mm/memory-failure.c, Documentation/mm/hwpoison.rst (MADV_HWPOISON, hwpoison-inject)',
  parameters: z.strictObject({
    pid: z.int().positive().describe('Whose page.'),
    va: amount.describe('An address in it.'),
    nth: z.int().min(1).default(1).describe('At which of its system calls, from 1.'),
    delayCycles: z.int().nonnegative().default(0).describe('How long after that.'),
  }),
  rules: ({ pid, va, nth, delayCycles }) => [
    {
      wire: { from: `process:${pid}`, to: 'abi', type: 'SYSCALL' },
      op: 'inject',
      nth,
      to: 'hwpoison',
      message: { type: 'MEMORY_FAILURE', pid, va },
      delayCycles,
    },
  ],
});
