/** Calls with what layer 1 answers them, worked out from the kernel's functions: for tests, and to find what a mutant breaks. */
import { type ErrnoName, MAP, SHM } from '../../../src/mm/abi/numbers.ts';
import type { RuledCall } from '../../../src/mm/abi/rules.ts';

const K = 1024;
const G = K * K * K;
const TOP = 2 ** 48;
export const PAGE_SIZES = [4 * K, 16 * K, 64 * K];

/** An errno, success with nothing done, or some arguments as the kernel goes on with them. */
export type Expected = ErrnoName | 'nothing' | Readonly<Record<string, unknown>>;
/** One answer for all page sizes, or one each. */
/** A call with what it is answered, by page size or for all of them. */
export type Case = [
  says: string,
  call: RuledCall,
  expected: Expected | [Expected, Expected, Expected],
  privileged?: boolean,
];

type CallOf<O extends RuledCall['op']> = Extract<RuledCall, { op: O }>;

const anonymous = { prot: 3, flags: MAP.PRIVATE | MAP.ANONYMOUS, file: null, offsetBytes: 0 };
const map = (change: Partial<CallOf<'mmap'>>): RuledCall => ({
  op: 'mmap',
  addr: 0,
  lengthBytes: 100 * K,
  ...anonymous,
  ...change,
});
const flags = (...bits: number[]): number => bits.reduce((all, bit) => all | bit, MAP.PRIVATE | MAP.ANONYMOUS);
const remap = (change: Partial<CallOf<'mremap'>>): RuledCall => ({
  op: 'mremap',
  addr: G,
  oldLengthBytes: 64 * K,
  newLengthBytes: 1,
  flags: 0,
  newAddr: 0,
  ...change,
});
const bind = (change: Partial<CallOf<'mbind'>>): RuledCall => ({
  op: 'mbind',
  addr: G,
  lengthBytes: 1,
  mode: 1,
  maxNode: 8,
  flags: 0,
  nodes: [0],
  ...change,
});

