import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/propertySeed.ts'],
    testTimeout: 60_000,
    maxWorkers: 2,
  },
});
