/** Smaller surroundings of processes: facilities, files, faults, CPUs, memory, and choices back to their defaults. */
import { partSchemas } from '../../../topology/parts/index.ts';
import { isFields } from '../../../topology/form/fields.ts';
import { withValue } from '../../../topology/places.ts';
import {
  listAt,
  type PlainTopology,
  type Reducer,
  type Reduction,
  smallerSizes,
  withoutField,
  withoutParts,
} from './plain.ts';

/** Memory that is halved no further: with less, no process begins. */
const LEAST_MEMORY_BYTES = 2 ** 20;
const LEAST_FILE_BYTES = 4096;
/**
 * Fields that may go back to their defaults. The core is not among them: the default one has larger TLBs, and so more states to
 * search than a small one that was named.
 */
const OPTIONAL = ['pageCache', 'quantumCycles', 'asidBits', 'stackLimit', 'costs', 'limits', 'seed'];
/** Parts that are about modules: their actors go one by one. */
const OF_MODULES = new Set(['uses', 'actors', 'replace']);
/** Lists whose items stand for themselves. */
const LISTS = { faultPlan: 'rules of the fault plan', files: 'files', messages: 'messages from outside' } as const;

function* fewerParts(topology: PlainTopology): Generator<Reduction> {
  const asked = Object.keys(partSchemas).filter((part) => !OF_MODULES.has(part) && topology[part] !== undefined);
  for (const part of asked) yield { says: part, topology: withoutField(topology, [part]) };
  for (const part of asked) {
    const settings = topology[part];
    if (Array.isArray(settings)) {
      for (const { gone, rest } of withoutParts(settings as unknown[], 1))
        yield { says: `${gone.length} of ${part}`, topology: { ...topology, [part]: rest } };
    }
    if (!isFields(settings)) continue;
    for (const [field, value] of Object.entries(settings)) {
      yield { says: `${part}.${field}`, topology: withoutField(topology, [part, field]) };
      if (!Array.isArray(value)) continue;
      for (const { gone, rest } of withoutParts(value as unknown[], 1)) {
        const says = `${gone.length} of ${part}.${field}`;
        yield { says, topology: withValue(topology, [part, field], rest) as PlainTopology };
      }
    }
  }
}

/** A value without an id wherever lists name it. */
function withoutNamed(value: unknown, id: string): unknown {
  if (Array.isArray(value)) return value.filter((each) => each !== id).map((each: unknown) => withoutNamed(each, id));
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, withoutNamed(inner, id)]));
}

/**
 * Actors of definitions, each with the messages to it and without its name in what others are given. What an actor is given itself is
 * left as it is: a program of kernel code with a step left out would be another kernel.
 */
function* fewerActors(topology: PlainTopology): Generator<Reduction> {
  const actors = listAt(topology, ['actors']).filter(isFields);
  for (const { id } of [...actors].reverse()) {
    if (typeof id !== 'string') continue;
    const left = actors.filter((actor) => actor['id'] !== id).map((actor) => withoutNamed(actor, id));
    const messages = listAt(topology, ['messages']).filter((message) => !isFields(message) || message['to'] !== id);
    const rest = topology['messages'] === undefined ? {} : { messages };
    yield { says: `actor ${id}`, topology: { ...topology, actors: left, ...rest } };
  }
}

function* shorterLists(topology: PlainTopology): Generator<Reduction> {
  for (const [field, what] of Object.entries(LISTS)) {
    for (const { gone, rest } of withoutParts(listAt(topology, [field]), 0)) {
      yield { says: `${gone.length} of the ${what}`, topology: { ...topology, [field]: rest } };
    }
  }
}

function* smallerFiles(topology: PlainTopology): Generator<Reduction> {
  for (const [at, file] of listAt(topology, ['files']).entries()) {
    if (!isFields(file)) continue;
    for (const size of smallerSizes(file['size'], LEAST_FILE_BYTES)) {
      const says = `size of ${String(file['path'])} ${String(file['size'])} to ${size}`;
      yield { says, topology: withValue(topology, ['files', at, 'size'], size) as PlainTopology };
    }
  }
}

function* fewerCpus(topology: PlainTopology): Generator<Reduction> {
  const { cpus } = topology;
  if (typeof cpus !== 'number') return;
  for (const fewer of new Set([1, cpus - 1])) {
    if (fewer < 1 || fewer >= cpus) continue;
    const processes = listAt(topology, ['processes']).map((process) => {
      if (!isFields(process) || typeof process['cpu'] !== 'number') return process;
      return { ...process, cpu: Math.min(process['cpu'], fewer - 1) };
    });
    yield { says: `cpus ${cpus} to ${fewer}`, topology: { ...topology, cpus: fewer, processes } };
  }
}

function* lessMemory(topology: PlainTopology): Generator<Reduction> {
  for (const memory of smallerSizes(topology['memory'], LEAST_MEMORY_BYTES)) {
    yield { says: `memory ${String(topology['memory'])} to ${memory}`, topology: { ...topology, memory } };
  }
}

function* defaults(topology: PlainTopology): Generator<Reduction> {
  if (topology['design'] !== undefined) yield { says: 'design', topology: withoutField(topology, ['design']) };
  const { design } = topology;
  for (const field of isFields(design) ? Object.keys(design) : []) {
    yield { says: `design.${field}`, topology: withoutField(topology, ['design', field]) };
  }
  for (const field of OPTIONAL.filter((name) => topology[name] !== undefined)) {
    yield { says: field, topology: withoutField(topology, [field]) };
  }
}

/**
 * What makes the surroundings of processes smaller.
 *
 * @example
 * ```ts
 * const [parts] = surroundingReducers;
 * [...parts.reductions({ name: 'one', gup: { holders: ['a', 'b'] } })].map(({ says }) => says);
 * // ['gup', 'gup.holders', '1 of gup.holders', '1 of gup.holders']
 * ```
 */
export const surroundingReducers: readonly [Reducer, ...Reducer[]] = [
  { name: 'facilities', reductions: fewerParts },
  { name: 'lists', reductions: shorterLists },
  { name: 'actors', reductions: fewerActors },
  { name: 'cpus', reductions: fewerCpus },
  { name: 'memory', reductions: lessMemory },
  { name: 'sizes of files', reductions: smallerFiles },
  { name: 'choices', reductions: defaults },
];
