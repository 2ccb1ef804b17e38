/** The module that a thread of a sweep runs: points in, results out. It keeps the traces that it has opened. */
import { parentPort, workerData } from 'node:worker_threads';
import { TraceShelf } from '../topology/load.node.ts';
import { catalogueOfFiles } from '../topology/modules.node.ts';
import type { FromWorker } from './pool.node.ts';
import type { PointResult } from './runPoint.ts';
import { type PointNews, type PointTask, type WorkerSetting, workOn } from './workOn.node.ts';

const shelf = new TraceShelf();
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a Sweep gave
const setting = workerData as WorkerSetting;

const catalogue = catalogueOfFiles(setting.modules);

function send(message: FromWorker<PointNews, PointResult>): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}

async function work({ topology, log }: PointTask): Promise<void> {
  const tell = (news: PointNews): void => send({ kind: 'news', news });
  const answer = workOn({ topology, log }, setting, { shelf, catalogue: await catalogue, tell });
  send({ kind: 'answer', answer });
}

parentPort?.on('message', (task: PointTask) => {
  void work(task);
});
