/** The page as it was bundled. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GranuleError } from '../errors.ts';

/** A file of the page. */
export type PageFile = 'index.html' | 'app.js' | 'style.css';

/** Where it lies seen from here, in `dist/src/inspector` and in `src/inspector`. */
const PLACES = ['../../inspector/', '../../dist/inspector/'];

/**
 * Reads a file of the bundled page.
 *
 * @throws GranuleError FILE_NOT_FOUND where the page was not built
 * @example
 * ```ts
 * pageFile('index.html').length > 100; // true
 * ```
 */
export function pageFile(name: PageFile): string {
  for (const place of PLACES) {
    const path = fileURLToPath(new URL(place + name, import.meta.url));
    if (existsSync(path)) return readFileSync(path, 'utf8');
  }
  throw new GranuleError(
    'FILE_NOT_FOUND',
    `the page of the inspector lacks ${name}`,
    'dist/inspector',
    'Run "npm run build".',
  );
}
