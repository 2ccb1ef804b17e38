import { mkdirSync, mkdtempSync, rmSync, symlinkSync, cpSync } from 'node:fs';
import type { Server } from 'node:http';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModule } from '../../src/topology/modules.node.ts';
import { PROJECT_ROOT } from '../support/tree.ts';
import { granuleTarball, succeeded } from './builtPackage.ts';
import { chromiumPath, HOW_TO_INSTALL, serve, startChromium } from './chromium.ts';

const FIXTURES = join(PROJECT_ROOT, 'test/library/fixtures');
/** Where there is no Chromium, only the project's own runs insist on it. */
const skipped = chromiumPath() === null && process.env['CI'] !== 'true';
if (skipped) console.warn(`not tested in a browser: ${HOW_TO_INSTALL}`);

interface Study {
  readonly headHash: string;
  readonly replayed: string;
  readonly divergence: null;
  readonly hours: readonly number[];
  readonly middle: readonly { readonly actor: string }[];
}

let inNode: Study;
let bundle = { text: '', inputs: [] as string[] };

beforeAll(async () => {
  const { study } = (await importModule(join(FIXTURES, 'study.mjs'))) as { study: () => Study };
  inNode = study();
  const built = await build({
    stdin: { contents: `import { study } from './study.mjs'; globalThis.study = study;`, resolveDir: FIXTURES },
    alias: { granule: join(PROJECT_ROOT, 'src/index.ts') },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    // For this platform esbuild refuses every module that only Node has.
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  bundle = { text: built.outputFiles[0]?.text ?? '', inputs: Object.keys(built.metafile.inputs) };
}, 120_000);

describe('the entry for browsers', () => {
  it('brings along nothing of Node, no command line and no other face', () => {
    const node = bundle.inputs.filter((input) => builtinModules.includes(input.replace(/^node:/, '')));
    expect(node).toEqual([]);
    expect(bundle.inputs.filter((input) => /\.node\.ts$|src\/(?:cli|sweep|report|validate)\//.test(input))).toEqual([]);
    expect(bundle.inputs.some((input) => input.endsWith('src/library/run.ts'))).toBe(true);
  });

  it('is refused by the bundler where it would', async () => {
    const contents = `import 'granule/node';`;
    const alias = { 'granule/node': join(PROJECT_ROOT, 'src/node.ts') };
    const stdin = { contents, resolveDir: FIXTURES };
    const attempt = build({ stdin, alias, bundle: true, write: false, platform: 'browser', logLevel: 'silent' });
    await expect(attempt).rejects.toThrow(/Could not resolve "node:/);
  });

  it('is not large', () => {
    expect(gzipSync(bundle.text).length).toBeLessThan(400_000);
  });

  it('runs in Node to begin with', () => {
    expect(inNode).toMatchObject({ divergence: null, hours: [7, 8], replayed: inNode.headHash });
    expect(inNode.middle.length).toBeGreaterThan(10);
  });
});

describe.skipIf(skipped)('in Chromium', () => {
  let browser: Browser;
  const servers: Server[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'granule-page-'));

  beforeAll(async () => {
    browser = await startChromium();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  /** Opens a page, lets it run the study, and gives what it found or what went wrong. */
  async function studied(root: string, texts: Readonly<Record<string, string>>): Promise<unknown> {
    const { server, url } = await serve(root, texts);
    servers.push(server);
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('requestfailed', (request) => faults.push(request.url()));
    page.on('response', (response) => {
      if (response.status() === 404 && !response.url().endsWith('favicon.ico')) faults.push(response.url());
    });
    await page.goto(url);
    await page.waitForFunction('globalThis.study !== undefined', undefined, { timeout: 60_000 }).catch(() => undefined);
    expect(faults).toEqual([]);
    const found: unknown = await page.evaluate('globalThis.study()');
    await page.close();
    return found;
  }

  it('a bundle runs, replays and goes back, to the same hash and the same states as Node', async () => {
    const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/bundle.js"></script>';
    expect(await studied(folder, { '/': html, '/bundle.js': bundle.text })).toEqual(inNode);
  });

  it('so does the package as it is published, by an import map and without a bundler', async () => {
    const tarball = await granuleTarball();
    mkdirSync(join(folder, 'granule'));
    await succeeded('tar', ['-xzf', tarball, '-C', join(folder, 'granule'), '--strip-components=1'], folder);
    symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(folder, 'packages'));
    for (const name of ['study.mjs', 'clock.mjs']) cpSync(join(FIXTURES, name), join(folder, name));
    const imports = {
      granule: '/granule/dist/src/index.js',
      '@noble/hashes/': '/packages/@noble/hashes/',
      immer: '/packages/immer/dist/immer.production.mjs',
      rxjs: '/packages/rxjs/dist/esm/index.js',
      xstate: '/packages/xstate/dist/xstate.esm.js',
      zod: '/packages/zod/index.js',
    };
    const script = "import { study } from '/study.mjs'; globalThis.study = study;";
    const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`;
    expect(await studied(folder, { '/': html })).toEqual(inNode);
  }, 240_000);
});
