/** Importing trace text and laying the program out again, in one go. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relayoutTrace } from '../trace/copyTrace.ts';
import { type ImportOptions, type ImportResult, importTrace, traceName } from '../trace/import.ts';

/**
 * Imports a text by way of a temporary trace, lays that out for `pageBytes`, and writes the result to `request.out`.
 *
 * @throws GranuleError as `importTrace`, and TRACE_LAYOUT
 * @example
 * ```ts
 * const out = join(tmpdir(), 'granule-example-64K.gtr');
 * const done = await importAndRelayout('fixtures/traces/true-kernel.lackey.gz', 65536, { out });
 * await rm(out);
 * done.references; // 167440
 * ```
 */
export async function importAndRelayout(
  path: string,
  pageBytes: 16384 | 65536,
  request: ImportOptions,
): Promise<ImportResult> {
  const folder = await mkdtemp(join(tmpdir(), 'granule-'));
  try {
    const name = request.name ?? traceName(path === '-' ? 'stdin' : path);
    const first = await importTrace(path, { ...request, name, out: join(folder, 'first.gtr') });
    return { ...first, ...(await relayoutTrace(first.out, pageBytes, request.out)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
