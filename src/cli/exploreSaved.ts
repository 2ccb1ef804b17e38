/** A search that is laid aside in a file, to go on with by the same command. */
import { existsSync, readFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GranuleError } from '../errors.ts';
import { resumeSearch } from '../explore/search/explore.ts';
import type { SavedSearch } from '../explore/search/saved.ts';
import type { Exploration, ExploreOptions } from '../explore/search/types.ts';
import type { OpenedModel, OpenedTopology, SomeModel } from '../explore/world/openModel.node.ts';
import { hashOf } from '../explore/world/hash.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { codeFingerprint } from '../topology/meta.ts';

/** Raised when the form of the file changes. */
const FORM = 'granule exploration 1';

interface SavedFile {
  readonly form: string;
  /** What the search rests on: topology, traces, code. */
  readonly key: string;
  readonly search: SavedSearch;
}

/** Names what a search is of: it goes on with nothing else. */
function keyOf(opened: OpenedTopology | OpenedModel): string {
  if (opened.kind === 'model') return `${opened.model.name} ${codeFingerprint()}`;
  const traces = [...opened.traces.values()].map(({ hash }) => hash);
  return `${hashOf({ topology: structuredClone(opened.topology), traces })} ${codeFingerprint()}`;
}

function unfit(path: string, what: string): GranuleError {
  return new GranuleError('EXPLORE_SAVED_UNFIT', what, path);
}

function read(path: string): SavedFile {
  try {
    const saved: unknown = deserialize(gunzipSync(readFileSync(path)));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the form says what it is
    if (typeof saved === 'object' && saved !== null && 'form' in saved && saved.form === FORM)
      return saved as SavedFile;
  } catch {
    // Whatever is wrong with the file: it holds no search.
  }
  throw unfit(path, 'it holds no search that was laid aside');
}

/**
 * The search that a file holds; null where there is no such file yet.
 *
 * @throws GranuleError EXPLORE_SAVED_UNFIT where it is of something else
 * @example
 * ```ts
 * const opened = await openModel({ what: 'classic:lost-update', cwd: '/' });
 * searchFrom('/no/such/file', opened, {}); // null
 * ```
 */
export function searchFrom(
  path: string,
  opened: OpenedTopology | OpenedModel,
  options: ExploreOptions,
): Exploration | null {
  if (!existsSync(path)) return null;
  const { key, search } = read(path);
  if (key !== keyOf(opened))
    throw unfit(path, `it is of another topology, other traces or other code than ${opened.model.name}`);
  const { maxStates, maxTransitions, walks, stopAtFirst } = options;
  const budget = {
    ...(maxStates === undefined ? {} : { maxStates }),
    ...(maxTransitions === undefined ? {} : { maxTransitions }),
    ...(walks === undefined ? {} : { walks }),
    ...(stopAtFirst === undefined ? {} : { stopAtFirst }),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a search gives a model only what it got of it
  return resumeSearch(opened.model as unknown as SomeModel, search, budget);
}

/**
 * Lays a search aside.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
 * @example
 * ```ts
 * const opened = await openModel({ what: 'classic:lost-update', cwd: '/' });
 * if (opened.kind === 'model') layAside('/tmp/search.explore', opened, explore(opened.model));
 * ```
 */
export function layAside(path: string, opened: OpenedTopology | OpenedModel, search: Exploration): void {
  const file: SavedFile = { form: FORM, key: keyOf(opened), search: search.save() };
  writeWhole(path, gzipSync(serialize(file)));
}
