/**
 * Settings that a fork may change in the middle of a run. Most of a topology is laid down in the state of its actors when the
 * run begins; what can change are the settings that actors read each time they handle a message, some that they hold and never
 * write, and those of the loop. Each actor sees a change at the first message it handles behind it.
 */
import { kindOf } from '../../machines/index.ts';
import type { RunSource } from '../mm/runs.ts';
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import type { LiveState } from '../runtime/liveState.ts';
import { type BuiltTopology, buildTopology } from '../topology/build.ts';
import type { Catalogue } from '../topology/definitions/catalogue.ts';
import { type Place, placesOf, valueAt, withValue } from '../topology/places.ts';
import { readTopology, type Topology } from '../topology/schema.ts';

/** How a setting reaches those whom it concerns. */
export interface ChangeableSetting {
  /** As in `--set`: the fields from the top, `*` for any. */
  readonly key: string;
  /** `read`: looked up at each message; `held`: a field of actors that nobody writes; `loop`: of the loop, not of actors. */
  readonly how: 'read' | 'held' | 'loop';
  readonly says: string;
}

/** The settings that can change in the middle of a run. */
export const changeableSettings: readonly ChangeableSetting[] = [
  { key: 'pageCache', how: 'held', says: 'policy of the page cache where a file is mapped with larger pages' },
  { key: 'quantumCycles', how: 'held', says: 'how long a process runs at a stretch' },
  { key: 'stackLimit', how: 'held', says: 'RLIMIT_STACK, to which the stack may grow' },
  { key: 'processes.*.signals', how: 'held', says: 'whether SIGSEGV and SIGBUS end the process' },
  { key: 'costs.*', how: 'read', says: 'the cost model: cycles of each piece of work' },
  { key: 'design.fileTail', how: 'read', says: 'what is mapped behind the end of a file' },
  { key: 'design.minimumOrder', how: 'read', says: 'least order of anonymous memory' },
  { key: 'design.copyOnWrite', how: 'read', says: 'what a write to a shared page copies' },
  { key: 'design.zeroPage', how: 'read', says: 'what a read of untouched memory maps' },
  { key: 'design.untranslatable', how: 'read', says: 'what comes of a group that the native table cannot say' },
  { key: 'design.readOrder', how: 'read', says: 'least order of folios that reads bring in' },
  { key: 'design.crossGranuleTlbi', how: 'read', says: 'whether a TLBI of another granule is honoured' },
  { key: 'design.crossGranuleFlush', how: 'read', says: 'how entries of two granules are flushed' },
  { key: 'design.tlbiOperands', how: 'read', says: 'the page size that TLBI operands are reckoned in' },
  { key: 'chooser', how: 'loop', says: 'who is delivered next' },
  { key: 'seed', how: 'loop', says: 'seed of the chooser, which draws anew from there on' },
  { key: 'limits.events', how: 'loop', says: 'events at most' },
];

/** A setting as it is changed: where it is in the topology, and its value as the schema takes it. */
export interface SettingChange {
  readonly place: Place;
  readonly value: unknown;
}

/** A topology in force behind a record. */
export interface Era {
  readonly afterSeq: number;
  readonly topology: Topology;
}

function isChangeable(place: Place): boolean {
  const [first, , last] = place;
  if (first === 'processes') return place.length === 3 && last === 'signals';
  const key = place.join('.');
  return changeableSettings.some((setting) => setting.key === key || (setting.key === 'costs.*' && first === 'costs'));
}

function fixed(key: string): GranuleError {
  const what = `${key} is laid down in the state of the actors when the run begins, and cannot change in its middle`;
  return new GranuleError('FORK_SETTING', what, `--set ${key}`);
}

/** A value as text may mean a number, a truth value, or itself. */
function meanings(value: unknown): unknown[] {
  if (typeof value !== 'string') return [value];
  if (/^-?\d+(?:\.\d+)?$/.test(value)) return [Number(value), value];
  return value === 'true' || value === 'false' ? [value === 'true', value] : [value];
}

/**
 * What a change of a setting means in a topology: each place that the key names, with the value as the schema takes it.
 *
 * @param isFromStart before the first record everything may change
 * @throws GranuleError FORK_SETTING, naming what can be done instead
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * readSetting(topology, { key: 'pageCache', value: 'sticky-order' }); // [{ place: ['pageCache'], value: 'sticky-order' }]
 * readSetting(topology, { key: 'memory', value: '1G' }); // throws FORK_SETTING
 * ```
 */
