/** Bundles a program of this folder with the sources of a mutant, and runs it in a child process. */
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { PROJECT_ROOT } from '../support/tree.ts';
import { type Mutant, mutatedSources } from './mutant.ts';

function mutating(sources: ReadonlyMap<string, string>): Plugin {
  return {
    name: 'mutating',
    setup(context) {
      if (sources.size === 0) return;
      const names = [...sources.keys()].map((file) => file.replaceAll('.', '\\.'));
      context.onLoad({ filter: new RegExp(`/(?:${names.join('|')})$`) }, ({ path }) => {
        const contents = sources.get(relative(PROJECT_ROOT, path));
        return contents === undefined ? null : { contents, loader: 'ts' };
      });
    },
  };
}

/**
 * The text of a program with the edits in it. Packages stay outside: it runs from standard input, where Node looks for them from
 * the folder that it runs in.
 */
export async function bundled(entry: string, mutant: Pick<Mutant, 'edits'>): Promise<string> {
  const made = await build({
    entryPoints: [join(PROJECT_ROOT, entry)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [mutating(mutatedSources(mutant))],
  });
  return made.outputFiles[0].text;
}

/** How a child ended. */
export interface Ended {
  readonly output: string;
  readonly errors: string;
  readonly code: number | null;
  readonly tookTooLong: boolean;
}

/** Runs Node on a text, or with arguments where there is none, for so many milliseconds at most. */
export function runNode(
  args: readonly string[],
  { input = '', env = {}, most }: { input?: string; env?: Record<string, string>; most: number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: PROJECT_ROOT, env: { ...process.env, ...env } });
    let output = '';
    let errors = '';
    let tookTooLong = false;
    const timer = setTimeout(() => {
      tookTooLong = true;
      child.kill('SIGKILL');
    }, most);
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    // A child that dies early leaves its input unread.
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ output, errors, code, tookTooLong });
    });
    child.stdin.end(input);
  });
}
