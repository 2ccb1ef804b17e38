import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { openTrace } from '../../src/trace/gtrReader.ts';
import { CallText, parseArguments } from '../../src/trace/lackeyText.ts';
import { blocksOf, errorOf, importText, temporaryFolder } from './helpers.ts';

const out = join(temporaryFolder(), 'a.gtr');

/** One line for each call: number, text, ending. */
function line(number: number, text: string, ending: string): string {
  return `SYSCALL[7,1](${number}) ${text}${ending} \n`;
}

const sync = (number: number, text: string, result = '0x0') => line(number, text, `[sync] --> Success(${result})`);
const pre = (number: number, text: string, result: string) =>
  line(number, text, ` --> [pre-success] Success(${result})`);
const fails = (number: number, text: string) => line(number, text, '[sync] --> Failure(0x2)');
const async = (number: number, text: string, result: string) =>
  `${line(number, text, ' --> [async] ...')}${line(number, '... [async]', ` --> Success(${result})`)}`;
const open = (path: string, flags: number, fd: string) =>
  async(257, `sys_openat ( 4294967196, 0x4034bb0(${path}), ${flags} )`, fd);

async function read(text: string): Promise<{ calls: unknown[]; files: Record<string, number>; image: unknown[] }> {
  const trace = await importText(out, [`==7== Command: /bin/x\\ y -a\nI  00401000,4\n${text}`]);
  const calls = blocksOf(trace).flatMap((block) => block.calls);
  const files = Object.fromEntries(trace.files.map((file) => [file.path, file.sizeBytes]));
  const { image } = trace;
  trace.close();
  return { calls, files, image };
}

