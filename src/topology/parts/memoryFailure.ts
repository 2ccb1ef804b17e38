/**
 * Memory failure (CONFIG_MEMORY_FAILURE): what an error in one frame takes away.
 *
 * @models D-18
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import type { PartActors } from './part.ts';

/**
 * The field `memoryFailure` of a topology; errors come by `messages` to `hwpoison`.
 *
 * @example
 * ```ts
 * memoryFailureSchema.parse({}).containment; // 'process-page'
 * ```
 */
export const memoryFailureSchema = z.strictObject({
  containment: z
    .enum(['process-page', 'kernel-page'])
    .default('process-page')
    .describe(
      'What gets hwpoison entries: the whole process page, or the 4K that failed, which gives the native table up.',
    ),
  retirement: z
    .enum(['frame', 'folio'])
    .default('frame')
    .describe('What is never handed out again: the frame, the rest being given back, or the whole folio.'),
  earlyKill: z
    .boolean()
    .default(false)
    .describe(
      '`vm.memory_failure_early_kill`: whoever maps the page gets SIGBUS at once, not only when it touches it.',
    ),
});

/**
 * The worker.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * memoryFailureActors({ topology: loadTopology('plain-4k'), resources }); // []
 * ```
 */
export const memoryFailureActors: PartActors = ({ topology, resources }) => {
  if (topology.memoryFailure === undefined) return [];
  // Threads have no memory of their own.
  const pids = topology.processes.filter(({ threadOf }) => threadOf === undefined).map(({ pid }) => pid);
  const input = { resources, kernelPageBytes: topology.kernelPageSize, settings: topology.memoryFailure, pids };
  return [{ id: 'hwpoison', machine: machines.hwpoison, input }];
};
