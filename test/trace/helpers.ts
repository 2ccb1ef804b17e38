import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll } from 'vitest';

import { GranuleError } from '../../src/errors.ts';
import type { RunBlock, RunSource } from '../../src/mm/runs.ts';
import { openTrace } from '../../src/trace/gtrReader.ts';
import type { OpenTrace } from '../../src/trace/gtrBytes.ts';
import { importStream } from '../../src/trace/import.ts';
import type { ImportOptions } from '../../src/trace/import.ts';

/** A folder of its own for a test file, removed when the file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'granule-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Every block of a trace. */
export function blocksOf(source: RunSource): RunBlock[] {
  const blocks: RunBlock[] = [];
  for (let index = 0; index * source.blockRuns < source.runs; index += 1) blocks.push(source.block(index));
  return blocks;
}

/** Every run of a trace as one readable row: kind, 4K page number, accesses, references, continued; a call as its own. */
export function rowsOf(source: RunSource): unknown[] {
  return blocksOf(source).flatMap((block) =>
    Array.from({ length: block.count }, (_, at) => {
      if (block.kind[at] === 3) return block.calls[block.page[at]];
      const page = source.pages[block.page[at]];
      return ['XRW'[block.kind[at]], page, block.accesses[at], block.references[at], block.continued[at]];
    }),
  );
}

/** Imports text as one stream of the given chunks, and opens the result. */
export async function importText(
  out: string,
  chunks: (string | Uint8Array)[],
  options: Partial<ImportOptions> = {},
): Promise<OpenTrace> {
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  await importStream(stream, 'input', null, { ...options, out });
  return openTrace(out);
}

/** The typed error that an action ends in. */
export async function errorOf(action: () => unknown): Promise<GranuleError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof GranuleError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
