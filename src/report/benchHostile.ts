/** The whole system under a load that no TLB follows: random accesses to far more memory than any TLB covers, all of it there. */
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { invariant } from '../errors.ts';
import type { Message } from '../runtime/envelope.ts';
import { logMeta } from '../topology/meta.ts';
import { runTopology } from '../topology/run.ts';
import { parseTopology } from '../topology/schema.ts';
import { PATTERN_MARK, type PatternSize, patternTrace } from './patternTrace.ts';
import { atLeast, NO_REACH, type Yardstick } from './yardstick.ts';

/** References a second, fetches included. */
const REACH = 1e6;
const PID = 1;

/** What the benchmark measures: 1 GiB is two hundred times what the second-level TLBs of the presets cover. */
export const HOSTILE_SIZE: PatternSize = { bytes: 2 ** 30, accesses: 500_000, seed: 1 };

function isMark(message: Message): boolean {
  if (message.type !== 'SYSCALL') return false;
  const call = message['call'] as { op: string; name?: string };
  return call.op === 'other' && call.name === PATTERN_MARK;
}

/**
 * References and data references a second of the accesses alone, with the log on: the first writes, which fault, are not in
 * the time. A walk is two events at least, and all but few accesses make one.
 *
 * @example
 * ```ts
 * hostileYardsticks({ bytes: 65536, accesses: 100, seed: 1 }).map(({ unit }) => unit); // ['references/s', 'data references/s', '']
 * ```
 */
export function hostileYardsticks(size: PatternSize): Yardstick[] {
  const trace = patternTrace('random', size);
  const topology = parseTopology(
    { name: 'hostile', memory: 4 * size.bytes + 2 ** 30, processes: [{ pid: PID, trace: trace.name, pageSize: '4K' }] },
    'bench',
  );
  const traces = new Map([[PID, trace]]);
  const marks: { milliseconds: number; events: number }[] = [];
  runTopology({
    topology,
    traces,
    writer: new LogWriter(memoryStorage(), zlibCompression, logMeta(topology, traces)),
    onDelivery: (seq, _timeCycles, { message }) => {
      if (isMark(message)) marks.push({ milliseconds: performance.now(), events: seq });
    },
  });
  const [from, to] = marks;
  invariant(from !== undefined && to !== undefined, 'the accesses stand between two marks');
  const perSecond = (size.accesses * 1000) / (to.milliseconds - from.milliseconds);
  const events = (to.events - from.events) / size.accesses;
  return [
    { name: 'TLB-hostile references', value: 2 * perSecond, unit: 'references/s', ...atLeast(2 * perSecond, REACH) },
    { name: 'TLB-hostile data references', value: perSecond, unit: 'data references/s', ...NO_REACH },
    { name: 'events for each of them', value: events, unit: '', ...NO_REACH },
  ];
}
