/** A model by the module that makes it, so that a thread of its own can make it too. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GranuleError } from '../../errors.ts';
import type { Model } from '../model.ts';

/** Where a model comes from: plain data, that can be sent to a thread. */
export interface ModelSource {
  /** A path, or a URL. */
  readonly module: string;
  /** The name of an export: a model, or a function that makes one, or the promise of one, of `args`. */
  readonly export: string;
  readonly args?: readonly unknown[];
}

/** States and actions of a model that is not known here: they go from the model to the model alone. */
export type UnknownModel = Model<unknown, unknown>;

function isModel(value: unknown): value is UnknownModel {
  if (typeof value !== 'object' || value === null) return false;
  return 'name' in value && 'initial' in value && 'actions' in value && 'next' in value && 'fingerprint' in value;
}

function unknown(source: ModelSource, what: string): GranuleError {
  return new GranuleError('EXPLORE_MODEL_UNKNOWN', `${source.export} of ${source.module} ${what}`);
}

/**
 * Makes the model of a source.
 *
 * @throws GranuleError EXPLORE_MODEL_UNKNOWN
 * @example
 * ```ts
 * await modelOf({ module: 'none.mjs', export: 'model' }); // throws EXPLORE_MODEL_UNKNOWN
 * ```
 */
export async function modelOf(source: ModelSource): Promise<UnknownModel> {
  const url = /^[a-z]+:/.test(source.module) ? source.module : pathToFileURL(resolve(source.module)).href;
  let found: unknown;
  try {
    const loaded: Readonly<Record<string, unknown>> = await import(url);
    found = loaded[source.export];
  } catch (error) {
    throw unknown(source, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (found === undefined) throw unknown(source, 'is not there');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what comes of it is looked at
  const made =
    typeof found === 'function' ? await (found as (...args: unknown[]) => unknown)(...(source.args ?? [])) : found;
  if (!isModel(made)) throw unknown(source, 'is no model');
  return made;
}
