/** What is refused of the processes of a topology before anything runs. */
import { GranuleError } from '../errors.ts';
import { forksOf } from '../trace/workloads/workload.ts';
import { remedyFor } from './form/suggest.ts';
import { checkLifecycle } from './lifecycle.ts';
import type { Topology, TopologyProcess } from './schema.ts';
import { together } from './together.ts';

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

type Processes = ReadonlyMap<number, TopologyProcess>;

/** The names of processes, as a remedy has them. */
function namesOf(processes: Iterable<TopologyProcess>): string[] {
  return Array.from(processes, ({ pid }) => String(pid));
}

function checkThread(topology: Topology, byPid: Processes, index: number): void {
  const { threadOf, pageSize, forked, pid } = topology.processes[index] ?? {};
  if (threadOf === undefined) return;
  const where = `${topology.name}: processes.${index}.threadOf`;
  const group = byPid.get(threadOf);
  if (group === undefined) {
    const others = topology.processes.filter((process) => process.threadOf === undefined && process.pid !== pid);
    const next =
      others.length === 0 ? 'Add that process, or leave "threadOf" out.' : remedyFor(String(threadOf), namesOf(others));
    refuse('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${threadOf} to be a thread of`, where, next);
  }
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

function checkChildren(topology: Topology, byPid: Processes, index: number): void {
  for (const child of topology.processes[index]?.children ?? []) {
    const found = byPid.get(child);
    const where = `${topology.name}: processes.${index}.children`;
    if (found === undefined) {
      const forked = topology.processes.filter((process) => process.forked);
      const next =
        forked.length === 0
          ? 'Add it, with "forked": true, or take it out.'
          : remedyFor(String(child), namesOf(forked));
      refuse('TOPOLOGY_ACTOR_UNKNOWN', `there is no process:${child} to fork`, where, next);
    }
    if (!found.forked) {
      refuse('TOPOLOGY_INVALID', `process:${child} is not marked forked`, where, 'Give that process "forked": true.');
    }
  }
}

/** A workload that forks needs its children. */
function checkForks({ name }: Topology, { workload, children, pid }: TopologyProcess, index: number): void {
  const forks = workload === undefined ? 0 : forksOf(workload);
  if (forks <= children.length) return;
  const what = `the workload of process:${pid} forks ${forks} children, and ${children.length} are listed`;
  const next = 'List as many processes that are "forked", or let it fork fewer.';
  refuse('TOPOLOGY_INVALID', what, `${name}: processes.${index}.children`, next);
}

function checkSizes({ name, kernelPageSize }: Topology, { pageSize, layout }: TopologyProcess, index: number): void {
  const where = `${name}: processes.${index}`;
  if (pageSize < kernelPageSize) {
    const what = `a process page of ${pageSize} below the kernel's ${kernelPageSize} bytes`;
    const next = 'Give a larger pageSize, or a smaller kernelPageSize.';
    refuse('TOPOLOGY_PAGE_SIZE', what, `${where}.pageSize`, next);
  }
  if (layout !== undefined && layout < pageSize) {
    const next = 'Give a layout of its pageSize at least, or none.';
    refuse('TOPOLOGY_PAGE_SIZE', `a program laid out for pages smaller than its own`, `${where}.layout`, next);
  }
}

function checkCpu({ name, cpus }: Topology, { cpu }: TopologyProcess, index: number): void {
  if (cpu === undefined || cpu < cpus) return;
  const what = `there is no tlb:${cpu}, only ${cpus} CPUs`;
  const next = 'Give more cpus, or a CPU from 0 on.';
  refuse('TOPOLOGY_ACTOR_UNKNOWN', what, `${name}: processes.${index}.cpu`, next);
}

/**
 * Checks that processes fit each other, their kernel and its CPUs; tells of all that do not.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_PAGE_SIZE
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ trace: 'made', pageSize: '4K', cpu: 1 }] }, 'example');
 * checkProcesses(topology); // throws TOPOLOGY_ACTOR_UNKNOWN
 * ```
 */
export function checkProcesses(topology: Topology): void {
  const byPid = new Map(topology.processes.map((process) => [process.pid, process]));
  const checkPid = (pid: number, index: number): void => {
    if (topology.processes.findIndex((process) => process.pid === pid) === index) return;
    const next = 'Give one of them another pid, or none.';
    refuse('TOPOLOGY_INVALID', `pid ${pid} is given twice`, `${topology.name}: processes.${index}.pid`, next);
  };
  together(
    topology.processes.flatMap((process, index) => [
      () => checkPid(process.pid, index),
      () => checkSizes(topology, process, index),
      () => checkCpu(topology, process, index),
      () => checkThread(topology, byPid, index),
      () => checkChildren(topology, byPid, index),
      () => checkForks(topology, process, index),
      () => checkLifecycle(topology, index),
    ]),
  );
}
