/** A search laid aside as bytes, for a file. */
import { deserialize, serialize } from 'node:v8';
import { GranuleError } from '../../errors.ts';
import { SAVED_SEARCH_VERSION, type SavedSearch } from './saved.ts';

/** How such bytes begin. */
const MAGIC = new TextEncoder().encode('granule search\n');

/**
 * The bytes of a search laid aside.
 *
 * @example
 * ```ts
 * const model = classic('lost-update');
 * const search = explore(model);
 * search.advance(5);
 * const saved = unpackSearch(packSearch(search.save()));
 * runExploration(resumeSearch(model, saved)).states; // 13
 * ```
 */
export function packSearch(saved: SavedSearch): Uint8Array {
  return Buffer.concat([MAGIC, serialize(saved)]);
}

/** Whether something has what every search laid aside has; the rest is looked at by `resumeSearch`. */
function isSaved(value: unknown): value is SavedSearch {
  if (typeof value !== 'object' || value === null) return false;
  return 'kind' in value && 'model' in value && 'version' in value && value.version === SAVED_SEARCH_VERSION;
}

/**
 * The search that some bytes are of.
 *
 * @throws GranuleError EXPLORE_SAVED_UNFIT
 * @example
 * ```ts
 * unpackSearch(new Uint8Array([1, 2, 3])); // throws EXPLORE_SAVED_UNFIT
 * ```
 */
export function unpackSearch(bytes: Uint8Array): SavedSearch {
  const isOne = MAGIC.every((byte, index) => bytes[index] === byte);
  let value: unknown = null;
  try {
    value = isOne ? deserialize(bytes.subarray(MAGIC.length)) : null;
  } catch {
    throw new GranuleError('EXPLORE_SAVED_UNFIT', 'the bytes of a search laid aside are damaged');
  }
  if (isSaved(value)) return value;
  throw new GranuleError('EXPLORE_SAVED_UNFIT', 'the bytes are of no search laid aside, or of another version');
}
