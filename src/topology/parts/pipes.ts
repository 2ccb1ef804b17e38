/** Pipes of a topology: which there are, and how many pages they hold. */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import { PIPE_SLOTS } from '../../../machines/pipe/pipe.ts';
import { NUMBER_FORM } from '../../trace/numberForms.ts';
import { parseNumber } from '../../trace/programCalls.ts';
import type { PartActors } from './part.ts';

const bytes = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const parsed = parseNumber(value);
    if (parsed === null) context.addIssue({ code: 'custom', message: `"${value}" is no size; write 64K` });
    return parsed ?? 0;
  })
  .meta(NUMBER_FORM);

/** What may be written: names, and the page size of whoever made the pipe where its slots are to be as large. */
export const pipesSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1).describe('Its name.'),
      slotBytes: bytes
        .optional()
        .describe("The page size of whoever made it, where its slots are to be as large; left out: the kernel's."),
    }),
  )
  .optional();

/**
 * An actor for each pipe. A slot is a kernel page; `slotBytes` of a process page is the design in which a 64K process's pipe
 * holds as much as on a 64K kernel.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ ...loadTopology('plain-4k'), pipes: [{ name: 'p', slotBytes: '64K' }] }, 'example');
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * pipeActors({ topology, resources }).map(({ id }) => id); // ['pipe:p']
 * ```
 */
export const pipeActors: PartActors = ({ topology, resources }) =>
  (topology.pipes ?? []).map(({ name, slotBytes }) => {
    const { kernelPageSize: kernelPageBytes } = topology;
    const slots = (PIPE_SLOTS * (slotBytes ?? kernelPageBytes)) / kernelPageBytes;
    return { id: `pipe:${name}`, machine: machines.pipe, input: { resources, name, kernelPageBytes, slots } };
  });
