/** Starting a file of this project as a worker thread, whether it is the built one or the source. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the neighbour `name` (without its ending) of the module at `moduleUrl` as a thread. Node 20 runs no TypeScript, so
 * that sources, as tests run them, are loaded by tsx.
 *
 * @example
 * ```ts
 * const thread = startThread('file:///no/such/module.js', 'fold', {});
 * thread.on('error', () => undefined);
 * await thread.terminate(); // 0
 * ```
 */
export function startThread(moduleUrl: string, name: string, options: WorkerOptions): Worker {
  const isSource = moduleUrl.endsWith('.ts');
  const file = new URL(`./${name}.${isSource ? 'ts' : 'js'}`, moduleUrl);
  if (!isSource) return new Worker(file, options);
  const loader = new URL('./api/index.mjs', pathToFileURL(createRequire(moduleUrl).resolve('tsx/esm')));
  const load = `import('${loader.href}').then((tsx) => { tsx.register(); return import('${file.href}'); });`;
  return new Worker(load, { ...options, eval: true });
}
