import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogReader } from '../../src/log/logReader.ts';
import { openLogFile } from '../../src/log/fileStorage.node.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { fillDiskOfLogs, fillDiskOfTraces } from '../log/fullDisk.ts';
import { fixture, Workplace } from './harness.ts';

const BEFORE = 'what was there before';
const TEXT = fixture('traces/true-kernel.lackey.gz');
const TRACE = fixture('traces/true-kernel.gtr');

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes }));
});
afterEach(() => place.remove());

/** Runs a command whose only answer is one line about the full disk. */
async function expectDiskFull(args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await place.run(args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^DISK_FULL: [^\n]*ENOSPC[^\n]*\n$/);
}

describe('on a full disk granule run', () => {
  it.each([0, 100, 5000])('leaves the log that was there as it was, after %i bytes', async (bytes) => {
    writeFileSync(place.path('a.glog'), BEFORE);
    using _full = fillDiskOfLogs(bytes);
    await expectDiskFull(['run', 'small.json', '--out', 'a.glog']);
    expect(readFileSync(place.path('a.glog'), 'utf8')).toBe(BEFORE);
    expect(readdirSync(place.folder).sort()).toEqual(['a.glog', 'small.json']);
  });

  it('leaves no log without a header', async () => {
    using _full = fillDiskOfLogs(10);
    await expectDiskFull(['run', 'small.json', '--out', 'a.glog']);
    expect(readdirSync(place.folder)).toEqual(['small.json']);
  });

  it('keeps a new log up to its last whole segment, and says so', async () => {
    const whole = await place.run(['run', 'small.json', '--out', 'whole.glog']);
    expect(whole.code).toBe(0);
    const { length } = readFileSync(place.path('whole.glog'));
    {
      using _full = fillDiskOfLogs(length - 1);
      const { code, stderr } = await place.run(['run', 'small.json', '--out', 'a.glog']);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^the log holds what happened until then: .*a\.glog\nDISK_FULL: [^\n]*\n$/);
    }
    const kept = openLogFile(place.path('a.glog'));
    const reader = LogReader.open(kept, zlibCompression);
    expect(reader.records).toBeGreaterThan(0);
    expect(reader.recovery).not.toBeNull();
    kept.close();
  });
});

describe('on a full disk a trace', () => {
  const commands: [string, string[]][] = [
    ['granule import', ['import', TEXT, '--out', 'a.gtr']],
    ['granule import --relayout', ['import', TEXT, '--relayout', '64K', '--out', 'a.gtr']],
  ];
  const cases = commands.flatMap(([name, args]) => [0, 16, 3000].map((bytes) => [name, bytes, args] as const));
  it.each(cases)('of %s leaves what was there as it was, after %i bytes', async (_name, bytes, args) => {
    writeFileSync(place.path('a.gtr'), BEFORE);
    using _full = await fillDiskOfTraces(TRACE, bytes);
    await expectDiskFull(args);
    expect(readFileSync(place.path('a.gtr'), 'utf8')).toBe(BEFORE);
    expect(readdirSync(place.folder).sort()).toEqual(['a.gtr', 'small.json']);
  });

  it('that granule tlb makes of text for itself says so too', async () => {
    using _full = await fillDiskOfTraces(TRACE, 16);
    await expectDiskFull(['tlb', TEXT]);
  });
});

describe('a place that is no folder', () => {
  const commands: [string, string[]][] = [
    ['run', ['run', 'small.json', '--out', 'small.json/a.glog']],
    ['import', ['import', TEXT, '--out', 'small.json/a.gtr']],
    ['import --relayout', ['import', TEXT, '--relayout', '16K', '--out', 'small.json/a.gtr']],
  ];
  it.each(commands)('is refused by granule %s in one line, and nothing changes', async (_name, args) => {
    const before = readFileSync(place.path('small.json'));
    const { code, stdout, stderr } = await place.run(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: [^\n]*small\.json\/a\.g[^\n]*\n$/);
    expect(readFileSync(place.path('small.json'))).toEqual(before);
    expect(readdirSync(place.folder)).toEqual(['small.json']);
  });
});
