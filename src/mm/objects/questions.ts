/**
 * Questions about mapped objects, in the words of the program that put them to real kernels: what a kernel, or the
 * design, answers. The program makes each object anew, as root, and asks for writable shared mappings but for the
 * producer's page.
 *
 * @models S-33 D-13
 */
import { ERRNO, MAP } from '../abiRules.ts';
import { PROT } from '../pte.ts';
import { arrayErrno, mapArray, mapRingbuf, ringbufErrno } from './bpfMaps.ts';
import { IORING_OFF, mapIoUring, setUpIoUring } from './ioUring.ts';
import type { ObjectRequest, ObjectSizes } from './mapping.ts';
import { mapPerfRing, newPerfEvent } from './perfRing.ts';
import { vdsoBytes, vvarBytes } from './specialMappings.ts';

/** What was answered: a result, or an errno. */
export type ObjectReply = { ret: number } | { err: number };

const READ_WRITE = PROT.READ | PROT.WRITE;

function request(lengthBytes: number, offsetBytes = 0, prot = READ_WRITE): ObjectRequest {
  return { addr: 0, lengthBytes, offsetBytes, prot, flags: MAP.SHARED };
}

function reply(errno: number): ObjectReply {
  return errno === 0 ? { ret: 0 } : { err: errno };
}

/** The array that the program makes. */
const ARRAY = { valueBytes: 8, entries: 100 };
/** The io_uring that the program makes. */
const SETUP = { entries: 8, cqEntries: 0, flags: 0, ringAddr: 0, sqesAddr: 0 };

/** A mapping of a ring buffer is asked for only where the ring could be made. */
function ofRingbuf(dataBytes: number, sizes: ObjectSizes, how: ObjectRequest): ObjectReply | null {
  if (ringbufErrno(dataBytes, sizes.objectPageBytes) !== 0) return null;
  return reply(mapRingbuf({ dataBytes, user: false }, how, sizes).errno);
}

function mapSubmissionRing(lengthBytes: number, sizes: ObjectSizes): ObjectReply {
  const { ring } = setUpIoUring(SETUP, sizes.objectPageBytes);
  if (ring === null) return { err: ERRNO.EBADF };
  return reply(mapIoUring(ring, request(lengthBytes, IORING_OFF.SQ_RING), sizes).errno);
}

type Row = readonly [pattern: RegExp, answer: (sizes: ObjectSizes, ...numbers: number[]) => ObjectReply | null];

const rows: readonly Row[] = [
  [/^size of \[vdso\]$/, (sizes) => ({ ret: vdsoBytes(sizes) })],
  [/^size of \[vvar\]$/, (sizes) => ({ ret: vvarBytes(sizes) })],
  [/^\[(?:vdso|vvar)\] aligned to page$/, ({ abiPageBytes, objectPageBytes }) => placed(abiPageBytes, objectPageBytes)],
  [/^BPF ringbuf max_entries (\d+)$/, (sizes, bytes = 0) => reply(ringbufErrno(bytes, sizes.objectPageBytes))],
  [
    /^mmap BPF ringbuf (\d+) consumer page (\d+)$/,
    (sizes, bytes = 0, length = 0) => ofRingbuf(bytes, sizes, request(length)),
  ],
  [
    // The length asked for is the offset: one page of a kernel that the offset suits.
    /^mmap BPF ringbuf (\d+) producer offset (\d+)$/,
    (sizes, bytes = 0, offset = 0) => ofRingbuf(bytes, sizes, request(offset, offset, PROT.READ)),
  ],
  [/^BPF mmapable array$/, () => reply(arrayErrno(ARRAY))],
  [/^mmap BPF array (\d+)$/, (sizes, length = 0) => reply(mapArray(ARRAY, request(length), sizes).errno)],
  [/^perf_event_open$/, () => ({ ret: 0 })],
  [/^mmap perf ring (\d+)$/, (sizes, length = 0) => reply(mapPerfRing(newPerfEvent, request(length), sizes).errno)],
  [/^io_uring_setup$/, (sizes) => reply(setUpIoUring(SETUP, sizes.objectPageBytes).errno)],
  [/^io_uring mmap SQ ring (\d+)$/, (sizes, length = 0) => mapSubmissionRing(length, sizes)],
];

/** Where the group is placed at a multiple of the object's page, it need not be one of the process's. */
function placed(abiPageBytes: number, objectPageBytes: number): ObjectReply | null {
  return objectPageBytes % abiPageBytes === 0 ? { ret: 1 } : null;
}

/**
 * The answer to a question, or null where it is none of these or the program would not come to ask it.
 *
 * @example
 * ```ts
 * const of64K = { abiPageBytes: 65536, objectPageBytes: 65536 };
 * answerObjectQuestion('mmap perf ring 131072', of64K); // { ret: 0 }
 * answerObjectQuestion('mmap perf ring 131072', { abiPageBytes: 65536, objectPageBytes: 4096 }); // { err: 22 }
 * answerObjectQuestion('mmap BPF ringbuf 4096 consumer page 4096', of64K); // null
 * ```
 */
export function answerObjectQuestion(question: string, sizes: ObjectSizes): ObjectReply | null {
  for (const [pattern, answer] of rows) {
    const match = pattern.exec(question);
    if (match !== null) return answer(sizes, ...match.slice(1).map(Number));
  }
  return null;
}
