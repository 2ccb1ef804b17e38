/** The page in a real browser: bundled when it is not, served, driven, and kept as pictures. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type InspectorServer, serveInspector, type Serving } from '../../../src/inspector/server.node.ts';
import { startChromium } from '../../library/chromium.ts';
import { PROJECT_ROOT } from '../../support/tree.ts';
import { engineOver, type MadeLog } from './logs.ts';

/** Where pictures go: artefacts of a run of the tests, not of the project. */
const PICTURES = process.env['GRANULE_SCREENSHOTS'] ?? join(tmpdir(), 'granule-screenshots');
const BUNDLE = join(PROJECT_ROOT, 'dist/inspector/app.js');
const LOCK = join(tmpdir(), `granule-bundle-${Buffer.from(PROJECT_ROOT).toString('hex').slice(-40)}`);
/** How long a condition may take to hold on a busy machine. */
const PATIENCE_MS = 45_000;
/** A lock that is older was left behind. */
const LOCK_MS = 60_000;

/** Run inside the page; text, since there is no page here. */
const coloured = (lanes: string): string => `(() => {
  const canvas = document.querySelector('${lanes}');
  const { data } = canvas.getContext('2d').getImageData(172, 18, canvas.width - 172, canvas.height - 18);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > 40) coloured += 1;
  }
  return coloured;
})()`;

/** Pixels of the ruler that have a colour of the page: flags, and the top of the cursor. */
const flagged = (colour: string): string => `(() => {
  const canvas = document.querySelector('canvas.lanes');
  const context = canvas.getContext('2d');
  const paint = new OffscreenCanvas(1, 1).getContext('2d');
  paint.fillStyle = getComputedStyle(canvas).getPropertyValue('--${colour}').trim();
  paint.fillRect(0, 0, 1, 1);
  const wanted = paint.getImageData(0, 0, 1, 1).data;
  const { data } = context.getImageData(172, 0, canvas.width - 172, 10);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) if ([0, 1, 2].every((part) => data[at + part] === wanted[part])) found += 1;
  return found;
})()`;

function newestIn(folder: string): number {
  return readdirSync(join(PROJECT_ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs), 0);
}

function isBundled(): boolean {
  const changed = Math.max(...['src', 'machines'].map(newestIn));
  return existsSync(BUNDLE) && statSync(BUNDLE).mtimeMs >= changed;
}

/** Bundles the page where its source is newer; two files of tests at once do it only once. */
async function bundled(): Promise<void> {
  for (;;) {
    if (isBundled() && !existsSync(LOCK)) return;
    try {
      mkdirSync(LOCK);
      break;
    } catch {
      if (existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs > LOCK_MS) rmSync(LOCK, { recursive: true });
      await sleep(100);
    }
  }
  try {
    const args = ['--import', 'tsx', 'src/inspector/bundle.node.ts'];
    const done = spawnSync(process.execPath, args, { cwd: PROJECT_ROOT, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`the page could not be bundled: ${done.stderr}`);
  } finally {
    rmSync(LOCK, { recursive: true });
  }
}

/** Waits until something holds, which is asked for again and again. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()); await sleep(20)) {
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
  }
}

/** A page that is open, with what is asked of it most. */
export class OpenPage {
  readonly page: Page;
  readonly #problems: string[] = [];
  readonly #elsewhere: string[] = [];

  constructor(page: Page, folder: string) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.#problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.#problems.push(message.text());
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(folder) && !/^(?:data|blob):/.test(url)) this.#elsewhere.push(url);
    });
  }

  /** Errors of scripts and of the console. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Whatever was asked for at another place than that of the page itself. */
  get elsewhere(): readonly string[] {
    return this.#elsewhere;
  }

  /** A part of the place that the address names; null where it is as at the start. */
  part(name: string): string | null {
    return new URLSearchParams(new URL(this.page.url()).hash.slice(1)).get(name);
  }

  async untilPart(name: string, value: string | null): Promise<void> {
    await until(`the address says ${name}=${value}, not ${this.page.url()}`, () => this.part(name) === value);
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** The state is that of an event, all of it that is open. */
  async untilState(seq: number): Promise<void> {
    const levels = this.page.locator('[role=tree] [data-seq]');
    await until(`the state after ${seq} is shown`, async () => {
      const shown = await levels.evaluateAll((found) => found.map((level) => level.getAttribute('data-seq')));
      return shown.length > 0 && shown.every((text) => text === String(seq));
    });
  }

  /** Pixels of the lanes that are neither paper nor grey: events, in short. */
  async colouredPixels(lanes = 'canvas.lanes'): Promise<number> {
    return Number(await this.page.evaluate(coloured(lanes)));
  }

  /** Pixels of notes on the ruler, or of bookmarks and the cursor. */
  async flagPixels(kind: 'note' | 'bookmark'): Promise<number> {
    return Number(await this.page.evaluate(flagged(kind === 'note' ? 'changed' : 'accent')));
  }

  /** Goes where an address leads, as a link on the page would. */
  async follow(place: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(`#${place}`)}`);
  }

  /** Keeps what is on the screen, to be looked at. */
  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`) });
  }
}

/** Logs that are served, and a browser to look at them with. */
export class Inspector {
  readonly #browser: Browser;
  readonly #server: InspectorServer;

  private constructor(browser: Browser, server: InspectorServer) {
    this.#browser = browser;
    this.#server = server;
  }

  static async over(...logs: readonly MadeLog[]): Promise<Inspector> {
    return Inspector.serving({ engine: engineOver(...logs).engine });
  }

  static async serving(serving: Serving): Promise<Inspector> {
    await bundled();
    return new Inspector(await startChromium(), await serveInspector(serving));
  }

  get url(): string {
    return this.#server.url;
  }

  /** Opens the page at a place, and waits until it lists events. */
  async open(
    place = '',
    { url = this.url, size = { width: 1280, height: 720 }, dark = false } = {},
  ): Promise<OpenPage> {
    const page = await this.#browser.newPage({ viewport: size, colorScheme: dark ? 'dark' : 'light' });
    const open = new OpenPage(page, url.slice(0, url.lastIndexOf('/') + 1));
    await page.goto(place === '' ? url : `${url}#${place}`);
    await page.locator('canvas.lanes, .drop.whole').first().waitFor();
    return open;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}

/** Ends a test of a page: it had no problem but what the test brought about, asked for nothing elsewhere, and is closed. */
export async function endOf(open: OpenPage, expected: RegExp | null = null): Promise<void> {
  expect(open.problems.filter((problem) => expected?.test(problem) !== true)).toEqual([]);
  expect(open.elsewhere).toEqual([]);
  await open.page.close();
}