/** Each with what 4K, 16K and 64K callers are answered. */
export const cases: Case[] = [
  ['an offset is in pages of the caller', map({ offsetBytes: 4 * K, file: 'f' }), [{}, 'EINVAL', 'EINVAL']],
  ['the offset is asked before the length', map({ offsetBytes: 1, lengthBytes: 0 }), 'EINVAL'],
  ['no length', map({ lengthBytes: 0 }), 'EINVAL'],
  ['a length goes up', map({}), [{ lengthBytes: 100 * K }, { lengthBytes: 112 * K }, { lengthBytes: 128 * K }]],
  ['a length that wraps', map({ lengthBytes: 2 ** 64 - 2048 }), 'ENOMEM'],
  ['a length beyond user memory', map({ lengthBytes: TOP + 1 }), 'ENOMEM'],
  ['a hint goes down', map({ addr: 68 * K }), [{ addr: 68 * K }, { addr: 64 * K }, { addr: 64 * K }]],
  ['a hint inside the first page is none', map({ addr: 1 }), [{ addr: 0 }, { addr: 0 }, { addr: 0 }]],
  ['a hint too high is only a hint', map({ addr: TOP - 64 * K }), { addr: TOP - 64 * K }],
  ['a fixed address is aligned', map({ addr: G + 4 * K, flags: flags(MAP.FIXED) }), [{}, 'EINVAL', 'EINVAL']],
  ['before the least address is', map({ addr: 1, flags: flags(MAP.FIXED) }), 'EINVAL', false],
  ['so with NOREPLACE', map({ addr: G + 16 * K, flags: flags(MAP.FIXED_NOREPLACE) }), [{}, {}, 'EINVAL']],
  ['a fixed end beyond', map({ addr: TOP - 64 * K, flags: flags(MAP.FIXED) }), 'ENOMEM'],
  ['room is asked before alignment', map({ addr: TOP - 1, flags: flags(MAP.FIXED) }), 'ENOMEM'],
  ['address 0 needs a capability', map({ flags: flags(MAP.FIXED) }), 'EPERM', false],
  ['and is given with it', map({ flags: flags(MAP.FIXED) }), { addr: 0 }],
  ['huge pages of a file', map({ file: 'f', flags: 2 | MAP.HUGETLB }), 'EINVAL'],
  ['64K huge pages', map({ flags: flags(MAP.HUGETLB) | (16 << 26) }), [{}, 'EINVAL', 'EINVAL']],
  ['512M huge pages', map({ flags: flags(MAP.HUGETLB) | (29 << 26) }), ['EINVAL', 'EINVAL', {}]],

  ['munmap at 4K', { op: 'munmap', addr: G + 4 * K, lengthBytes: 1 }, [{ lengthBytes: 4 * K }, 'EINVAL', 'EINVAL']],
  ['munmap of nothing', { op: 'munmap', addr: G, lengthBytes: 0 }, 'EINVAL'],
  ['munmap up to the top', { op: 'munmap', addr: TOP - 64 * K, lengthBytes: 1 }, {}],
  ['munmap beyond, as given', { op: 'munmap', addr: TOP - 64 * K, lengthBytes: 64 * K + 1 }, 'EINVAL'],
  ['mprotect at 16K', { op: 'mprotect', addr: G + 16 * K, lengthBytes: 1, prot: 1 }, [{}, {}, 'EINVAL']],
  ['mprotect of nothing', { op: 'mprotect', addr: G, lengthBytes: 0, prot: 0x40 }, 'nothing'],
  ['mprotect that wraps', { op: 'mprotect', addr: G, lengthBytes: 2 ** 64 - 2048, prot: 1 }, 'ENOMEM'],
  ['mprotect past the end', { op: 'mprotect', addr: 2 ** 63, lengthBytes: 2 ** 63, prot: 1 }, 'ENOMEM'],
  ['BTI on a CPU without', { op: 'mprotect', addr: G, lengthBytes: 1, prot: 0x11 }, 'EINVAL'],
  ['both ways', { op: 'mprotect', addr: 1, lengthBytes: 0, prot: 0x3000000 }, 'EINVAL'],
  ['no key', { op: 'pkey_mprotect', addr: G, lengthBytes: 1, prot: 1, pkey: -1 }, {}],
  ['a key never given', { op: 'pkey_mprotect', addr: G, lengthBytes: 1, prot: 1, pkey: 1 }, 'EINVAL'],
  ['a length of 0 is asked before it', { op: 'pkey_mprotect', addr: G, lengthBytes: 0, prot: 1, pkey: 1 }, 'nothing'],

  [
    'both lengths go up',
    remap({}),
    [{ newLengthBytes: 4 * K }, { newLengthBytes: 16 * K }, { newLengthBytes: 64 * K }],
  ],
  ['an old address', remap({ addr: G + 4 * K }), [{}, 'EINVAL', 'EINVAL']],
  ['no new length', remap({ newLengthBytes: 0 }), 'EINVAL'],
  ['an old length of 0 is something else', remap({ oldLengthBytes: 0 }), { oldLengthBytes: 0 }],
  ['a flag unknown', remap({ flags: 8 }), 'EINVAL'],
  ['FIXED alone', remap({ flags: 2 }), 'EINVAL'],
  ['DONTUNMAP with lengths that are equal once rounded', remap({ flags: 5, newLengthBytes: 64 * K - 1 }), 'EINVAL'],
  ['a new address that nobody asks for yet', remap({ flags: 3, newAddr: 1 }), { newAddr: 1 }],

  ['a break is kept to the byte', { op: 'brk', addr: G + 1 }, { addr: G + 1 }],
  [
    'remap_file_pages rounds down',
    { op: 'remap_file_pages', addr: G + 5 * K, lengthBytes: 70 * K, prot: 0, pgoff: 0, flags: 0 },
    [
      { addr: G + 4 * K, lengthBytes: 68 * K },
      { addr: G, lengthBytes: 64 * K },
      { addr: G, lengthBytes: 64 * K },
    ],
  ],
  [
    'down to nothing',
    { op: 'remap_file_pages', addr: G, lengthBytes: 60 * K, prot: 0, pgoff: 0, flags: 0 },
    [{}, {}, 'EINVAL'],
  ],
  [
    'with a protection',
    { op: 'remap_file_pages', addr: G, lengthBytes: 64 * K, prot: 1, pgoff: 0, flags: 0 },
    'EINVAL',
  ],
  ['mseal at 4K', { op: 'mseal', addr: G + 4 * K, lengthBytes: 1, flags: 0 }, [{}, 'EINVAL', 'EINVAL']],
  ['mseal with flags', { op: 'mseal', addr: G, lengthBytes: 0, flags: 1 }, 'EINVAL'],
  ['mseal of nothing', { op: 'mseal', addr: G, lengthBytes: 0, flags: 0 }, 'nothing'],

  ['advice at 4K', { op: 'madvise', addr: G + 4 * K, lengthBytes: 1, advice: 4 }, [{}, 'EINVAL', 'EINVAL']],
  ['advice unknown, for nothing', { op: 'madvise', addr: G, lengthBytes: 0, advice: 99 }, 'EINVAL'],
  ['memory failure is not built in', { op: 'madvise', addr: G, lengthBytes: 1, advice: 100 }, 'EINVAL'],
  ['advice for nothing', { op: 'madvise', addr: G, lengthBytes: 0, advice: 4 }, 'nothing'],
  ['a length that rounds to 0', { op: 'madvise', addr: G, lengthBytes: 2 ** 64 - 2048, advice: 4 }, 'EINVAL'],
  ['msync at 16K', { op: 'msync', addr: G + 16 * K, lengthBytes: 1, flags: 4 }, [{}, {}, 'EINVAL']],
  ['msync both ways', { op: 'msync', addr: G, lengthBytes: 1, flags: 5 }, 'EINVAL'],
  ['a length that rounds to 0 is nothing', { op: 'msync', addr: G, lengthBytes: 2 ** 64 - 2048, flags: 4 }, 'nothing'],
  ['msync past the end', { op: 'msync', addr: 2 ** 63, lengthBytes: 2 ** 63, flags: 4 }, 'ENOMEM'],
  ['mincore at 4K', { op: 'mincore', addr: G + 4 * K, lengthBytes: 1 }, [{}, 'EINVAL', 'EINVAL']],
  ['mincore beyond', { op: 'mincore', addr: G, lengthBytes: TOP }, 'ENOMEM'],
  [
    'a vector with room for one byte',
    { op: 'mincore', addr: G, lengthBytes: 64 * K, vec: TOP - 1 },
    ['EFAULT', 'EFAULT', {}],
  ],
  [
    'mlock goes outward',
    { op: 'mlock', addr: G + 5 * K, lengthBytes: 1 },
    [{ addr: G + 4 * K }, { addr: G }, { addr: G }],
  ],
  [
    'over a border',
    { op: 'mlock', addr: G + 4 * K - 1, lengthBytes: 2 },
    [{ lengthBytes: 8 * K }, { lengthBytes: 16 * K }, {}],
  ],
  ['mlock past the end', { op: 'mlock', addr: 2 ** 63, lengthBytes: 2 ** 63 + 64 * K }, 'EINVAL'],
  ['mlock2 with a flag unknown', { op: 'mlock2', addr: G, lengthBytes: 1, flags: 2 }, 'EINVAL'],
  ['munlock of nothing', { op: 'munlock', addr: G, lengthBytes: 0 }, 'nothing'],
  ['mlockall of nothing', { op: 'mlockall', flags: 4 }, 'EINVAL'],
  ['mlockall of what comes', { op: 'mlockall', flags: 6 }, {}],
  ['munlockall', { op: 'munlockall' }, {}],

  ['mbind at 16K', bind({ addr: G + 16 * K }), [{}, {}, 'EINVAL']],
  ['a mask of a page of 4K', bind({ maxNode: 8 * 4 * K + 2 }), ['EINVAL', {}, {}]],
  ['flags are asked before alignment', bind({ addr: 1, flags: 8 }), 'EINVAL'],
  ['moving all', bind({ addr: 1, flags: 4 }), 'EPERM', false],
  ['no nodes to bind to', bind({ mode: 2, nodes: [] }), 'EINVAL'],
  ['of nothing, they are not asked', bind({ mode: 2, nodes: [], lengthBytes: 0 }), 'nothing'],
  ['a mode unknown', bind({ mode: 7 }), 'EINVAL'],
  [
    'a home node',
    { op: 'set_mempolicy_home_node', addr: G + 4 * K, lengthBytes: 1, homeNode: 0, flags: 0 },
    [{}, 'EINVAL', 'EINVAL'],
  ],
  [
    'a home node that is not there',
    { op: 'set_mempolicy_home_node', addr: G, lengthBytes: 1, homeNode: 1, flags: 0 },
    'EINVAL',
  ],
  ['a name', { op: 'set_vma_anon_name', addr: G + 4 * K, lengthBytes: 1, name: 'heap' }, [{}, 'EINVAL', 'EINVAL']],
  ['a name that maps cannot show', { op: 'set_vma_anon_name', addr: G, lengthBytes: 1, name: 'a[b]' }, 'EINVAL'],

  [
    'a read of 2 GiB',
    { op: 'read', file: 'f', offsetBytes: 0, buffer: G, lengthBytes: 2 ** 31 },
    [{ lengthBytes: 2 ** 31 - 4 * K }, { lengthBytes: 2 ** 31 - 16 * K }, { lengthBytes: 2 ** 31 - 64 * K }],
  ],
  ['a write of a byte', { op: 'write', file: 'f', offsetBytes: 0, buffer: G, lengthBytes: 1 }, { lengthBytes: 1 }],
  ['a size below 0', { op: 'ftruncate', file: 'f', sizeBytes: -1 }, 'EINVAL'],
  ['a size beyond', { op: 'truncate', file: 'f', sizeBytes: 2 ** 63 }, 'EFBIG'],
  ['a hole anywhere', { op: 'fallocate', file: 'f', mode: 3, offsetBytes: 4 * K + 1, lengthBytes: 7 }, {}],
  ['a hole that would shrink', { op: 'fallocate', file: 'f', mode: 2, offsetBytes: 0, lengthBytes: 7 }, 'EOPNOTSUPP'],
  ['room for nothing', { op: 'fallocate', file: 'f', mode: 2, offsetBytes: 0, lengthBytes: 0 }, 'EINVAL'],
  ['a memfd', { op: 'memfd_create', file: 'x', flags: 3 }, {}],
  ['a memfd with a flag unknown', { op: 'memfd_create', file: 'x', flags: 0x20 }, 'EINVAL'],
  ['a memfd that is executable and not', { op: 'memfd_create', file: 'x', flags: 0x18 }, 'EINVAL'],
  [
    'a memfd of 64K huge pages',
    { op: 'memfd_create', file: 'x', flags: 4 | (16 << 26) },
    ['ENOSYS', 'ENODEV', 'ENODEV'],
  ],

  [
    'a segment in bytes',
    { op: 'shmget', key: 0, lengthBytes: 70000, flags: SHM.IPC_CREAT, shmid: 0 },
    { lengthBytes: 70000 },
  ],
  ['an attachment', { op: 'shmat', shmid: 0, addr: G + 4 * K, flags: 0, placedAddr: 0 }, [{}, 'EINVAL', 'EINVAL']],
  [
    'rounded',
    { op: 'shmat', shmid: 0, addr: G + 5 * K, flags: SHM.RND, placedAddr: 0 },
    [{ addr: G + 4 * K }, { addr: G }, { addr: G }],
  ],
  [
    'rounded to nothing',
    { op: 'shmat', shmid: 0, addr: 20 * K, flags: SHM.RND | SHM.REMAP, placedAddr: 0 },
    [{}, {}, 'EINVAL'],
  ],
  ['of a number below 0', { op: 'shmat', shmid: -1, addr: 0, flags: 0, placedAddr: 0 }, 'EINVAL'],
  ['a detachment', { op: 'shmdt', addr: G + 16 * K }, [{}, {}, 'EINVAL']],
  ['a removal', { op: 'shmctl', shmid: -1, command: 0 }, 'EINVAL'],
  ['pages anywhere', { op: 'move_pages', targetPid: 0, addresses: [1], nodes: null, flags: 2 }, { addresses: [1] }],
  ['a flag unknown', { op: 'move_pages', targetPid: 0, addresses: [], nodes: null, flags: 1 }, 'EINVAL'],
  ['advice that others may give', { op: 'process_madvise', targetPid: 0, ranges: [], advice: 20 }, {}],
  ['advice that they may not', { op: 'process_madvise', targetPid: 0, ranges: [], advice: 4 }, 'EINVAL'],
  [
    'a length below 0',
    { op: 'process_vm_readv', targetPid: 1, local: [{ addr: 0, lengthBytes: -1 }], remote: [] },
    'EINVAL',
  ],
  ['any address', { op: 'process_vm_writev', targetPid: 1, local: [{ addr: 3, lengthBytes: 1 }], remote: [] }, {}],
];

