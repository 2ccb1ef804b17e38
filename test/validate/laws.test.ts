/** Laws 7 and 8 at every event of the sequences that real kernels answered. */
import { describe, expect, test } from 'vitest';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import { Laws } from '../../src/topology/laws.ts';
import { readAbiFile } from '../../src/validate/abiFile.node.ts';
import { abiWorld, runAbi } from '../../src/validate/abiRun.ts';

/** Of each file, for a test that is quick; the checked mode of the command looks at all. */
const SEQUENCES = 60;

describe('the laws hold at every event of the given sequences', () => {
  test.each([
    [4096, 4096],
    [16384, 16384],
    [65536, 65536],
    [16384, 4096],
    [65536, 4096],
  ])('of %i-byte pages on a kernel of %i', { timeout: 120_000 }, async (pageBytes, kernelPageBytes) => {
    let left = SEQUENCES;
    let checked = 0;
    for await (const { seq, fileBytes, steps } of readAbiFile(`fixtures/oracle/abi-${pageBytes / 1024}K.ndjson.gz`)) {
      const laws = new Laws();
      const program = { name: `sequence-${seq}`, fileBytes, actions: steps.map(({ action }) => action) };
      // A record comes before its actor has handled it: what the one before it did is there to see then.
      let handled: MessageRecord | null = null;
      const run = runAbi(abiWorld(pageBytes, kernelPageBytes), program, {
        watch: (record, system) => {
          if (handled !== null) laws.check(handled, system);
          handled = record;
        },
      });
      expect(run.failure).toBeNull();
      checked += laws.checked;
      if (--left === 0) break;
    }
    expect(checked).toBeGreaterThan(5000);
  });
});
