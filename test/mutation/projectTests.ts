/** The last detector: tests of the project that are about the layer, run on the mutated sources, property tests first. */
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/tree.ts';
import { runNode } from './build.ts';
import { oneLine, type Verdict } from './detectors/verdict.ts';
import type { Mutant, MutantGroup } from './mutant.ts';

const TABLES = [
  'test/mm/nativeTableOps.test.ts',
  'test/mm/nativeTable.test.ts',
  'test/mm/nativeSections.test.ts',
  'test/mm/lazyNative.test.ts',
  'test/mm/contpte.test.ts',
  'test/mm/asid.test.ts',
  'test/mm/pte.test.ts',
  'test/mm/writeNotify.test.ts',
  'test/arch/tlbi.test.ts',
  'test/arch/tlbiOperand.test.ts',
  'test/arch/kernelSide.test.ts',
  'test/machines/translation.test.ts',
  'test/machines/faultAnon.test.ts',
  'test/machines/file.test.ts',
  'test/liveFallback',
  'test/gup',
  'test/notifiers',
  'test/walkers',
  'test/softDirty',
  'test/userfaultfd',
  'test/reclaim',
  'test/thp',
  'test/hugetlb',
  'test/uaccess',
];

/** Where each group is tested. */
const FILES: Readonly<Record<MutantGroup, readonly string[]>> = {
  rules: [
    'test/mm/abiLaws.test.ts',
    'test/mm/abiRules.test.ts',
    'test/userfaultfd/rules.test.ts',
    'test/mm/calls',
    'test/sharing',
  ],
  answers: [
    'test/mm/calls',
    'test/procfs',
    'test/thp/sysfs.test.ts',
    'test/objects',
    'test/sharing',
    'test/uaccess',
    'test/userfaultfd',
  ],
  maintenance: TABLES,
  tables: TABLES,
  memory: TABLES,
};

const MS_MOST = 300_000;

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** The first test that fails. */
export async function projectTests({ name, group }: Mutant): Promise<Verdict | null> {
  const args = [join(PROJECT_ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...FILES[group]];
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
