/** How cost grows with events, actors and processes, and how fast trace text is read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { RunSource } from '../mm/runs.ts';
import { fixturesFolder } from '../topology/load.node.ts';
import type { Topology } from '../topology/schema.ts';
import { importTrace } from '../trace/import.ts';
import { loggedRun } from './benchReferences.ts';
import { madeTopology, madeTrace } from './madeWorkload.ts';
import { atLeast, atMost, type BenchSize, median, medianRatio, millisecondsOf, type Yardstick } from './yardstick.ts';

const GROWTH = 10;
const GROWTH_REACH = 11;
const PROCESSES = 4;
const IDLE_FILES = 200;
/** Of gunzip and parsing together, for a whole file. */
const IMPORT_REACH = 5e6;
const TEXT = 'true-kernel.lackey.gz';

interface Workload {
  topology: Topology;
  traces: ReadonlyMap<number, RunSource>;
}

/**
 * Growth by ten of events, actors and processes, and the speed of an import.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, traces: [], hostile };
 * const size = { ...few, messages: 1, events: 1, jumps: 1, accesses: 50, textCopies: 1 };
 * (await growthYardsticks(size)).length; // 4
 * ```
 */
export async function growthYardsticks(size: BenchSize): Promise<Yardstick[]> {
  const { accesses, repeats } = size;
  const trace = madeTrace(accesses);
  const base = madeTopology(PROCESSES, trace);
  const few = madeTopology(PROCESSES, trace, IDLE_FILES);
  return [
    growth('events', repeats, madeTopology(PROCESSES, madeTrace(GROWTH * accesses)), base),
    growth('actors', repeats, madeTopology(PROCESSES, trace, GROWTH * IDLE_FILES), few),
    growth('processes', repeats, madeTopology(GROWTH * PROCESSES, trace), base),
    await importYardstick(size),
  ];
}

function growth(what: string, repeats: number, large: Workload, small: Workload): Yardstick {
  const time = ({ topology, traces }: Workload): number => millisecondsOf(() => loggedRun(topology, traces));
  const value = medianRatio(repeats, () => [time(large), time(small)]);
  return { name: `growth: ${what} times ${GROWTH}`, value, unit: 'times the cost', ...atMost(value, GROWTH_REACH) };
}

async function importYardstick({ textCopies, repeats }: BenchSize): Promise<Yardstick> {
  const folder = mkdtempSync(join(tmpdir(), 'granule-bench-'));
  try {
    const path = join(folder, 'text.gz');
    writeFileSync(path, repeated(gunzipSync(readFileSync(join(fixturesFolder('traces'), TEXT))), textCopies));
    const rates: number[] = [];
    for (let round = 0; round <= repeats; round++) {
      const started = performance.now();
      const { lines } = await importTrace(path, { out: join(folder, 'out.gtr') });
      // The first round is not counted.
      if (round > 0) rates.push(lines / ((performance.now() - started) / 1000));
    }
    const value = median(rates);
    return { name: 'import of gzipped lackey text', value, unit: 'lines/s', ...atLeast(value, IMPORT_REACH) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The accesses of a text, so many times over; its system calls could not be made twice. */
function repeated(text: Buffer, copies: number): Buffer {
  const accesses = text
    .toString('latin1')
    .split('\n')
    .filter((line) => /^(?:I| [LSM]) /.test(line));
  return gzipSync(`${accesses.join('\n')}\n`.repeat(copies), { level: 1 });
}
