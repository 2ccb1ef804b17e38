/** A pool of worker threads: tasks in, one answer each out; a worker that dies costs its task and is replaced. */
import type { Worker } from 'node:worker_threads';

/** What a worker sends: news of the task that it is on, or its answer to it. */
export type FromWorker<News, Answer> = { kind: 'news'; news: News } | { kind: 'answer'; answer: Answer };

/** Who does the work, and who hears of it. */
export interface PoolRequest<Task, News, Answer> {
  workers: number;
  /** Starts a worker. It is sent one task at a time and sends `FromWorker` messages. */
  start: () => Worker;
  onNews: (task: Task, news: News) => void;
  /** What it throws ends the pool. */
  onAnswer: (task: Task, answer: Answer) => void;
  /** The worker died on this task. */
  onDeath: (task: Task, why: string) => void;
}

/**
 * Works through tasks with a fixed number of workers.
 *
 * @example
 * ```ts
 * const code = "const { parentPort } = require('node:worker_threads');" +
 *   "parentPort.on('message', (task) => parentPort.postMessage({ kind: 'answer', answer: task * 2 }));";
 * const answers: number[] = [];
 * const pool = new Pool<number, never, number>({
 *   workers: 2,
 *   start: () => new Worker(code, { eval: true }),
 *   onNews: () => undefined,
 *   onAnswer: (_task, answer) => answers.push(answer),
 *   onDeath: () => undefined,
 * });
 * await pool.run([1, 2, 3]);
 * answers.sort(); // [2, 4, 6]
 * ```
 */
export class Pool<Task, News, Answer> {
  readonly #request: PoolRequest<Task, News, Answer>;
  readonly #alive = new Set<Worker>();
  #stopped = false;

  constructor(request: PoolRequest<Task, News, Answer>) {
    this.#request = request;
  }

  /** Resolves when every task has its answer, or after `stop`; no worker is left then. */
  async run(tasks: Iterable<Task>): Promise<void> {
    const queue = tasks[Symbol.iterator]();
    try {
      await Promise.all(Array.from({ length: this.#request.workers }, () => this.#lane(queue)));
    } finally {
      await this.stop();
    }
  }

  /** Ends all workers where they are: their tasks get no answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#alive].map((worker) => worker.terminate()));
  }

  /** One worker after another, as they die, and one task after another. */
  async #lane(queue: Iterator<Task>): Promise<void> {
    let worker: Worker | null = null;
    for (let next = queue.next(); next.done !== true && !this.#stopped; next = queue.next()) {
      if (worker === null || !this.#alive.has(worker)) worker = this.#start();
      const death = await this.#ask(worker, next.value);
      if (death === null) continue;
      worker = null;
      if (!this.#stopped) this.#request.onDeath(next.value, death);
    }
  }

  #start(): Worker {
    const worker = this.#request.start();
    this.#alive.add(worker);
    worker.once('exit', () => this.#alive.delete(worker));
    // Between two tasks nobody else listens, and an error that nobody hears ends the whole process.
    worker.on('error', () => undefined);
    return worker;
  }

  /** Null when the answer has come; otherwise what the worker died of. */
  #ask(worker: Worker, task: Task): Promise<string | null> {
    return new Promise((resolve, reject) => {
      let why = '';
      const end = (settle: () => void): void => {
        worker.off('message', hear).off('error', fail).off('exit', exit);
        settle();
      };
      const hear = (message: FromWorker<News, Answer>): void => {
        if (message.kind === 'news') {
          this.#request.onNews(task, message.news);
          return;
        }
        end(() => {
          try {
            this.#request.onAnswer(task, message.answer);
            resolve(null);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      };
      const fail = (error: Error): void => {
        why = error.message;
      };
      // 'exit' comes after 'error', and alone when the worker ended itself.
      const exit = (code: number): void => end(() => resolve(why === '' ? `it ended with status ${code}` : why));
      worker.on('message', hear).on('error', fail).on('exit', exit);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(task);
    });
  }
}
