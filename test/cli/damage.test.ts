import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
const LOG = 'whole.glog';
let log: Buffer;
let trace: Buffer;

beforeAll(async () => {
  const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes }));
  expect((await place.run(['run', 'small.json', '--out', LOG])).code).toBe(0);
  log = readFileSync(place.path(LOG));
  copyFileSync(fixture('traces/true-kernel.gtr'), place.path('whole.gtr'));
  trace = readFileSync(place.path('whole.gtr'));
});

afterAll(() => place.remove());

/** Every failure is one line that begins with a code. */
function expectOneError(stderr: string, code: RegExp): void {
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  expect(last).toMatch(code);
  expect(stderr).not.toMatch(/^ {4}at /m);
}

describe('a damaged log', () => {
  it('cut at any byte opens with what is left, or says that there is nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: log.length - 1 }), async (length) => {
        writeFileSync(place.path('cut.glog'), log.subarray(0, length));
        const { code, stdout, stderr } = await place.run(['info', 'cut.glog', '--json']);
        if (code === 0) {
          expect(stderr).toMatch(/^cut\.glog is not whole: /);
          expect(JSON.parse(stdout)).toMatchObject({ kind: 'log', recovery: expect.any(Object) });
        } else {
          expect(code).toBe(2);
          expect(JSON.parse(stderr)).toMatchObject({
            error: { code: 'LOG_EMPTY', where: expect.stringContaining('cut.glog') },
          });
        }
        expect((await place.run(['verify', 'cut.glog'])).code).toBeGreaterThan(0);
      }),
      { numRuns: 25 },
    );
  });

  it('with any byte changed does not pass verification, and every fault has its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: log.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const bytes = Buffer.from(log);
          bytes[at] = (bytes[at] ?? 0) ^ mask;
          writeFileSync(place.path('flipped.glog'), bytes);
          const { code, stdout, stderr } = await place.run(['verify', 'flipped.glog', '--json']);
          expect(code).toBeGreaterThan(0);
          if (stdout === '') expectOneError(stderr, /"code":"LOG_/);
          else
            expect(JSON.parse(stdout)).toMatchObject({
              ok: false,
              faults: expect.arrayContaining([
                {
                  offsetBytes: expect.any(Number),
                  lengthBytes: expect.any(Number),
                  seqFrom: expect.any(Number),
                  seqTo: expect.any(Number),
                  what: expect.any(String),
                },
              ]),
            });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('in words says where it is damaged', async () => {
    const bytes = Buffer.from(log);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(place.path('flipped.glog'), bytes);
    const { code, stdout } = await place.run(['verify', 'flipped.glog']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^flipped\.glog is damaged in \d+ places; /);
    expect(stdout).toMatch(/^ {2}offset \d+, [\d,]+ bytes/m);
  });

  it('of an unknown format version is refused with both versions', async () => {
    const bytes = Buffer.from(log);
    bytes[5] = 99;
    writeFileSync(place.path('future.glog'), bytes);
    const { code, stderr } = await place.run(['info', 'future.glog']);
    expect(code).toBeGreaterThan(0);
    expectOneError(stderr, /^LOG_(?:VERSION|DAMAGED): /);
  });

  it.each(['state', 'replay', 'log', 'info', 'verify'])(
    'that is no log at all is refused by granule %s',
    async (command) => {
      writeFileSync(place.path('text.glog'), 'not a log\n'.repeat(10));
      const { code, stderr } = await place.run([command, 'text.glog']);
      expect(code).toBe(2);
      expectOneError(stderr, /^LOG_NOT_A_LOG: .*text\.glog/);
    },
  );

  it('that is whole passes verification', async () => {
    expect(await place.run(['verify', LOG])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^whole\.glog is whole: /),
    });
  });
});

describe('a damaged trace', () => {
  it('with any byte changed is found', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: trace.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const bytes = Buffer.from(trace);
          bytes[at] = (bytes[at] ?? 0) ^ mask;
          writeFileSync(place.path('flipped.gtr'), bytes);
          const { code } = await place.run(['verify', 'flipped.gtr']);
          expect(code).toBeGreaterThan(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('that is whole passes verification', async () => {
    const { code, stdout } = await place.run(['verify', 'whole.gtr']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^whole\.gtr is whole: 167,440 references in [\d,]+ runs, hash [0-9a-f]{64}$/m);
  });
});

describe('granule import refuses', () => {
  const before = 'what was there before';

  async function importing(name: string, content: string | Buffer): Promise<{ code: number; stderr: string }> {
    writeFileSync(place.path(name), content);
    writeFileSync(place.path('out.gtr'), before);
    const { code, stderr } = await place.run(['import', name, '--out', 'out.gtr']);
    // Whatever goes wrong, the file that was there is as it was.
    expect(readFileSync(place.path('out.gtr'), 'utf8')).toBe(before);
    return { code, stderr };
  }

  it('a gzip file that is cut short', async () => {
    const text = readFileSync(fixture('traces/true-kernel.lackey.gz'));
    const { code, stderr } = await importing('cut.gz', text.subarray(0, text.length - 1000));
    expect(code).toBe(2);
    expectOneError(stderr, /^TRACE_GZIP_BROKEN: .*cut\.gz/);
  });

  it('a malformed line, with its number and text', async () => {
    const { code, stderr } = await importing(
      'bad.lackey',
      'I  04001000,3\n L 1ffeffe7e,8\n Z 1ffeffe7e,8\nI  04001003,5\n',
    );
    expect(code).toBe(2);
    expectOneError(stderr, /^TRACE_MALFORMED: .*Z 1ffeffe7e,8.*bad\.lackey, line 3/);
  });

  it('an empty file, and one without an access', async () => {
    expectOneError((await importing('empty', '')).stderr, /^TRACE_EMPTY: /);
    expectOneError((await importing('empty.gz', gzipSync(''))).stderr, /^TRACE_EMPTY: /);
    expectOneError((await importing('none', '==12== Lackey\n==12== Command: true\n')).stderr, /^TRACE_EMPTY: /);
  });

  it('a file that is not there, and a format that nobody knows', async () => {
    expectOneError((await place.run(['import', 'nothing'])).stderr, /^FILE_NOT_FOUND: .*nothing/);
    const { code, stderr } = await place.run(['import', fixture('traces/true-kernel.lackey.gz'), '--format', 'elf']);
    expect(code).toBe(2);
    expectOneError(stderr, /^USAGE: .*"elf".*lackey, perf-script, plain/);
  });

  it('a place that cannot be written', async () => {
    const text = fixture('traces/true-kernel.lackey.gz');
    const { code, stderr } = await place.run(['import', text, '--out', 'whole.gtr/out.gtr']);
    expect(code).toBe(2);
    expectOneError(stderr, /^OUTPUT_UNWRITABLE: /);
    expect(readFileSync(place.path('whole.gtr'))).toEqual(trace);
  });
});
