/** `verdict.json` of a folder of scenarios: what reports are made of. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../errors.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import type { ExpectedVerdict } from './expected.ts';
import type { Verdict } from './judge.ts';

const NAME = 'verdict.json';

/**
 * Where the verdicts of a folder are.
 *
 * @example
 * ```ts
 * verdictPath('/tmp/out'); // '/tmp/out/verdict.json'
 * ```
 */
export function verdictPath(folder: string): string {
  return join(folder, NAME);
}

/**
 * Keeps verdicts. The same run gives the same bytes: nothing in them depends on the host.
 *
 * @throws GranuleError OUTPUT_UNWRITABLE, DISK_FULL
 * @example
 * ```ts
 * writeVerdicts('/tmp', []);
 * readVerdicts('/tmp'); // []
 * ```
 */
export function writeVerdicts(folder: string, verdicts: readonly Verdict[]): void {
  const text = JSON.stringify({ verdicts }, null, 1);
  writeWhole(verdictPath(folder), new TextEncoder().encode(`${text}\n`));
}

/**
 * Reads the verdicts of a folder.
 *
 * @throws GranuleError REPORT_NOTHING where there are none, or the file is none of ours
 * @example
 * ```ts
 * readVerdicts('/no/such/folder'); // throws REPORT_NOTHING
 * ```
 */
export function readVerdicts(folder: string): Verdict[] {
  const path = verdictPath(folder);
  if (!existsSync(path)) throw new GranuleError('REPORT_NOTHING', 'there are no verdicts', path);
  try {
    const data = JSON.parse(readFileSync(path, 'utf8')) as { verdicts?: Verdict[] };
    const { verdicts } = data;
    if (Array.isArray(verdicts) && verdicts.every(isVerdict)) return verdicts;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new GranuleError('REPORT_NOTHING', 'these are no verdicts', path);
}

/** As far as reports look: whoever edits the file by hand is told, and not half a report. */
function isVerdict(value: unknown): boolean {
  const { id, verdict, because, claims, answers, figures, steps } = (value ?? {}) as Partial<Verdict>;
  const lists = [claims, answers, figures, steps];
  return typeof id === 'string' && typeof verdict === 'string' && because !== undefined && lists.every(Array.isArray);
}

/**
 * Reads what the catalogue came to when it was last kept.
 *
 * @throws GranuleError REPORT_NOTHING where the file is none of ours
 * @example
 * ```ts
 * readExpected('fixtures/scenarios/expected.json')[0]?.id; // 'S-01'
 * ```
 */
export function readExpected(path: string): ExpectedVerdict[] {
  try {
    const { verdicts } = JSON.parse(readFileSync(path, 'utf8')) as { verdicts?: ExpectedVerdict[] };
    if (Array.isArray(verdicts)) return verdicts;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new GranuleError('REPORT_NOTHING', 'these are no kept verdicts', path);
}
