/** What a thread of a parallel replay runs: it folds its share, segment by segment, and posts what came of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { GranuleError, invariant } from '../errors.ts';
import { type HandedOver, openHandedOver } from './handedOver.node.ts';
import { type PlainState, RecordedRun } from './recordedRun.ts';
import { type Share, ShareFold } from './shareFold.ts';
import { REPORTS_HELD, type ShareReport } from './shareReport.ts';

/** What a thread is started with. */
export interface FoldOrder {
  readonly handedOver: HandedOver;
  readonly share: Share;
  /** One integer that all threads see: how many segments have been checked. */
  readonly checked: Int32Array<SharedArrayBuffer>;
}

/**
 * Reports that are posted together: each post wakes the thread that holds them together, which then takes a core from those
 * that fold. Far fewer than `REPORTS_HELD`, since what is not posted is not checked, and so is waited for.
 */
const REPORTS_POSTED = 16;

/** What a thread posts: reports, one for each segment, then the states; or what ended it. */
export type FoldPost =
  | { readonly reports: readonly ShareReport[] }
  | { readonly states: readonly { readonly actor: string; readonly state: PlainState }[] }
  | { readonly failed: string };

function post(message: FoldPost): void {
  invariant(parentPort !== null, 'this file is run as a worker thread');
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort.postMessage(message);
}

/**
 * Waits until a segment is near enough to the one that is checked: its report is written where that of the segment
 * `REPORTS_HELD` before it was, which has to have been read by then.
 */
function waitFor(segment: number, checked: Int32Array<SharedArrayBuffer>): void {
  for (;;) {
    const done = Atomics.load(checked, 0);
    if (segment - done < REPORTS_HELD) return;
    Atomics.wait(checked, 0, done);
  }
}

async function fold({ handedOver, share, checked }: FoldOrder): Promise<void> {
  const { reader, traces } = await openHandedOver(handedOver);
  const own = new ShareFold(new RecordedRun(reader, traces), share);
  let reports: ShareReport[] = [];
  for (const segment of reader.directory.segments.keys()) {
    waitFor(segment, checked);
    const report = own.segment(segment);
    reports.push(report);
    if (report.misfit !== null || report.thrown !== null) break;
    if (reports.length < REPORTS_POSTED) continue;
    post({ reports });
    reports = [];
  }
  post({ reports });
  post({ states: own.states() });
}

try {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- who starts this file gives it a FoldOrder
  await fold(workerData as FoldOrder);
} catch (error) {
  if (!(error instanceof GranuleError)) throw error;
  post({ failed: error.format() });
}
