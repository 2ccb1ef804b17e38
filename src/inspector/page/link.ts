/** How the page reaches its engine: over HTTP when `granule inspect` serves it, else in a worker of its own. */
import type { Dropped } from './dropped.ts';
import type { Args, AskFailed, NamedBytes, RequestName, Result, RunName } from '../engine/requests.ts';
import { unpackWire } from '../engine/wireForm.ts';

/** Asks the engine. */
export interface Link {
  /** What serves the page; a `static` page takes dropped logs, a `shared` one holds its own. */
  readonly kind: 'server' | 'static' | 'shared';
  ask<N extends RequestName>(name: N, args: Args<N>): Promise<Result<N>>;
  /** Asks the server what is not the engine's; only where there is one. */
  extra?(name: string, args: unknown): Promise<unknown>;
  /** Opens a log from its bytes; only where the engine is in the page. */
  open?(run: RunName, log: NamedBytes, traces: readonly NamedBytes[]): Promise<void>;
}

/** An error that the engine told. */
export class AskError extends Error {
  readonly code: string;
  readonly where: string;
  readonly next: string;

  constructor({ code, message, where, next }: AskFailed) {
    super(message);
    this.code = code;
    this.where = where;
    this.next = next;
  }
}

/** What a worker answers. */
export interface WorkerAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly failed?: AskFailed;
}

/** What a worker is asked. */
export type WorkerQuestion =
  | { readonly id: number; readonly name: RequestName; readonly args: unknown }
  | { readonly id: number; readonly open: Dropped };

/** The link to the server that the page came from. */
export function serverLink(): Link {
  const asked = async (name: string, args: unknown): Promise<unknown> => {
    const response = await fetch(`ask/${name}`, { method: 'POST', body: JSON.stringify(args) });
    const answer = unpackWire(new Uint8Array(await response.arrayBuffer()));
    if (!response.ok) throw new AskError(answer as AskFailed);
    return answer;
  };
  return { kind: 'server', ask: async (name, args) => (await asked(name, args)) as never, extra: asked };
}

/** A link to an engine in a worker, whose program is given as text: a page from a file may load no other file. */
export function workerLink(kind: 'static' | 'shared', program: string): Link {
  const worker = new Worker(URL.createObjectURL(new Blob([program], { type: 'text/javascript' })));
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  worker.addEventListener('message', ({ data }: MessageEvent<WorkerAnswer>) => {
    const found = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.failed === undefined) found?.resolve(data.result);
    else found?.reject(new AskError(data.failed));
  });
  worker.addEventListener('error', ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  });
  const send = async (question: object, transfer: Transferable[] = []): Promise<unknown> => {
    const id = ++last;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, ...question }, transfer);
    });
  };
  return {
    kind,
    ask: async (name, args) => (await send({ name, args })) as never,
    open: async (run, log, traces) => void (await send({ open: { run, log, traces } })),
  };
}
