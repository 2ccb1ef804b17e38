import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { importStream, importTrace, traceName } from '../../src/trace/import.ts';
import { importerFor } from '../../src/trace/importer.ts';
import { openAnyTrace } from '../../src/trace/rawTrace.ts';
import { errorOf, importText, rowsOf, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();
const out = join(folder, 'a.gtr');

async function rows(text: string, format?: string): Promise<unknown[]> {
  const trace = await importText(out, [text], { format });
  const all = rowsOf(trace);
  trace.close();
  return all;
}

describe('a lackey trace', () => {
  it('is read line by line: fetches, loads, stores, modifies', async () => {
    const text = 'I  00401000,4\n L 1fff000778,8\n S 1fff000770,8\n M 00602000,4\nI  00401004,2\n';
    expect(await rows(text)).toEqual([
      ['X', 0x401, 2, 2, 0],
      ['R', 0x1fff000, 1, 1, 0],
      ['W', 0x1fff000, 1, 1, 0],
      ['R', 0x602, 1, 1, 0],
      ['W', 0x602, 1, 0, 0],
    ]);
  });

  it('keeps the vsyscall page of x86 exactly', async () => {
    expect(await rows('I  ffffffffff600000,9\n')).toEqual([['X', 0xffffffffff600, 1, 1, 0]]);
  });

  it('takes accesses of any size across pages', async () => {
    const text = ' S 00600fff,2\n L 00700ffc,16\n S 00800000,12288\n';
    expect((await rows(text)).map((row) => String(row))).toEqual([
      'W,1536,1,1,0',
      'W,1537,1,0,1',
      'R,1792,1,1,0',
      'R,1793,1,0,1',
      'W,2048,1,1,0',
      'W,2049,1,0,1',
      'W,2050,1,0,1',
    ]);
  });

  it('passes over what is Valgrind\u2019s own', async () => {
    expect(await rows('==7== Lackey\n==7== Command: /bin/x\n\n--7-- WARNING\nI  00401000,4\n')).toHaveLength(1);
  });

  it('gives the same trace however the stream is cut into chunks', async () => {
    const text = readFileSync('fixtures/traces/true-kernel.lackey.gz');
    const whole = await importText(out, [text]);
    const { hash } = whole;
    whole.close();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 6 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, at) => text.subarray(places[at], end));
        const again = await importText(out, pieces);
        expect(again.hash).toBe(hash);
        again.close();
      }),
      { numRuns: 10 },
    );
  });

  it('gives the same trace however its text is cut into chunks', async () => {
    const text =
      'I  00401000,4\n L 1fff000778,8\nSYSCALL[9,1](39) sys_getpid ()[sync] --> Success(0x9) \n S 1fff000770,8\nI  00402000,4';
    const expected = await rows(text);
    for (let size = 1; size < 40; size += 1) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.slice(at * size, (at + 1) * size),
      );
      const trace = await importText(out, pieces, { format: 'lackey' });
      expect(rowsOf(trace)).toEqual(expected);
      trace.close();
    }
  });

  for (const bad of [
    'I  0040100g,4',
    ' X 00401000,4',
    'I  00401000',
    'I  00401000,0',
    ' L ffffffffffffffff,2',
    'hello',
  ]) {
    it(`is refused with the line's number and text: ${bad}`, async () => {
      const text = `I  00401000,4\n L 00500000,8\n${bad}\nI  00401004,4\n`;
      const error = await errorOf(() => importText(out, [text]));
      expect(error.code).toBe('TRACE_MALFORMED');
      expect(error.where).toBe('input, line 3');
      expect(error.message).toContain(bad);
    });
  }

  it('shows at most 80 characters of a bad line', async () => {
    const error = await errorOf(() => importText(out, [`I  00401000,4\n${'x'.repeat(500)}\n`]));
    expect(error.message).toContain(`${'x'.repeat(80)}...`);
    expect(error.message).not.toContain('x'.repeat(81));
  });

  it('is refused when a line has no end within a mebibyte', async () => {
    const error = await errorOf(() => importText(out, [`I  00401000,4\n${'x'.repeat(3 << 20)}`]));
    expect([error.code, error.where]).toEqual(['TRACE_MALFORMED', 'input, line 2']);
  });

  it('that was stopped may end in the middle of a line', async () => {
    const trace = await importText(out, ['I  00401000,4\nI  0040'], { mayBeCut: true });
    expect(trace.references).toBe(1);
    trace.close();
    expect((await errorOf(() => importText(out, ['I  00401000,4\nI  0040']))).where).toBe('input, line 2');
  });
});

