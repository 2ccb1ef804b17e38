/**
 * The law of page sizes: a process's calls are judged by the page size of its memory, and by no other. A design in which a
 * selector acts at once breaks it.
 *
 * @models S-18 S-19
 */
import { memoryPageBytes, taskOf } from '../mm/selection/state.ts';
import type { LawSight } from './lawSight.ts';
import type { AbiContext, MmContext } from '../../machines/index.ts';

/**
 * What is wrong between the adapter and the address spaces of tasks that are in no call; null for nothing.
 *
 * @example
 * ```ts
 * const topology = loadTopology('select-at-once');
 * const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
 * while (sizeFault(system) === null) system.step();
 * sizeFault(system); // 'calls of process 100 are judged by 65536 bytes, its memory is of 4096'
 * ```
 */
export function sizeFault(system: Pick<LawSight, 'snapshot'>): string | null {
  const { selection, pageBytes, calls } = system.snapshot('abi').context as AbiContext;
  if (selection === undefined) return null;
  for (const { tid } of selection.tasks.tasks) {
    if (calls.has(tid) || taskOf(selection.tasks, tid) === null) continue;
    const memory = (system.snapshot(`mm:${tid}`).context as MmContext).pageBytes;
    // A child has no memory yet until its parent's fork has come to it.
    if (memory === 0) continue;
    const judged = pageBytes.get(tid) ?? 0;
    if (judged !== memory) return `calls of process ${tid} are judged by ${judged} bytes, its memory is of ${memory}`;
    const noted = memoryPageBytes(selection.tasks, tid);
    if (noted !== memory) return `process ${tid} is noted with ${noted} bytes, its memory is of ${memory}`;
  }
  return null;
}
