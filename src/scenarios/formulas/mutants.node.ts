/**
 * What the mutation test of the model noticed, counted.
 *
 * @models S-20 S-42
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import type { Formula } from './formula.ts';

/** A mutant as the file has it: what noticed it first, null where nothing did. */
interface MutantResult {
  readonly name: string;
  readonly verdict: { readonly by: string } | null;
}

/** Detectors that real kernels answer. */
const KERNELS = ['kernel answers', 'interfaces'];
const LAYERS = ['rule', 'answers', 'maintenance', 'tables', 'memory'];

/**
 * Mutants of a layer, and of all layers.
 *
 * @example
 * ```ts
 * mutants.work(operandsOf(mutants, { layer: 'memory' })).mutants; // 12
 * ```
 */
export const mutants: Formula = {
  name: 'mutants',
  says:
    'steps of the layers that were made wrong in turn: how many of them something noticed and nothing did, how many answers of real ' +
    'kernels noticed first, and how many a test alone',
  source:
    'fixtures/mutation/results.json: what `npm run mutation` came to; docs/mutation.md has each, and why those that nothing notices stay',
  operands: [
    { name: 'layer', says: `\`all\`, or one of ${LAYERS.map((layer) => `\`${layer}\``).join(', ')}`, usual: 'all' },
  ],
  work(operands) {
    const layer = operands.word('layer');
    if (layer !== 'all' && !LAYERS.includes(layer))
      throw new GranuleError('SCENARIO_INVALID', `there is no layer "${layer}"`, 'formula mutants');
    const path = join(fixturesFolder('mutation'), 'results.json');
    const all = JSON.parse(readFileSync(path, 'utf8')) as MutantResult[];
    const chosen = all.filter(({ name }) => layer === 'all' || name.startsWith(`${layer}/`));
    const by = chosen.flatMap(({ verdict }) => (verdict === null ? [] : [verdict.by]));
    return {
      mutants: chosen.length,
      noticed: by.length,
      survivors: chosen.length - by.length,
      byKernels: by.filter((name) => KERNELS.includes(name)).length,
      byTests: by.filter((name) => name === 'test').length,
    };
  },
};
