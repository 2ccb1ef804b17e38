/** The last detector: tests of the project that are about the layer, run on the mutated sources, property tests first. */
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/tree.ts';
import { runNode } from './build.ts';
import { oneLine, type Verdict } from './detectors/verdict.ts';
import type { Mutant } from './mutant.ts';

/** The tests that a mutant which no detector notices is put to: those that are about the step it lacks. By the beginning of its name. */
const FILES: readonly (readonly [begins: string, files: readonly string[]])[] = [
  ['answers/brk', ['test/mm/calls/brk.test.ts']],
  ['answers/futex', ['test/uaccess/futex.test.ts']],
  ['answers/statm', ['test/procfs/matrix.test.ts']],
  ['answers/buddyinfo', ['test/procfs/matrix.test.ts']],
  ['answers/pagemap', ['test/procfs/matrix.test.ts']],
  ['answers/', ['test/mm/askedInPages.test.ts']],
  ['maintenance/tell-devices', ['test/notifiers/smmu.test.ts']],
  ['maintenance/wait-for-devices', ['test/notifiers/smmu.test.ts']],
  ['maintenance/rese', ['test/mm/asid.test.ts']],
  ['maintenance/taken', ['test/mm/asid.test.ts']],
  ['maintenance/rollover', ['test/mm/asid.test.ts']],
  ['maintenance/park', ['test/liveFallback/protocol.test.ts']],
  ['maintenance/install', ['test/liveFallback/protocol.test.ts']],
  ['maintenance/regranule-at-exec', ['test/selection/topologies.test.ts']],
  ['maintenance/', ['test/machines/translation.test.ts']],
  ['tables/free-after-walkers', ['test/gup/races.test.ts']],
  ['tables/check', ['test/mm/nativeTable.test.ts']],
  ['tables/rebuild', ['test/liveFallback/protocol.test.ts']],
  ['tables/link', ['test/mm/nativeSections.test.ts']],
  ['tables/unlink', ['test/mm/nativeSections.test.ts']],
  ['tables/native-drop', ['test/mm/lazyNative.test.ts']],
  ['tables/twin-of-harvest', ['test/reclaim/aging.test.ts']],
  ['tables/gather-before-aging', ['test/reclaim/aging.test.ts']],
  ['tables/gather-at-fallback', ['test/machines/freedTables.test.ts']],
  ['tables/gather-before-reclaim', ['test/mm/exchangeIfClean.test.ts']],
  ['tables/gather', ['test/mm/nativeTable.test.ts', 'test/mm/nativeTableOps.test.ts']],
  ['tables/keep-age', ['test/walkers/exchange.test.ts']],
  ['tables/unmap-if', ['test/mm/exchangeIfClean.test.ts']],
  ['tables/free', ['test/machines/freedTables.test.ts']],
  ['tables/give', ['test/machines/freedTables.test.ts']],
  ['tables/', ['test/mm/contpte.test.ts']],
  ['memory/pte-same', ['test/walkers/exchange.test.ts']],
  ['memory/dirt', ['test/mm/dirtyAtUnmap.test.ts', 'test/machines/file.test.ts', 'test/reclaim/files.test.ts']],
  ['memory/', ['test/mm/writeNotify.test.ts', 'test/mm/nativeTableOps.test.ts', 'test/machines/faultAnon.test.ts']],
];

const MS_MOST = 300_000;

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** The first test that fails. */
export async function projectTests({ name }: Mutant): Promise<Verdict | null> {
  const files = FILES.find(([begins]) => name.startsWith(begins))?.[1];
  if (files === undefined) return null;
  const args = [join(PROJECT_ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...files];
  const options = [
    '--config',
    'test/mutation/vitest.config.ts',
    '--bail',
    '1',
    '--reporter',
    'json',
    '--maxWorkers',
    '1',
  ];
  const ended = await runNode([...args, ...options], { env: { GRANULE_MUTANT: name }, most: MS_MOST });
  if (ended.tookTooLong)
    return { by: 'test', run: 'tests of the layer', at: null, text: `no end within ${MS_MOST / 1000} s` };
  const at = ended.output.indexOf('{"num');
  if (at < 0) throw new Error(`vitest said nothing of ${name}: ${ended.errors.slice(0, 400)}`);
  const report = JSON.parse(ended.output.slice(at)) as Report;
  for (const file of report.testResults) {
    const failed = file.assertionResults.find(({ status }) => status === 'failed');
    if (failed === undefined && file.message === '') continue;
    const text = failed === undefined ? file.message : (failed.failureMessages[0] ?? '').split('\n')[0];
    const run = `${file.name.slice(PROJECT_ROOT.length + 1)}: ${failed?.fullName ?? 'as it is loaded'}`;
    return { by: 'test', run, at: null, text: oneLine(text) };
  }
  return null;
}
