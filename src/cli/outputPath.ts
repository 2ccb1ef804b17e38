/** Where a command writes a log. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { GranuleError } from '../errors.ts';
import type { Cli } from './cli.ts';

/** Logs of one name that are kept side by side in a folder before a name has to be given. */
const NUMBERED_NAMES = 10_000;

/** What the command line says of it. */
export interface OutputOptions {
  readonly out?: string;
  readonly force?: boolean;
}

/**
 * The name of a file without its folder and its ending.
 *
 * @example
 * ```ts
 * stemOf('/data/plain-4k.json'); // 'plain-4k'
 * ```
 */
export function stemOf(path: string): string {
  return basename(path).replace(/\.(json|ya?ml|[mc]?[jt]s|glog)$/, '');
}

/**
 * The path of a new log: the one that was given, or STEM.glog in the present folder, with a number when that is there.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE where there are too many of that name
 * @example
 * ```ts
 * const cli = new Cli(textIo('/no/such/folder'));
 * outputPath(cli, 'plain-4k', {}); // '/no/such/folder/plain-4k.glog'
 * outputPath(cli, 'plain-4k', { out: 'a.glog' }); // '/no/such/folder/a.glog'
 * ```
 */
export function outputPath(cli: Cli, stem: string, { out, force }: OutputOptions): string {
  if (out !== undefined) return cli.path(out);
  const named = cli.path(`${stem}.glog`);
  if (force === true || !existsSync(named)) return named;
  for (let number = 2; number < NUMBERED_NAMES; number++) {
    const path = cli.path(`${stem}-${number}.glog`);
    if (!existsSync(path)) return path;
  }
  throw new GranuleError('OUTPUT_UNWRITABLE', `${NUMBERED_NAMES} logs of this name are there`, named);
}
