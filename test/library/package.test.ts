import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PROJECT_ROOT, projectPaths } from '../support/tree.ts';
import { granuleTarball, npmInstall, npmPack, spawned, succeeded, TSC } from './builtPackage.ts';
import { startChromium, withoutChromium } from './chromium.ts';

const root = mkdtempSync(join(tmpdir(), 'granule-user-'));
const study = join(root, 'dma-study');
const GRANULE = join(study, 'node_modules/.bin/granule');
let tarball = '';

/** What a browser gets as one file, and what makes it. */
const BUNDLED = /^src\/inspector\/(?:page\/|bundle\.node\.ts$)/;

const compilerOptions = {
  target: 'es2023',
  lib: ['es2023', 'dom'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  declaration: true,
  rootDir: 'src',
  outDir: 'dist',
  types: [],
  // So that the types of granule itself are judged; what others' types lack is told apart below.
  skipLibCheck: false,
};

/** Compiles the src/ of a folder; gives what is wrong in it or in granule. */
async function compiled(folder: string, options: Readonly<Record<string, unknown>>): Promise<string[]> {
  const settings = { compilerOptions: { ...compilerOptions, ...options }, include: ['src'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  const { stdout } = await spawned(process.execPath, [TSC, '-p', '.', '--pretty', 'false'], folder);
  return stdout.split('\n').filter((line) => /^(?:src|.*node_modules\/granule[a-z-]*)\//.test(line));
}

/** A package of somebody else's that rests on granule, built as its author would. */
async function smmuTarball(): Promise<{ faults: string[]; packed: string }> {
  const folder = join(root, 'granule-smmu');
  cpSync(join(PROJECT_ROOT, 'fixtures/packages/granule-smmu'), folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'granule'), { recursive: true });
  await succeeded('tar', ['-xzf', tarball, '-C', join(modules, 'granule'), '--strip-components=1'], folder);
  for (const name of ['zod', 'xstate', 'rxjs', 'immer'])
    symlinkSync(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
  const faults = await compiled(folder, { module: 'nodenext' });
  const [packed = ''] = await npmPack([folder], root);
  return { faults, packed };
}

let smmuFaults: string[] = [];
let studyFaults: string[] = [];

beforeAll(async () => {
  tarball = await granuleTarball();
  cpSync(join(PROJECT_ROOT, 'fixtures/packages/dma-study'), study, { recursive: true });
  const smmu = await smmuTarball();
  smmuFaults = smmu.faults;
  await npmInstall(study, { granule: tarball, 'granule-smmu': smmu.packed });
  studyFaults = await compiled(study, { module: 'nodenext' });
}, 600_000);

afterAll(() => rmSync(root, { recursive: true, force: true }), 60_000);

/** The first line that a program prints while it goes on. */
async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('it prints to elsewhere');
  for await (const line of createInterface({ input: stdout })) return line;
  throw new Error('it ended and printed nothing');
}

const granule = (...args: string[]): Promise<string> => succeeded(GRANULE, args, study);
const printed = async (script: string): Promise<unknown> =>
  JSON.parse(await succeeded(process.execPath, [script], study));

describe('the package', () => {
  let files: string[] = [];
  beforeAll(async () => {
    const listed = await succeeded('tar', ['-tzf', tarball], root);
    files = listed.split('\n').filter((line) => line !== '');
  });
  const inDist = (): string[] => files.filter((file) => file.startsWith('package/dist/'));

  it('holds what is run, its types, documents, topologies and traces, and nothing of development', () => {
    const wanted = [
      /^package\/dist\/(?:machines|src)\/.+\.(?:js|d\.ts)$/,
      /^package\/dist\/inspector\/(?:index\.html|app\.js|style\.css)$/,
      /^package\/docs\/.+\.(?:md|txt|json)$/,
      /^package\/(?:package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
      /^package\/fixtures\/(?:topologies|replacements|exploration|scenarios|mutation|traces|trees|strace|oracle|tutorial)\//,
    ];
    expect(files.filter((file) => !wanted.some((pattern) => pattern.test(file)))).toEqual([]);
    for (const file of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'docs/topology.md',
      'dist/src/cli/main.js',
      'dist/src/index.d.ts',
    ]) {
      expect(files).toContain(`package/${file}`);
    }
    expect(files.some((file) => file.startsWith('package/fixtures/topologies/'))).toBe(true);
  });

  it('has one program and one file of types for each source, and no other', () => {
    const sources = projectPaths().filter((path) => /^(?:machines|src)\/.*\.ts$/.test(path) && !BUNDLED.test(path));
    const made = sources.flatMap((path) => ['.js', '.d.ts'].map((end) => `package/dist/${path.slice(0, -3)}${end}`));
    const programs = inDist().filter((file) => !file.startsWith('package/dist/inspector/'));
    expect(programs.toSorted()).toEqual(made.toSorted());
  });

  it('is small', () => {
    // Recorded programs and the answers of kernels are half of it: commands take them by name.
    expect(statSync(tarball).size).toBeLessThan(7_000_000);
  });

  it('brings along what it imports, under its licence, and runs no script at install', async () => {
    const text = await succeeded('tar', ['-xzOf', tarball, 'package/package.json'], root);
    const manifest = z
      .object({ license: z.string(), scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(text));
    expect(manifest.license).toBe('MIT');
    expect(Object.keys(manifest.scripts).filter((name) => name.endsWith('install'))).toEqual([]);
  });
});

describe('the types that are published', () => {
  it('let a package that rests on granule, and one that rests on both, compile under strict settings', () => {
    expect(smmuFaults).toEqual([]);
    expect(studyFaults).toEqual([]);
  });

  it('refuse what does not fit, with a bundler as in Node', async () => {
    expect(await compiled(study, { module: 'esnext', moduleResolution: 'bundler', noEmit: true })).toEqual([]);
    // A mark above a line that is no error is an error itself; so each of them was refused.
    const marks = readFileSync(join(study, 'src/wrong.ts'), 'utf8').match(/@ts-expect-error/g);
    expect(marks?.length).toBeGreaterThan(15);
  });
});

describe("a user's package", () => {
  const DONE = { divergence: null, pages: [16], why: ['DMA_DONE', 'WALKED', 'PAGEWALK', 'DMA', 'DOORBELL'] };

  it('runs, replays and looks back from TypeScript, with actors of its own and of a package', async () => {
    const done = (await printed('dist/main.js')) as { headHash: string; replayed: string };
    expect(done).toMatchObject(DONE);
    expect(done.replayed).toBe(done.headHash);
  });

  it('does so from plain JavaScript, and runs a topology of a file that names a package', async () => {
    const done = await printed('plain.mjs');
    expect(done).toMatchObject({ divergence: null, hours: [7], kinds: ['nic', 'disk'] });
    const { log } = JSON.parse(await granule('run', 'by-package.json', '--out', 'file.glog', '--json')) as {
      log: { headHash: string };
    };
    expect(done).toMatchObject({ fromFile: log.headHash });
  });

  it('runs, replays and inspects by the command line, without a word of granule being changed', async () => {
    expect(await granule('run', 'by-package.json', '--out', 'cli.glog', '--checked')).toContain('81 events');
    const alone = await granule('replay', 'cli.glog');
    const shared = await granule('replay', 'cli.glog', '--workers', '2');
    expect(alone).toContain('the replay is the same');
    expect(shared).toContain('on 2 workers');
    expect(alone.split('\n').at(-2)).toBe(shared.split('\n').at(-2));
    expect(await granule('verify', 'cli.glog')).toContain('is whole');
    expect(await granule('info', 'cli.glog')).toContain('nic:0');
    expect(await granule('state', 'cli.glog', '--at', '80', '--actor', 'nic:0')).toMatch(/pages +\[16\]/);
    const changes = await granule('log', 'cli.glog', '--actor', 'nic:0', '--changes');
    expect(changes).toContain('~ context.pages: [] -> [16]');
    expect(changes).toContain('sends DMA to smmu:0');
    const seq = /^ +(\d+) .*DMA_DONE/m.exec(changes)?.[1] ?? '';
    expect(await granule('why', 'cli.glog', seq)).toMatch(/WALKED[\s\S]*PAGEWALK[\s\S]*DOORBELL/);
    expect(await granule('diff', 'cli.glog', '--from', '0', '--to', '80', '--actor', 'nic:0')).toContain(
      '~ context.sent: 0 -> 1',
    );
  });

  it('runs a topology that is written in code by the command line too', async () => {
    await granule('run', 'dist/topology.js', '--out', 'code.glog');
    expect(await granule('replay', 'code.glog', '--uses', 'dist')).toContain('the replay is the same');
  });

  it.skipIf(withoutChromium)('opens in the web inspector, which shows the states of its actors', async () => {
    await granule('run', 'by-package.json', '--out', 'inspected.glog');
    const inspecting = spawn(GRANULE, ['inspect', 'inspected.glog', '--no-browser'], { cwd: study });
    const browser = await startChromium();
    try {
      const url = await firstLine(inspecting);
      const page = await browser.newPage();
      await page.goto(`${url}#seq=80&actor=nic:0`);
      const pages = page
        .getByRole('tree', { name: 'state of nic:0' })
        .getByRole('button', { name: '[16]', exact: true });
      await pages.click();
      const found = page.locator('.found');
      await found.waitFor();
      // The page finds which message gave the value, and that is one of the user's own.
      expect(await found.innerText()).toMatch(/context\.pages was last changed at seq \d+ by DMA_DONE: \[\] \[16\]/);
    } finally {
      await browser.close();
      inspecting.kill('SIGTERM');
    }
  });

  it('is told which module is missing', async () => {
    const { code, stderr } = await spawned(GRANULE, ['replay', 'cli.glog'], root);
    expect(code).toBe(2);
    expect(stderr).toContain('FILE_NOT_FOUND');
    cpSync(join(study, 'cli.glog'), join(root, 'cli.glog'));
    const moved = await spawned(GRANULE, ['replay', 'cli.glog'], root);
    expect(moved.code).toBe(2);
    expect(moved.stderr).toMatch(/^MODULE_NOT_FOUND: there is no module "\.\/dist\/nic\.js"/);
  });
});
