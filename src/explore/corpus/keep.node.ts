/** Writes a finding as a folder of the corpus: its topology, its log, its account, and how it is found again. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { GranuleError } from '../../errors.ts';
import type { LoadedSystem } from '../../topology/loadSystem.node.ts';
import type { ExplorationResult, ExploreOptions } from '../search/types.ts';
import { isFields } from '../../topology/form/fields.ts';
import type { PlainTopology } from '../shrink/reducers/plain.ts';
import { type ShrunkPath, shrinkPath } from '../shrink/shrinkPath.ts';
import { type Finding, parseFinding } from './finding.ts';
import { KEPT_FILES, loadKept, readFinding, writeKept } from './kept.node.ts';
import { withDefaults, withMended } from './parameters.ts';
import { refine } from './refine.node.ts';
import { searchPlain, type Wanted } from './searching.node.ts';

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

function searchOf({ strategy = 'breadth-first', ...search }: ExploreOptions): Finding['search'] {
  const { maxStates, maxTransitions, maxDepth, seed, walks, preemptions, changePoints } = search;
  const given = Object.entries({ maxStates, maxTransitions, maxDepth, seed, walks, preemptions, changePoints });
  return { strategy, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
}

/** What is known of a way before it is put into words. */
interface KeptWay extends Pick<Finding, 'search'> {
  readonly taken: readonly string[];
  readonly mended: readonly string[];
  readonly wanted: Wanted;
  readonly path: Pick<ShrunkPath<unknown>, 'discovery' | 'after' | 'isMinimal'>;
  readonly result: ExplorationResult;
  readonly seconds: number;
  readonly foundLength: number;
}

function findingOf({ wanted, path, result, seconds, foundLength, search, taken, mended }: KeptWay): Finding {
  const { discovery, after, isMinimal } = path;
  const text = JSON.stringify({
    property: wanted.property,
    kind: wanted.kind,
    fault: discovery.fault,
    ...(discovery.circleLength === undefined ? {} : { circleLength: discovery.circleLength }),
    search,
    found: { states: result.states, transitions: result.transitions, seconds: Math.round(seconds * 1000) / 1000 },
    length: { found: foundLength, kept: after.actions, switches: after.switches, isMinimal },
    path: discovery.path,
    taken,
    mended,
  });
  return parseFinding(text, KEPT_FILES.finding);
}

/**
 * Searches, shrinks and writes a finding.
 *
 * @throws GranuleError USAGE where it is not found; FILE_EXISTS; what a topology that cannot be built throws
 * @example
 * ```ts
 * const loaded = await loadSystem('plain-4k', { cwd: '/' });
 * const wanted = { property: 'accounting-conserved', kind: 'always' } as const;
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
  if (mended !== null && mended.discovery !== null) {
    throw new GranuleError('USAGE', `${wanted.property} is broken with ${opened.mended.join(' and ')} too`, name);
  }
  mkdirSync(folder, { recursive: true });
  const form = withUses(refined.form, dirname(resolve(loaded.file)), resolve(folder));
  const { path, taken, foundLength, seconds } = refined;
  const { result } = refined.search;
  const kept = { wanted, path, result, seconds, foundLength, taken };
  const finding = findingOf({ ...kept, search: searchOf(search), mended: opened.mended });
  const account = await writeKept(folder, form, finding, mended?.result ?? null);
  return { finding, account, mended: mended?.result ?? null };
}

/**
 * Makes a folder of the corpus anew from its topology, where the code or the way that states are named has changed: it is searched and
 * its way is shrunk again.
 *
 * @throws GranuleError FILE_NOT_FOUND, FINDING_INVALID; USAGE where the search does not find it any more
 * @example
 * ```ts
 * await refreshKept('/tmp/no-such-folder'); // throws FILE_NOT_FOUND
 * ```
 */
export async function refreshKept(folder: string): Promise<Kept> {
  const before = readFinding(folder);
  const { form, surroundings } = await loadKept(folder);
  const began = performance.now();
  const { discovery, model, result } = searchPlain(form, surroundings, before, before.search);
  const seconds = (performance.now() - began) / 1000;
  if (discovery === null)
    throw new GranuleError('USAGE', `${before.property} is not found to be broken any more`, folder);
  const path = shrinkPath(model, discovery);
  const { search, taken, mended: set } = before;
  const kept = { wanted: before, path, result, seconds, foundLength: before.length.found, search, taken, mended: set };
  const finding = findingOf(kept);
  const mended = set.length === 0 ? null : searchPlain(form, surroundings, before, search, set).result;
  return { finding, mended, account: await writeKept(folder, form, finding, mended) };
}
