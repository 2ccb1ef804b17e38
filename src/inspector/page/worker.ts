/** The engine inside a worker. */
import { Engine, failureOf } from '../engine/engine.ts';
import { DroppedLogs } from './dropped.ts';
import type { WorkerAnswer, WorkerQuestion } from './link.ts';

const engine = new Engine();
const dropped = new DroppedLogs(engine);

function answered(question: WorkerQuestion): unknown {
  if ('open' in question) {
    dropped.open(question.open);
    return null;
  }
  return engine.ask(question.name, question.args as never);
}

globalThis.addEventListener('message', ({ data }: MessageEvent<WorkerQuestion>) => {
  let answer: WorkerAnswer;
  try {
    answer = { id: data.id, result: answered(data) };
  } catch (error) {
    answer = { id: data.id, failed: failureOf(error) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has one page, and no origin to name
  globalThis.postMessage(answer);
});
