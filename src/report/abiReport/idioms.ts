/**
 * Callers that are known to ask for the page size: the same code makes another call in a process of larger pages. What is
 * not among them may have 4096 built in, or may ask as well; a recording of one page size cannot tell.
 *
 * @models S-20 S-26
 */
import { ADVICE, MAP } from '../../mm/abi/numbers.ts';
import type { CallEvent, PlacedObject } from './space.ts';

interface Idiom {
  name: string;
  /** Where it computes with the page size. */
  source: string;
  fits(call: CallEvent['call'], object: PlacedObject): boolean;
}

/** `HEAP_MAX_SIZE`, and twice that where the heap is to be cut out of it [malloc/arena.c]. */
const MALLOC_HEAP_BYTES: readonly number[] = [64 * 2 ** 20, 128 * 2 ** 20];

/** A JVM proposes a place below 32 GiB for its heap, which may be 64 MiB too; malloc the end of an earlier one, if any. */
const COMPRESSED_POINTERS_END = 2 ** 35;

const isMallocHeap = ({ flags, prot, lengthBytes, file, hint }: PlacedObject): boolean =>
  file === null &&
  (hint === 0 || hint >= COMPRESSED_POINTERS_END) &&
  prot === 0 &&
  (flags & MAP.NORESERVE) !== 0 &&
  MALLOC_HEAP_BYTES.includes(lengthBytes);

const isStack = ({ flags }: PlacedObject): boolean => (flags & MAP.STACK) !== 0;

/** Everything above the guard, which lies at the start. Others protect parts of a stack as well (the guard zones of a JVM). */
const isAboveGuard = (call: CallEvent['call'], { base, lengthBytes }: PlacedObject): boolean =>
  call.op === 'mprotect' && call.prot === 3 && call.addr > base && call.addr + call.lengthBytes === base + lengthBytes;

/**
 * The table.
 *
 * @example
 * ```ts
 * IDIOMS.map(({ name }) => name).includes('thread stack'); // true
 * ```
 */
export const IDIOMS: readonly Idiom[] = [
  {
    name: 'thread stack',
    source: 'glibc nptl/allocatestack.c:allocate_stack, setup_stack_prot (guard size rounded to __getpagesize)',
    fits: (call, object) => isStack(object) && isAboveGuard(call, object),
  },
  {
    name: 'end of a thread',
    source: 'glibc nptl/allocatestack.c:advise_stack_range (free part rounded to __getpagesize)',
    fits: (call, object) => isStack(object) && call.op === 'madvise' && call.advice === ADVICE.DONTNEED,
  },
  {
    name: 'malloc heap',
    source: 'glibc malloc/arena.c:new_heap, grow_heap, shrink_heap (sizes rounded to dl_pagesize)',
    fits: (call, object) =>
      isMallocHeap(object) && (call.op === 'mprotect' || call.op === 'munmap' || call.op === 'madvise'),
  },
  {
    name: 'RELRO of the program',
    source: 'glibc elf/dl-reloc.c:_dl_protect_relro (both ends rounded down to dl_pagesize)',
    fits: (call, object) =>
      object.chosenBy === 'exec' && object.file !== null && call.op === 'mprotect' && call.prot === 1,
  },
  {
    name: 'malloc top',
    source: 'glibc malloc/malloc.c:sysmalloc, systrim (sizes rounded to dl_pagesize)',
    fits: (call, object) => object.heap && call.op === 'brk',
  },
];

/**
 * The known caller of a call, null for none.
 *
 * @example
 * ```ts
 * const object = { base: 0, lengthBytes: 8392704, hint: 0, place: 'line 1', prot: 0, flags: 0x20022, file: null };
 * const stack = { ...object, chosenBy: 'kernel' as const, heap: false, anchor: 2 ** 50, library: false };
 * idiomOf({ op: 'mprotect', addr: 4096, lengthBytes: 8388608, prot: 3 }, stack)?.name; // 'thread stack'
 * ```
 */
export function idiomOf(call: CallEvent['call'], object: PlacedObject | null): Idiom | null {
  return object === null ? null : (IDIOMS.find((idiom) => idiom.fits(call, object)) ?? null);
}
