/** The yardsticks of the project: ratios taken in one process in one run, each with what it has to reach. */
import { growthYardsticks } from './benchGrowth.ts';
import { HOSTILE_SIZE, hostileYardsticks } from './benchHostile.ts';
import { logYardsticks } from './benchLog.ts';
import { messageYardsticks } from './benchMessages.ts';
import { referenceYardsticks } from './benchReferences.ts';
import { replayYardsticks } from './benchReplay.ts';
import { formatCount } from './format.ts';
import { peakMemoryBytes } from './peakMemory.node.ts';
import { formatTable } from './table.ts';
import { wireYardsticks } from './benchWires.ts';
import { type BenchSize, NO_REACH, type Yardstick } from './yardstick.ts';

const MIB = 2 ** 20;

/** The sizes of `npm run bench`; tests use smaller ones. */
export const FULL_SIZE: BenchSize = {
  repeats: 5,
  warmUpMilliseconds: 2000,
  traces: ['sqlite-kernel', 'python-json-kernel', 'git-log-kernel'],
  messages: 30_000,
  events: 1_000_000,
  jumps: 400,
  accesses: 1500,
  textCopies: 20,
  hostile: HOSTILE_SIZE,
};

/**
 * Measures everything. `onStep` is told what is measured next.
 *
 * @example
 * ```ts
 * FULL_SIZE.events; // 1000000
 * ```
 */
export async function runBench(size: BenchSize, onStep: (what: string) => void = () => {}): Promise<Yardstick[]> {
  onStep('references per second');
  const references = referenceYardsticks(size);
  onStep('references per second that no TLB follows');
  const hostile = hostileYardsticks(size.hostile);
  onStep('messages per second');
  const messages = messageYardsticks(size);
  onStep('what it costs to watch');
  const wires = wireYardsticks(size);
  onStep('replay, jumps and size of logs');
  const log = [...(await replayYardsticks(size)), ...logYardsticks(size)];
  onStep('growth');
  const growth = await growthYardsticks(size);
  const memory = { name: 'peak memory of this benchmark', value: peakMemoryBytes() / MIB, unit: 'MiB', ...NO_REACH };
  return [...references, ...hostile, ...messages, ...wires, ...log, ...growth, memory];
}

/**
 * The yardsticks as a table.
 *
 * @example
 * ```ts
 * const replay = { name: 'replay', value: 1.5, unit: 'of the run', reach: '<= 2', holds: true };
 * benchText([replay]).split('\n')[2]; // 'replay       1.5  of the run  <= 2   yes'
 * ```
 */
export function benchText(yardsticks: readonly Yardstick[]): string {
  const rows = yardsticks.map(({ name, value, unit, reach, holds }) => [
    name,
    formatCount(Number(value.toPrecision(value >= 1000 ? 6 : 3))),
    unit,
    reach ?? '',
    holds === null ? '' : holds ? 'yes' : 'NO',
  ]);
  const align: ('left' | 'right')[] = ['left', 'right', 'left', 'left', 'left'];
  return formatTable([['yardstick', 'value', 'unit', 'reach', 'holds'], ...rows], { align });
}
