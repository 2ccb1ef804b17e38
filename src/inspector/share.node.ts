/** One HTML file that holds the page, a log and its traces, and opens from a disk. */
import { pageFile } from './built.node.ts';
import type { NamedBytes } from './engine/requests.ts';
import { packWire } from './engine/wireForm.ts';

/** What goes into the file. */
export interface ToShare {
  readonly log: NamedBytes;
  readonly traces: readonly NamedBytes[];
  /** The place that it opens at, as the address has it behind `#`. */
  readonly place: string;
}

/** Nothing is fetched: what the page needs is in it. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:; base-uri 'none'";

/** A script's text inside a page: nothing in it may end the element that it stands in. */
function inScript(text: string): string {
  return text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
}

/**
 * The text of the file.
 *
 * @throws GranuleError FILE_NOT_FOUND where the page was not built
 * @example
 * ```ts
 * const log = { name: 'a.glog', bytes: new Uint8Array([1]) };
 * sharedPage({ log, traces: [], place: 'seq=3' }).includes('granule-shared'); // true
 * ```
 */
export function sharedPage({ log, traces, place }: ToShare): string {
  const data = Buffer.from(packWire({ log, traces })).toString('base64');
  const goThere = `if (location.hash === '') location.hash = ${inScript(JSON.stringify(`#${place}`))};`;
  const scripts = [
    `<script type="application/octet-stream" id="granule-shared">${data}</script>`,
    `<script>${goThere}</script>`,
    `<script>${inScript(pageFile('app.js'))}</script>`,
  ];
  return pageFile('index.html')
    .replace('<head>', `<head>\n    <meta http-equiv="Content-Security-Policy" content="${POLICY}" />`)
    .replace('<link rel="stylesheet" href="style.css" />', () => `<style>${pageFile('style.css')}</style>`)
    .replace('<script src="app.js"></script>', () => scripts.join('\n    '));
}
