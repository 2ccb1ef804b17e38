/** Plans about the block device. */
import { z } from 'zod';
import { defineFaultPlan } from './define.ts';
import { cycles } from './schema.ts';

const to = z
  .string()
  .min(1)
  .default('file:*')
  .describe('Whose transfers: a file (file:/lib/libc.so.6), file:* or swap.');
const nth = z.int().min(1).default(1).describe('Which completion, counted from 1.');
const seed = z.int().nonnegative().default(1).describe('Of the draws.');

/** A device whose transfers take long. */
export const slowDisk = defineFaultPlan({
  name: 'slow-disk',
  says: 'Every transfer, or some of them, takes longer; the device does nothing else meanwhile.',
  linux:
    'Tasks sleep in folio_wait_bit or blk_io_schedule. After 120 s khungtaskd names them; after 30 s the ' +
    'block layer asks the driver about the request.',
  source: 'kernel/hung_task.c, block/blk-mq.c:blk_mq_init_allocated_queue (30 * HZ)',
  parameters: z.strictObject({
    cycles: cycles.default(10_000_000).describe('So much longer.'),
    probability: z.number().min(0).max(1).default(1).describe('Of each transfer.'),
    seed,
  }),
  rules: ({ cycles: delayCycles, probability, seed: drawn }) => {
    const wire = { from: 'disk', to: 'disk', type: 'IO_DONE' };
    const some = probability < 1 ? { probability, seed: drawn } : {};
    return [{ wire, op: 'delay', delayCycles, ...some }];
  },
});

/** A completion that nobody hears of. */
export const lostIo = defineFaultPlan({
  name: 'lost-io',
  says: 'The device has done a transfer, and its completion is lost.',
  linux:
    'blk_mq_timeout_work finds the request after 30 s; the driver completes it, aborts it and resets the ' +
    'device, or the SCSI midlayer sends it again. The model has no such timer: who waits, waits for ever, ' +
    'as with a driver without timeouts.',
  source: 'block/blk-mq.c:blk_mq_rq_timed_out, drivers/nvme/host/pci.c:nvme_timeout, drivers/scsi/scsi_error.c',
  parameters: z.strictObject({ to, nth }),
  rules: ({ to: receiver, nth: which }) => [
    { wire: { from: 'disk', to: receiver, type: 'IO_DONE' }, op: 'drop', nth: which },
  ],
});

/** A completion that comes twice. */
export const duplicateCompletion = defineFaultPlan({
  name: 'duplicate-completion',
  says: 'The device reports one transfer twice.',
  linux:
    'A driver that checks says so and goes on (NVMe compares a generation counter in the command id); one ' +
    'that does not ends a request that is free or somebody else’s.',
  source:
    'drivers/nvme/host/nvme.h:nvme_find_rq ("request %#x genctr mismatch"), block/blk-mq.c:blk_mq_complete_request',
  parameters: z.strictObject({ to, nth, cycles: cycles.default(0).describe('So much after the first.') }),
  rules: ({ to: receiver, nth: which, cycles: delayCycles }) => [
    { wire: { from: 'disk', to: receiver, type: 'IO_DONE' }, op: 'duplicate', nth: which, delayCycles },
  ],
});

/** Completions that overtake each other. */
export const reorderedCompletions = defineFaultPlan({
  name: 'reordered-completions',
  says: 'Completions come in another order than the transfers were asked for.',
  linux: 'Legal: nothing above the block layer may rely on an order of completions but by flushes and FUA.',
  source: 'Documentation/block/writeback_cache_control.rst',
  parameters: z.strictObject({
    to,
    windowCycles: cycles.min(1).default(1_000_000).describe('Each is drawn to be up to so much later.'),
    probability: z.number().min(0).max(1).default(0.5).describe('Of each completion.'),
    seed,
  }),
  rules: ({ to: receiver, windowCycles, probability, seed: drawn }) => [
    { wire: { from: 'disk', to: receiver, type: 'IO_DONE' }, op: 'reorder', windowCycles, probability, seed: drawn },
  ],
});

/** Writes that are reported and never made. */
export const droppedWrites = defineFaultPlan({
  name: 'dropped-writes',
  says: 'The device reports writes as done and does not make them.',
  linux: 'Nobody can notice before the data are read again; dm-flakey does this to test file systems.',
  source: 'Documentation/admin-guide/device-mapper/dm-flakey.rst: drop_writes',
  parameters: z.strictObject({
    from: z.string().min(1).default('file:*').describe('Whose writes: a file, file:* or swap.'),
    probability: z.number().min(0).max(1).default(1).describe('Of each write.'),
    seed,
    cycles: cycles.default(100_000).describe('How long it takes to report.'),
  }),
  rules: ({ from, probability, seed: drawn, cycles: delayCycles }) => {
    const wire = { from, to: 'disk', type: 'WRITE_BLOCKS' };
    const some = probability < 1 ? { probability, seed: drawn } : {};
    return [{ wire, op: 'answer', message: { type: 'IO_DONE' }, copy: ['request'], delayCycles, ...some }];
  },
});
