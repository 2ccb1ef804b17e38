/**
 * What a process is told by its calls and signals, in any order of messages, is what a kernel that was built for its page size tells it.
 * For programs whose answers do not depend on the order in which processes run: where they do, plain kernels differ among themselves.
 */
import { GranuleError } from '../../../errors.ts';
import type { Message } from '../../../runtime/envelope.ts';
import type { RunSource } from '../../../mm/runs.ts';
import { layoutOf } from '../../../topology/build.ts';
import type { Catalogue } from '../../../topology/definitions/catalogue.ts';
import { runTopology } from '../../../topology/run.ts';
import type { Topology } from '../../../topology/schema.ts';
import type { WorldProperty } from '../inspections.ts';

/** The name of the property; it is looked at where it is asked for. */
export const SAME_AS_KERNEL = 'same-as-kernel-of-its-size';

/** What a process is told by a message, as text; null for one that tells it nothing. */
function toldBy({ type, ...fields }: Message): string | null {
  if (type === 'SYSRET') {
    const { result, errno, signal, data } = fields;
    return `result ${String(result)}, errno ${String(errno)}, signal ${String(signal)}, data ${JSON.stringify(data)}`;
  }
  if (type !== 'RAN' || fields['reason'] !== 'signal') return null;
  const { signal, code, va } = fields;
  return `signal ${String(signal)}, code ${String(code)}, at 0x${Number(va).toString(16)}`;
}

/** The same programs on a kernel of one page size, whose tables are those of that size. */
function kernelOf(topology: Topology, pageSize: number): Topology {
  const processes = topology.processes.map((process) => ({
    ...process,
    pageSize,
    layout: layoutOf(process, topology.kernelPageSize),
  }));
  return {
    ...topology,
    kernelPageSize: pageSize,
    nativeTables: false,
    chooser: 'time-order',
    faultPlan: [],
    processes,
  };
}

/** What every process is told on a plain kernel in the order of time, by pid. */
function expectedOf(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  catalogue: Catalogue,
): Map<string, readonly string[]> {
  const expected = new Map<string, readonly string[]>();
  for (const pageSize of new Set(topology.processes.map((process) => process.pageSize))) {
    const told = new Map<string, string[]>();
    runTopology({
      topology: kernelOf(topology, pageSize),
      traces,
      catalogue,
      writer: null,
      onDelivery: (_seq, _time, { to, message }) => {
        const text = to.startsWith('process:') ? toldBy(message) : null;
        if (text !== null) told.set(to, [...(told.get(to) ?? []), text]);
      },
    });
    for (const process of topology.processes) {
      if (process.pageSize === pageSize)
        expected.set(`process:${process.pid}`, told.get(`process:${process.pid}`) ?? []);
    }
  }
  return expected;
}

/** How many answers each process has had; and the first that was another. */
interface Heard {
  readonly counts: Readonly<Record<string, number>>;
  readonly fault: string | null;
}

/**
 * The property for a topology; where a plain kernel cannot run its programs, the reason why it is left out.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const made = sameAsKernel(topology, traces, builtIns);
 * typeof made === 'string' ? made : made.name; // 'same-as-kernel-of-its-size'
 * ```
 */
export function sameAsKernel(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  catalogue: Catalogue,
): WorldProperty | string {
  let expected: Map<string, readonly string[]>;
  try {
    expected = expectedOf(topology, traces, catalogue);
  } catch (error) {
    if (error instanceof GranuleError)
      return `${SAME_AS_KERNEL}: a kernel of that page size does not run it: ${error.message}`;
    throw error;
  }
  const start: Heard = { counts: {}, fault: null };
  return {
    name: SAME_AS_KERNEL,
    kind: 'always',
    says: 'What a process is told by its calls and signals is what a kernel that was built for its page size tells it.',
    reads: (owner) => owner.startsWith('process:'),
    watch: {
      start,
      next: (memory, { sent: { channel, content } }) => {
        const text = channel.to.startsWith('process:') ? toldBy(content.message) : null;
        if (text === null) return memory;
        const { counts, fault } = memory as Heard;
        const count = counts[channel.to] ?? 0;
        const wanted = expected.get(channel.to)?.[count] ?? 'nothing';
        const differs =
          text === wanted
            ? null
            : `${channel.to} is told "${text}" by its answer ${count}, and would be told "${wanted}"`;
        return { counts: { ...counts, [channel.to]: count + 1 }, fault: fault ?? differs };
      },
    },
    whole: (_sight, _world, memory) => (memory as Heard).fault,
  };
}
