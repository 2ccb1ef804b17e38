/** Bundles the page into `dist/inspector/`: run by `npm run build`, so that whoever installs the package needs no bundler. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';

/** What the browsers of the last years can run. */
const TARGET = 'es2022';

const page = fileURLToPath(new URL('page/', import.meta.url));
const out = fileURLToPath(new URL('../../dist/inspector/', import.meta.url));

/** Zod's messages in some fifty languages, of which the page says none but English: a quarter of the worker's program. */
const withoutLanguages: Plugin = {
  name: 'without-languages',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export {};', loader: 'js' }));
  },
};

async function bundled(entry: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${page}${entry}`],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: TARGET,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    plugins: [withoutLanguages],
    ...options,
  });
  return outputFiles?.[0]?.text ?? '';
}

/** Whoever reads the page meanwhile, or bundles it too, has the old file or the new one. */
function written(name: string, text: string): void {
  const beside = `${out}${name}.${process.pid}`;
  writeFileSync(beside, text);
  renameSync(beside, `${out}${name}`);
}

const worker = await bundled('worker.ts');
const script = await bundled('main.tsx', { define: { WORKER_PROGRAM: JSON.stringify(worker) } });
const style = await bundled('style.css');
mkdirSync(out, { recursive: true });
written('app.js', script);
written('style.css', style);
const html = readFileSync(`${page}index.html`, 'utf8')
  .replace('<!-- granule:style -->', '<link rel="stylesheet" href="style.css" />')
  .replace('<!-- granule:script -->', '<script src="app.js"></script>');
written('index.html', html);
