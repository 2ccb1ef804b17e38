/** Writes a finding as a folder of the corpus: its topology, its log, its account, and how it is found again. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { createLogFile, openLogFile } from '../../log/fileStorage.node.ts';
import { LogReader } from '../../log/logReader.ts';
import { LogWriter } from '../../log/logWriter.ts';
import { zlibCompression } from '../../log/zlib.node.ts';
import { formatCount } from '../../report/format.ts';
import { loadSystem, type LoadedSystem } from '../../topology/loadSystem.node.ts';
import { logMeta } from '../../topology/meta.ts';
import { logAccount } from '../account/logAccount.ts';
import { markdownOf } from '../account/tell.ts';
import type { ExplorationResult, ExploreOptions } from '../search/types.ts';
import { isFields, type PlainTopology } from '../shrink/reducers/plain.ts';
import { runPath } from '../world/runPath.ts';
import { type Finding, parseFinding } from './finding.ts';
import { withDefaults, withMended } from './parameters.ts';
import { type Refined, refine } from './refine.node.ts';
import { type PlainModel, plainModel, searchPlain, type Surroundings, type Wanted } from './searching.node.ts';

/** Files of a folder of the corpus. */
export const KEPT_FILES = {
  topology: 'topology.json',
  finding: 'finding.json',
  log: 'log.glog',
  account: 'account.md',
} as const;

/** What is to be kept. */
export interface KeepRequest {
  /** Made if it is not there; its name is that of the finding. */
  readonly folder: string;
  readonly name: string;
  readonly loaded: LoadedSystem;
  /** Parameters as they were set when it was found. */
  readonly set: readonly string[];
  readonly wanted: Wanted;
  readonly search: ExploreOptions;
  /** The mended design: parameters, or fields by their places. */
  readonly mended: readonly string[];
  readonly topologyTries?: number;
  readonly pathTries?: number;
  readonly onSearch?: (searches: number) => void;
  /** Writes over what is there. */
  readonly force?: boolean;
}

/** What was kept. */
export interface Kept {
  readonly finding: Finding;
  readonly account: string;
  /** The search with the mended design; null where none was given. */
  readonly mended: ExplorationResult | null;
}

