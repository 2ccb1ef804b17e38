import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookType, newActor, newTopology } from '../../src/cli/newFiles.ts';
import { type Done, granuleTarball, spawned, succeeded } from '../library/builtPackage.ts';
import { readManifest } from '../tidy/rules/house.ts';
import { projectFile, PROJECT_ROOT } from '../support/tree.ts';
import { Workplace } from './harness.ts';

const place = new Workplace();
const text = (name: string): string => readFileSync(place.path(name), 'utf8');

afterAll(() => place.remove());

describe('granule new', () => {
  it('makes a topology with its test, and says what to try', async () => {
    const { code, stdout, stderr } = await place.run(['new', 'topology', 'two-sizes']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('made two-sizes.json, two-sizes.test.mjs\n');
    expect(stdout).toContain('  granule run two-sizes.json\n');
    expect(text('two-sizes.json')).toBe(newTopology('two-sizes', 'node')[0]?.text);
    expect(JSON.parse(text('two-sizes.json'))).toMatchObject({
      name: 'two-sizes',
      processes: [{ pid: 4 }, { pid: 64 }],
    });
  });

  it('makes a topology that runs, and can be drawn', async () => {
    expect((await place.run(['run', 'two-sizes.json', '--checked', '--out', 'two.glog'])).code).toBe(0);
    const replayed = await place.run(['replay', 'two.glog']);
    expect(replayed.stdout).toContain('the replay is the same');
    expect((await place.run(['graph', 'two-sizes.json', '--out', 'two.svg'])).code).toBe(0);
  });

  it('makes an actor that runs, with a message of its own', async () => {
    const { code, stdout } = await place.run(['new', 'actor', 'page-census', '--json']);
    const made = ['page-census.mjs', 'page-census.json', 'page-census.test.mjs'];
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ made });
    expect(newActor('page-census', 'node').map((file) => file.text)).toEqual(made.map(text));
    expect(lookType('page-census')).toBe('PAGE_CENSUS_LOOK');
    expect((await place.run(['run', 'page-census.json', '--checked', '--out', 'census.glog'])).code).toBe(0);
    const state = await place.run(['state', 'census.glog', '--at', '80', '--actor', 'page-census:0']);
    expect(state.stdout).toMatch(/counts +\[0,16,16\]/);
  });

  it('makes them in another folder, which it makes too', async () => {
    const { code, stdout } = await place.run(['new', 'actor', 'census', '--dir', 'deep/er', '--test', 'vitest']);
    expect(code).toBe(0);
    expect(stdout).toContain('npx vitest run deep/er/census.test.mjs');
    expect(text('deep/er/census.test.mjs')).toContain("import { test } from 'vitest';");
    // Nothing there finds granule: the first thing to do is to install it, from where this one is.
    expect(stdout).toContain(`npm install ${PROJECT_ROOT.replace(/\/$/, '')}\n`);
  });

  it('is short enough to be read', () => {
    for (const { name, text: made } of [...newActor('page-census', 'node'), ...newTopology('two-sizes', 'node')]) {
      const lines = made.split('\n');
      expect(lines.length, name).toBeLessThan(55);
      if (name.endsWith('.mjs')) expect(Math.max(...lines.map((line) => line.length)), name).toBeLessThanOrEqual(120);
    }
  });
});

