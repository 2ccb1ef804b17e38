/** Calls whose arguments lie at the borders that the kernel's functions ask about, and layer 1 held against those functions. */
import type { RuledCall } from '../../../src/mm/abi/rules.ts';
import { translateCall } from '../../../src/mm/abiRules.ts';
import { type Checked, kernelChecks } from './kernelChecks.ts';

const K = 1024;
const TOP = 2 ** 48;
const END = 2 ** 64;

const addr = [
  0,
  1,
  4 * K,
  16 * K,
  64 * K,
  68 * K,
  2 ** 30 + 512,
  TOP - 64 * K,
  TOP,
  END - 64 * K,
  END - 16 * K,
  END - 4 * K,
];
const lengthBytes = [
  0,
  1,
  4 * K,
  16 * K,
  64 * K,
  100 * K,
  TOP - 64 * K,
  TOP,
  2 ** 63,
  END - 64 * K,
  END - 4 * K,
  END - 2 * K,
];
const range = { addr, lengthBytes };
const short = { addr: addr.slice(0, 9), lengthBytes: [0, 1, 4 * K, 16 * K, 64 * K, TOP - 64 * K, TOP, END - 64 * K] };
const name = [null, 'heap', 'a[b]', 'x'.repeat(80), 'x'.repeat(79)];
const monitored = { fd: ['u'], ...short };
const vector = [
  [],
  [{ addr: 0, lengthBytes: -1 }],
  [{ addr: 3, lengthBytes: 1 }],
  Array.from({ length: 1025 }, () => ({ addr: 0, lengthBytes: 1 })),
];
const size = { file: ['f'], sizeBytes: [-1, 0, 5000, 2 ** 62, 2 ** 63, END] };
const mode = [0, 1, 2, 3, 4];

/** Of each call, for every argument the values that it takes. */
const ARGUMENTS: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  mprotect: { ...range, prot: [0, 3, 8, 16, 0x1000000, 0x3000000] },
  pkey_mprotect: { ...range, prot: [3, 16, 0x3000000], pkey: [-1, 0, 1] },
  mremap: {
    addr: [0, 4 * K, 16 * K, 64 * K, 1],
    oldLengthBytes: [0, 1, 64 * K, 68 * K, END - 2 * K],
    newLengthBytes: [0, 1, 64 * K, 68 * K, END - 2 * K],
    flags: [0, 1, 2, 3, 4, 5, 7, 8],
    newAddr: [0],
  },
  munmap: range,
  remap_file_pages: {
    addr,
    lengthBytes: [...lengthBytes, 2 ** 27],
    prot: [0, 1],
    pgoff: [0, 1, 2 ** 52, END - 4 * K, END - 2 * K],
    flags: [0],
  },
  mseal: { ...range, flags: [0, 1] },
  madvise: { ...range, advice: [-1, 0, 4, 7, 25, 26, 100] },
  msync: { ...range, flags: [0, 1, 2, 4, 5, 7, 8] },
  mincore: { ...range, vec: [0, 64 * K, TOP - 1, TOP - 2 ** 32, TOP] },
  mlock: range,
  munlock: range,
  mlock2: { ...range, flags: [0, 1, 2] },
  mlockall: { flags: [0, 1, 2, 4, 5, 6, 7, 8] },
  mbind: {
    addr: [0, 4 * K, 16 * K, 64 * K, END - 64 * K],
    lengthBytes: [0, 1, 64 * K, END - 64 * K, END - 4 * K, END - 2 * K],
    mode: [-1, 0, 1, 2, 3, 4, 5, 6, 7, 0x2001, 0x2002, 0x4002, 0x8001, 0xc002],
    maxNode: [0, 1, 2, 20, 4 * K * 8 + 1, 4 * K * 8 + 2, 64 * K * 8 + 2],
    flags: [0, 4, 8, 12],
    nodes: [undefined, [], [0], [1], [0, 16]],
  },
  set_mempolicy_home_node: { ...range, homeNode: [0, 1], flags: [0, 1] },
  set_vma_anon_name: { ...range, name },
  truncate: size,
  ftruncate: size,
  fallocate: {
    file: ['f'],
    mode: [0, 1, 2, 3, 4, 7],
    offsetBytes: [-1, 0, 5, 2 ** 62, 2 ** 63],
    lengthBytes: [-1, 0, 1, 2 ** 62, 2 ** 63],
  },
  memfd_create: {
    file: ['x', 'x'.repeat(249), 'x'.repeat(250)],
    flags: [
      0,
      3,
      4,
      8,
      0x10,
      0x18,
      0x20,
      21 << 26,
      ...[16, 21, 25, 29, 30, 34].map((log) => 4 | (log << 26)),
      0x1c,
      0x24,
    ],
  },
  shmat: {
    shmid: [-1, 0],
    addr: [0, 1, 4 * K, 20 * K, 64 * K, 68 * K],
    flags: [0, 0o20000, 0o40000, 0o60000],
    placedAddr: [0],
  },
  shmdt: { addr },
  move_pages: { targetPid: [0], addresses: [[]], nodes: [null], flags: [0, 1, 2, 4, 5, 8] },
  process_madvise: { targetPid: [0], ranges: vector, advice: [0, 3, 4, 20, 21, 25, 99] },
  process_vm_readv: { targetPid: [0], local: vector, remote: vector },
  process_vm_writev: { targetPid: [0], local: vector, remote: vector },
  userfaultfd: { fd: ['u'], flags: [0, 1, 2, 0o4000, 0o2000000, 0o2004001] },
  uffdio_api: { fd: ['u'], api: [0, 0xaa], features: [0, 1, 2, 3, 0x1ffff, 0x20000, 0x20002] },
  uffdio_register: { ...monitored, mode: [0, 1, 2, 4, 7, 8, 9] },
  uffdio_unregister: monitored,
  uffdio_wake: monitored,
  uffdio_copy: { ...monitored, src: addr.slice(0, 9), mode },
  uffdio_zeropage: { ...monitored, mode },
  uffdio_writeprotect: { ...monitored, mode },
  uffdio_continue: { ...monitored, mode },
  uffdio_poison: { ...monitored, mode },
  uffdio_move: { ...monitored, src: addr.slice(0, 9), mode },
};

