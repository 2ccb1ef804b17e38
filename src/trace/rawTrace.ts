import { closeSync, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { isGtr } from './gtrFormat.ts';
import { inputError, openTrace } from './gtrReader.ts';
import type { OpenTrace } from './gtrBytes.ts';
import { importTrace, traceName } from './import.ts';
import type { ImportProgress } from './import.ts';

const HEAD_BYTES = 8;

/**
 * Opens any trace: a .gtr as it is, trace text (gzipped or not, `-` for standard input) by way of a temporary .gtr,
 * which has no name any more when this returns and vanishes when the trace is closed.
 *
 * @throws GranuleError as `openTrace` and `importTrace`
 * @example
 * ```ts
 * const trace = await openAnyTrace('fixtures/traces/true-kernel.lackey.gz');
 * trace.references; // 167440
 * trace.close();
 * ```
 */
export async function openAnyTrace(
  path: string,
  options: { format?: string | undefined; progress?: ((progress: ImportProgress) => void) | undefined } = {},
): Promise<OpenTrace> {
  if (path !== '-' && options.format === undefined && beginsAsGtr(path)) return openTrace(path);
  const folder = await mkdtemp(join(tmpdir(), 'granule-'));
  try {
    const out = join(folder, `${traceName(path === '-' ? 'stdin' : path)}.gtr`);
    await importTrace(path, { ...options, out });
    // The open descriptor keeps the file's content reachable after its name is gone.
    return openTrace(out);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function beginsAsGtr(path: string): boolean {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const head = new Uint8Array(HEAD_BYTES);
      return readSync(descriptor, head) === HEAD_BYTES && isGtr(head);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw inputError(error, path);
  }
}