describe('granule new refuses', () => {
  async function refused(...args: string[]): Promise<string> {
    const before = readdirSync(place.folder);
    const { code, stdout, stderr } = await place.run(['new', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(readdirSync(place.folder)).toEqual(before);
    return stderr;
  }

  it('to write over a file, whichever of them it is, and makes none of the others', async () => {
    for (const name of ['kept.mjs', 'kept.json', 'kept.test.mjs']) {
      writeFileSync(place.path(name), 'mine');
      expect(await refused('actor', 'kept')).toBe(
        `FILE_EXISTS: a file is there already (${place.path(name)}). ` +
          'Choose another name or folder, or move the file away; it is unchanged.\n',
      );
      expect(text(name)).toBe('mine');
      rmSync(place.path(name));
    }
    writeFileSync(place.path('kept.test.mjs'), 'mine');
    expect(await refused('topology', 'kept')).toMatch(/^FILE_EXISTS: /);
    rmSync(place.path('kept.test.mjs'));
  });

  it('names that no kind can have', async () => {
    for (const name of ['Census', 'page_census', '../census', 'a--b', '9', 'a'.repeat(61)]) {
      expect(await refused('actor', name)).toContain('is no name of small letters, digits and single dashes');
      expect(await refused('topology', name)).toMatch(/^USAGE: /);
    }
    for (const name of ['zone', 'page-alloc', 'outside', 'self']) {
      expect(await refused('actor', name)).toContain(`granule has a kind "${name}" itself`);
    }
  });

  it('anything else', async () => {
    expect(await refused('machine', 'a')).toMatch(/^USAGE: .*Allowed choices are topology, actor/);
    expect(await refused('actor')).toMatch(/^USAGE: missing required argument 'NAME'/);
    expect(await refused('actor', 'a', '--test', 'mocha')).toMatch(/^USAGE: .*Allowed choices are node, vitest/);
    writeFileSync(place.path('file'), '');
    expect(await refused('actor', 'a', '--dir', 'file/below')).toMatch(/^OUTPUT_UNWRITABLE: /);
  });
});

describe("in a user's folder outside of the repository", () => {
  const folder = mkdtempSync(join(tmpdir(), 'granule-new-'));
  const GRANULE = join(folder, 'node_modules/granule/dist/src/cli/main.js');
  const granule = (...args: string[]): Promise<string> => succeeded(process.execPath, [GRANULE, ...args], folder);
  const program = (...args: string[]): Promise<Done> => spawned(process.execPath, args, folder);

  beforeAll(async () => {
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, 'granule'), { recursive: true });
    await succeeded(
      'tar',
      ['-xzf', await granuleTarball(), '-C', join(modules, 'granule'), '--strip-components=1'],
      folder,
    );
    const { dependencies } = readManifest(projectFile('package.json'));
    for (const name of [...Object.keys(dependencies), 'vitest']) {
      mkdirSync(dirname(join(modules, name)), { recursive: true });
      symlinkSync(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
    }
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('what it makes runs, replays, and passes its tests by Node', async () => {
    expect(await granule('new', 'topology', 'two-sizes')).not.toContain('npm install');
    await granule('new', 'actor', 'page-census');
    for (const name of ['two-sizes', 'page-census']) {
      await granule('run', `${name}.json`, '--checked', '--out', `${name}.glog`);
      expect(await granule('replay', `${name}.glog`)).toContain('the replay is the same');
    }
    const { code, stdout } = await program('--test');
    expect(stdout).toContain('# pass 6\n');
    expect(stdout).toContain('# fail 0\n');
    expect(code).toBe(0);
  }, 120_000);

  it('and by Vitest where that is asked for', async () => {
    await granule('new', 'actor', 'census', '--test', 'vitest', '--dir', 'vitest');
    await granule('new', 'topology', 'sizes', '--test', 'vitest', '--dir', 'vitest');
    const { code, stdout } = await program(
      'node_modules/vitest/vitest.mjs',
      'run',
      '--dir',
      'vitest',
      '--reporter',
      'json',
    );
    expect(JSON.parse(stdout)).toMatchObject({ numPassedTests: 6, numFailedTests: 0, success: true });
    expect(code).toBe(0);
  }, 120_000);

  it('and its tests fail where the actor is broken', async () => {
    const path = join(folder, 'page-census.mjs');
    writeFileSync(path, readFileSync(path, 'utf8').replace('sum + nr', 'sum + 1'));
    const { code, stdout } = await program('--test', 'page-census.test.mjs');
    expect(code).toBe(1);
    expect(stdout).toContain('not ok');
  }, 120_000);
});
