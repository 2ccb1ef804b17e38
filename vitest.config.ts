import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // What users import is the source here, so that modules written as a user's share it with the tests.
    alias: [
      { find: /^granule$/, replacement: source('src/index.ts') },
      { find: /^granule\/node$/, replacement: source('src/node.ts') },
      { find: /^granule\/machines$/, replacement: source('machines/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/propertySeed.ts'],
    testTimeout: 60_000,
    maxWorkers: 2,
    // Otherwise Node itself would load users' modules, and with them a second copy of granule, of dist/.
    server: { deps: { inline: [/^(?!.*\/node_modules\/).*\.mjs$/] } },
  },
});