/** What a case expects of one page size. */
export function expectedAt(expected: Case[2], index: number): Expected {
  return Array.isArray(expected) ? expected[index] : expected;
}

const file = { file: 'f', flags: MAP.SHARED };
/** Calls with the errno that is asked late, null for none. */
export const late: [string, RuledCall, ErrnoName | null][] = [
  ['a type that is none', map({ flags: MAP.ANONYMOUS }), 'EINVAL'],
  ['MAP_SHARED_VALIDATE needs a file', map({ flags: 3 | MAP.ANONYMOUS }), 'EINVAL'],
  ['it refuses what it does not know', map({ ...file, flags: 3 | MAP.SYNC }), 'EOPNOTSUPP'],
  ['MAP_FIXED_NOREPLACE among it', map({ ...file, flags: 3 | MAP.FIXED_NOREPLACE }), 'EOPNOTSUPP'],
  ['MAP_SHARED does not', map({ ...file, flags: MAP.SHARED | MAP.SYNC }), null],
  ['a stack of a file', map({ ...file, flags: MAP.PRIVATE | MAP.GROWSDOWN }), 'EINVAL'],
  ['a shared stack', map({ flags: MAP.SHARED | MAP.ANONYMOUS | MAP.GROWSDOWN }), 'EINVAL'],
  ['a stack', map({ flags: flags(MAP.GROWSDOWN) }), null],
  ['droppable and locked', map({ flags: MAP.DROPPABLE | MAP.ANONYMOUS | MAP.LOCKED }), 'EINVAL'],
  ['droppable', map({ flags: MAP.DROPPABLE | MAP.ANONYMOUS }), null],
  ['huge pages that nobody reserved', map({ flags: flags(MAP.HUGETLB) }), 'ENOMEM'],
  ['past the largest file', map({ ...file, offsetBytes: 2 ** 63 - 65536 }), 'EOVERFLOW'],
  ['and before flags are', map({ ...file, flags: 3 | MAP.SYNC, offsetBytes: 2 ** 63 - 65536 }), 'EOVERFLOW'],
  ['a file of a type that is none', map({ ...file, flags: 0 }), 'EINVAL'],
  ['a shared stack of huge pages', map({ flags: MAP.SHARED | MAP.ANONYMOUS | MAP.GROWSDOWN | MAP.HUGETLB }), 'EINVAL'],
  ['a new address inside a page', remap({ flags: 3, newAddr: 2 * G + 1 }), 'EINVAL'],
  ['a new place beyond', remap({ flags: 3, newAddr: TOP }), 'EINVAL'],
  ['a new place on the old one', remap({ flags: 3, newAddr: G + 32 * K, newLengthBytes: 64 * K }), 'EINVAL'],
  ['a new address that nobody asks for', remap({ flags: 1, newAddr: TOP + 1 }), null],
  ['a hint on the old one', remap({ flags: 1, newAddr: G + 32 * K }), null],
  ['a node that is not there', { op: 'move_pages', targetPid: 0, addresses: [1], nodes: [1], flags: 2 }, 'ENODEV'],
];