describe('the calls of a lackey trace', () => {
  it('are put together from lines that are split, broken, or hold anything in a path', () => {
    const text = new CallText();
    const lines = [
      'SYSCALL[7,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)',
      ' --> [pre-fail] Failure(0x26) ',
      'SYSCALL[7,1](325) --7-- WARNING: unhandled amd64-linux syscall: 325',
      ' --> [pre-fail] Failure(0x26) ',
      'SYSCALL[7,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 )   clone(fork): process 7 created child 8',
      ' --> [pre-success] Success(0x8) ',
      'SYSCALL[7,1](202) sys_futex ( 0x532a990, 265, 4753, 0x0, 0x0 ) --> [async] ... ',
      'SYSCALL[7,2](60) exit( 0 ) --> [pre-success] Success(0x0) ',
      'SYSCALL[7,1](202) ... [async] --> Success(0x0) ',
      'SYSCALL[7,1](257) sys_openat ( 4294967196, 0x10a01f(new',
      'line), 0 ) --> [async] ... ',
      'SYSCALL[7,1](257) ... [async] --> Success(0x4) ',
      'SYSCALL[7,1](257) sys_openat ( 4294967196, 0x10a028(--> [sync] Success(0x3)), 0 ) --> [async] ... ',
      'SYSCALL[7,1](257) ... [async] --> Failure(0x2) ',
      'SYSCALL[7,1](15) sys_rt_sigreturn ( ) --> [pre-success] NoWriteResult ',
    ];
    const told = lines.flatMap((one) => {
      const { taken, call } = text.line(one);
      expect(taken).toBe(true);
      return call === undefined ? [] : [[call.tid, call.name, call.result]];
    });
    expect(told).toEqual([
      [1, 'rseq', null],
      [1, 'mlock2', null],
      [1, 'clone', 8],
      [2, 'exit', 0],
      [1, 'futex', 0],
      [1, 'openat', 4],
      [1, 'openat', null],
      [1, 'rt_sigreturn', null],
    ]);
    expect(text.line('something else').taken).toBe(false);
  });

  it('have arguments with text in them', () => {
    const { numbers, texts } = parseArguments(' 4294967196, 0x10a010(a, (weird) 1, name), 0 ');
    expect(numbers).toEqual([4294967196, 0x10a010, 0]);
    expect(texts[1]).toBe('a, (weird) 1, name');
    expect(parseArguments(' -60, 0x1 ').numbers).toEqual([-60, 1]);
    expect(parseArguments('').numbers).toEqual([]);
  });

  it('change memory: mmap with its file, munmap, mprotect, mremap, brk, madvise, msync, mlock', async () => {
    const { calls } = await read(
      pre(12, 'sys_brk ( 0x0 )', '0x4035000') +
        open('/lib/x.so', 524288, '0x4') +
        pre(9, 'sys_mmap ( 0x0, 16400, 1, 2050, 4, 4096 )', '0x4837000') +
        sync(3, 'sys_close ( 4 )') +
        pre(9, 'sys_mmap ( 0x0, 8192, 3, 98, 4294967295, 0 )', '0x4835000') +
        sync(10, 'sys_mprotect ( 0x4837000, 4096, 3 )') +
        pre(25, 'sys_mremap ( 0x4835000, 8192, 65536, 0x1 )', '0x5000000') +
        async(28, 'sys_madvise ( 0x5000000, 8192, 4 )', '0x0') +
        async(26, 'sys_msync ( 0x4837000, 8192, 0x4 )', '0x0') +
        async(149, 'sys_mlock ( 0x5000000, 4096 )', '0x0') +
        async(150, 'sys_munlock ( 0x5000000, 4096 )', '0x0') +
        sync(11, 'sys_munmap ( 0x4837000, 16400 )') +
        pre(12, 'sys_brk ( 0x4056000 )', '0x4056000'),
    );
    expect(calls).toEqual([
      { op: 'brk', addr: 0x4035000 },
      { op: 'other', name: 'openat' },
      { op: 'mmap', addr: 0x4837000, lengthBytes: 16400, prot: 1, flags: 2050, file: '/lib/x.so', offsetBytes: 4096 },
      { op: 'other', name: 'close' },
      { op: 'mmap', addr: 0x4835000, lengthBytes: 8192, prot: 3, flags: 0x22, file: null, offsetBytes: 0 },
      { op: 'mprotect', addr: 0x4837000, lengthBytes: 4096, prot: 3 },
      // It moved: MREMAP_FIXED, so that it goes there again.
      { op: 'mremap', addr: 0x4835000, oldLengthBytes: 8192, newLengthBytes: 65536, flags: 3, newAddr: 0x5000000 },
      { op: 'madvise', addr: 0x5000000, lengthBytes: 8192, advice: 4 },
      { op: 'msync', addr: 0x4837000, lengthBytes: 8192, flags: 4 },
      { op: 'mlock', addr: 0x5000000, lengthBytes: 4096 },
      { op: 'munlock', addr: 0x5000000, lengthBytes: 4096 },
      { op: 'munmap', addr: 0x4837000, lengthBytes: 16400 },
      { op: 'brk', addr: 0x4056000 },
    ]);
  });

  it('read and write files where the descriptor stands', async () => {
    const { calls, files } = await read(
      open('a', 0, '0x4') +
        async(0, 'sys_read ( 4, 0x403ef90, 4096 )', '0x72') +
        sync(8, 'sys_lseek ( 4, -60, 1 )', '0x36') +
        sync(32, 'sys_dup ( 4 )', '0x5') +
        async(0, 'sys_read ( 5, 0x403ef90, 4096 )', '0x3c') +
        async(17, 'sys_pread64 ( 4, 0x1ffefff5c0, 784, 640 )', '0x310') +
        async(19, 'sys_readv ( 4, 0x1fff000630, 2 )', '0x14') +
        sync(72, "sys_fcntl[ARG3=='arg'] ( 4, 0, 50 )", '0x32') +
        sync(3, 'sys_close ( 4 )') +
        sync(3, 'sys_close ( 5 )') +
        async(1, 'sys_write ( 50, 0x403ef90, 10 )', '0xa') +
        async(0, 'sys_read ( 0, 0x403ef90, 10 )', '0xa'),
    );
    const ops = calls.filter((call) => !JSON.stringify(call).includes('other'));
    expect(ops).toEqual([
      { op: 'read', file: 'a', offsetBytes: 0, buffer: 0x403ef90, lengthBytes: 0x72 },
      { op: 'read', file: 'a', offsetBytes: 0x36, buffer: 0x403ef90, lengthBytes: 0x3c },
      { op: 'read', file: 'a', offsetBytes: 640, buffer: 0x1ffefff5c0, lengthBytes: 784 },
      { op: 'read', file: 'a', offsetBytes: 0x72, buffer: 0, lengthBytes: 20 },
      { op: 'write', file: 'a', offsetBytes: 0x86, buffer: 0x403ef90, lengthBytes: 10 },
    ]);
    expect(files.a).toBe(640 + 784);
  });

  it('prove sizes by what was read before it was written', async () => {
    const { calls, files } = await read(
      open('new', 0o102, '0x4') +
        async(18, 'sys_pwrite64 ( 4, 0x403ef90, 4096, 4096 )', '0x1000') +
        async(17, 'sys_pread64 ( 4, 0x403ef90, 4096, 0 )', '0x1000') +
        async(87, 'sys_unlink ( 0x10a01f(new) )', '0x0') +
        open('new', 0o102, '0x5') +
        async(77, 'sys_ftruncate ( 5, 100000 )', '0x0') +
        open('cut', 0o1002, '0x6') +
        open('log', 0o2001, '0x7') +
        async(1, 'sys_write ( 7, 0x403ef90, 10 )', '0xa') +
        async(1, 'sys_write ( 7, 0x403ef90, 10 )', '0xa'),
    );
    expect(files).toMatchObject({ new: 0, cut: 0, log: 0 });
    expect(calls.filter((call) => /truncate|log/.test(JSON.stringify(call)))).toEqual([
      { op: 'truncate', file: 'new', sizeBytes: 0 },
      { op: 'truncate', file: 'new', sizeBytes: 100000 },
      { op: 'truncate', file: 'cut', sizeBytes: 0 },
      { op: 'write', file: 'log', offsetBytes: 0, buffer: 0x403ef90, lengthBytes: 10 },
      { op: 'write', file: 'log', offsetBytes: 10, buffer: 0x403ef90, lengthBytes: 10 },
    ]);
  });

  it('prove nothing by a reservation that segments overlay, and the segments\u2019 ends', async () => {
    const { files } = await read(
      open('/lib/x.so', 524288, '0x4') +
        pre(9, 'sys_mmap ( 0x0, 1974096, 1, 2050, 4, 0 )', '0x4846000') +
        pre(9, 'sys_mmap ( 0x486c000, 1400832, 5, 2066, 4, 155648 )', '0x486c000') +
        ' L 04846010,8\n',
    );
    expect(files['/lib/x.so']).toBe(155648 + 1400832);
  });

  it('that failed are told by their name alone', async () => {
    const { calls, files } = await read(
      fails(257, 'sys_openat ( 4294967196, 0x4034bb0(/none), 0 )') +
        line(9, 'sys_mmap ( 0x1000, 3, 3, 2, 4294967295, 0 )', ' --> [pre-fail] Failure(0x9)'),
    );
    expect(calls).toEqual([
      { op: 'other', name: 'openat' },
      { op: 'other', name: 'mmap' },
    ]);
    expect(files['/none']).toBeUndefined();
  });

  it('make processes: fork copies memory, vfork and threads share it', async () => {
    const { calls } = await read(
      pre(57, 'sys_fork ( )', '0x128f') +
        pre(58, 'sys_fork ( )', '0x1290') +
        pre(56, 'sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 )', '0x1291') +
        pre(56, 'sys_clone ( 4111, 0x5333ff0, 0x0, 0x0, 0x0 )', '0x1292') +
        pre(56, 'sys_clone ( 3d0f00, 0x5329f70, 0x532a990, 0x532a990, 0x532a6c0 )', '0x1293') +
        pre(60, 'exit( 0 )', '0x0') +
        pre(231, 'exit_group( 7 )', '0x0'),
    );
    expect(calls).toEqual([
      { op: 'fork', childPid: 0x128f },
      { op: 'other', name: 'fork' },
      { op: 'fork', childPid: 0x1291 },
      { op: 'other', name: 'clone' },
      { op: 'other', name: 'clone' },
      { op: 'other', name: 'exit' },
      { op: 'exit', status: 7 },
    ]);
  });

  it('end in an execve that has no result', async () => {
    const { calls } = await read('SYSCALL[7,1](59) sys_execve ( 0x10a025(/bin/true), 0x1fff0005a0, 0x1fff0007a0 )\n');
    expect(calls).toEqual([{ op: 'exec', file: '/bin/true' }]);
    const failed = await read(
      line(59, 'sys_execve ( 0x10a006(/none), 0x1fff000530, 0x1fff0007a0 )', ' --> [pre-fail] Failure(0x2)'),
    );
    expect(failed.calls).toEqual([{ op: 'other', name: 'execve' }]);
  });

  it('of devices touch no page cache', async () => {
    const { calls } = await read(open('/dev/urandom', 0, '0x4') + async(0, 'sys_read ( 4, 0x49a4e10, 44 )', '0x2c'));
    expect(calls[1]).toEqual({ op: 'other', name: 'read' });
  });

  it('of System V shared memory are shared anonymous mappings', async () => {
    const { calls } = await read(
      sync(29, 'sys_shmget ( 0, 8192, 896 )', '0x5') +
        sync(30, 'sys_shmat ( 5, 0x0, 0 )', '0x483c000') +
        sync(67, 'sys_shmdt ( 0x483c000 )'),
    );
    expect(calls.slice(1)).toEqual([
      { op: 'mmap', addr: 0x483c000, lengthBytes: 8192, prot: 3, flags: 0x21, file: null, offsetBytes: 0 },
      { op: 'munmap', addr: 0x483c000, lengthBytes: 8192 },
    ]);
  });

  it('of another process, or of a second program, are refused', async () => {
    const foreign = 'SYSCALL[8,1](39) sys_getpid ()[sync] --> Success(0x8) \n';
    const error = await errorOf(() => read(sync(39, 'sys_getpid ()', '0x7') + foreign));
    expect([error.code, error.where]).toEqual(['TRACE_MALFORMED', 'input, line 4']);
    expect((await errorOf(() => read('==8== Command: /bin/true\n'))).message).toMatch(/second program/);
  });
});