/** The calls that are held against a function of the kernel. */
export const CHECKED_CALLS: readonly string[] = Object.keys(ARGUMENTS);

function* product(
  names: readonly string[],
  values: Readonly<Record<string, readonly unknown[]>>,
): Generator<Record<string, unknown>> {
  const [first, ...rest] = names;
  if (first === undefined) {
    yield {};
    return;
  }
  for (const tail of product(rest, values)) for (const value of values[first] ?? []) yield { [first]: value, ...tail };
}

function agrees(found: object, wanted: Checked): boolean {
  if (typeof wanted === 'number') {
    return wanted === 0 ? 'nothing' in found : 'errno' in found && found.errno === -wanted;
  }
  if (!('call' in found)) return false;
  const call = found.call as Record<string, unknown>;
  return Object.entries(wanted).every(([field, value]) => BigInt(call[field] as number) === value);
}

/** Whether the sums of a call are numbers: near 2^64 those are exact to 2048 only, which `numbers.ts` says. */
function isExact({ addr: start, lengthBytes: length }: Record<string, unknown>): boolean {
  if (typeof start !== 'number' || typeof length !== 'number') return true;
  return BigInt(start) + BigInt(length) === BigInt(start + length);
}

/** The first of a call's border cases that layer 1 answers otherwise than the kernel's function, in words. */
export function borderFault(op: string, count: { calls: number } = { calls: 0 }): string | null {
  const values = ARGUMENTS[op];
  const check = kernelChecks[op];
  if (values === undefined || check === undefined) return null;
  for (const fields of product(Object.keys(values), values)) {
    if (!isExact(fields)) continue;
    const call = { op, ...fields } as unknown as RuledCall;
    for (const pageBytes of [4 * K, 16 * K, 64 * K]) {
      for (const privileged of [true, false]) {
        count.calls++;
        const wanted = check(fields, BigInt(pageBytes), privileged);
        const found = translateCall(call, pageBytes, privileged);
        if (agrees(found, wanted)) continue;
        const says = JSON.stringify(wanted, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
        return (
          `${JSON.stringify(call)} at ${pageBytes / K}K${privileged ? '' : ', unprivileged'}:` +
          ` ${JSON.stringify(found)}, the kernel's function ${says}`
        );
      }
    }
  }
  return null;
}
