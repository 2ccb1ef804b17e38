/** The page as it is built, and a look at it in a browser that notes where it asks and what goes wrong. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { PROJECT_ROOT } from '../support/tree.ts';

const BUNDLE = join(PROJECT_ROOT, 'dist/inspector');
/** Pictures of what was looked at: artefacts of a run of the tests, not of the project. */
const PICTURES = process.env['GRANULE_SCREENSHOTS'] ?? join(tmpdir(), 'granule-screenshots');

function newestIn(folder: string): number {
  return readdirSync(join(PROJECT_ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs), 0);
}

/** Bundles the page where its source is newer; gives the folder. */
export function builtPage(): string {
  const script = join(BUNDLE, 'app.js');
  const changed = Math.max(...['src', 'machines'].map(newestIn));
  if (existsSync(script) && statSync(script).mtimeMs >= changed) return BUNDLE;
  const args = ['--import', 'tsx', 'src/inspector/bundle.node.ts'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: PROJECT_ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the page could not be bundled: ${stderr}`);
  return BUNDLE;
}

/** A page, what it asked for and what went wrong in it. */
export interface Looked {
  readonly page: Page;
  readonly asked: readonly string[];
  readonly problems: readonly string[];
}

/** Opens an address in a window of 1280 x 720. */
export async function lookAt(browser: Browser, url: string): Promise<Looked> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  page.setDefaultTimeout(45_000);
  const asked: string[] = [];
  const problems: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(url);
  return { page, asked, problems };
}

/** Keeps a picture of the page. */
export async function pictured(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
