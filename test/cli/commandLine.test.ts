import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cli } from '../../src/cli/cli.ts';
import { createProgram } from '../../src/cli/program.ts';
import { textIo } from '../../src/cli/textIo.ts';
import { fixture, PROJECT, Workplace } from './harness.ts';

const place = new Workplace();
/** The loader by its place: commands run in folders without node_modules. */
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Runs the command as users do: in a process of its own. `signal` is sent once it has said something. */
function spawned(
  args: readonly string[],
  how: { signal?: NodeJS.Signals; stdin?: string; head?: boolean } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['--import', TSX, join(PROJECT, 'src/cli/main.ts'), ...args], {
    cwd: place.folder,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (how.head === true) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.end(how.stdin ?? '');
  if (how.signal !== undefined) {
    const { signal } = how;
    // The log is there once the run has begun.
    const waiting = setInterval(() => {
      if (!existsSync(place.path('long.glog'))) return;
      clearInterval(waiting);
      setTimeout(() => child.kill(signal), 300);
    }, 20);
  }
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

beforeAll(() => {
  const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes }));
  const many = Array.from({ length: 40 }, (_, at) => ({ pid: at + 1, trace: 'git-log-kernel', pageSize: '4K' }));
  writeFileSync(place.path('long.json'), JSON.stringify({ name: 'long', processes: many }));
});

afterAll(() => place.remove());

describe('the granule command, in a process of its own', () => {
  it('runs, replays, and exits with 0', async () => {
    const run = await spawned(['run', 'small.json', '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ unfinished: 0 });
    expect(await spawned(['replay', 'small.glog'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('ends quietly when its reader goes away', async () => {
    await place.run(['run', 'mixed-page-sizes', '--out', 'mixed.glog']);
    const { code, stderr } = await spawned(['log', 'mixed.glog', '--json'], { head: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('exits with 2 for what is not there, in one line and without a stack trace', async () => {
    const { code, stdout, stderr } = await spawned(['state', 'nothing.glog']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^FILE_NOT_FOUND: [^\n]*nothing\.glog[^\n]*\n$/);
  });

  it('exits with 1 when a check fails', async () => {
    const bytes = readFileSync(fixture('traces/true-kernel.gtr'));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(place.path('bad.gtr'), bytes);
    expect((await spawned(['verify', 'bad.gtr'])).code).toBe(1);
  });

  it('reads trace text from standard input', async () => {
    const { code, stdout } = await spawned(['tlb', '-', '--page', '4K', '--json'], { stdin: '400000 X\n500000 R\n' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ references: 2 });
  });

  it('closes its log on Ctrl-C, says so, and the log replays', async () => {
    const { code, stderr } = await spawned(['run', 'long.json'], { signal: 'SIGINT' });
    expect(code).toBe(130);
    expect(stderr).toMatch(/^ended by a signal after [\d,]+ events; the log is closed, and holds .*long\.glog$/m);
    const replayed = await place.run(['replay', 'long.glog']);
    expect(replayed.stderr).toBe('');
    expect(replayed.stdout).toMatch(/messages were still to be delivered/);
    expect(replayed.code).toBe(0);
  });
});

describe('usage', () => {
  it('suggests the command that was meant', async () => {
    const { code, stderr } = await place.run(['reply', 'a.glog']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "USAGE: unknown command 'reply' (Did you mean replay?) (granule reply). Run the command with --help.\n",
    );
  });

  it('suggests the option that was meant', async () => {
    expect((await place.run(['run', '--lisst'])).stderr).toMatch(
      /^USAGE: unknown option '--lisst' \(Did you mean --list\?\)/,
    );
  });

  it.each([
    [],
    ['state'],
    ['why', 'a.glog', 'x'],
    ['state', 'a.glog', '--at', '-1'],
    ['state', 'a.glog', '--at', '1.5'],
  ])('exits with 2 for %j', async (...args) => {
    const { code, stderr } = await place.run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^USAGE: [^\n]*\n$/);
  });

  it('prints its version', async () => {
    const manifest: unknown = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
    const { version } = manifest as { version: string };
    expect(await place.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints failures as JSON when asked for JSON', async () => {
    const { code, stderr, stdout } = await place.run(['info', 'nothing.glog', '--json']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'FILE_NOT_FOUND',
        message: expect.any(String),
        where: expect.stringContaining('nothing.glog'),
        next: expect.any(String),
      },
    });
  });

  it('prints a stack trace when asked to', async () => {
    expect((await place.run(['info', 'nothing.glog', '--debug'])).stderr).toMatch(/^FILE_NOT_FOUND: .*\n[^]*^ {4}at /m);
  });
});

describe('docs/cli.md', () => {
  const text = readFileSync(join(PROJECT, 'docs/cli.md'), 'utf8');
  const program = createProgram(new Cli(textIo('/')));
  const sectionOf = (name: string): string =>
    text.split(/^## /m).find((part) => part.startsWith(`granule ${name}\n`)) ?? '';

  it.each(program.commands.map((command) => [command.name(), command] as const))(
    'has a section for granule %s with every argument and option of its help',
    (name, command) => {
      const section = sectionOf(name);
      expect(section).not.toBe('');
      // A command in two words is documented with its subcommands.
      const parts = [command, ...command.commands];
      const names = parts.flatMap((part) => part.registeredArguments.map((argument) => argument.name()));
      for (const argument of names) expect(section).toContain(argument);
      const flags = parts.flatMap((part) => part.options.map((option) => option.flags));
      for (const flag of flags) expect(section, flag).toContain(`\`${flag}\``);
      const documented = [...section.matchAll(/^\| `(--[^`]+)`/gm)].map((match) => match[1]);
      expect(documented.toSorted()).toEqual([...new Set(flags)].sort());
    },
  );

  it.each(program.commands.map((command) => [command.name()] as const))(
    'granule %s --help has examples',
    async (name) => {
      const { code, stdout } = await place.run([name, '--help']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Examples:\n {2}\S/m);
    },
  );
});
