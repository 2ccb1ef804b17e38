/** Smaller processes: fewer of them, fewer steps in their programs, shorter steps, smaller workloads. */
import { isFields } from '../../../topology/form/fields.ts';
import { withValue } from '../../../topology/places.ts';
import { withPids } from '../../../topology/form/pids.ts';
import {
  listAt,
  type PlainTopology,
  type Reducer,
  type Reduction,
  smallerSizes,
  withoutField,
  withoutParts,
} from './plain.ts';

/** Fields of a step that name a process. */
const NAMING = ['childPid', 'tid', 'targetPid', 'pid'];
/** Fields of a step that are lengths. */
const LENGTHS = ['lengthBytes', 'newLengthBytes', 'sizeBytes'];
/** A step that reaches into one kernel page. */
const LEAST_BYTES = 4096;
/** Fields of a process without which it is none, or another one. */
const NEEDED = new Set(['pid', 'program', 'workload', 'trace', 'pageSize', 'children', 'forked', 'threadOf']);

type Process = PlainTopology & { readonly pid: unknown };

function processesOf(topology: PlainTopology): readonly Process[] {
  return withPids(listAt(topology, ['processes']).filter(isFields)) as readonly Process[];
}

function stepsOf(process: PlainTopology): readonly PlainTopology[] {
  return listAt(process, ['program']).filter(isFields);
}

function withProcesses(topology: PlainTopology, processes: readonly unknown[]): PlainTopology {
  return { ...topology, processes };
}

/** Those that go with a process: its threads, and who is forked by it. */
function goneWith(processes: readonly Process[], pids: ReadonlySet<unknown>): ReadonlySet<unknown> {
  const gone = new Set(pids);
  for (let before = -1; before !== gone.size; ) {
    before = gone.size;
    for (const process of processes) {
      if (gone.has(process['threadOf'])) gone.add(process.pid);
      if (gone.has(process.pid)) for (const child of listAt(process, ['children'])) gone.add(child);
    }
  }
  return gone;
}

/** A process that knows nothing of those that are gone. */
function forgetful(process: Process, gone: ReadonlySet<unknown>): PlainTopology {
  const children = listAt(process, ['children']).filter((pid) => !gone.has(pid));
  const steps = stepsOf(process).filter((step) => !NAMING.some((name) => gone.has(step[name])));
  return {
    ...process,
    ...(process['children'] === undefined ? {} : { children }),
    ...(process['program'] === undefined ? {} : { program: steps }),
  };
}

function* fewerProcesses(topology: PlainTopology): Generator<Reduction> {
  const processes = processesOf(topology);
  for (const { gone: parted } of withoutParts(processes, 1)) {
    const gone = goneWith(processes, new Set(parted.map(({ pid }) => pid)));
    const left = processes.filter(({ pid }) => !gone.has(pid));
    if (left.length === 0) continue;
    const says = `${gone.size === 1 ? 'process' : 'processes'} ${[...gone].join(', ')}`;
    yield {
      says,
      topology: withProcesses(
        topology,
        left.map((process) => forgetful(process, gone)),
      ),
    };
  }
}

function* fewerSteps(topology: PlainTopology): Generator<Reduction> {
  const processes = processesOf(topology);
  for (const [at, process] of processes.entries()) {
    for (const { gone, rest } of withoutParts(stepsOf(process), 1)) {
      const ops = gone.map((step) => String(step['op'])).join(', ');
      const says = `${gone.length === 1 ? 'step' : 'steps'} of process ${String(process.pid)}: ${ops}`;
      yield { says, topology: withProcesses(topology, withValue(processes, [at, 'program'], rest) as unknown[]) };
    }
  }
}

function* shorterSteps(topology: PlainTopology): Generator<Reduction> {
  const processes = processesOf(topology);
  for (const [at, process] of processes.entries()) {
    for (const [stepAt, step] of stepsOf(process).entries()) {
      for (const field of LENGTHS) {
        for (const size of smallerSizes(step[field], LEAST_BYTES)) {
          const says = `${String(step['op'])} of process ${String(process.pid)}: ${field} ${String(step[field])} to ${size}`;
          const smaller = withValue(processes, [at, 'program', stepAt, field], size) as unknown[];
          yield { says, topology: withProcesses(topology, smaller) };
        }
      }
    }
  }
}

/** Numbers and sizes of a workload halved, and parts of it left out, wherever they stand. */
function* smallerInside(value: unknown, where: string): Generator<{ says: string; value: unknown }> {
  if (Array.isArray(value)) {
    for (const { gone, rest } of withoutParts(value as unknown[], 1))
      yield { says: `${gone.length} of ${where}`, value: rest };
    for (const [at, inner] of (value as unknown[]).entries()) {
      for (const smaller of smallerInside(inner, `${where}.${at}`))
        yield { says: smaller.says, value: withValue(value, [at], smaller.value) };
    }
  } else if (isFields(value)) {
    for (const [field, inner] of Object.entries(value)) {
      // Addresses are places, not amounts.
      if (field === 'addr' || field === 'pattern' || field === 'seed') continue;
      for (const smaller of smallerInside(inner, `${where}.${field}`))
        yield { says: smaller.says, value: { ...value, [field]: smaller.value } };
    }
  } else {
    for (const size of smallerSizes(value, 1)) yield { says: `${where} ${String(value)} to ${size}`, value: size };
  }
}

function* smallerWorkloads(topology: PlainTopology): Generator<Reduction> {
  const processes = processesOf(topology);
  for (const [at, process] of processes.entries()) {
    for (const { says, value } of smallerInside(process['workload'], `workload of process ${String(process.pid)}`)) {
      yield { says, topology: withProcesses(topology, withValue(processes, [at, 'workload'], value) as unknown[]) };
    }
  }
}

function* plainerProcesses(topology: PlainTopology): Generator<Reduction> {
  const made = withProcesses(topology, processesOf(topology));
  for (const [at, process] of processesOf(topology).entries()) {
    for (const field of Object.keys(process).filter((name) => !NEEDED.has(name))) {
      const says = `${field} of process ${String(process.pid)}`;
      yield { says, topology: withoutField(made, ['processes', at, field]) };
    }
  }
}

/**
 * What makes processes fewer and smaller.
 *
 * @example
 * ```ts
 * const [fewer] = processReducers;
 * const topology = { name: 'two', processes: [{ pid: 1, pageSize: '4K' }, { pid: 2, pageSize: '4K' }] };
 * [...fewer.reductions(topology)].map(({ says }) => says); // ['process 2', 'process 1']
 * ```
 */
export const processReducers: readonly [Reducer, ...Reducer[]] = [
  { name: 'processes', reductions: fewerProcesses },
  { name: 'steps', reductions: fewerSteps },
  { name: 'workloads', reductions: smallerWorkloads },
  { name: 'lengths of steps', reductions: shorterSteps },
  { name: 'fields of processes', reductions: plainerProcesses },
];