describe('plain text', () => {
  it('holds one access a line, with or without 0x, size and comment', async () => {
    const text = '# mine\n0x1000 X\n\n5ffc,8 W  # crossing\n0x1008 r\n9000 R,4\n';
    expect(await rows(text)).toEqual([
      ['X', 1, 1, 1, 0],
      ['W', 5, 1, 1, 0],
      ['W', 6, 1, 0, 1],
      ['R', 1, 1, 1, 0],
      ['R', 9, 1, 1, 0],
    ]);
  });

  it('is refused where it is none of it', async () => {
    expect((await errorOf(() => rows('1000 R\n1000 Q\n'))).where).toBe('input, line 2');
    expect((await errorOf(() => rows('1000 R\n1000,0 R\n'))).message).toMatch(/no byte/);
  });
});

describe('perf script text', () => {
  const intel = [
    '# captured on: Mon',
    'ls  4711/4711 [003] 25496.733475:          1 cpu/mem-loads,ldlat=30/P:     7ffd1a2b3c40' +
      '  68100142 |OP LOAD|LVL L1 hit|SNP None|TLB L1 or L2 hit|LCK No|BLK  N/A      55d0c122bffc main+0x1c (/bin/ls)',
    'ls  4711/4711 25496.733480: cpu/mem-stores/P:     7ffd1a2b4c48     55d0c122c000 main (/bin/ls)',
    'ls  4711/4712 25496.733481: cpu/mem-stores/P: ffff888012345678 ffffffff81000000 memcpy ([kernel.kallsyms])',
    'ls  4711/4712 25496.733482: cycles:P:     7ffd1a2b4c48     55d0c122c000 main (/bin/ls)',
    'ls  4711/4712 25496.733483: cpu/mem-loads,ldlat=30/P:                0     55d0c122c000 main (/bin/ls)',
    'my prog  4711/4711 25496.733490: mem-loads:u:     7ffd1a2b5000     55d0c122c000 main (/bin/ls)',
  ].join('\n');

  it('of Intel memory events gives loads and stores of the process', async () => {
    expect(await rows(intel)).toEqual([
      ['R', 0x7ffd1a2b3, 1, 1, 0],
      ['W', 0x7ffd1a2b4, 1, 1, 0],
      ['R', 0x7ffd1a2b5, 1, 1, 0],
    ]);
  });

  it('of Arm SPE counts the samples of one access once', async () => {
    const text = [
      'dd  6799 [034] 25496.733475:          1    l1d-access:  ffff87f37b88 aaaac17c3e88 main+0x8 (/bin/dd)',
      'dd  6799 [034] 25496.733475:          1    tlb-access:  ffff87f37b88 aaaac17c3e88 main+0x8 (/bin/dd)',
      'dd  6799 [034] 25496.733475:          1        memory:  ffff87f37b88 aaaac17c3e88 main+0x8 (/bin/dd)',
      'dd  6799 [034] 25496.733479:          1    branch-miss:             0 aaaac17c3e88 main+0x8 (/bin/dd)',
      'dd  6799 [034] 25496.733480:          1        memory:  ffff87f37b90 ' +
        '5080184 |OP STORE|LVL N/A|SNP N/A|TLB Walker hit aaaac17c3e90 main (/bin/dd)',
    ].join('\n');
    expect(await rows(`${text}\n`)).toEqual([
      ['R', 0xffff87f37, 1, 1, 0],
      ['W', 0xffff87f37, 1, 1, 0],
    ]);
  });

  it('of two processes is refused', async () => {
    const error = await errorOf(() => rows(`${intel}\nsh 9/9 7.0: mem-loads: 7ffd1a2b5000 55d0c122c000 main\n`));
    expect([error.code, error.where]).toEqual(['TRACE_MALFORMED', 'input, line 8']);
    expect(error.message).toContain('--pid=4711');
  });
});

