import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { checkCover } from '../../src/trace/cover.ts';
import { openTrace } from '../../src/trace/gtrReader.ts';
import { record } from '../../src/trace/record.ts';
import { relayout } from '../../src/trace/relayout.ts';
import { blocksOf, errorOf, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const out = join(folder, 'recorded.gtr');
const installed = spawnSync('valgrind', ['--version']).error === undefined;

describe.skipIf(!installed)('a recording', () => {
  it('holds the program\u2019s accesses and calls, and could have run on 4K and 64K pages', async () => {
    const done = await record({ command: ['/bin/true'], out });
    expect([done.exitStatus, done.exitSignal]).toEqual([0, null]);
    const trace = openTrace(out);
    expect(trace.references).toBe(done.references);
    expect(trace.name).toBe('true');
    expect(checkCover(trace, 4096)).toEqual([]);
    expect(checkCover(relayout(trace, 65536), 65536)).toEqual([]);
    const calls = blocksOf(trace).flatMap((block) => block.calls);
    expect(calls.at(-1)).toEqual({ op: 'exit', status: 0 });
    trace.close();
  });

  it('reports the status of the program, and counts as it goes', async () => {
    let references = 0;
    const done = await record({
      command: ['/bin/sh', '-c', 'exit 3'],
      out,
      progress: (progress) => {
        references = progress.references;
      },
    });
    expect(done.exitStatus).toBe(3);
    expect(references).toBeGreaterThan(0);
  });

  it('that is stopped keeps what was seen', async () => {
    const stop = new AbortController();
    const done = await record({
      command: ['/bin/sh', '-c', 'while :; do :; done'],
      out,
      stop: stop.signal,
      progress: ({ lines }) => {
        if (lines > 300_000) stop.abort();
      },
    });
    expect(done.exitSignal).toBe('SIGINT');
    expect(done.references).toBeGreaterThan(300_000);
    const trace = openTrace(out);
    expect(checkCover(trace, 4096)).toEqual([]);
    trace.close();
  });

  it('of what is no program is refused', async () => {
    const error = await errorOf(() => record({ command: [join(folder, 'none')], out }));
    expect(error.code).toBe('COMMAND_FAILED');
  });
});

describe('a recorder', () => {
  it('says that Valgrind is missing, and what to install', async () => {
    const error = await errorOf(() => record({ command: ['/bin/true'], out, valgrind: join(folder, 'no-valgrind') }));
    expect(error.format()).toMatch(/^VALGRIND_MISSING: .*"valgrind"/);
  });

  it('needs a command', async () => {
    expect((await errorOf(() => record({ command: [], out }))).code).toBe('USAGE');
  });
});
