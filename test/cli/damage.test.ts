import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32 } from '../../src/log/crc32.ts';
import { LOG_FORMAT_VERSION, PREFIX_BYTES } from '../../src/log/frames.ts';
import { readHead } from '../../src/log/headerFrame.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { GTR_VERSION } from '../../src/trace/gtrFormat.ts';
import { fixture, Workplace } from './harness.ts';

const place = new Workplace();
const LOG = 'whole.glog';
let log: Buffer;
let trace: Buffer;
/** What granule log --json prints of the whole log. */
let wholeLines: string[];

beforeAll(async () => {
  const processes = [{ pid: 7, trace: 'true-kernel', pageSize: '4K' }];
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes }));
  expect((await place.run(['run', 'small.json', '--out', LOG])).code).toBe(0);
  log = readFileSync(place.path(LOG));
  wholeLines = (await place.run(['log', LOG, '--json'])).stdout.trimEnd().split('\n');
  copyFileSync(fixture('traces/true-kernel.gtr'), place.path('whole.gtr'));
  trace = readFileSync(place.path('whole.gtr'));
});

afterAll(() => place.remove());

/** Where the header frame of the log ends: cut before it, a log says nothing at all. */
function readHeadEnd(): number {
  return readHead(memoryStorage(log), zlibCompression).place.endBytes;
}

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

  it.each(['info', 'log', 'verify', 'replay', 'state'])(
    'of an unknown format version is refused by granule %s with both versions',
    async (command) => {
      // Sound in itself: every checksum is that of what the file says.
      const bytes = Buffer.from(log);
      bytes[5] = LOG_FORMAT_VERSION + 8;
      bytes.writeUInt32LE(crc32(bytes.subarray(0, PREFIX_BYTES - 4)), PREFIX_BYTES - 4);
      writeFileSync(place.path('future.glog'), bytes);
      const { code, stdout, stderr } = await place.run([command, 'future.glog']);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /^LOG_VERSION: the log is of format version 10, this granule reads versions 1 to 2 \([^\n]*future\.glog\)[^\n]*\n$/,
      );
    },
  );

  it('cut anywhere still lists its events, says what was lost, and is placed by verification', async () => {
    const header = readHeadEnd();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: header, max: log.length - 1 }), async (length) => {
        writeFileSync(place.path('cut.glog'), log.subarray(0, length));
        const lost =
          /^cut\.glog is not whole: [^\n]+; it holds (?:no events|events 0 to (\d+)), [^\n]+ behind them are lost\n$/;
        const info = await place.run(['info', 'cut.glog']);
        expect({ code: info.code, stderr: info.stderr }).toEqual({ code: 0, stderr: expect.stringMatching(lost) });
        const last = lost.exec(info.stderr)?.[1];
        const records = last === undefined ? 0 : Number(last) + 1;
        const listed = await place.run(['log', 'cut.glog', '--json']);
        expect({ code: listed.code, stderr: listed.stderr }).toEqual({ code: 0, stderr: info.stderr });
        expect(listed.stdout.split('\n')).toEqual([...wholeLines.slice(0, records), '']);
        const verified = await place.run(['verify', 'cut.glog', '--json']);
        expect(verified.code).toBe(1);
        const { faults } = JSON.parse(verified.stdout);
        const [fault] = faults;
        expect(faults).toHaveLength(1);
        expect(fault.offsetBytes + fault.lengthBytes).toBe(length);
        expect((await place.run(['verify', 'cut.glog'])).stdout).toContain(`offset ${fault.offsetBytes}, `);
      }),
      { numRuns: 15, examples: [[header], [header + 1], [log.length - 1]] },
    );
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

  it.each(['info', 'verify', 'tlb'])(
    'of an unknown format version is refused by granule %s with both versions',
    async (command) => {
      // The header of a trace has no checksum: its version alone makes the file another's.
      const bytes = Buffer.from(trace);
      bytes.writeUInt32LE(GTR_VERSION + 8, 8);
      writeFileSync(place.path('future.gtr'), bytes);
      const { code, stdout, stderr } = await place.run([command, 'future.gtr']);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(
        /^TRACE_VERSION: the trace has format version 9, this granule reads version 1 \([^\n]*future\.gtr, offset 8\)[^\n]*\n$/,
      );
    },
  );

  it('that is whole passes verification', async () => {
    const { code, stdout } = await place.run(['verify', 'whole.gtr']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^whole\.gtr is whole: 167,440 references in [\d,]+ runs, hash [0-9a-f]{64}$/m);
  });
});

describe('granule import, and granule tlb of text, refuse', () => {
  const before = 'what was there before';

  async function importing(name: string, content: string | Buffer): Promise<{ code: number; stderr: string }> {
    writeFileSync(place.path(name), content);
    writeFileSync(place.path('out.gtr'), before);
    const { code, stderr } = await place.run(['import', name, '--out', 'out.gtr']);
    // Whatever goes wrong, the file that was there is as it was.
    expect(readFileSync(place.path('out.gtr'), 'utf8')).toBe(before);
    // The TLBs alone, over the same text, say the same.
    expect(await place.run(['tlb', name])).toEqual({ code, stdout: '', stderr });
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
    const none = '==12== Lackey\n==12== Command: true\n';
    const cases: [string, string | Buffer, string][] = [
      ['empty.lackey', '', 'the trace holds nothing at all'],
      ['empty.gz', gzipSync(''), 'the trace holds nothing at all'],
      ['none.lackey', none, 'there is no memory access in its 2 lines'],
      ['none.lackey.gz', gzipSync(none), 'there is no memory access in its 2 lines'],
    ];
    for (const [name, content, what] of cases) {
      const { code, stderr } = await importing(name, content);
      expect(code).toBe(2);
      expect(stderr).toContain(`TRACE_EMPTY: ${what} (${place.path(name)}). `);
      expect(stderr.split('\n')).toHaveLength(2);
    }
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
