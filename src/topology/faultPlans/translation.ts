/** Plans about translation: TLB maintenance that gets lost, and its acknowledgements. */
import { z } from 'zod';
import { defineFaultPlan } from './define.ts';
import { cycles } from './schema.ts';

const nthTlbi = z.int().min(1).default(1).describe('Which TLBI that the CPU is sent, counted from 1.');
const cpu = z.int().nonnegative().default(0).describe('Which CPU.');

/** A TLBI that a CPU does not do. */
export const lostTlbi = defineFaultPlan({
  name: 'lost-tlbi',
  says: 'A CPU does not do a TLBI, and answers as if it had; or it never answers.',
  linux:
    'Nobody can notice: the issuer waits for a DSB alone, so the CPU goes on with the old translation. On ' +
    'CPUs with such an erratum the kernel issues TLBI and DSB twice. Without the answer the DSB never ' +
    'ends, with interrupts off where the caller has them off.',
  source:
    'arch/arm64/Kconfig:ARM64_WORKAROUND_REPEAT_TLBI (Cortex-A55 2441007, A76 1286807, A510 2441009), ' +
    'arch/arm64/include/asm/tlbflush.h:__tlbi',
  parameters: z.strictObject({
    nth: nthTlbi,
    cpu,
    acknowledged: z.boolean().default(true).describe('It answers all the same; false: it never does.'),
  }),
  rules: ({ nth, cpu: number, acknowledged }) => {
    const wire = { from: 'mmu:*', to: `tlb:${number}`, type: 'TLBI' };
    if (!acknowledged) return [{ wire, op: 'drop', nth }];
    return [{ wire, op: 'answer', nth, message: { type: 'TLBI_DONE', cpu: number, dropped: 0 } }];
  },
});

/** Acknowledgements that take long. */
export const lateAcknowledgement = defineFaultPlan({
  name: 'late-acknowledgement',
  says: 'CPUs acknowledge TLB maintenance late.',
  linux:
    'The DSB takes as long as it takes; nothing times out. munmap, mprotect, migration and reclaim wait ' +
    'meanwhile, under the locks that they hold.',
  source: 'arch/arm64/include/asm/tlbflush.h:__flush_tlb_range, flush_tlb_page',
  parameters: z.strictObject({
    cycles: cycles.default(100_000).describe('So much later.'),
    nth: z.int().min(1).optional().describe('Only this acknowledgement; all unless given.'),
    cpu: z.int().nonnegative().optional().describe('Only of this CPU; of every one unless given.'),
  }),
  rules: ({ cycles: delayCycles, nth, cpu: number }) => [
    {
      wire: { from: number === undefined ? 'tlb:*' : `tlb:${number}`, to: 'mmu:*', type: 'TLBI_DONE' },
      op: 'delay',
      delayCycles,
      ...(nth === undefined ? {} : { nth }),
    },
  ],
});
