/** Folders of the corpus: what is in them, opened and written. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { createLogFile, openLogFile } from '../../log/fileStorage.node.ts';
import { LogReader } from '../../log/logReader.ts';
import { LogWriter } from '../../log/logWriter.ts';
import { zlibCompression } from '../../log/zlib.node.ts';
import { formatCount } from '../../report/format.ts';
import { loadSystem } from '../../topology/loadSystem.node.ts';
import { logMeta } from '../../topology/meta.ts';
import { logAccount } from '../account/logAccount.ts';
import { markdownOf } from '../account/tell.ts';
import type { ExplorationResult, ExploreOptions } from '../search/types.ts';
import { isFields } from '../../topology/form/fields.ts';
import type { PlainTopology } from '../shrink/reducers/plain.ts';
import { runPath } from '../world/runPath.ts';
import { type Finding, parseFinding } from './finding.ts';
import { type PlainModel, plainModel, type Surroundings, type Wanted } from './searching.node.ts';

/** Files of a folder of the corpus. */
export const KEPT_FILES = {
  topology: 'topology.json',
  finding: 'finding.json',
  log: 'log.glog',
  account: 'account.md',
} as const;

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
 * The topology of a folder of the corpus, in its plain form, and what it is searched in.
 *
 * @throws GranuleError what loading a topology throws
 * @example
 * ```ts
 * await loadKept('/tmp/no-such-folder'); // throws TOPOLOGY_UNKNOWN
 * ```
 */
export async function loadKept(folder: string): Promise<Pick<KeptFolder, 'form' | 'surroundings'>> {
  const file = join(folder, KEPT_FILES.topology);
  const loaded = await loadSystem(resolve(file), { cwd: resolve(folder) });
  const form = loaded.merged();
  if (!isFields(form)) throw new GranuleError('TOPOLOGY_INVALID', 'it is no object', file);
  return { form, surroundings: { file, catalogue: loaded.catalogue } };
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
  const { form, surroundings } = await loadKept(folder);
  const log = openLogFile(join(folder, KEPT_FILES.log));
  const reader = LogReader.open(log, zlibCompression, surroundings.catalogue.registry);
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

/**
 * Writes a folder of the corpus, which is there: what is in it already is written over.
 *
 * @returns its account
 * @throws GranuleError EXPLORE_PATH_LOST where the way is not one of the topology; DISK_FULL, OUTPUT_UNWRITABLE
 * @example
 * ```ts
 * await writeKept('/tmp/none', {}, readFinding('/tmp/none'), null); // throws FILE_NOT_FOUND
 * ```
 */
export async function writeKept(
  folder: string,
  form: PlainTopology,
  finding: Finding,
  mended: ExplorationResult | null,
): Promise<string> {
  const file = join(folder, KEPT_FILES.topology);
  writeFileSync(file, `${JSON.stringify(form, null, 2)}\n`);
  writeFileSync(join(folder, KEPT_FILES.finding), `${JSON.stringify(finding, null, 2)}\n`);
  // Its modules are named from where it lies.
  const { catalogue } = await loadSystem(resolve(file), { cwd: resolve(folder) });
  rmSync(join(folder, KEPT_FILES.log), { force: true });
  writeLog(folder, plainModel(form, { file, catalogue }), finding);
  const account = accountOf(await openKept(folder), mended);
  writeFileSync(join(folder, KEPT_FILES.account), account);
  return account;
}
