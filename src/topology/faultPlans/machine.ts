/** Plans about the machine as a whole: CPUs that stand still, and power that fails. */
import { z } from 'zod';
import { defineFaultPlan } from './define.ts';
import { cycles } from './schema.ts';

/** A CPU that does nothing for a while. */
export const cpuStall = defineFaultPlan({
  name: 'cpu-stall',
  says: 'A CPU takes no message for a while: a virtual CPU that its host does not run, or firmware that has it.',
  linux:
    'Whoever waits for it waits: a TLBI completes without it in hardware, an IPI does not. The soft ' +
    'lockup detector warns after 20 s, RCU after 21 s; steal time is all that a guest sees of less.',
  source: 'kernel/watchdog.c, kernel/rcu/tree_stall.h, Documentation/RCU/stallwarn.rst',
  parameters: z.strictObject({
    cpu: z.int().nonnegative().default(0).describe('Which CPU.'),
    fromCycles: z.int().nonnegative().default(0).describe('When it stops.'),
    forCycles: cycles.min(1).default(1_000_000).describe('For how long.'),
    tlbi: z
      .enum(['done', 'held'])
      .default('done')
      .describe('TLB maintenance is done meanwhile, as the hardware of a CPU does it; or held like all else.'),
  }),
  rules: ({ cpu, fromCycles, forCycles, tlbi }) => {
    const wire = { from: '*', to: `tlb:${cpu}`, ...(tlbi === 'done' ? { type: '!TLBI' } : {}) };
    return [{ wire, op: 'hold', fromCycles, untilCycles: fromCycles + forCycles }];
  },
});

/** Power fails at a record. */
export const crashAtSeq = defineFaultPlan({
  name: 'crash-at-seq',
  says: 'Power fails: nothing is delivered behind a record.',
  linux: 'Nothing can be done. What was not written back is lost; the log holds what was, up to the record.',
  source: 'Documentation/admin-guide/device-mapper/log-writes.rst replays writes up to any moment for this',
  parameters: z.strictObject({ seq: z.int().nonnegative().describe('The last record of the run.') }),
  rules: ({ seq }) => [{ op: 'stop', atSeq: seq }],
});

/** Power fails at a write. */
export const crashAtWrite = defineFaultPlan({
  name: 'crash-at-write',
  says: 'Power fails as the nth write is sent to the device.',
  linux: 'The write is not on the disk; nor is anything that was dirty.',
  source: 'Documentation/admin-guide/device-mapper/log-writes.rst',
  parameters: z.strictObject({ nth: z.int().min(1).default(1).describe('Which write, counted from 1.') }),
  rules: ({ nth }) => [{ wire: { from: '*', to: 'disk', type: 'WRITE_BLOCKS' }, op: 'stop', nth }],
});
