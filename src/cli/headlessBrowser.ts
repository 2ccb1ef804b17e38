/** Chromium without a window, driven by playwright-core: of both, what measuring the inspector needs, and neither is a dependency. */
import { existsSync } from 'node:fs';
import { GranuleError } from '../errors.ts';

/** A page of the browser, as playwright-core has it. */
export interface BrowserPage {
  goto(url: string): Promise<unknown>;
  /** Runs a program in the page and gives what it comes to. */
  evaluate(program: string): Promise<unknown>;
  waitForFunction(program: string, arg?: unknown, options?: { timeout: number }): Promise<unknown>;
  close(): Promise<void>;
}

/** A browser, as playwright-core has it. */
export interface HeadlessBrowser {
  newPage(options: { viewport: { width: number; height: number } }): Promise<BrowserPage>;
  version(): string;
  close(): Promise<void>;
}

interface Playwright {
  readonly chromium: {
    launch(options: { executablePath: string; args: readonly string[] }): Promise<HeadlessBrowser>;
  };
}

/** Where Chromium is, in the order in which it is looked for; the first is the user's own choice. */
const PLACES = [
  process.env['GRANULE_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/**
 * The program of Chromium.
 *
 * @throws GranuleError FILE_NOT_FOUND
 * @example
 * ```ts
 * findChromium(['/no/such/program', undefined]); // throws FILE_NOT_FOUND
 * ```
 */
export function findChromium(places: readonly (string | undefined)[] = PLACES): string {
  const found = places.find((path) => path !== undefined && existsSync(path));
  if (found !== undefined) return found;
  throw new GranuleError(
    'FILE_NOT_FOUND',
    'there is no Chromium',
    '/usr/bin/chromium',
    'Install the Debian package "chromium", or name a program in GRANULE_CHROMIUM.',
  );
}

/**
 * Starts it.
 *
 * @param flags beside those that every container needs
 * @throws GranuleError FILE_NOT_FOUND where Chromium or playwright-core is missing
 * @example
 * ```ts
 * await startBrowser([], 'no-such-package'); // throws FILE_NOT_FOUND
 * ```
 */
export async function startBrowser(
  flags: readonly string[] = [],
  packageName = 'playwright-core',
): Promise<HeadlessBrowser> {
  let playwright: Playwright;
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- described above as far as it is used
    playwright = (await import(/* @vite-ignore */ packageAt(packageName))) as Playwright;
  } catch {
    throw new GranuleError(
      'FILE_NOT_FOUND',
      `the package ${packageName} is not installed`,
      packageName,
      `Run it in a clone of granule, or "npm install ${packageName}".`,
    );
  }
  // The sandbox of Chromium refuses to run for root, as which containers run.
  const args = ['--no-sandbox', '--disable-dev-shm-usage', ...flags];
  return playwright.chromium.launch({ executablePath: findChromium(), args });
}

/** No name that a bundler or a compiler would look for: whoever installs the package needs no browser. */
function packageAt(name: string): string {
  return name;
}
