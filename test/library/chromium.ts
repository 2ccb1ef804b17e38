/** Chromium, as Debian installs it, with pages that a small server gives it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const PLACES = [
  process.env['GRANULE_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** What to do where there is none. */
export const HOW_TO_INSTALL =
  'no Chromium: install the Debian package "chromium", or name a program in GRANULE_CHROMIUM';

/** The program; null where there is none. */
export function chromiumPath(): string | null {
  return PLACES.find((path) => path !== undefined && existsSync(path)) ?? null;
}

/** Where there is no Chromium, only the project's own runs insist on it. */
export const withoutChromium = chromiumPath() === null && process.env['CI'] !== 'true';
if (withoutChromium) console.warn(`not tested in a browser: ${HOW_TO_INSTALL}`);

/** Starts it, without a window. */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === null) throw new Error(HOW_TO_INSTALL);
  // The sandbox of Chromium refuses to run for root, as which containers run tests.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.css': 'text/css',
};

/** The file of a path; names without an ending are those of modules, which rxjs leaves out. */
function fileOf(root: string, path: string): string | null {
  const at = join(root, normalize(path));
  const found = [at, `${at}.js`, join(at, 'index.js')].find((file) => existsSync(file) && statSync(file).isFile());
  return found ?? null;
}

/** A server of files below a folder, and of texts by path. */
export async function serve(
  root: string,
  texts: Readonly<Record<string, string>>,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').replace(/\?.*/, ''));
    const file = fileOf(root, path);
    const body = texts[path] ?? (file === null ? null : readFileSync(file));
    const type = path === '/' ? 'text/html' : (TYPES[extname(file ?? path)] ?? 'text/plain');
    response.writeHead(body === null ? 404 : 200, { 'content-type': type }).end(body ?? '');
  });
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { server, url: `http://127.0.0.1:${address.port}` };
}
