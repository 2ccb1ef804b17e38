/** The grammar of questions: numbers are read, nothing else is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { understand } from '../../../src/validate/interfaces/questions.ts';
import '../../support/propertySeed.ts';
import { plainText, rangeText, seenText } from './questionTexts.ts';

describe('a question', () => {
  it.each([
    ['mbind +12288 len 8192 MPOL_BIND', { call: 'mbind', offsetBytes: 12288, lengthBytes: 8192, argument: 2 }],
    ['madvise FREE +64K len 1M', { call: 'madvise', offsetBytes: 65536, lengthBytes: 1048576, argument: 8 }],
    ['madvise MADV_COLD +0 len 1', { call: 'madvise', offsetBytes: 0, lengthBytes: 1, argument: 20 }],
    ['mprotect +0x1000 len 4096 rwx', { call: 'mprotect', offsetBytes: 4096, lengthBytes: 4096, argument: 7 }],
    ['memfd 70000: store 70001', { fileBytes: 70000, access: 'store', at: 70001 }],
    ['after ftruncate 12: load 0', { fileBytes: 12, access: 'load', at: 0 }],
    ['F_SETPIPE_SZ 1M', { setBytes: 1048576 }],
    ['smaps in child after writes', { child: true, after: [] }],
    [
      'smaps after MADV_FREE 0..64K and munmap 64K..128K',
      {
        child: false,
        after: [
          { action: 'FREE', fromBytes: 0, toBytes: 65536, prot: 0 },
          { action: 'MUNMAP', fromBytes: 65536, toBytes: 131072, prot: 0 },
        ],
      },
    ],
    ['pagemap anon (present file exclusive soft-dirty)', { area: 'anon', child: false, after: [] }],
    ['mmap perf ring 20480', { kind: 'object' }],
  ])('%s is read', (text, fields) => {
    expect(understand(text)).toMatchObject(fields);
  });

  it.each([
    'mprotect +4096 len 4096',
    'mprotect +4096 len 4096 reed',
    'madvise SLEEP +0 len 4096',
    'madvise DONTNEED +-1 len 4096',
    'mbind +0 len 4096 MPOL_FAIR',
    'memfd 100000: jump 5',
    'smaps after lunch',
    'smaps after MADV_FREE 0..64K and then DONTNEED 0..64K',
    'smaps after mprotect 0..64K',
    'pagemap stack',
    'RLIMIT_NPROC soft',
    'sysconf(_SC_NAME_MAX)',
    'size of [vsyscall]',
    '',
  ])('"%s" is none', (text) => {
    expect(understand(text)).toBeNull();
  });

  it('of the grammar is understood whatever numbers are in it, and no longer with a word in front', () => {
    fc.assert(
      fc.property(fc.oneof(rangeText, seenText, plainText), (text) => {
        expect(understand(text), text).not.toBeNull();
        expect(understand(`why ${text}`)).toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  it('of any other characters never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => understand(text)).not.toThrow();
      }),
    );
  });
});
