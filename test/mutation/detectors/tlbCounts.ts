/** TLB misses of recorded programs, as an independent model with true LRU counts them. */
import { readFileSync } from 'node:fs';
import { corePresets } from '../../../src/arch/cores.ts';
import { runTlbOnly } from '../../../src/report/tlbOnly.ts';
import { openAnyTrace } from '../../../src/trace/rawTrace.ts';
import { oneLine, type Verdict, verdictOf } from './verdict.ts';

const NAMES = ['true-kernel', 'sqlite-kernel'];

async function countTlb(name: string, pageBytes: number): Promise<unknown> {
  const trace = await openAnyTrace(`fixtures/traces/${name}.gtr`);
  try {
    return runTlbOnly(trace, corePresets['tlb-reference'], pageBytes);
  } finally {
    trace.close();
  }
}

/** The first count that differs. */
export async function tlbCounts(): Promise<Verdict | null> {
  const oracle = JSON.parse(readFileSync('fixtures/oracle/tlb.json', 'utf8')) as {
    traces: Record<string, Record<string, unknown>>;
  };
  for (const name of NAMES) {
    for (const pageBytes of [4096, 16384, 65536]) {
      const run = `${name} at ${pageBytes / 1024}K`;
      try {
        const found = JSON.stringify(await countTlb(name, pageBytes));
        const wanted = JSON.stringify(oracle.traces[name]?.[pageBytes]);
        if (found === wanted) continue;
        return { by: 'TLB counts', run, at: null, text: oneLine(`${found} for ${wanted}`) };
      } catch (error) {
        return verdictOf(error, run);
      }
    }
  }
  return null;
}
