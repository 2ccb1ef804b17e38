/**
 * Reading strace's text: every form that a line may have, and the calls that come out.
 *
 * @models S-20
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOfStrace } from '../../src/trace/strace/calls.ts';
import { looksLikeStrace, StraceText } from '../../src/trace/strace/text.ts';
import { numberOf, stringOf } from '../../src/trace/strace/values.ts';
import '../support/propertySeed.ts';

const callsOf = (...lines: string[]) =>
  eventsOfStrace(lines).events.flatMap((event) => (event.kind === 'call' ? [event] : []));

describe('a line', () => {
  const plain = { name: 'munmap', args: ['0x7f00', '4096'], result: 0, errno: '' };
  it.each([
    ['munmap(0x7f00, 4096)                  = 0', 0],
    ['27802 munmap(0x7f00, 4096)            = 0', 27802],
    ['[pid 27802] munmap(0x7f00, 4096)      = 0', 27802],
    ['27802 12:00:01.123456 munmap(0x7f00, 4096) = 0 <0.000012>', 27802],
    ['1700000000.123456 munmap(0x7f00, 4096) = 0', 0],
    ['     0.000123 munmap(0x7f00, 4096) = 0', 0],
  ])('%s', (line, pid) => {
    expect(new StraceText().line(line.trimStart())).toMatchObject({ ...plain, pid });
  });

  it('keeps commas in strings, brackets and paths together', () => {
    const text = new StraceText();
    expect(text.line('openat(AT_FDCWD</a,b>, "x, \\"y\\" (z", O_RDONLY) = 3</a,b/x>')?.args).toEqual([
      'AT_FDCWD</a,b>',
      '"x, \\"y\\" (z"',
      'O_RDONLY',
    ]);
    expect(text.line('mincore(0x1000, 8192, [1, 1]) = 0')?.args).toEqual(['0x1000', '8192', '[1, 1]']);
  });

  it('is put together where another thread interrupts it', () => {
    const text = new StraceText();
    expect(text.line('7 mmap(NULL, 4096, PROT_READ <unfinished ...>')).toBeNull();
    expect(text.line('8 close(3) = 0')?.pid).toBe(8);
    const whole = text.line('7 <... mmap resumed>, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7000');
    expect(whole).toMatchObject({ line: 1, pid: 7, result: 0x7000, args: expect.arrayContaining(['PROT_READ', '-1']) });
  });

  it('may say that there is no answer, or an errno', () => {
    const text = new StraceText();
    expect(text.line('exit_group(0)                     = ?')?.result).toBeNull();
    expect(text.line('mmap(0x1001, 1, 0, 0x12, -1, 0) = -1 EINVAL (Invalid argument)')).toMatchObject({
      errno: 'EINVAL',
    });
    expect(text.line('+++ exited with 0 +++')).toBeNull();
    expect(text.line('7 --- SIGCHLD {si_signo=SIGCHLD} ---')).toBeNull();
    expect(text.strange).toBe(0);
  });

  it('is told from the lines of other formats', () => {
    expect(
      looksLikeStrace(['==12== Lackey', 'I  0401000,3', 'SYSCALL[9,1](3) sys_close ( 4 )[sync] --> Success(0x0)']),
    ).toBe(false);
    expect(looksLikeStrace(['strace: Process 9 attached', '[pid  9] 0.1 brk(NULL) = 0x1000'])).toBe(true);
  });

  it('never throws, whatever it is', () => {
    const piece = fc.constantFrom(
      'mmap(',
      '"',
      '<',
      '>',
      ',',
      ')',
      ' = ',
      '0x7f00',
      'NULL',
      '<unfinished ...>',
      '<... mmap resumed>',
      '7 ',
      '\\',
      '{',
      '}',
      '[',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 30 }), (pieces) => {
        eventsOfStrace([pieces.join(''), pieces.reverse().join('')]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('numbers and strings', () => {
  it('by name, in any base, and in sums and products', () => {
    expect(numberOf('PROT_READ|PROT_WRITE')).toBe(3);
    expect(numberOf('MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE')).toBe(0x812);
    expect(numberOf('MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT')).toBe(0x40022 + 21 * 2 ** 26);
    expect(numberOf('0644')).toBe(0o644);
    expect(numberOf('-1')).toBe(-1);
    expect(numberOf('0x32 /* MAP_??? */')).toBe(0x32);
    expect(numberOf('MADV_SOMETHING_NEW')).toBeNull();
    expect(stringOf('"a\\\\b"...')).toBe('a\\b');
  });
});

