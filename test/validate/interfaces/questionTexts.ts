/** Questions of the grammar with any numbers in them. */
import fc from 'fast-check';

const offset = fc.oneof(
  fc.constantFrom(0, 512, 1024, 4096, 8192, 12288, 16384, 32768, 65536, 81920, 131072, 983040, 1044480, 1048576),
  fc.nat({ max: 2 ** 20 }),
);
const length = fc.oneof(fc.constantFrom(1, 512, 4096, 8192, 16384, 32768, 65536, 131072), fc.nat({ max: 2 ** 19 }));
const size = fc.oneof(fc.constantFrom(4096, 8192, 16384, 65536, 131072, 262144), fc.nat({ max: 2 ** 22 }));
const ADVICE =
  'NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED FREE REMOVE DONTFORK DOFORK HUGEPAGE NOHUGEPAGE DONTDUMP DODUMP COLD PAGEOUT ' +
  'POPULATE_READ POPULATE_WRITE DONTNEED_LOCKED';
const advice = fc.constantFrom(...ADVICE.split(' '));
const protection = fc.constantFrom('none', 'read', 'rw', 'rx', 'rwx');
const policy = fc.constantFrom('MPOL_PREFERRED', 'MPOL_BIND', 'MPOL_INTERLEAVE', 'MPOL_DEFAULT', 'MPOL_LOCAL');
const seenAdvice = fc.constantFrom('MADV_FREE', 'DONTNEED', 'MADV_COLD', 'HUGEPAGE', 'NOHUGEPAGE', 'MUNMAP', 'MLOCK');

/** Calls at one distance from the start of the mapping. */
export const rangeText: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(offset, length, protection).map(([o, l, p]) => `mprotect +${o} len ${l} ${p}`),
  fc.tuple(offset, length, advice).map(([o, l, a]) => `madvise ${a} +${o} len ${l}`),
  fc
    .tuple(offset, length, fc.constantFrom('COLD', 'PAGEOUT', 'WILLNEED', 'FREE'))
    .map(([o, l, a]) => `process_madvise ${a} +${o} len ${l}`),
  fc.tuple(offset, length, policy).map(([o, l, p]) => `mbind +${o} len ${l} ${p}`),
  offset.map((o) => `move_pages +${o}`),
  offset.map((o) => `remap_file_pages +${o}`),
  fc
    .tuple(fc.constantFrom('mlock2', 'munlock', 'mlock', 'msync', 'mincore'), offset, length)
    .map(([call, o, l]) => `${call} +${o} len ${l}`),
  fc
    .tuple(fc.constantFrom('UFFDIO_REGISTER', 'UFFDIO_ZEROPAGE', 'UFFDIO_COPY', 'UFFDIO_WAKE'), offset, length)
    .map(([call, o, l]) => `${call} +${o} len ${l}`),
);

const kilobytes = fc.nat({ max: 64 }).map((n) => n * 16);
const range = fc.tuple(kilobytes, kilobytes).map(([a, b]) => `${Math.min(a, b)}K..${Math.max(a, b) + 16}K`);
const after = fc
  .array(
    fc.tuple(seenAdvice, range).map(([name, where]) => `${name} ${where}`),
    { minLength: 1, maxLength: 3 },
  )
  .map((parts) => parts.join(' and '));

/** smaps and pagemap, in the child and after advice. */
export const seenText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('smaps', 'pagemap anon', 'pagemap file private', 'pagemap mlocked', 'pagemap huge'),
    fc.constantFrom('', ' in child'),
    fc.option(after),
  )
  .map(([what, where, advised]) => `${what}${where}${advised === null ? '' : ` after ${advised}`}`);

/** Everything else. */
export const plainText: fc.Arbitrary<string> = fc.oneof(
  size.map((n) => `F_SETPIPE_SZ ${n}`),
  size.map((n) => `mmap perf ring ${n}`),
  size.map((n) => `BPF ringbuf max_entries ${n}`),
  size.map((n) => `mmap BPF array ${n}`),
  size.map((n) => `io_uring mmap SQ ring ${n}`),
  fc.tuple(fc.constantFrom('fixed', 'SHM_RND'), offset).map(([how, o]) => `shmat ${how} +${o}`),
  fc
    .tuple(
      fc.constantFrom('memfd', 'after ftruncate'),
      fc.nat({ max: 262_144 }),
      fc.constantFrom('load', 'store'),
      fc.nat({ max: 262_143 }),
    )
    .map(([which, n, access, at]) => `${which} ${n}: ${access} ${at}`),
  fc.tuple(fc.nat({ max: 200_000 }), length).map(([o, l]) => `memfd fallocate punch +${o} len ${l + 1}`),
  fc.constantFrom('hpage_pmd_size', 'hugepages/', 'transparent_hugepage/', 'max_map_count', 'size of [stack]'),
);
