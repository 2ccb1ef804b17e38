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
import { fencesIn } from '../support/fences.ts';
import { PROJECT_ROOT, projectFile, projectTextFiles } from '../support/tree.ts';
import { granuleTarball, succeeded } from './builtPackage.ts';
import { serve, startChromium, withoutChromium } from './chromium.ts';

const FIXTURES = join(PROJECT_ROOT, 'test/library/fixtures');

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
    expect(bundle.inputs.filter((input) => /\.node\.ts$|src\/(?:cli|sweep|validate|inspector)\//.test(input))).toEqual(
      [],
    );
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
    expect(gzipSync(bundle.text).length).toBeLessThan(450_000);
  });

  it('runs in Node to begin with', () => {
    expect(inNode).toMatchObject({ divergence: null, hours: [7, 8], replayed: inNode.headHash });
    expect(inNode.middle.length).toBeGreaterThan(10);
  });
});

describe.skipIf(withoutChromium)('in Chromium', () => {
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

  /** Opens a page, waits until it is ready, and gives what it found; what goes wrong on the way fails the test. */
  async function found(texts: Readonly<Record<string, string>>, isReady: string, result: string): Promise<unknown> {
    const { server, url } = await serve(folder, texts);
    servers.push(server);
    const page = await browser.newPage();
    const fault = new Promise<string>((fail) => {
      page.on('pageerror', (error) => fail(error.message));
      page.on('requestfailed', (request) => fail(`failed: ${request.url()}`));
      page.on('response', (response) => {
        if (response.status() === 404 && !response.url().endsWith('favicon.ico')) fail(`not there: ${response.url()}`);
      });
    });
    await page.goto(url);
    const ready = page.waitForFunction(isReady).then(() => null);
    expect(await Promise.race([ready, fault])).toBe(null);
    const value: unknown = await page.evaluate(result);
    await page.close();
    return value;
  }

  it('a bundle runs, replays and goes back, to the same hash and the same states as Node', async () => {
    const html = '<!doctype html><meta charset="utf-8"><script type="module" src="/bundle.js"></script>';
    const texts = { '/': html, '/bundle.js': bundle.text };
    expect(await found(texts, 'globalThis.study !== undefined', 'globalThis.study()')).toEqual(inNode);
  });

  /** The package as it is published, beside what it rests on. */
  async function install(): Promise<void> {
    const tarball = await granuleTarball();
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, 'granule'), { recursive: true });
    await succeeded('tar', ['-xzf', tarball, '-C', join(modules, 'granule'), '--strip-components=1'], folder);
    for (const name of ['@noble', 'immer', 'rxjs', 'tslib', 'xstate', 'zod']) {
      symlinkSync(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
    }
    for (const name of ['study.mjs', 'clock.mjs']) cpSync(join(FIXTURES, name), join(folder, name));
  }

  it('so do the package as it is published and the page of docs/library.md, without a bundler', async () => {
    await install();
    const pages = fencesIn(projectFile('docs/library.md').text).filter(({ language }) => language === 'html');
    expect(pages).toHaveLength(1);
    const html = pages[0]?.text ?? '';
    const text = await found({ '/': html }, "document.body.textContent.trim() !== ''", 'document.body.textContent');
    expect(text).toBe('the same run: zombie');
    const script = "import { study } from '/study.mjs'; globalThis.study = study;";
    const other = html.replace(/<script type="module">[\s\S]*?<\/script>/, `<script type="module">${script}</script>`);
    expect(await found({ '/': other }, 'globalThis.study !== undefined', 'globalThis.study()')).toEqual(inNode);
  }, 240_000);

  it('and there is no page in another document', () => {
    const documents = projectTextFiles().filter(({ path }) => /^(?:README|docs\/.*)\.md$/.test(path));
    const others = documents.filter(({ text }) => fencesIn(text).some(({ language }) => language === 'html'));
    expect(others.map(({ path }) => path)).toEqual(['docs/library.md']);
  });
});
