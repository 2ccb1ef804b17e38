/** The calls that a program of a topology may make, in the plain form that a person writes. */
import { z } from 'zod';
import { ADVICE, MAP } from '../mm/abi/numbers.ts';
import { UFFD, UFFD_FEATURE } from '../mm/userfaultfd/numbers.ts';
import { PER_PAGE } from '../mm/selection/settings.ts';
import { namesForm, NUMBER_FORM } from './numberForms.ts';

const UNIT_BYTES: Record<string, number> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * A number as people write it: decimal, hex, or with K, M, G, T behind it.
 *
 * @returns null where it is none that is exact
 * @example
 * ```ts
 * parseNumber('0x10000'); // 65536
 * parseNumber('64K'); // 65536
 * parseNumber('12 pages'); // null
 * ```
 */
export function parseNumber(text: string | number): number | null {
  if (typeof text === 'number') return Number.isSafeInteger(text) ? text : null;
  const hex = /^0x[0-9a-f]+$/i.test(text.trim()) ? Number(text.trim()) : null;
  const match = /^(-?\d+)\s*([KMGT]?)$/i.exec(text.trim());
  const value = hex ?? (match === null ? null : Number(match[1]) * UNIT_BYTES[(match[2] ?? '').toUpperCase()]);
  return Number.isSafeInteger(value) ? value : null;
}

/**
 * A field that holds a number.
 *
 * @example
 * ```ts
 * number.parse('4K'); // 4096
 * ```
 */
export const number = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const parsed = parseNumber(value);
    if (parsed === null)
      context.addIssue({ code: 'custom', message: `"${value}" is no number; write 4096, 0x1000 or 4K` });
    return parsed ?? 0;
  })
  .meta({ id: 'number', ...NUMBER_FORM });

/** Names joined by `|`, or the number. */
function named(names: Readonly<Record<string, number>>): z.ZodType<number, string | number> {
  return z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      if (typeof value === 'number') return value;
      let bits = 0;
      for (const name of value.split('|').map((part) => part.trim())) {
        const bit = Object.hasOwn(names, name) ? (names[name] ?? null) : parseNumber(name);
        if (bit === null)
          context.addIssue({ code: 'custom', message: `"${name}" is none of ${Object.keys(names).join(', ')}` });
        bits |= bit ?? 0;
      }
      return bits;
    })
    .meta(namesForm(Object.keys(names)));
}

const prot = z.union([z.number(), z.string().regex(/^(?:none|r?w?x?)$/)]).transform((value) => {
  if (typeof value === 'number') return value;
  return (value.includes('r') ? 1 : 0) | (value.includes('w') ? 2 : 0) | (value.includes('x') ? 4 : 0);
});

const advice = named(ADVICE);
const ranges = z.array(z.strictObject({ addr: number, lengthBytes: number }));
const area = { addr: number, lengthBytes: number };
const file = z.string().min(1);
const direct = z.literal(true).optional();
const transfer = { file, offsetBytes: number.default(0), buffer: number, lengthBytes: number, direct };

const watched = { fd: z.string().min(1), addr: number.optional(), lengthBytes: number.optional() };
const mode = number.default(0);

/** The calls of userfaultfd; `addr` left out is the page of the event that was read last. */
const userfaultShapes = [
  z.strictObject({ op: z.literal('userfaultfd'), fd: z.string().min(1), flags: number.default(0) }),
  z.strictObject({ op: z.literal('uffd_read'), fd: z.string().min(1) }),
  z.strictObject({ op: z.literal('uffd_close'), fd: z.string().min(1) }),
  z.strictObject({
    op: z.literal('uffdio_api'),
    fd: z.string().min(1),
    api: number.default(UFFD.API),
    features: named(UFFD_FEATURE).default(0),
  }),
  z.strictObject({
    op: z.literal('uffdio_register'),
    ...watched,
    mode: named({ MISSING: UFFD.REGISTER_MISSING, WP: UFFD.REGISTER_WP, MINOR: UFFD.REGISTER_MINOR }).default(1),
  }),
  z.strictObject({ op: z.literal('uffdio_unregister'), ...watched }),
  z.strictObject({ op: z.literal('uffdio_wake'), ...watched }),
  z.strictObject({ op: z.literal('uffdio_copy'), ...watched, src: number, mode }),
  z.strictObject({ op: z.literal('uffdio_zeropage'), ...watched, mode }),
  z.strictObject({ op: z.literal('uffdio_writeprotect'), ...watched, mode }),
  z.strictObject({ op: z.literal('uffdio_continue'), ...watched, mode }),
  z.strictObject({ op: z.literal('uffdio_poison'), ...watched, mode }),
  z.strictObject({ op: z.literal('uffdio_move'), ...watched, src: number, mode }),
] as const;

/**
 * One shape a call; what is left out has the value that a plain program would give.
 *
 * @example
 * ```ts
 * callSchema.parse({ op: 'munmap', addr: '0x10000', lengthBytes: '64K' }); // { op: 'munmap', addr: 65536, lengthBytes: 65536 }
 * ```
 */
