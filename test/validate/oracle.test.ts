/**
 * What three real kernels answered to 200 sequences of calls, and the model beside them.
 *
 * @models S-22 S-41 S-46 X-01 D-08 D-19
 */
import { describe, expect, it } from 'vitest';
import { AbiTally } from '../../src/validate/abiCompare.ts';
import { readAbiFile } from '../../src/validate/abiFile.node.ts';
import { abiWorld, runAbi } from '../../src/validate/abiRun.ts';

const SIZES = [4096, 16384, 65536];
const RUNS = [...SIZES.map((size) => [size, size] as const), [16384, 4096] as const, [65536, 4096] as const];

async function tallyOf(pageBytes: number, kernelPageBytes: number): Promise<AbiTally> {
  const world = abiWorld(pageBytes, kernelPageBytes);
  const tally = new AbiTally();
  for await (const sequence of readAbiFile(`fixtures/oracle/abi-${pageBytes / 1024}K.ndjson.gz`)) {
    expect(sequence.kernelPageBytes).toBe(pageBytes);
    const { seq, fileBytes, steps } = sequence;
    const actions = steps.map(({ action }) => action);
    tally.add(sequence, runAbi(world, { name: `seq-${seq}`, fileBytes, actions }));
  }
  return tally;
}

describe('the answers of real kernels', () => {
  it.each(RUNS)('of %i-byte pages are those of the model on a kernel of %i-byte pages', async (pageBytes, kernel) => {
    const tally = await tallyOf(pageBytes, kernel);
    expect(tally.firstDifferences()).toEqual([]);
    expect({ checks: tally.checks, differences: tally.differences }).toEqual({ checks: 25_754, differences: 0 });
  });
});
