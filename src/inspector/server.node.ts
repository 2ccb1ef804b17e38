/** Serves the page on 127.0.0.1, to whoever knows the token that stands in its address, and to nobody else. */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GranuleError } from '../errors.ts';
import { pageFile } from './built.node.ts';
import { type Engine, failureOf } from './engine/engine.ts';
import type { RequestName } from './engine/requests.ts';
import { packWire } from './engine/wireForm.ts';
import { notesExtra } from './notes.node.ts';

/** Bytes of a question at most: notes are the longest. */
const QUESTION_BYTES_MAX = 1 << 20;
const TOKEN_BYTES = 16;
/** Scripts and styles of the page alone, and nothing from anywhere else. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; " +
  "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
} as const;

/** Runs that are no file's have no notes beside them: the browser keeps those. */
const withoutFile = notesExtra(() => null);

/** A page that is being served. */
export interface InspectorServer {
  /** The address with the token: to be opened, and to be kept to oneself. */
  readonly url: string;
  close(): Promise<void>;
}

/** Answers a question that is not for the engine: what files the server may write, what run it may pause. */
export type Extra = (name: string, args: unknown) => unknown;

/** What is served. */
export interface Serving {
  readonly engine: Engine;
  /** 0: whichever port is free. */
  readonly port?: number;
  /** Questions that are answered here before the engine is asked; undefined: not one of these. */
  readonly extra?: Extra;
}

function pageHtml(): string {
  return pageFile('index.html').replace('<head>', '<head>\n    <meta name="granule-engine" content="server" />');
}

/** Whether a request comes from the page itself: a page of elsewhere has another origin, and a name that leads here another host. */
function isFromHere({ headers }: IncomingMessage, port: number): boolean {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = headers;
  return hosts.includes(host ?? '') && (origin === undefined || hosts.some((name) => origin === `http://${name}`));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > QUESTION_BYTES_MAX) throw new GranuleError('USAGE', 'the question is too long', 'inspector');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, {
    'content-type': type,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  response.end(body);
}

async function answer(
  serving: Serving,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const file = path === '' ? 'index.html' : path;
  if (request.method === 'GET' && Object.hasOwn(TYPES, file)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looked up just now
    const name = file as keyof typeof TYPES;
    return send(response, 200, TYPES[name], name === 'index.html' ? pageHtml() : pageFile(name));
  }
  const name = /^ask\/(\w+)$/.exec(path)?.[1];
  if (request.method !== 'POST' || name === undefined)
    return send(response, 404, 'text/plain', 'there is no such page\n');
  try {
    const args = await bodyOf(request);
    const own = serving.extra?.(name, args) ?? withoutFile(name, args);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the engine refuses a name that it does not know
    const result = own === undefined ? serving.engine.ask(name as RequestName, args as never) : own;
    return send(response, 200, 'application/octet-stream', packWire(result));
  } catch (error) {
    return send(response, 422, 'application/octet-stream', packWire(failureOf(error)));
  }
}

async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new GranuleError('USAGE', `cannot listen: ${error.message}`, `127.0.0.1:${port}`, 'Give another --port.'));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/**
 * Serves the inspector until it is closed.
 *
 * @throws GranuleError USAGE where the port is taken; FILE_NOT_FOUND where the page was not built
 * @example
 * ```ts
 * const server = await serveInspector({ engine: new Engine() });
 * server.url.startsWith('http://127.0.0.1:'); // true
 * await server.close();
 * ```
 */
export async function serveInspector(serving: Serving): Promise<InspectorServer> {
  pageFile('app.js');
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  let port = serving.port ?? 0;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    if (!isFromHere(request, port))
      return send(response, 403, 'text/plain', 'this page is for its own machine alone\n');
    if (!path.startsWith(`/${token}/`)) return send(response, 404, 'text/plain', 'there is no such page\n');
    answer(serving, path.slice(token.length + 2), request, response).catch((error: unknown) => {
      send(response, 500, 'text/plain', `${String(error)}\n`);
    });
  });
  port = await listening(server, port);
  return {
    url: `http://127.0.0.1:${port}/${token}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
