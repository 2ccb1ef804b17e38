/** The engine inside a worker. */
import { Engine, failureOf } from '../engine/engine.ts';
import { openBytes } from './openBytes.ts';
import type { WorkerAnswer, WorkerQuestion } from './link.ts';

const engine = new Engine();

function answered(question: WorkerQuestion): unknown {
  if ('open' in question) {
    const { run, log, traces } = question.open;
    engine.open(openBytes(run, log, traces));
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
