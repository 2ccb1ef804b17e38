import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ran, PROJECT, Workplace } from './harness.ts';

/** The loader by its place: commands run in folders without node_modules. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const installed = spawnSync('valgrind', ['--version']).error === undefined;
const BEFORE = 'what was there before';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

/** `granule record` as users run it: the recorded program has this process's terminal to itself. */
function recording(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', TSX, join(PROJECT, 'src/cli/main.ts'), 'record', ...args], {
    cwd: place.folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** What a trace that was recorded says of itself; it must be whole, and go through the TLBs. */
async function expectGoodTrace(name: string): Promise<{ references: number; hash: string }> {
  expect(await place.run(['verify', name])).toMatchObject({ code: 0, stderr: '' });
  const info = await place.run(['info', name, '--json']);
  expect({ code: info.code, stderr: info.stderr }).toEqual({ code: 0, stderr: '' });
  const { references, hash } = JSON.parse(info.stdout);
  const tlb = await place.run(['tlb', name, '--json']);
  expect(tlb.code).toBe(0);
  const counts: { references: number }[] = Object.values(JSON.parse(tlb.stdout));
  expect(counts.map((count) => count.references)).toEqual([references, references, references]);
  return { references, hash };
}

describe.skipIf(!installed)('granule record, with Valgrind', () => {
  it('records a program into a trace that verifies, and that info and tlb take', async () => {
    const { code, stdout, stderr } = await recording(['--json', '--', 'true']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'the program ended with status 0\n' });
    const { references, hash } = await expectGoodTrace('true.gtr');
    expect(references).toBeGreaterThan(10_000);
    expect(JSON.parse(stdout)).toMatchObject({ references, hash });
    expect(readdirSync(place.folder)).toEqual(['true.gtr']);
  });

  it('leaves its output and its options to the program', async () => {
    const { code, stdout } = await recording(['--out', 'said.gtr', '--', 'echo', 'a word', '--json']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^a word --json\n.*said\.gtr: [\d,]+ references/);
    await expectGoodTrace('said.gtr');
  });

  it('records a program for 64K pages', async () => {
    const { code, stderr } = await recording(['--relayout', '64K', '--', 'true']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'the program ended with status 0\n' });
    await expectGoodTrace('true-64K.gtr');
    expect(readdirSync(place.folder)).toEqual(['true-64K.gtr']);
  });

  it('reports the status of a program that fails, and keeps its trace', async () => {
    const { code, stderr } = await recording(['--out', 'failed.gtr', '--', 'sh', '-c', 'exit 3']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'the program ended with status 3\n' });
    await expectGoodTrace('failed.gtr');
  });

  it('of a command that there is not says so, and leaves what was there', async () => {
    writeFileSync(place.path('none.gtr'), BEFORE);
    const { code, stdout, stderr } = await recording(['--out', 'none.gtr', '--', 'no-such-command', 'x']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^COMMAND_FAILED: the command could not be started .*\(no-such-command x\)/,
    );
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(readFileSync(place.path('none.gtr'), 'utf8')).toBe(BEFORE);
    expect(readdirSync(place.folder)).toEqual(['none.gtr']);
  });

  it('into a place that is no folder is refused without waiting for the program', async () => {
    writeFileSync(place.path('file'), BEFORE);
    const { code, stderr } = await recording(['--out', 'file/a.gtr', '--', 'sleep', '20']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: [^\n]*file\/a\.gtr[^\n]*\n$/);
    expect(readdirSync(place.folder)).toEqual(['file']);
  });
});

describe('granule record without Valgrind', () => {
  it('names the package to install, in one line, and leaves what was there', async () => {
    writeFileSync(place.path('true.gtr'), BEFORE);
    const { code, stdout, stderr } = await recording(['--', '/bin/true'], { ...process.env, PATH: '' });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^VALGRIND_MISSING: [^\n]*Install the Debian package "valgrind"\.\n$/);
    expect(readFileSync(place.path('true.gtr'), 'utf8')).toBe(BEFORE);
    expect(readdirSync(place.folder)).toEqual(['true.gtr']);
  });
});