describe('calls', () => {
  it('know the file behind a descriptor, also after dup', () => {
    const calls = callsOf(
      'openat(AT_FDCWD, "/lib/a.so", O_RDONLY) = 3',
      'dup(3) = 5',
      'close(3) = 0',
      'mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 5, 0x2000) = 0x7000',
    );
    expect(calls[0]?.call).toEqual({
      op: 'mmap',
      addr: 0,
      lengthBytes: 4096,
      prot: 1,
      flags: 2,
      file: '/lib/a.so',
      offsetBytes: 0x2000,
    });
  });

  it('count the offset of mmap2 in 4096 bytes', () => {
    expect(callsOf('mmap2(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0x10) = 0x7000')[0]?.call).toMatchObject({
      offsetBytes: 0x10000,
    });
  });

  it('of threads share a space, those of children do not', () => {
    const { events } = eventsOfStrace([
      '7 execve("/bin/a", ["a"], 0x1) = 0',
      '7 clone(child_stack=0x1, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 8',
      '8 munmap(0x1000, 4096) = 0',
      '7 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD <unfinished ...>',
      '9 munmap(0x2000, 4096) = 0',
      '7 <... clone resumed>, child_tidptr=0x1) = 9',
      '9 execve("/bin/b", ["b"], 0x1) = 0',
      '9 munmap(0x3000, 4096) = 0',
      '7 munmap(0x4000, 4096) = 0',
    ]);
    const spaces = events.map((event) => [event.kind, event.space]);
    const [exec, thread, fork, child, second, after, parent] = spaces;
    expect([exec?.[1], thread?.[1], parent?.[1]]).toEqual([exec?.[1], exec?.[1], exec?.[1]]);
    expect(fork).toEqual(['fork', exec?.[1]]);
    expect(new Set([exec?.[1], child?.[1], second?.[1]]).size).toBe(3);
    expect(after?.[1]).toBe(second?.[1]);
  });

  it('of two children do not mix up their descriptors', () => {
    const calls = callsOf(
      '7 fork() = 8',
      '7 fork() = 9',
      '8 openat(AT_FDCWD, "/a", O_RDONLY) = 3',
      '9 openat(AT_FDCWD, "/b", O_RDONLY) = 3',
      '8 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7000',
    );
    expect(calls[0]?.call).toMatchObject({ file: '/a' });
  });

  it('name a range for userfaultfd, an anonymous name, and shared memory', () => {
    const calls = callsOf(
      'ioctl(3, UFFDIO_REGISTER, {range={start=0x7f0000001000, len=0x1000}, mode=UFFDIO_REGISTER_MODE_MISSING}) = 0',
      'prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7f0000000000, 4096, "heap") = 0',
      'shmat(5, NULL, 0) = 0x7f0000002000',
    );
    expect(calls.map(({ call }) => call.op)).toEqual(['uffdio_register', 'set_vma_anon_name', 'shmat']);
  });
});

const HAS_STRACE = ((): boolean => {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();

describe('the strace of this machine', () => {
  it.skipIf(!HAS_STRACE)('is read without a strange line (SKIPPED: there is no strace here that may trace)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'granule-strace-'));
    try {
      for (const options of [['-f'], ['-f', '-ttt', '-T'], ['-f', '-y', '-r']]) {
        const out = join(folder, 'out');
        execFileSync('strace', [...options, '-o', out, 'sh', '-c', 'cat /etc/passwd | wc'], { stdio: 'pipe' });
        const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
        const { strange, unread, events } = eventsOfStrace(lines);
        expect({ options, strange, unread }).toEqual({ options, strange: 0, unread: 0 });
        expect(events.filter(({ kind }) => kind === 'exec').length).toBe(3);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
