/** The module that a thread of `granule compare-designs` runs: designs in, figures out. It keeps the traces that it has opened. */
import { parentPort, workerData } from 'node:worker_threads';
import { type DesignAnswer, type DesignTask, DesignRunner } from './designRunner.ts';
import type { FromWorker } from '../sweep/pool.node.ts';
import type { DesignSetting } from '../report/designs/designList.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what compare-designs gave
const runner = new DesignRunner(workerData as DesignSetting);

parentPort?.on('message', (task: DesignTask) => {
  const message: FromWorker<never, DesignAnswer> = { kind: 'answer', answer: runner.answer(task) };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
});
