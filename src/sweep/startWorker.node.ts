/** Starts the threads of a sweep, from the built package and from its source. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { WorkerSetting } from './workOn.node.ts';

/**
 * The code by which a thread runs TypeScript. Node 20 hands `--import` of a loader to its threads, and there it has no
 * effect on the module they begin with, so the thread registers the loader itself.
 */
function bootstrap(entry: URL): string {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const register = new URL('./esm/api/index.mjs', loader);
  return `import('${register.href}').then(({ register }) => { register(); return import('${entry.href}'); });`;
}

/**
 * Starts a worker that takes `PointTask` messages. Limits of memory are Node's own unless they are given.
 *
 * @example
 * ```ts
 * const worker = startWorker({ folders: [], logs: null });
 * await worker.terminate();
 * ```
 */
export function startWorker(setting: WorkerSetting, resourceLimits: ResourceLimits = {}): Worker {
  const options = { workerData: setting, resourceLimits };
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = new URL(`./worker.node.${ending}`, import.meta.url);
  return ending === 'js'
    ? new Worker(entry, options)
    : new Worker(bootstrap(entry), { ...options, eval: true, execArgv: [] });
}
