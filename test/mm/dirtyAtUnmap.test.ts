import { describe, expect, test } from 'vitest';
import type { FileContext } from '../../machines/index.ts';
import { runChecked } from '../support/partRuns.ts';

const BASE = '0x200000000';

/** Dirty pages in the cache of a file once a process has stored to its shared mapping and has ended it in some way. */
function dirtyAfter(pageSize: '4K' | '64K', end: readonly Record<string, unknown>[]): number {
  const program = [
    { op: 'mmap', addr: BASE, lengthBytes: 65536, prot: 3, flags: 0x11, file: '/data/file' },
    // The first access enters a clean page, so that hardware alone notes the write to it on tmpfs.
    { op: 'load', addr: BASE },
    { op: 'store', addr: BASE },
    ...end,
  ];
  const { system } = runChecked({
    name: 'dirty at unmap',
    files: [{ path: '/data/file', size: 65536, kind: 'tmpfs', cached: true }],
    processes: [{ pid: 1, pageSize, program }],
  });
  return (system.snapshot('file:/data/file').context as FileContext).cache.counts.dirtyPages;
}

describe('a page of a shared mapping that hardware has noted as written (mm/memory.c:zap_present_folio_ptes)', () => {
  test.each(['4K', '64K'] as const)('is dirty in the cache once a process of %s pages has unmapped it', (pageSize) => {
    const unmapped = dirtyAfter(pageSize, [{ op: 'munmap', addr: BASE, lengthBytes: 65536 }]);
    expect(unmapped).toBe(pageSize === '64K' ? 16 : 1);
  });

  test.each(['4K', '64K'] as const)('is dirty in the cache once a process of %s pages has ended', (pageSize) => {
    expect(dirtyAfter(pageSize, [])).toBe(pageSize === '64K' ? 16 : 1);
  });
});
