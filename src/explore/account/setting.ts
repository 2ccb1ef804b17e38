/** Where something happened: the kernel, its processes, and the choices that are not the default ones. */
import { isFields } from '../../topology/form/fields.ts';
import { formatBytes, formatCount, formatPageSize } from '../../report/format.ts';
import { ruleText } from '../../report/faultText.ts';
import { designSchema } from '../../topology/designSchema.ts';
import { programName } from '../../topology/meta.ts';
import { partSchemas } from '../../topology/parts/index.ts';
import type { Topology, TopologyProcess } from '../../topology/schema.ts';

/** Steps of a program that are named. */
const STEPS_NAMED = 12;
/** Characters of a value that is no word. */
const VALUE_CHARACTERS = 80;
/** Parts that are about modules: told by the actors that they bring. */
const OF_MODULES = new Set(['uses', 'actors', 'replace']);

function cut(text: string): string {
  return text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS)}...` : text;
}

/** What differs from a default, a line each: `gup.tableFree: immediate, where the default is deferred`. */
function differences(place: string, value: unknown, standard: unknown): string[] {
  if (value === undefined || JSON.stringify(value) === JSON.stringify(standard)) return [];
  if (isFields(value) && isFields(standard)) {
    return Object.entries(value).flatMap(([field, inner]) => differences(`${place}.${field}`, inner, standard[field]));
  }
  const written = cut(typeof value === 'string' ? value : JSON.stringify(value));
  if (standard === undefined) return [`${place}: ${written}`];
  return [
    `${place}: ${written}, where the default is ${cut(typeof standard === 'string' ? standard : JSON.stringify(standard))}`,
  ];
}

function choicesOf(topology: Topology): string[] {
  const ofDesign = differences('design', topology.design, designSchema.parse({}));
  const asked = Object.entries(partSchemas).flatMap(([part, schema]) => {
    const settings = topology[part as keyof typeof partSchemas];
    if (settings === undefined || OF_MODULES.has(part)) return [];
    const { data } = schema.safeParse({});
    const other = differences(part, settings, data);
    return other.length === 0 ? [`${part}: as it is by default`] : other;
  });
  const own = [
    ...differences('pageCache', topology.pageCache, 'drop-and-re-read'),
    ...differences('nativeTables', topology.nativeTables, true),
    ...differences('costs', topology.costs, {}),
  ];
  return [...own, ...ofDesign, ...asked];
}

/** Actors of definitions: what a module makes of its input only the module knows. */
function actorsOf({ actors = [], uses = [] }: Topology): string[] {
  const from = uses.length === 0 ? '' : ` (${uses.map((path) => path.split('/').at(-1) ?? path).join(', ')})`;
  return actors.length === 0 ? [] : [`actors of definitions${from}: ${actors.map(({ id }) => id).join(', ')}`];
}

function stepsText({ program }: TopologyProcess): string {
  const ops = program?.map(({ op }) => op) ?? [];
  return ops.length > STEPS_NAMED
    ? `${ops.slice(0, STEPS_NAMED).join(', ')} and ${ops.length - STEPS_NAMED} more`
    : ops.join(', ');
}

function processText(process: TopologyProcess): string {
  const { pid, pageSize, cpu, threadOf, forked } = process;
  const does = process.program === undefined ? `runs ${programName(process)}` : stepsText(process);
  const kind = threadOf === undefined ? `pages of ${formatPageSize(pageSize)}` : `a thread of process ${threadOf}`;
  return `process ${pid}: ${kind}${forked ? ', forked' : ''}${cpu === undefined ? '' : `, on CPU ${cpu}`}: ${does}`;
}

/**
 * The setting of a run, a line each.
 *
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const topology = parseTopology({ name: 'one', processes: [process], design: { kpti: true } }, 'example');
 * settingOf(topology).slice(1); // ['process 1: pages of 64K: store', 'design.kpti: true, where the default is false']
 * ```
 */
export function settingOf(topology: Topology): string[] {
  const { kernelPageSize, cpus, core, memory, files, faultPlan } = topology;
  const processors = `${formatCount(cpus)} ${cpus === 1 ? 'CPU' : 'CPUs'}`;
  const kernel = `a kernel of ${formatPageSize(kernelPageSize)} pages with ${formatBytes(memory)}, ${processors} (${core})`;
  const held = files.map(
    ({ path, size, cached }) => `file ${path}: ${formatBytes(size)}${cached ? ', in the page cache' : ''}`,
  );
  const faults = faultPlan.map((rule) => `fault: ${ruleText(rule)}`);
  return [
    kernel,
    ...topology.processes.map(processText),
    ...actorsOf(topology),
    ...held,
    ...choicesOf(topology),
    ...faults,
  ];
}
