/** What is refused of the processes of a topology before anything runs. */
import { GranuleError } from '../errors.ts';
import type { Topology, TopologyProcess } from './schema.ts';

/**
 * Refuses a topology whose parts do not fit.
 *
 * @throws GranuleError with the code
 * @example
 * ```ts
 * refuse('TOPOLOGY_INVALID', 'pid 1 is given twice', 'one: processes.1.pid'); // throws TOPOLOGY_INVALID
 * ```
 */
export function refuse(
  code: 'TOPOLOGY_INVALID' | 'TOPOLOGY_ACTOR_UNKNOWN' | 'TOPOLOGY_PAGE_SIZE' | 'TOPOLOGY_NO_TAKER',
  what: string,
  where: string,
  next?: string,
): never {
  throw new GranuleError(code, what, where, next);
}

function checkThreads(topology: Topology, byPid: ReadonlyMap<number, TopologyProcess>): void {
  for (const [index, { threadOf, pageSize, forked }] of topology.processes.entries()) {
    if (threadOf === undefined) continue;
    const where = `${topology.name}: processes.${index}.threadOf`;
    const group = byPid.get(threadOf);
    if (group === undefined)
      refuse('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${threadOf} to be a thread of`, where);
    if (group.threadOf !== undefined) {
      const next = `Name its process, ${group.threadOf}.`;
      refuse('TOPOLOGY_INVALID', `process:${threadOf} is a thread itself`, where, next);
    }
    if (forked)
      refuse('TOPOLOGY_INVALID', 'a thread is made by clone, not by fork', where, 'Leave "forked" or "threadOf" out.');
    if (group.pageSize !== pageSize) {
      const what = `a thread has the page size of its process, which is ${group.pageSize} bytes, not ${pageSize}`;
      refuse('TOPOLOGY_PAGE_SIZE', what, where, 'Give both the same pageSize.');
    }
  }
}

/**
 * Checks that processes fit each other, their kernel and its CPUs.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ trace: 'made', pageSize: '4K', cpu: 1 }] }, 'example');
 * checkProcesses(topology); // throws TOPOLOGY_ACTOR_UNKNOWN
 * ```
 */
export function checkProcesses(topology: Topology): void {
  const byPid = new Map<number, TopologyProcess>();
  for (const [index, process] of topology.processes.entries()) {
    const where = `${topology.name}: processes.${index}`;
    if (byPid.has(process.pid)) {
      refuse(
        'TOPOLOGY_INVALID',
        `pid ${process.pid} is given twice`,
        `${where}.pid`,
        'Give one of them another pid, or none.',
      );
    }
    byPid.set(process.pid, process);
    if (process.pageSize < topology.kernelPageSize) {
      const sizes = `${process.pageSize} below the kernel's ${topology.kernelPageSize}`;
      const next = 'Give a larger pageSize, or a smaller kernelPageSize.';
      refuse('TOPOLOGY_PAGE_SIZE', `a process page of ${sizes} bytes`, `${where}.pageSize`, next);
    }
    if (process.layout !== undefined && process.layout < process.pageSize) {
      const next = 'Give a layout of its pageSize at least, or none.';
      refuse('TOPOLOGY_PAGE_SIZE', `a program laid out for pages smaller than its own`, `${where}.layout`, next);
    }
    if (process.cpu !== undefined && process.cpu >= topology.cpus) {
      const what = `there is no tlb:${process.cpu}, only ${topology.cpus} CPUs`;
      refuse('TOPOLOGY_ACTOR_UNKNOWN', what, `${where}.cpu`, 'Give more cpus, or a CPU from 0 on.');
    }
  }
  checkThreads(topology, byPid);
  for (const [index, process] of topology.processes.entries()) {
    for (const child of process.children) {
      const found = byPid.get(child);
      const where = `${topology.name}: processes.${index}.children`;
      if (found === undefined) refuse('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${child} to fork`, where);
      if (!found.forked) {
        refuse('TOPOLOGY_INVALID', `process:${child} is not marked forked`, where, 'Give that process "forked": true.');
      }
    }
  }
}
