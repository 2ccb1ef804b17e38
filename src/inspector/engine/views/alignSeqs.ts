/** Which moment of one run belongs to a moment of another: the same event where both have it, else the last one before that both have. */
import type { LogReader } from '../../../log/logReader.ts';
import { alignmentKey } from '../../../timeline/align.ts';
import { firstDivergence } from '../../../timeline/compare.ts';
import type { OpenRun } from '../openRun.ts';

/** Events behind the divergence that are paired; further on, moments of the same virtual time belong together. */
const PAIRED_MOST = 200_000;
/** Events of an actor that are looked ahead for a place where both runs go on together. */
const WINDOW = 128;

interface Keyed {
  readonly seq: number;
  readonly key: string;
}

/** Two runs, paired event by event. */
interface Pairing {
  /** The first seq at which they differ; infinite where they are the same. */
  readonly divergedAt: number;
  /** By seq behind `divergedAt`: the seq in the other run, or -1. */
  readonly toB: Float64Array;
  readonly toA: Float64Array;
}

function byActor(reader: LogReader, from: number): Map<string, Keyed[]> {
  const found = new Map<string, Keyed[]>();
  for (const record of reader.range(from, Math.min(reader.lastSeq, from + PAIRED_MOST - 1))) {
    const keyed = { seq: record.seq, key: alignmentKey(record) };
    const list = found.get(record.to);
    if (list === undefined) found.set(record.to, [keyed]);
    else list.push(keyed);
  }
  return found;
}

/** How far both have to go on alone until they meet, least in sum. */
function meeting(a: readonly Keyed[], b: readonly Keyed[], atA: number, atB: number): readonly [number, number] {
  const first = new Map<string, number>();
  for (let at = Math.min(b.length - atB, WINDOW) - 1; at >= 0; at--) first.set(b[atB + at]?.key ?? '', at);
  let best: readonly [number, number] | null = null;
  for (let at = 0; at < WINDOW && atA + at < a.length; at++) {
    if (best !== null && at >= best[0] + best[1]) break;
    const other = first.get(a[atA + at]?.key ?? '');
    if (other !== undefined && (best === null || at + other < best[0] + best[1])) best = [at, other];
  }
  return best ?? [WINDOW, WINDOW];
}

function pairActor(a: readonly Keyed[], b: readonly Keyed[], pair: (one: number, other: number) => void): void {
  let [atA, atB] = [0, 0];
  while (atA < a.length && atB < b.length) {
    const [one, other] = [a[atA], b[atB]];
    if (one !== undefined && other !== undefined && one.key === other.key) {
      pair(one.seq, other.seq);
      atA++;
      atB++;
      continue;
    }
    const [skipA, skipB] = meeting(a, b, atA, atB);
    atA += skipA;
    atB += skipB;
  }
}

function paired(a: LogReader, b: LogReader): Pairing {
  const divergedAt = firstDivergence(a, b)?.seq ?? Number.POSITIVE_INFINITY;
  const lengthOf = ({ lastSeq }: LogReader): number =>
    Number.isFinite(divergedAt) ? Math.max(0, Math.min(PAIRED_MOST, lastSeq - divergedAt + 1)) : 0;
  const toB = new Float64Array(lengthOf(a)).fill(-1);
  const toA = new Float64Array(lengthOf(b)).fill(-1);
  if (!Number.isFinite(divergedAt)) return { divergedAt, toB, toA };
  const ofB = byActor(b, divergedAt);
  for (const [actor, events] of byActor(a, divergedAt)) {
    pairActor(events, ofB.get(actor) ?? [], (one, other) => {
      toB[one - divergedAt] = other;
      toA[other - divergedAt] = one;
    });
  }
  return { divergedAt, toB, toA };
}

const pairings = new WeakMap<LogReader, WeakMap<LogReader, Pairing>>();

function pairingOf(a: LogReader, b: LogReader): Pairing {
  const kept = pairings.get(a) ?? new WeakMap<LogReader, Pairing>();
  pairings.set(a, kept);
  const known = kept.get(b) ?? paired(a, b);
  kept.set(b, known);
  return known;
}

/** A moment of another run. */
export interface AlignedSeq {
  /** The moment of the run that was asked about. */
  readonly forSeq: number;
  readonly seq: number;
  /** `same`: not parted yet, or the same event; `near`: the last before that both have; `time`: by virtual time. */
  readonly how: 'same' | 'near' | 'time';
}

/**
 * The moment of the run `b` that belongs to a moment of the run `a`.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * alignedSeq(run, run, 5); // { forSeq: 5, seq: 5, how: 'same' }
 * ```
 */
export function alignedSeq(a: OpenRun, b: OpenRun, seq: number): AlignedSeq {
  const { divergedAt, toB } = pairingOf(a.reader, b.reader);
  if (seq < divergedAt) return { forSeq: seq, seq: Math.min(seq, b.reader.lastSeq), how: 'same' };
  const at = seq - divergedAt;
  if (at >= PAIRED_MOST) {
    const { timeCycles } = a.reader.read(seq);
    return { forSeq: seq, seq: b.reader.seqAtTime(timeCycles), how: 'time' };
  }
  for (let back = at; back >= 0; back--) {
    const found = toB[back] ?? -1;
    if (found >= 0) return { forSeq: seq, seq: found, how: back === at ? 'same' : 'near' };
  }
  return { forSeq: seq, seq: Math.max(b.reader.firstSeq, Math.min(b.reader.lastSeq, divergedAt)), how: 'near' };
}