export function readSetting(
  topology: Topology,
  { key, value }: { readonly key: string; readonly value: unknown },
  isFromStart = false,
): SettingChange[] {
  const where = `--set ${key}`;
  const next = 'Name a field of the topology, and a value that it can have; docs/topology.md lists every one.';
  let places: Place[];
  try {
    places = placesOf(topology, key);
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    throw new GranuleError('FORK_SETTING', error.message, where, next);
  }
  const read = meanings(value).map((meant) =>
    readTopology(places.reduce<unknown>((data, place) => withValue(data, place, meant), topology)),
  );
  const unknown = read.find(({ fault }) => fault?.unknownField === true)?.fault;
  if (unknown !== undefined && unknown !== null)
    throw new GranuleError('FORK_SETTING', unknown.what, where, unknown.next);
  if (!isFromStart && !places.every(isChangeable)) throw fixed(key);
  const taken = read.find(({ fault }) => fault === null)?.topology ?? null;
  if (taken === null) {
    throw new GranuleError('FORK_SETTING', read[0]?.fault?.what ?? 'no such value', `${where}=${String(value)}`, next);
  }
  const countsDeliveries = ({ chooser }: Topology): boolean => chooser === 'explored';
  if (!isFromStart && countsDeliveries(taken) !== countsDeliveries(topology)) {
    const what = 'a run whose times count deliveries cannot become one whose times are cycles, nor the other way about';
    throw new GranuleError('FORK_SETTING', what, `${where}=${String(value)}`);
  }
  return places.map((place) => ({ place, value: valueAt(taken, place) }));
}

/**
 * A topology with settings changed.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * withSettings(topology, [{ place: ['pageCache'], value: 'sticky-order' }]).pageCache; // 'sticky-order'
 * ```
 */
export function withSettings(topology: Topology, changes: readonly SettingChange[]): Topology {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readSetting had the schema look at each of them
  return changes.reduce<unknown>((data, { place, value }) => withValue(data, place, value), topology) as Topology;
}

/** The fields that an actor holds of a topology's settings. */
function heldOf(actor: string, topology: Topology): Record<string, unknown> {
  const kind = kindOf(actor);
  if (kind === 'file' || kind === 'shmem') return { policy: topology.pageCache };
  if (kind === 'mm') return { stackLimitBytes: topology.stackLimit };
  if (kind !== 'process') return {};
  const process = topology.processes.find(({ pid }) => actor === `process:${pid}`);
  return { quantumCycles: topology.quantumCycles, signals: process?.signals };
}

/** The fields of an actor that any era changes, as each era has them. */
function fieldsOfEras(actor: string, first: Topology, eras: readonly Era[]): Record<string, unknown>[] {
  const before = heldOf(actor, first);
  const held = eras.map(({ topology }) => heldOf(actor, topology));
  const changed = Object.keys(before).filter((field) => held.some((fields) => fields[field] !== before[field]));
  return held.map((fields) => Object.fromEntries(changed.map((field) => [field, fields[field]])));
}

/**
 * Builds a topology whose settings change on the way: each actor sees those of an era from the first message on that it handles
 * in it.
 *
 * @throws GranuleError what building a topology throws
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * builtOfEras(topology, [], traces, builtIns).actors[0]?.id; // 'abi'
 * ```
 */
export function builtOfEras(
  first: Topology,
  eras: readonly Era[],
  traces: ReadonlyMap<number, RunSource>,
  catalogue: Catalogue,
): BuiltTopology {
  const built = buildTopology(first, traces, catalogue);
  if (eras.length === 0) return built;
  const resources = eras.map(({ topology }) => buildTopology(topology, traces, catalogue).resources);
  const actors = built.actors.map((spec): ActorSpec => {
    const held = fieldsOfEras(spec.id, first, eras);
    const adjust = (state: LiveState, seq: number): void => {
      const at = eras.findLastIndex(({ afterSeq }) => afterSeq < seq);
      if (at >= 0 && state.isActive) enter(state, { resources: resources[at], ...held[at] });
    };
    return { ...spec, adjust };
  });
  return { ...built, actors };
}

/** Puts fields into the context of an actor that has resources, where they are not there already. */
function enter(state: LiveState, fields: Readonly<Record<string, unknown>>): void {
  const { context } = state;
  if (typeof context !== 'object' || context === null || !('resources' in context)) return;
  const now: Readonly<Record<string, unknown>> = { ...context };
  if (Object.entries(fields).every(([field, value]) => now[field] === value)) return;
  const { snapshot } = state;
  state.snapshot = { ...snapshot, context: { ...context, ...fields } };
}
