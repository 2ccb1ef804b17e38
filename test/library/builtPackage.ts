/** The package as npm would publish it, and folders in which it is installed; without network. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { PROJECT_ROOT, projectPaths } from '../support/tree.ts';

const execute = promisify(execFile);

/** What a program did. */
export interface Done {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, without a shell and without what the tests' own environment tells npm. */
export async function spawned(command: string, args: readonly string[], cwd: string): Promise<Done> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|NODE_OPTIONS|VITEST|NODE_ENV)/i.test(name),
  );
  try {
    const env = { ...Object.fromEntries(inherited), npm_config_offline: 'true', npm_config_update_notifier: 'false' };
    const { stdout, stderr } = await execute(command, args, { cwd, env, maxBuffer: 1 << 26 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).safeParse(error);
    if (failed.success) return failed.data;
    throw error;
  }
}

/** The same, and an error with all that it printed unless it ended well. */
export async function succeeded(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await spawned(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** What the package is made from. */
const SOURCES =
  /^(?:machines\/|src\/|docs\/|fixtures\/|README\.md$|CHANGELOG\.md$|LICENSE$|package\.json$|tsconfig(?:\.build)?\.json$)/;

function sourcesHash(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(join(PROJECT_ROOT, path)));
  return hash.digest('hex').slice(0, 20);
}

/** Waits until nobody else is building; a lock that is older than ten minutes is of somebody who was stopped. */
async function lock(path: string): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(path);
      return () => rmSync(path, { recursive: true, force: true });
    } catch {
      const age = existsSync(path) ? Date.now() - statSync(path).mtimeMs : 0;
      if (age > 600_000) rmSync(path, { recursive: true, force: true });
      await sleep(200);
    }
  }
}

const DAY_MS = 86_400_000;

/** The tarball of granule as it is in the working tree: compiled afresh, so that nothing of an older build is in it. */
export async function granuleTarball(): Promise<string> {
  const paths = projectPaths().filter((path) => SOURCES.test(path));
  const cache = join(realpathSync(join(PROJECT_ROOT, 'node_modules')), '.cache', 'granule-package');
  const folder = join(cache, sourcesHash(paths));
  const tarball = join(folder, 'granule.tgz');
  mkdirSync(folder, { recursive: true });
  for (const other of readdirSync(cache)) {
    const path = join(cache, other);
    if (Date.now() - statSync(path).mtimeMs > DAY_MS) rmSync(path, { recursive: true, force: true });
  }
  const release = await lock(join(folder, 'lock'));
  try {
    if (!existsSync(tarball)) await pack(paths, tarball);
  } finally {
    release();
  }
  return tarball;
}

/** Outside of node_modules, where the compiler would name types otherwise than in a repository. */
async function pack(paths: readonly string[], tarball: string): Promise<void> {
  const stage = mkdtempSync(join(tmpdir(), 'granule-package-'));
  try {
    for (const path of paths) cpSync(join(PROJECT_ROOT, path), join(stage, path));
    symlinkSync(realpathSync(join(PROJECT_ROOT, 'node_modules')), join(stage, 'node_modules'));
    await succeeded(process.execPath, [TSC, '-p', 'tsconfig.build.json'], stage);
    await succeeded(process.execPath, ['--import', 'tsx', 'src/inspector/bundle.node.ts'], stage);
    const [made = ''] = await npmPack([stage], stage);
    copyFileSync(made, `${tarball}.part`);
    renameSync(`${tarball}.part`, tarball);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The compiler of the project. */
export const TSC = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc');

/** Packs folders as they are, without their scripts; gives the paths of the tarballs. */
export async function npmPack(folders: readonly string[], destination: string): Promise<string[]> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination, ...folders];
  const packed = z
    .array(z.object({ filename: z.string() }))
    .parse(JSON.parse(await succeeded('npm', args, destination)));
  return packed.map(({ filename }) => join(destination, filename));
}

const LOCK = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().optional() })) });

/** The packages that granule brings along, by name. */
function runtimePackages(): string[] {
  const { packages } = LOCK.parse(JSON.parse(readFileSync(join(PROJECT_ROOT, 'package-lock.json'), 'utf8')));
  return Object.entries(packages).flatMap(([path, { dev = false }]) =>
    path === '' || dev ? [] : [path.replace(/^node_modules\//, '')],
  );
}

/**
 * Installs tarballs in a folder by npm itself, which asks no registry: packages that they depend on are packed from where
 * they are installed here.
 */
export async function npmInstall(folder: string, tarballs: Readonly<Record<string, string>>): Promise<void> {
  const parts = join(folder, '.parts');
  mkdirSync(parts, { recursive: true });
  const names = runtimePackages();
  const packed = await npmPack(
    names.map((name) => join(PROJECT_ROOT, 'node_modules', name)),
    parts,
  );
  const overrides = Object.fromEntries(names.map((name, index) => [name, `file:${packed[index]}`]));
  const path = join(folder, 'package.json');
  const manifest = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')));
  const dependencies = Object.fromEntries(Object.entries(tarballs).map(([name, file]) => [name, `file:${file}`]));
  writeFileSync(path, JSON.stringify({ ...manifest, dependencies, overrides }, null, 2));
  await succeeded('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'], folder);
}
