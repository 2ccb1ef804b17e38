import type { LogReader } from '../../src/log/logReader.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { RecordedRun } from '../../src/timeline/recordedRun.ts';
import { ShareFold } from '../../src/timeline/shareFold.ts';
import { ShareMerge } from '../../src/timeline/shareMerge.ts';
import { sharesOf } from '../../src/timeline/shares.ts';

/** A parallel replay without threads: the shares take turns, and each one's reports come in as its turn is. */
export function inShares(reader: LogReader, traces: ReadonlyMap<number, RunSource>, count: number): ShareMerge {
  const run = new RecordedRun(reader, traces);
  const merge = new ShareMerge(run, count);
  const folds = sharesOf(reader, run.actors, count).map(
    (actors, index) => new ShareFold(new RecordedRun(reader, traces), { actors, index, count }),
  );
  for (const segment of reader.directory.segments.keys()) {
    for (const [share, fold] of folds.entries()) {
      if (merge.misfit === null) merge.add(share, fold.segment(segment));
    }
  }
  return merge;
}
