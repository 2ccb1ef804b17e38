/** From what is written, one text or a chain of them, to a topology with nothing left open, or all that is wrong with it. */
import { GranuleError } from '../../errors.ts';
import { builtInFaultPlans, type FaultPlans } from '../faultPlans/index.ts';
import { faultsIn } from '../together.ts';
import { parseTopology, type Topology, topologyFaults } from '../schema.ts';
import { isFields } from './fields.ts';
import { identityOf, type MergeRecord, mergeForms, newMergeRecord } from './merge.ts';
import { Origins, type OriginText } from './origins.ts';
import { type FormFault, type ParameterInUse, putParametersIn } from './parameters.ts';
import { withPids } from './pids.ts';
import type { FieldPath } from './text.ts';
import { type PlacedFault, TopologyError } from './topologyError.ts';

/** One text of a chain of `extends`. */
export interface FormLayer extends OriginText {
  /** The name of its topology where it gives none: that of the file. */
  stem: string | null;
}

/** A topology as it was written, resolved. */
export interface ResolvedForm {
  topology: Topology;
  parameters: readonly ParameterInUse[];
  /** An error of the built system, with the place in the text of the field that it names. */
  placed: (error: unknown) => unknown;
}

/** A layer without what only concerns its text, and with its name. */
function contentOf({ data, stem }: FormLayer, record: MergeRecord): unknown {
  if (!isFields(data)) return data;
  const { extends: _, ...rest } = data;
  const fields: Record<string, unknown> = rest;
  if (typeof fields['$schema'] === 'string') delete fields['$schema'];
  const content = stem === null || 'name' in fields ? fields : { name: stem, ...fields };
  record.from.set(content, [data]);
  return content;
}

/** A base whose processes are numbered, so that whoever extends it can name them. */
function numbered(base: unknown, record: MergeRecord): unknown {
  if (!isFields(base) || !Array.isArray(base['processes']) || !base['processes'].every(isFields)) return base;
  const key = identityOf('processes');
  if (key === null || base['processes'].every((each) => key in each)) return base;
  const processes = withPids(base['processes']);
  for (const [at, each] of processes.entries()) record.from.set(each, [base['processes'][at] ?? {}]);
  record.from.set(processes, [base['processes']]);
  const made = { ...base, processes };
  record.from.set(made, [base]);
  return made;
}

/** Steps of a path as errors write it. */
function stepsOf(path: string): FieldPath {
  return path === '' ? [] : path.split(/[.[\]]+/).filter((step) => step !== '');
}

function mergedBy(layers: readonly FormLayer[], record: MergeRecord): unknown {
  const [first, ...rest] = layers.map((layer) => contentOf(layer, record));
  return rest.reduce<unknown>((base, patch) => mergeForms(numbered(base, record), patch, record), first);
}

/**
 * A chain of texts as one, with its parameters still open: what somebody would have written who extends nothing.
 *
 * @example
 * ```ts
 * const layer = (file: string, data: unknown) => ({ file, data, placeOf: null, stem: file });
 * mergedForm([layer('base', { cpus: 2, memory: '1M' }), layer('top', { extends: 'base', cpus: '${n}' })]);
 * // { name: 'top', cpus: '${n}', memory: '1M' }
 * ```
 */
export function mergedForm(layers: readonly FormLayer[]): unknown {
  return mergedBy(layers, newMergeRecord());
}

/**
 * Resolves a chain of texts: lays each over the one before, puts the parameters in, and holds the result against the schema.
 *
 * @param layers the base first
 * @param set parameters that were set from outside, as text
 * @param plans fault plans that may be named
 * @throws TopologyError with all that is wrong
 * @example
 * ```ts
 * const layer = (file: string, data: unknown) => ({ file, data, placeOf: null, stem: file });
 * const base = layer('base', { processes: [{ trace: 'true-kernel', pageSize: '4K' }] });
 * const { topology } = resolveForm([base, layer('larger', { processes: [{ pid: 1, pageSize: '64K' }] })], new Map());
 * [topology.name, topology.processes[0]?.pageSize]; // ['larger', 65536]
 * ```
 */
