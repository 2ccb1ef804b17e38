/** When processes start, stop, pause and move: fields of a process. */
import { z } from 'zod';

/** Cycles that a message may be late, as of a fault plan. */
const DELAY_MAX = 2 ** 32 - 1;

/** A message that somebody sends to somebody: the nth that fits. */
const eventSchema = z.strictObject({
  type: z.string().min(1).describe('The type of the message.'),
  from: z.string().min(1).default('*').describe('Its sender: an actor, or all that begin alike, as in `tlb:*`.'),
  to: z.string().min(1).default('*').describe('Its receiver, in the same way.'),
  nth: z.int().min(1).default(1).describe('Which of those that fit, counted from 1.'),
});

const byTime = { atCycles: z.int().nonnegative().describe('The time.') };
const byEvent = {
  when: eventSchema.describe('A message that is sent.'),
  delayCycles: z.int().min(0).max(DELAY_MAX).default(0).describe('How long after that.'),
};
const momentSchema = z.union([z.strictObject(byTime), z.strictObject(byEvent)], {
  error: 'a moment is { "atCycles": N } or { "when": { "type": ... }, "delayCycles": N }',
});
const cpus = z.array(z.int().nonnegative()).min(1).describe('The CPUs that it may run on from then on.');
const pinSchema = z.union([z.strictObject({ ...byTime, cpus }), z.strictObject({ ...byEvent, cpus })], {
  error: 'a pin is a moment, { "atCycles": N } or { "when": ... }, with "cpus": [0, 1]',
});

/**
 * The fields, each optional: a process without them starts at `startCycles` and ends by itself.
 *
 * @example
 * ```ts
 * lifecycleFields.stop.parse({ when: { type: 'EXITED' } })?.delayCycles; // 0
 * ```
 */
export const lifecycleFields = {
  start: momentSchema
    .optional()
    .describe('The moment when it calls execve, in the place of `startCycles`: docs/workloads.md.'),
  stop: momentSchema.optional().describe('The moment of its SIGKILL.'),
  pause: z.array(momentSchema).optional().describe('Moments of SIGSTOP.'),
  resume: z.array(momentSchema).optional().describe('Moments of SIGCONT.'),
  pin: z.array(pinSchema).optional().describe('Moments of sched_setaffinity, each with its `cpus`.'),
};

/** A moment of a run. */
export type Moment = z.output<typeof momentSchema>;
