import { beforeAll, describe, expect, it } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { madeTopology, madeTrace } from '../../src/report/madeWorkload.ts';
import { replay } from '../../src/timeline/replay.ts';
import { stateAt } from '../../src/timeline/state.ts';
import { inShares } from './inShares.ts';
import { recorded } from './recorded.ts';

const ACTORS = ['tlb:0', 'mmu:1'];
const run = madeTopology(1, madeTrace(3000));
const { traces } = run;

let reader: LogReader;
/** A seq behind which a checkpoint holds all of both actors. */
let seq: number;
beforeAll(() => {
  reader = recorded(run, 200);
  seq = reader.checkpoints()[0]?.seq ?? -1;
});

/** The log with one checkpoint, which holds states of its own. */
function withStates(stateOf: (actor: string) => unknown): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, reader.meta);
  for (const record of reader.range()) {
    writer.append(record);
    if (record.seq === seq)
      writer.checkpoint(
        seq,
        ACTORS.map((actor) => ({ actor, state: stateOf(actor) })),
      );
  }
  writer.close();
  return LogReader.open(storage, noCompression);
}

/** A state as the checkpoint of the run has it, changed. */
function changedState(actor: string, change: (context: Record<string, never>) => void): unknown {
  const stored = structuredClone(reader.checkpointBefore(seq, actor)?.state) as { context: Record<string, never> };
  change(stored.context);
  return stored;
}

describe('a replay', () => {
  it('takes packed states in a checkpoint, and plain ones as older logs have them', () => {
    const packed = withStates((actor) => reader.checkpointBefore(seq, actor)?.state);
    const plain = withStates((actor) => {
      const { value, status, context } = stateAt(reader, traces, seq, actor);
      return { value, status, context };
    });
    expect(plain.storage.size()).not.toBe(packed.storage.size());
    for (const log of [packed, plain]) {
      expect(replay(log, traces)).toMatchObject({ checkpoints: 1, divergence: null });
      expect(inShares(log, traces, 2)).toMatchObject({ misfit: null, loop: { checkpoints: 1 } });
    }
  });

  it.each([
    [
      'tlb:0',
      'context.tlb.l2.sets[0][1][1]',
      (context: { tlb: { l2: { frames: number[] } } }) => context.tlb.l2.frames,
    ],
    ['mmu:1', 'context.linux.runs[1]', (context: { linux: { pfns: number[] } }) => context.linux.pfns],
  ])('says in the plain form where a packed state of %s differs', (changed, path, frames) => {
    const log = withStates((actor) =>
      changedState(actor, (context) => {
        if (actor === changed) frames(context as never)[0] += 8;
      }),
    );
    const { divergence } = replay(log, traces);
    expect(divergence).toMatchObject({ seq, what: `state of ${changed}: ${path}` });
    expect((divergence?.recorded as number) - (divergence?.replayed as number)).toBe(8);
    expect(inShares(log, traces, 2).misfit).not.toBe(null);
  });
});