export function resolveForm(
  layers: readonly FormLayer[],
  set: ReadonlyMap<string, string>,
  plans: FaultPlans = builtInFaultPlans,
): ResolvedForm {
  const record = newMergeRecord();
  const merged = mergedBy(layers, record);
  const origins = new Origins(layers, record);
  const where = (steps: FieldPath, path: string): string => {
    const { file, at } = origins.placeOf(merged, steps);
    const place = at === null ? file : `${file}:${at.line}:${at.column}`;
    return path === '' ? place : `${place}: ${path}`;
  };
  const { data, parameters, faults, open } = putParametersIn(merged, set);
  const missed = record.misses.map((item): PlacedFault => {
    const { file, at } = origins.placeOfPart(item);
    const place = at === null ? file : `${file}:${at.line}:${at.column}`;
    const next = 'Name one that the base has, or take "$remove" out.';
    return { code: 'EXTENDS_NOTHING', what: '"$remove" takes away what is not there', where: place, next };
  });
  const wrong = topologyFaults(data, plans).filter(({ steps }) => !open.has(steps.join('.')));
  const all: (FormFault | (typeof wrong)[number])[] = [...faults, ...wrong];
  const placed = all.map((fault): PlacedFault => {
    const code = 'code' in fault ? fault.code : 'TOPOLOGY_INVALID';
    const option = 'option' in fault ? fault.option : undefined;
    const path = 'path' in fault ? fault.path : fault.steps.join('.');
    return { code, what: fault.what, where: option ?? where(fault.steps, path), next: fault.next };
  });
  if (placed.length + missed.length > 0) throw new TopologyError([...missed, ...placed].toSorted(byPlace));
  const topology = parseTopology(data, layers.at(-1)?.file ?? '', plans);
  return {
    topology,
    parameters,
    placed: (error) => {
      if (!(error instanceof GranuleError)) return error;
      const faults = faultsIn(error);
      const paths = faults.map((fault) => writtenPath(pathNamed(fault.where, topology.name), topology, data));
      if (paths.every((path) => path === null)) return error;
      const found = faults.map((fault, at): PlacedFault => {
        const path = paths[at] ?? null;
        return path === null ? fault : { ...fault, where: where(stepsOf(path), path) };
      });
      return new TopologyError(found.toSorted(byPlace));
    },
  };
}

/** Of each rule, which entry of the field it is of: a named plan may be several. */
function entriesOf({ faultPlan }: Topology, data: unknown): number[] {
  const written = isFields(data) && Array.isArray(data['faultPlan']) ? (data['faultPlan'] as unknown[]) : [];
  let entry = -1;
  let last = '';
  return faultPlan.map(({ named }) => {
    const plan = named === undefined ? '' : JSON.stringify(named);
    const isSame = plan !== '' && plan === last;
    last = plan;
    if (!isSame) entry = written.findIndex((each, at) => at > entry && isFields(each) && each['plan'] === named?.plan);
    return entry;
  });
}

/** A path of the topology as it is written: rules are counted by their entries, and those of a plan have no fields there. */
function writtenPath(path: string | null, topology: Topology, data: unknown): string | null {
  const [, rule, rest = ''] = /^faultPlan\.(\d+)(.*)$/.exec(path ?? '') ?? [];
  if (rule === undefined) return path;
  const entry = entriesOf(topology, data)[Number(rule)] ?? -1;
  // What the command line adds is in no file.
  if (entry < 0) return null;
  return topology.faultPlan[Number(rule)]?.named === undefined ? `faultPlan.${entry}${rest}` : `faultPlan.${entry}`;
}

/** The field that an error of the built system names, without what comes before it; null where it names none. */
function pathNamed(place: string, name: string): string | null {
  if (place.startsWith(`${name}: `)) return place.slice(name.length + 2);
  // Rules of fault plans are counted by whoever sets them to work, who knows no topology.
  return /^faults\[\d+\]/.test(place) ? place.replace(/^faults\[(\d+)\]/, 'faultPlan.$1') : null;
}

/** Faults by file, line and column: as whoever mends them goes through the text. */
function byPlace({ where: a }: PlacedFault, { where: b }: PlacedFault): number {
  const [, fileA = '', ...placeA] = /^(.*?):(\d+):(\d+)/.exec(a) ?? [];
  const [, fileB = '', ...placeB] = /^(.*?):(\d+):(\d+)/.exec(b) ?? [];
  if (fileA !== fileB) return fileA < fileB ? -1 : 1;
  const [lineA = 0, columnA = 0] = placeA.map(Number);
  const [lineB = 0, columnB = 0] = placeB.map(Number);
  return lineA - lineB || columnA - columnB;
}
