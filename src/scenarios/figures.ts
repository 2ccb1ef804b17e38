/** The figures of a run by name, each with where it stands in the states, so that the event behind it can be found. */
import type { ProcessSummary, RunSummary } from '../report/runSummary.ts';
import type { FigureValue } from './expression.ts';

/** A figure of a step. */
export interface Figure {
  readonly value: FigureValue;
  /** The actor and the path in its state; null for what is no field of one actor. */
  readonly actor: string | null;
  readonly path: string | null;
}

/** Figures by name. */
export type Figures = Map<string, Figure>;

/** Fields of a process's summary, with the actor and the field that each is read from. */
const PROCESS_FIELDS: readonly (readonly [keyof ProcessSummary, 'mm' | 'process', string])[] = [
  ['minorFaults', 'mm', 'minorFaults'],
  ['majorFaults', 'mm', 'majorFaults'],
  ['residentBytes', 'mm', 'rssExitPages'],
  ['residentPeakBytes', 'mm', 'rssPeakPages'],
  ['droppedPages', 'mm', 'droppedPages'],
  ['rereadPages', 'mm', 'rereadPages'],
  ['fallbacks', 'mm', 'fallbacks'],
  ['fallbackReason', 'mm', 'fallbackReason'],
  ['calls', 'process', 'calls'],
  ['callsFailed', 'process', 'callsFailed'],
  ['userCycles', 'process', 'userCycles'],
];

function plain(value: FigureValue, actor: string | null = null, path: string | null = null): Figure {
  return { value, actor, path };
}

/** Numbers, words and truths within an object, by their paths; lists and what is null are left out. */
function* leaves(of: object, prefix: string): Generator<[string, FigureValue]> {
  for (const [name, value] of Object.entries(of) as [string, unknown][]) {
    const at = `${prefix}.${name.replace(/^(?=\d)/, 'n').replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;
    if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') yield [at, value];
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) yield* leaves(value, at);
  }
}

function addProcess(process: ProcessSummary, into: Figures): void {
  const { pid, counts, tablePeak } = process;
  const prefix = `pid${pid}`;
  for (const [field, kind, path] of PROCESS_FIELDS) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields named are numbers and words
    into.set(`${prefix}.${field}`, plain(process[field] as FigureValue, `${kind}:${pid}`, path));
  }
  for (const [name, value] of leaves(counts, prefix)) into.set(name, plain(value, `process:${pid}`, `counts`));
  into.set(`${prefix}.linuxTableBytes`, plain(tablePeak.linuxBytes, `mmu:${pid}`, 'linuxTableBytesPeak'));
  into.set(`${prefix}.nativeTableBytes`, plain(tablePeak.nativeBytes, `mmu:${pid}`, 'nativeTableBytesPeak'));
  into.set(`${prefix}.end`, plain(process.end, `process:${pid}`, 'signal'));
}

/** Sums over all processes, of what is a number in each. */
function addSums(into: Figures): void {
  const sums = new Map<string, number>();
  for (const [name, { value }] of into) {
    if (typeof value !== 'number') continue;
    const field = `all.${name.slice(name.indexOf('.') + 1)}`;
    sums.set(field, (sums.get(field) ?? 0) + value);
  }
  for (const [field, sum] of sums) into.set(field, plain(sum));
}

/** Fields of single actors that the summary of a part is read from. */
const PARTS: Readonly<Record<string, readonly [string, string]>> = {
  'disk.reads': ['disk', 'reads'],
  'disk.readBytes': ['disk', 'readBytes'],
  'disk.writes': ['disk', 'writes'],
  'disk.writtenBytes': ['disk', 'writtenBytes'],
  'memory.failures': ['zone', 'failures'],
  'memory.freePagesLeast': ['zone', 'freePagesLeast'],
  callsRefused: ['abi', 'refused'],
  'reclaim.violations': ['kswapd', 'violations'],
  'reclaim.reclaimedPages': ['kswapd', 'stolenPages'],
  'reclaim.swappedOutPages': ['swap', 'writtenPages'],
  'reclaim.swappedInPages': ['swap', 'readPages'],
};

/**
 * The figures of a run: of each process `pid100.minorFaults` and so on, `all.` their sums, `files.`, `memory.`, `disk.`, and
 * `reclaim.`, `pressure.`, `huge.`, `devices.` where the topology has those parts.
 *
 * @example
 * ```ts
 * const disk = { actor: 'disk', value: 'idle', context: { reads: 3, writes: 0, readBytes: 9, writtenBytes: 0 } };
 * figuresOfRun(summarize([disk])).get('disk.reads')?.value; // 3
 * ```
 */
export function figuresOfRun(summary: RunSummary): Figures {
  const { processes, devices, standIns: _standIns, ...parts } = summary;
  const figures: Figures = new Map();
  for (const process of processes) addProcess(process, figures);
  addSums(figures);
  for (const [dotted, value] of leaves(parts, '')) {
    const name = dotted.slice(1);
    const place = PARTS[name];
    figures.set(name, place === undefined ? plain(value) : plain(value, ...place));
  }
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  if (summary.pressure !== undefined) {
    const { failures, slowAllocations, killed } = summary.pressure;
    figures.set('pressure.failed', plain(sum(Object.values(failures)), 'page-alloc', 'failures'));
    figures.set('pressure.slow', plain(sum(Object.values(slowAllocations))));
    figures.set('pressure.killed', plain(killed.length, 'page-alloc', 'victims'));
  }
  if (devices !== undefined) {
    figures.set('devices.refused', plain(sum(devices.devices.map(({ refused }) => refused))));
    figures.set('devices.overrunBytes', plain(sum(devices.devices.map(({ overrunBytes }) => overrunBytes))));
    figures.set('devices.foreignBytes', plain(sum(devices.foreign.map(({ bytes }) => bytes))));
    figures.set('devices.objectsMade', plain(devices.objects?.made ?? 0));
    figures.set('devices.objectsRefused', plain(devices.objects?.refused ?? 0));
  }
  return figures;
}