describe('the image of a trace', () => {
  it('is program, interpreter and stack by what was used', () => {
    const trace = openTrace('fixtures/traces/true-kernel.gtr');
    const shown = trace.image.map(({ kind, addr, lengthBytes, prot, file, offsetBytes }) =>
      [kind, addr.toString(16), (addr + lengthBytes).toString(16), prot, file, offsetBytes.toString(16)].join(' '),
    );
    expect(shown).toEqual([
      'program 108000 10a000 1 /bin/true 0',
      'program 10a000 10e000 5 /bin/true 2000',
      'program 10e000 110000 1 /bin/true 6000',
      'program 110000 112000 3 /bin/true 8000',
      'interpreter 4000000 4001000 1 /lib64/ld-linux-x86-64.so.2 0',
      'interpreter 4001000 4026000 5 /lib64/ld-linux-x86-64.so.2 1000',
      'interpreter 4026000 4031000 1 /lib64/ld-linux-x86-64.so.2 26000',
      'interpreter 4031000 4035000 3 /lib64/ld-linux-x86-64.so.2 31000',
      'stack 1ffeffe000 1fff001000 3  0',
    ]);
    trace.close();
  });

  it('names the program without the escapes of the command line', async () => {
    const { image } = await read(sync(39, 'sys_getpid ()', '0x7'));
    expect(image).toEqual([
      { kind: 'program', addr: 0x401000, lengthBytes: 4096, prot: 5, file: '/bin/x y', offsetBytes: 0 },
    ]);
  });
});

describe('the shipped traces', () => {
  const hashes = {
    true: 'a5fedc2107ed159ee51bfb2653c1585ac2a7e87f4c50341336aeef90d269dca1',
    'git-log': '48dedfcdd1acd865c427eff4e0578294bf34f893bec3115bf8482595ae283a1f',
    'python-json': '94260e23afa7432d567130a3e0be2b1fc81c55bee63540fe735577544bce4da2',
    sqlite: 'ccdc47cd0ff36341204a4806fea6f7a1640b2f24776d1f1e8f7f3f24714aa961',
  };
  for (const [name, hash] of Object.entries(hashes)) {
    it(`${name}-kernel keeps its content`, () => {
      const trace = openTrace(`fixtures/traces/${name}-kernel.gtr`);
      expect(trace.hash).toBe(hash);
      trace.close();
    });
  }
});
