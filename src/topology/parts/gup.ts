/**
 * The field `gup` of a topology: who pins user memory, and what the design does about pinned pages.
 *
 * @models S-08 S-09 T-05 D-16
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import { defaultPinChoices, type PinChoices } from '../../arch/pinChoices.ts';
import type { ActorSpec } from '../../runtime/hosting.ts';
import type { PartSurroundings } from './part.ts';

/**
 * What may be written for it.
 *
 * @example
 * ```ts
 * gupSchema.parse({ holders: ['io_uring'] }).drop; // 'orphan'
 * ```
 */
export const gupSchema = z.strictObject({
  holders: z
    .array(z.string().regex(/^[A-Za-z0-9_-]+$/))
    .default([])
    .describe('Who pins: names of the actors `gup:NAME`.'),
  forkCopy: z
    .enum(['process-page', 'kernel-page'])
    .default(defaultPinChoices.forkCopy)
    .describe(
      'What fork copies for the child of memory that is pinned: the process page, or one kernel page after the other.',
    ),
  forkSequence: z
    .enum(['checked', 'ignored'])
    .default(defaultPinChoices.forkSequence)
    .describe('The fast walk compares `write_protect_seq` before and after, or does not: then it races with fork.'),
  tableFree: z
    .enum(['deferred', 'immediate'])
    .default(defaultPinChoices.tableFree)
    .describe('Frames of page tables are freed when nobody walks without a lock any more, or at once.'),
  drop: z
    .enum(['orphan', 'refuse', 'wait', 'keep'])
    .default(defaultPinChoices.drop)
    .describe(
      'Pinned folios below the order that a mapping needs: they leave the cache, the mapping fails, it waits, or they stay.',
    ),
  forcedWrite: z
    .enum(['process-page', 'kernel-page', 'refused'])
    .default(defaultPinChoices.forcedWrite)
    .describe("What a debugger's write to memory that its target may not write to copies; or it is refused."),
  movableBytes: z
    .int()
    .nonnegative()
    .optional()
    .describe('Bytes from the beginning of memory that have to stay movable: long-term pins migrate out of them.'),
});

/** The field, defaults filled in. */
export type GupSettings = z.output<typeof gupSchema>;

/**
 * The choices that the machines obey.
 *
 * @example
 * ```ts
 * pinChoicesOf(gupSchema.parse({ tableFree: 'immediate' }), 4096).tableFree; // 'immediate'
 * ```
 */
export function pinChoicesOf(settings: GupSettings, kernelPageBytes: number): PinChoices {
  const { forkCopy, forkSequence, tableFree, drop, forcedWrite, movableBytes } = settings;
  const choices = { forkCopy, forkSequence, tableFree, drop, forcedWrite };
  if (movableBytes === undefined) return choices;
  return { ...choices, movable: { startPage: 0, endPage: Math.ceil(movableBytes / kernelPageBytes) } };
}

/**
 * An actor for each holder.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'true-kernel', pageSize: '4K' };
 * const topology = parseTopology({ name: 'one', processes: [process], gup: { holders: ['rdma'] } }, 'example');
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * gupActors({ topology, resources }).map(({ id }) => id); // ['gup:rdma']
 * ```
 */
export function gupActors({ topology, resources }: PartSurroundings): ActorSpec[] {
  const { gup, kernelPageSize: kernelPageBytes } = topology;
  const names = [...new Set(gup?.holders ?? [])];
  return names.map((name) => ({
    id: `gup:${name}`,
    machine: machines.gup,
    input: { resources, name, kernelPageBytes },
  }));
}