export const callSchema = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('mmap'),
    addr: number.default(0),
    lengthBytes: number,
    prot: prot.default(3),
    flags: named(MAP).default(MAP.PRIVATE | MAP.ANONYMOUS),
    file: file.nullable().default(null),
    offsetBytes: number.default(0),
  }),
  z.strictObject({ op: z.literal('munmap'), ...area }),
  z.strictObject({ op: z.literal('mprotect'), ...area, prot }),
  z.strictObject({
    op: z.literal('mremap'),
    addr: number,
    oldLengthBytes: number,
    newLengthBytes: number,
    flags: number.default(1),
    newAddr: number.default(0),
  }),
  z.strictObject({ op: z.literal('brk'), addr: number }),
  z.strictObject({ op: z.literal('madvise'), ...area, advice }),
  z.strictObject({ op: z.literal('msync'), ...area, flags: number.default(4) }),
  z.strictObject({ op: z.literal('mincore'), ...area }),
  z.strictObject({ op: z.literal('mlock'), ...area }),
  z.strictObject({ op: z.literal('mlock2'), ...area, flags: number.default(0) }),
  z.strictObject({ op: z.literal('munlock'), ...area }),
  z.strictObject({ op: z.literal('mlockall'), flags: number.default(1) }),
  z.strictObject({ op: z.literal('munlockall') }),
  z.strictObject({ op: z.literal('read'), ...transfer }),
  z.strictObject({ op: z.literal('write'), ...transfer }),
  z.strictObject({
    op: z.literal('splice'),
    file,
    offsetBytes: number.default(0),
    lengthBytes: number,
    pipe: z.string().min(1),
  }),
  z.strictObject({ op: z.literal('drain'), pipe: z.string().min(1), lengthBytes: number }),
  z.strictObject({ op: z.literal('ftruncate'), file, sizeBytes: number }),
  z.strictObject({
    op: z.literal('fallocate'),
    file,
    mode: number.default(0),
    offsetBytes: number,
    lengthBytes: number,
  }),
  z.strictObject({ op: z.literal('memfd_create'), file, flags: number.default(0) }),
  z.strictObject({
    op: z.literal('shmget'),
    key: number.default(0),
    lengthBytes: number,
    flags: number.default(0o1600),
    shmid: number,
  }),
  z.strictObject({
    op: z.literal('shmat'),
    shmid: number,
    addr: number.default(0),
    flags: number.default(0),
    placedAddr: number.default(0),
  }),
  z.strictObject({ op: z.literal('shmdt'), addr: number }),
  z.strictObject({ op: z.literal('shmctl'), shmid: number, command: number.default(0) }),
  z.strictObject({
    op: z.literal('move_pages'),
    targetPid: number.default(0),
    addresses: z.array(number),
    nodes: z.array(number).nullable().default(null),
    flags: number.default(0),
  }),
  z.strictObject({ op: z.literal('process_madvise'), targetPid: number, ranges, advice }),
  z.strictObject({ op: z.literal('process_vm_readv'), targetPid: number, local: ranges, remote: ranges }),
  z.strictObject({ op: z.literal('process_vm_writev'), targetPid: number, local: ranges, remote: ranges }),
  z.strictObject({
    op: z.literal('gup_test'),
    command: z.enum(['pin', 'unpin']).default('pin'),
    holder: z.string().min(1),
    targetPid: number.default(0),
    ...area,
    write: z.boolean().default(true),
    longterm: z.boolean().default(false),
    force: z.boolean().default(false),
    fast: z.boolean().default(true),
    wait: z.boolean().default(true),
  }),
  z.strictObject({
    op: z.literal('ptrace'),
    request: z.enum(['peekdata', 'pokedata']),
    targetPid: number,
    addr: number,
  }),
  z.strictObject({ op: z.literal('uprobe_register'), targetPid: number, addr: number }),
  z.strictObject({
    op: z.literal('read_proc'),
    path: z.string().min(1),
    offsetBytes: number.default(0),
    lengthBytes: number.default(65536),
    buffer: number.optional(),
  }),
  z.strictObject({ op: z.literal('write_proc'), path: z.string().min(1), text: z.string() }),
  z.strictObject({ op: z.literal('clear_refs'), targetPid: number.default(0), value: number }),
  z.strictObject({ op: z.literal('nanosleep'), cycles: z.int().positive() }),
  ...userfaultShapes,
  z.strictObject({ op: z.literal('read_control'), path: file }),
  z.strictObject({ op: z.literal('write_control'), path: file, text: z.string() }),
  z.strictObject({ op: z.literal('perf_event_open'), file }),
  z.strictObject({
    op: z.literal('io_uring_setup'),
    file,
    entries: number,
    cqEntries: number.default(0),
    flags: number.default(0),
  }),
  z.strictObject({
    op: z.literal('bpf_map_create'),
    file,
    mapType: z.enum(['ringbuf', 'user_ringbuf', 'array', 'arena']),
    maxEntries: number,
    valueBytes: number.default(8),
    mapExtra: number.default(0),
  }),
  z.strictObject({
    op: z.literal('packet_ring'),
    file,
    blockBytes: number,
    blocks: number,
    frameBytes: number,
    frames: number,
  }),
  z.strictObject({ op: z.literal('io_setup'), file, requests: number }),
  z.strictObject({ op: z.literal('ioctl'), file, command: z.string().min(1), values: z.array(number) }),
  z.strictObject({
    op: z.literal('futex'),
    command: z.enum(['wait', 'wake']),
    addr: number,
    shared: z.boolean().default(true),
    count: number.default(1),
    equal: z.boolean().default(true),
  }),
  z.strictObject({ op: z.literal('clone'), tid: number }),
  z.strictObject({ op: z.literal('personality'), persona: named(PER_PAGE) }),
  z.strictObject({ op: z.literal('prefer_page'), which: z.enum(['once', 'inherited']), pageBytes: number }),
  z.strictObject({ op: z.literal('exec'), file, longestArgumentBytes: number.optional() }),
  z.strictObject({ op: z.literal('auxval'), name: z.string().default('AT_PAGESZ') }),
  z.strictObject({ op: z.literal('sysconf'), name: z.string().default('_SC_PAGESIZE') }),
  z.strictObject({ op: z.literal('fork'), childPid: number, pageBytes: number.optional() }),
  z.strictObject({ op: z.literal('exit'), status: number.default(0) }),
]);
