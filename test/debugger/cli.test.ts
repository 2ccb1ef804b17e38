/** `granule debug`: scripts, commands of the command line, lines from standard input. */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cli } from '../../src/cli/cli.ts';
import { addDebug } from '../../src/cli/debug.ts';
import { main } from '../../src/cli/program.ts';
import { textIo } from '../../src/cli/textIo.ts';
import { complete } from '../../src/debugger/complete.ts';
import { fixture, Workplace } from '../cli/harness.ts';
import { debugged } from './golden.ts';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  copyFileSync(fixture('golden/true-mixed.glog'), place.path('true-mixed.glog'));
});
afterAll(() => place.remove());

const LOG = 'true-mixed.glog';

async function typed(
  text: string,
  args: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const io = { ...textIo(place.folder), stdin: Readable.from([text]) };
  const code = await main(['debug', LOG, ...args], io);
  return { code, stdout: io.stdout.text, stderr: io.stderr.text };
}

describe('a script', () => {
  it('is done line by line, remarks and empty lines left out', async () => {
    writeFileSync(place.path('questions.txt'), '# where does it begin?\nset changes off\n\nstep\nprint type\n');
    const { code, stdout } = await place.run(['debug', LOG, '--command', 'questions.txt']);
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual(['"START"', '']);
  });

  it('is printed with its commands when asked', async () => {
    writeFileSync(place.path('questions.txt'), 'set changes off\n\nstep\n# so it begins\nprint type\n');
    const { stdout } = await place.run(['debug', LOG, '--command', 'questions.txt', '--echo']);
    expect(stdout).toContain('(start) set changes off\n\n(start) step\n');
    expect(stdout.endsWith('(0) # so it begins\n(0) print type\n"START"\n')).toBe(true);
  });

  it('goes on with the commands of the command line', async () => {
    writeFileSync(place.path('there.txt'), 'set changes off\ngoto 51\n');
    const { stdout } = await place.run(['debug', LOG, '--command', 'there.txt', '-e', 'print seq', '-e', 'print type']);
    expect(stdout.split('\n').slice(1)).toEqual(['51', '"FAULT"', '']);
  });

  it('ends at a mistake with its exit code', async () => {
    const { code, stdout, stderr } = await place.run(['debug', LOG, '-e', 'goto nowhere', '-e', 'print seq']);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^USAGE: "nowhere" is no moment/);
  });

  it('ends where it says quit', async () => {
    const { code, stdout } = await place.run(['debug', LOG, '-e', 'quit', '-e', 'step']);
    expect([code, stdout]).toEqual([0, '']);
  });

  it('is missed where it is not there', async () => {
    const { code, stderr } = await place.run(['debug', LOG, '--command', 'no-such.txt']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^FILE_NOT_FOUND: /);
  });

  it('lets another command of granule go on with the log, at the moment', async () => {
    const program = new Command().exitOverride();
    const taken: unknown[] = [];
    addDebug(program, new Cli(textIo(place.folder)));
    const added = program.command('fork <LOG>').option('--at <SEQ>').option('--policy <TEXT>');
    added.action((log: string, { at, policy }: Record<string, string>) => {
      taken.push([log, at, policy]);
    });
    const args = [
      'debug',
      LOG,
      '-e',
      'goto 10',
      '-e',
      "fork --policy 'reclaim=none'",
      '-e',
      'step',
      '-e',
      'fork --policy b',
    ];
    await program.parseAsync(args, { from: 'user' });
    expect(taken).toEqual([
      [LOG, '10', 'reclaim=none'],
      [LOG, '11', 'b'],
    ]);
    const wrong = program.parseAsync(['debug', LOG, '-e', 'fork --polcy b'], { from: 'user' });
    await expect(wrong).rejects.toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('says so where there is no such command, or it refuses', async () => {
    const { code, stderr } = await place.run(['debug', LOG, '-e', 'goto 10', '-e', 'export --to no-such-format']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^USAGE: /);
  });
});

describe('lines from standard input', () => {
  it('are done as a script is', async () => {
    const { code, stdout } = await typed('set changes off\nfind FAULT\nprint payload.va\n');
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual(['0x479000', '']);
  });

  it('end at a mistake', async () => {
    const { code, stderr } = await typed('stepp\nprint seq\n');
    expect([code, stderr.split(':')[0]]).toEqual([2, 'USAGE']);
  });

  it('are needed where there is nothing else', async () => {
    const { code, stderr } = await place.run(['debug', LOG]);
    expect(code).toBe(2);
    expect(stderr).toContain('nothing to read commands from');
  });
});

describe('a log without its traces', () => {
  it('can be looked at, but for its states', async () => {
    const process = { pid: 1, pageSize: '64K', trace: './gone.gtr' };
    writeFileSync(place.path('one.json'), JSON.stringify({ name: 'one', processes: [process] }));
    await place.run([
      'make-trace',
      'random',
      '--bytes',
      '1M',
      '--accesses',
      '50',
      '--page-size',
      '64K',
      '--out',
      'gone.gtr',
    ]);
    expect((await place.run(['run', 'one.json', '--out', 'one.glog'])).stderr).toBe('');
    rmSync(place.path('gone.gtr'));

    const looked = await place.run([
      'debug',
      'one.glog',
      '-e',
      'break FAULT',
      '-e',
      'continue',
      '-e',
      'finish',
      '-e',
      'where',
    ]);
    expect(looked.code).toBe(0);
    expect(looked.stderr).toMatch(/^TRACE_MISSING: [^]*events can be looked at, states cannot\n$/);
    expect(looked.stdout).toMatch(/FAULT {2,}/);

    const asked = await place.run(['debug', 'one.glog', '-e', 'state mm:1']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain('TRACE_MISSING: states cannot be had without the traces of the run');
  });
});

describe('completion', () => {
  const session = debugged('true-mixed');

  it('knows commands, and what stands behind each', () => {
    expect(complete(session, 'rev')[0]).toEqual([
      'reverse-step',
      'reverse-next',
      'reverse-finish',
      'reverse-continue',
      'reverse-find',
    ]);
    expect(complete(session, 'break FAULT_S')).toEqual([['FAULT_SIGNAL'], 'FAULT_S']);
    expect(complete(session, 'break FAULT && to == mm:')[0]).toEqual(['mm:1', 'mm:2', 'mm:3']);
    expect(complete(session, 'next tlb')[0]).toEqual(['tlb:0', 'tlb:1']);
    expect(complete(session, 'tlb ')[0]).toEqual(['0', '1', 'tlb:0', 'tlb:1']);
    expect(complete(session, 'goto st')).toEqual([['start'], 'st']);
    expect(complete(session, 'help fol')).toEqual([['folios'], 'fol']);
  });

  it('knows the fields of a state, level by level', () => {
    expect(complete(session, 'print mm:1.rss')[0]).toContain('mm:1.rssAnonPages');
    expect(complete(session, 'last tlb:0.tlb.')[0]).toContain('tlb:0.tlb.l2');
    expect(complete(session, 'watch mm')[0]).toContain('mm:1.');
  });

  it('says nothing of what makes no sense', () => {
    expect(complete(session, 'nonsense x')[0]).toEqual([]);
    expect(complete(session, 'print mm:1.no.such')[0]).toEqual([]);
  });
});
