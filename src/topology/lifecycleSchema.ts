/** When processes start, stop, pause and move: fields of a process. */
import { z } from 'zod';

/** Cycles that a message may be late, as of a fault plan. */
const DELAY_MAX = 2 ** 32 - 1;

/** A message that somebody sends to somebody: the nth that fits. */
const eventSchema = z.strictObject({
  type: z.string().min(1),
  /** Exact, or a beginning with `*` behind it. */
  from: z.string().min(1).default('*'),
  to: z.string().min(1).default('*'),
  nth: z.int().min(1).default(1),
});

const byTime = { atCycles: z.int().nonnegative() };
const byEvent = { when: eventSchema, delayCycles: z.int().min(0).max(DELAY_MAX).default(0) };
const momentSchema = z.union([z.strictObject(byTime), z.strictObject(byEvent)], {
  error: 'a moment is { "atCycles": N } or { "when": { "type": ... }, "delayCycles": N }',
});
const cpus = z.array(z.int().nonnegative()).min(1);
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
  /** When it calls execve, in the place of `startCycles`. */
  start: momentSchema.optional(),
  /** SIGKILL. */
  stop: momentSchema.optional(),
  /** SIGSTOP and SIGCONT. */
  pause: z.array(momentSchema).optional(),
  resume: z.array(momentSchema).optional(),
  /** sched_setaffinity. */
  pin: z.array(pinSchema).optional(),
};

/** A moment of a run. */
export type Moment = z.output<typeof momentSchema>;
