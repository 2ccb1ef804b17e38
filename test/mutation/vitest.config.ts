/** Tests of the project on the sources of one mutant, which `GRANULE_MUTANT` names. */
import { relative } from 'node:path';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.ts';
import { PROJECT_ROOT } from '../support/tree.ts';
import { mutatedSources } from './mutant.ts';
import { mutantNamed } from './mutants/index.ts';

const name = process.env['GRANULE_MUTANT'] ?? '';
const sources = mutatedSources(mutantNamed(name));

export default mergeConfig(
  base,
  defineConfig({
    root: PROJECT_ROOT,
    plugins: [
      {
        name: 'mutating',
        enforce: 'pre',
        load: (id) => sources.get(relative(PROJECT_ROOT, id.split('?', 1)[0] ?? '')) ?? null,
      },
    ],
  }),
);