describe('an import', () => {
  it('knows each format by its beginning', () => {
    expect(importerFor('==1== Lackey, an example Valgrind tool\n', undefined, 'x').format).toBe('lackey');
    expect(importerFor('SYSCALL[1,1](12) sys_brk ( 0x0 ) --> \n', undefined, 'x').format).toBe('lackey');
    expect(importerFor('ls 1 2.0: mem-loads: 7f00 44 main\n', undefined, 'x').format).toBe('perf-script');
    expect(importerFor('0x7f00 R\n', undefined, 'x').format).toBe('plain');
  });

  it('refuses what it does not know, and a format that there is not', async () => {
    expect((await errorOf(() => rows('what is this\n'))).format()).toMatch(/^TRACE_MALFORMED: .*what is this.*line 1/);
    expect((await errorOf(() => rows('1000 R\n', 'pin'))).format()).toMatch(
      /^USAGE: .*"pin".*lackey, perf-script, plain/,
    );
    expect((await errorOf(() => rows('1000 R\n', 'lackey'))).code).toBe('TRACE_MALFORMED');
  });

  it('refuses a trace without an access, and leaves what was there', async () => {
    writeFileSync(out, 'before');
    for (const text of ['', '\n\n', '==1== Command: x\n', '# nothing\n1000 # R\n']) {
      const error = await errorOf(() => importText(out, [text]));
      expect(['TRACE_EMPTY', 'TRACE_MALFORMED']).toContain(error.code);
      expect(readFileSync(out, 'utf8')).toBe('before');
    }
    expect((await errorOf(() => importText(out, ['==1== Command: x\n']))).code).toBe('TRACE_EMPTY');
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('reads gzip, also of several members, and says when it is cut', async () => {
    const parts = [gzipSync('1000 R\n'), gzipSync('2000 R\n'), gzipSync('3000 W\n')];
    const trace = await importText(out, [Buffer.concat(parts)]);
    expect(trace.references).toBe(3);
    trace.close();
    const whole = gzipSync(Array.from({ length: 9999 }, (_, at) => `${at * 4097} R\n`).join(''));
    for (const length of [3, 11, 900, whole.length - 1]) {
      const error = await errorOf(() => importText(out, [whole.subarray(0, length)]));
      expect([length, error.code]).toEqual([length, 'TRACE_GZIP_BROKEN']);
    }
    const broken = Buffer.from(whole);
    broken[whole.length - 20] ^= 0xff;
    expect((await errorOf(() => importText(out, [broken]))).code).toMatch(/TRACE_GZIP_BROKEN|TRACE_MALFORMED/);
  });

  it('tells how far it has come', async () => {
    const seen: number[][] = [];
    const raw = 'fixtures/traces/true-kernel.lackey.gz';
    const done = await importTrace(raw, {
      out,
      progress: ({ bytesRead, bytesTotal, lines }) => seen.push([bytesRead, bytesTotal ?? 0, lines]),
    });
    const total = readFileSync(raw).length;
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toEqual([total, total, expect.any(Number)]);
    expect([done.lines, done.references, done.textBytes]).toEqual([167_541, 167_440, 2_389_507]);
    expect(done.textBytes / done.fileBytes).toBeGreaterThan(50);
  });

  it('says when the input is not there, or the output cannot be', async () => {
    expect((await errorOf(() => importTrace(join(folder, 'none'), { out }))).code).toBe('FILE_NOT_FOUND');
    expect((await errorOf(() => importTrace(folder, { out }))).code).toBe('FILE_UNREADABLE');
    writeFileSync(join(folder, 'file'), '');
    const error = await errorOf(() =>
      importTrace('fixtures/traces/true-kernel.lackey.gz', { out: join(folder, 'file/b') }),
    );
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
  });

  it('passes on what a broken stream says', async () => {
    const broken = new Readable({ read: () => {} });
    process.nextTick(() => broken.destroy(new Error('pipe lost')));
    await expect(importStream(broken, 'pipe', null, { out })).rejects.toThrow('pipe lost');
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('names a trace after its file', () => {
    expect(traceName('a/git-log-kernel.lackey.gz')).toBe('git-log-kernel');
    expect(traceName('b.gtr')).toBe('b');
  });
});

describe('any trace', () => {
  it('opens the same from its text and from its .gtr, and leaves nothing behind', async () => {
    const raw = await openAnyTrace('fixtures/traces/true-kernel.lackey.gz');
    const form = await openAnyTrace('fixtures/traces/true-kernel.gtr');
    expect(raw.hash).toBe(form.hash);
    expect(raw.name).toBe('true-kernel');
    expect(raw.block(0).accesses).toEqual(form.block(0).accesses);
    expect(existsSync(raw.path)).toBe(false);
    raw.close();
    form.close();
    expect((await errorOf(() => openAnyTrace(join(folder, 'none')))).code).toBe('FILE_NOT_FOUND');
  });
});