/** Modules named relative to one file, as seen from another. */
function withUses(form: PlainTopology, from: string, to: string): PlainTopology {
  if (!Array.isArray(form['uses'])) return form;
  const uses = form['uses'].map((each: unknown) => {
    if (typeof each !== 'string' || !/^\.\.?\//.test(each)) return each;
    const path = relative(to, resolve(from, each)).replaceAll('\\', '/');
    return path.startsWith('.') ? path : `./${path}`;
  });
  return { ...form, uses };
}

function refuseThere(folder: string, force: boolean): void {
  const there = Object.values(KEPT_FILES).filter((name) => existsSync(join(folder, name)));
  const [first] = there;
  if (first === undefined) return;
  if (!force)
    throw new GranuleError('FILE_EXISTS', `there is a ${first}`, folder, 'Choose another name, or give --force.');
  for (const name of there) rmSync(join(folder, name));
}

/** The command that searches the topology again, in its folder. */
function searchCommand({ property, kind }: Wanted, search: ExploreOptions, mended: readonly string[]): string {
  const words = ['granule explore', KEPT_FILES.topology];
  if (kind !== 'livelock') words.push('--property', property);
  words.push('--strategy', search.strategy ?? 'breadth-first');
  if (search.maxStates !== undefined) words.push('--budget', `${search.maxStates}states`);
  if (search.seed !== undefined) words.push('--seed', String(search.seed));
  if (search.maxDepth !== undefined) words.push('--max-depth', String(search.maxDepth));
  if (search.preemptions !== undefined) words.push('--preemptions', String(search.preemptions));
  for (const setting of mended) words.push('--set', setting);
  return words.join(' ');
}

function endText({ states, complete }: ExplorationResult): string {
  return `${formatCount(states)} states${complete ? ', which are all' : ''}`;
}

/** How it was found, in words without times: an account is the same wherever it is made. */
function foundLines(
  { search, found, taken, length, mended: set }: Finding,
  mended: ExplorationResult | null,
): string[] {
  const strategy = `${search.strategy}${search.seed === undefined ? '' : `, seed ${search.seed}`}`;
  const lines = [`by search (${strategy}), after ${formatCount(found.states)} states`];
  if (taken.length > 0) lines.push(`taken away of the topology: ${taken.join('; ')}`);
  const kept = `${length.found} deliveries as it was found first, ${length.kept} as it is kept`;
  const minimal = length.isMinimal
    ? 'none of them can be left out'
    : 'the tries ended before it was sure that none can be left out';
  lines.push(`${kept}, with ${length.switches} changes of receiver; ${minimal}`);
  if (mended !== null) lines.push(`with ${set.join(' and ')} the same search finds nothing in ${endText(mended)}`);
  return lines;
}

function searchOf({ strategy = 'breadth-first', ...search }: ExploreOptions): Finding['search'] {
  const { maxStates, maxTransitions, maxDepth, seed, walks, preemptions, changePoints } = search;
  const given = Object.entries({ maxStates, maxTransitions, maxDepth, seed, walks, preemptions, changePoints });
  return { strategy, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
}

function findingOf(refined: Refined, { wanted, search }: KeepRequest, mended: readonly string[]): Finding {
  const { path, taken, foundLength, seconds } = refined;
  const { result } = refined.search;
  const { discovery, after, isMinimal } = path;
  const text = JSON.stringify({
    ...wanted,
    fault: discovery.fault,
    ...(discovery.circleLength === undefined ? {} : { circleLength: discovery.circleLength }),
    search: searchOf(search),
    found: { states: result.states, transitions: result.transitions, seconds: Math.round(seconds * 1000) / 1000 },
    length: { found: foundLength, kept: after.actions, switches: after.switches, isMinimal },
    path: discovery.path,
    taken,
    mended,
  });
  return parseFinding(text, KEPT_FILES.finding);
}

/** The parameters of a topology and what they are in what was found, a line each. */
function parameterLines(form: PlainTopology): string[] {
  const { parameters } = form;
  return Object.entries(isFields(parameters) ? parameters : {}).map(([name, declared]) => {
    const { default: value, oneOf, says } = isFields(declared) ? declared : {};
    const others = Array.isArray(oneOf) ? oneOf.filter((each) => each !== value).join(', ') : '';
    const what = typeof says === 'string' ? `: ${says}` : '';
    return `${name} = ${String(value)}${others === '' ? '' : ` (it could be ${others})`}${what}`;
  });
}

/** The log of the kept way, by the real loop. */
function writeLog(folder: string, { topology, traces, catalogue }: PlainModel, { path }: Finding): void {
  const storage = createLogFile(join(folder, KEPT_FILES.log));
  const writer = new LogWriter(storage, zlibCompression, logMeta(topology, traces, null, catalogue));
  runPath({ topology, traces, catalogue, path, writer });
}

/** A folder of the corpus, opened. */
export interface KeptFolder {
  readonly finding: Finding;
  readonly form: PlainTopology;
  readonly surroundings: Surroundings;
  readonly reader: LogReader;
  readonly model: PlainModel;
}

/**
 * Opens a folder of the corpus.
 *
 * @throws GranuleError FILE_NOT_FOUND, FINDING_INVALID, LOG_NOT_A_LOG, LOG_DAMAGED, and what loading a topology throws
 * @example
 * ```ts
 * await openKept('/tmp/no-such-folder'); // throws FILE_NOT_FOUND
 * ```
 */
export async function openKept(folder: string): Promise<KeptFolder> {
  const finding = readFinding(folder);
  const file = join(folder, KEPT_FILES.topology);
  const loaded = await loadSystem(file, { cwd: folder });
  const form = loaded.merged();
  if (!isFields(form)) throw new GranuleError('TOPOLOGY_INVALID', 'it is no object', file);
  const surroundings = { file, catalogue: loaded.catalogue };
  const log = openLogFile(join(folder, KEPT_FILES.log));
  const reader = LogReader.open(log, zlibCompression, loaded.catalogue.registry);
  return { finding, form, surroundings, reader, model: plainModel(form, surroundings) };
}

/**
 * The account of a folder of the corpus: from its log, and what the search with the mended design came to.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * accountOf(await openKept('/tmp/no-such-folder'), null); // throws FILE_NOT_FOUND
 * ```
 */
export function accountOf({ finding, form, reader, model }: KeptFolder, mended: ExplorationResult | null): string {
  const next = [
    `granule debug ${KEPT_FILES.log} -e 'goto end' -e 'why' -e 'reverse-step' -e 'choices'`,
    `granule inspect ${KEPT_FILES.log}`,
    searchCommand(finding, finding.search, []),
    ...(finding.mended.length === 0 ? [] : [searchCommand(finding, finding.search, finding.mended)]),
  ];
  const says = model.model.properties.find(({ name }) => name === finding.property)?.says;
  const account = logAccount({
    reader,
    traces: model.traces,
    discovery: finding,
    property: { says: says ?? 'The processes get on: no circle without progress can be gone for ever.' },
    parameters: parameterLines(form),
    found: foundLines(finding, mended),
    next,
  });
  return markdownOf(account);
}

/**
 * Searches, shrinks and writes a finding.
 *
 * @throws GranuleError USAGE where it is not found; FILE_EXISTS; what a topology that cannot be built throws
 * @example
 * ```ts
 * const loaded = await loadSystem('plain-4k', { cwd: '/' });
 * const wanted = { property: 'pins-hold', kind: 'always' } as const;
 * const request = { folder: '/tmp/granule-none', name: 'none', loaded, set: [], wanted, search: { maxStates: 9 }, mended: [] };
 * await keepFinding(request); // throws USAGE
 * ```
 */
export async function keepFinding(request: KeepRequest): Promise<Kept> {
  const { folder, name, loaded, set, wanted, search, force = false } = request;
  refuseThere(folder, force);
  const written = loaded.merged();
  if (!isFields(written)) throw new GranuleError('TOPOLOGY_INVALID', 'it is no object', loaded.file);
  const opened = withMended(withDefaults(written, set), request.mended, loaded.topology);
  const surroundings = { file: loaded.file, catalogue: loaded.catalogue };
  const { topologyTries, pathTries, onSearch } = request;
  const refined = refine({
    form: { ...opened.topology, name },
    surroundings,
    wanted,
    search,
    mended: opened.mended,
    ...(topologyTries === undefined ? {} : { topologyTries }),
    ...(pathTries === undefined ? {} : { pathTries }),
    ...(onSearch === undefined ? {} : { onSearch }),
  });
  const mended =
    opened.mended.length === 0 ? null : searchPlain(refined.form, surroundings, wanted, search, opened.mended);
  if (mended?.discovery != null) {
    throw new GranuleError('USAGE', `${wanted.property} is broken with ${opened.mended.join(' and ')} too`, name);
  }
  mkdirSync(folder, { recursive: true });
  const form = withUses(refined.form, dirname(resolve(loaded.file)), resolve(folder));
  const finding = findingOf(refined, request, opened.mended);
  const file = join(folder, KEPT_FILES.topology);
  writeFileSync(file, `${JSON.stringify(form, null, 2)}\n`);
  writeFileSync(join(folder, KEPT_FILES.finding), `${JSON.stringify(finding, null, 2)}\n`);
  // Its modules are now named from where it lies.
  const { catalogue } = await loadSystem(file, { cwd: folder });
  writeLog(folder, plainModel(form, { file, catalogue }), finding);
  const account = accountOf(await openKept(folder), mended?.result ?? null);
  writeFileSync(join(folder, KEPT_FILES.account), account);
  return { finding, account, mended: mended?.result ?? null };
}

/**
 * What a folder of the corpus says of its finding.
 *
 * @throws GranuleError FILE_NOT_FOUND, FINDING_INVALID
 * @example
 * ```ts
 * readFinding('/tmp/no-such-folder'); // throws FILE_NOT_FOUND
 * ```
 */
export function readFinding(folder: string): Finding {
  const file = join(folder, KEPT_FILES.finding);
  if (!existsSync(file)) throw new GranuleError('FILE_NOT_FOUND', 'there is no finding', file);
  return parseFinding(readFileSync(file, 'utf8'), file);
}
