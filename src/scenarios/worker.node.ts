/** The module that a thread of the scenarios runs: tasks in, results out. It keeps the traces that it has opened. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker } from '../sweep/pool.node.ts';
import { pointError } from '../sweep/runPoint.ts';
import { TraceShelf } from '../topology/load.node.ts';
import { type TaskAnswer, type TaskSetting, workOnTask } from './workOn.node.ts';
import type { Task } from './tasks.ts';

const shelf = new TraceShelf();
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what runScenarios gave
const { folder } = workerData as TaskSetting;

function send(message: FromWorker<never, TaskAnswer>): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}

parentPort?.on('message', (task: Task) => {
  workOnTask(task, { folder, shelf }).then(
    (result) => send({ kind: 'answer', answer: { result } }),
    (error: unknown) => send({ kind: 'answer', answer: { error: pointError(error) } }),
  );
});
