import type { ImageSegment, TraceCall } from '../mm/runs.ts';
import { FdTable } from './fdTable.ts';
import type { LackeyText } from './lackey.ts';
import { CallText, parseArguments } from './lackeyText.ts';
import type { PrintedCall } from './lackeyText.ts';
import { MAP_ANONYMOUS, MAP_SHARED, MREMAP_FIXED } from './layout.ts';
import { malformed } from './lines.ts';
import type { TraceFacts, TraceWorld } from './traceWorld.ts';

/** MAP_32BIT of arch/x86/include/uapi/asm/mman.h: it says where to look for a place, and the place is known. */
const X86_MAP_32BIT = 0x40;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const CLONE_VM = 0x100;
const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1030;
const CLOSE_RANGE_CLOEXEC = 4;
/** x86-64's number of vfork: Valgrind runs it as a fork and prints that name, but the program shares its memory. */
const X86_VFORK = 58;
const SOCKET_CALLS = new Set([
  'socket',
  'accept',
  'accept4',
  'eventfd',
  'eventfd2',
  'epoll_create',
  'epoll_create1',
  'timerfd_create',
  'signalfd4',
  'inotify_init1',
  'userfaultfd',
  'pidfd_open',
]);
const READ_CALLS = new Set(['read', 'readv', 'pread64', 'preadv', 'preadv2']);
const WRITE_CALLS = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2']);
/** Calls with their own offset, which leave the position of the file alone. */
const PLACED_CALLS = new Set(['pread64', 'preadv', 'preadv2', 'pwrite64', 'pwritev', 'pwritev2']);
const VECTOR_CALLS = new Set(['readv', 'preadv', 'preadv2', 'writev', 'pwritev', 'pwritev2']);
/** Devices and kernel-made text have no pages in the page cache; /dev/shm is a tmpfs, whose files have. */
const UNCACHED_FILE = /^\/(?:dev\/(?!shm\/)|proc\/|sys\/)/;
/** The loader's path by the architecture that Valgrind's own preload library names. */
const INTERPRETERS: readonly [string, string][] = [
  ['amd64-linux', '/lib64/ld-linux-x86-64.so.2'],
  ['arm64-linux', '/lib/ld-linux-aarch64.so.1'],
];

/** A segment that execve mapped, as fixtures/traces/recorder writes it: kind, address, length, protection, and offset and file if any. */
const SEGMENT = /^==\d+== Segment: (program|interpreter) (0x[0-9a-f]+) (0x[0-9a-f]+) ([0-7])(?: (0x[0-9a-f]+) (.+))?$/;

/** The page size that the same recorder ran the program with. */
const PAGE_SIZE = /^==\d+== Page size: (4096|16384|65536)$/;

/**
 * Turns the text lines of a lackey trace into calls of the trace: keeps the descriptor table, so that every read, write
 * and mapping has the path of its file, and drops what failed. A successful call that changes memory becomes its
 * `TraceCall`; any other becomes `other` with its name.
 *
 * vfork, and clone with CLONE_VM, share the caller's memory and copy none, so they are `other` too (kernel/fork.c:copy_mm).
 * An open with O_TRUNC, or one that makes a new file of a name that was unlinked, is a `truncate` to 0.
 *
 * @example
 * ```ts
 * const world = new TraceWorld(() => {});
 * const calls = new LackeyCalls(world, 'a.lackey');
 * calls.syscall('SYSCALL[9,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000) ', 1); // true
 * ```
 */
export class LackeyCalls implements LackeyText {
  private readonly world: TraceWorld;
  private readonly file: string;
  private readonly text: CallText = new CallText();
  private readonly descriptors: FdTable = new FdTable();
  private readonly unlinked: Set<string> = new Set();
  private readonly sharedMemorySizes: Map<number, number> = new Map();
  private readonly sharedMemoryAt: Map<number, number> = new Map();
  private command = '';
  private interpreter: string | null = null;
  private readonly segments: ImageSegment[] = [];
  private pageBytes = 4096;
  private threads = 1;
  private line = 0;

  constructor(world: TraceWorld, file: string) {
    this.world = world;
    this.file = file;
  }

  note(text: string): void {
    const segment = SEGMENT.exec(text);
    if (segment !== null) {
      this.segments.push(segmentOf(segment));
      return;
    }
    const pageSize = PAGE_SIZE.exec(text);
    if (pageSize !== null) this.pageBytes = Number(pageSize[1]);
    const command = /^==\d+== Command: (.*)$/.exec(text);
    if (command === null) return;
    if (this.command !== '') {
      throw malformed(this.file, this.line, text, 'a second program begins; record without --trace-children=yes');
    }
    [, this.command] = command;
  }

  syscall(text: string, line: number): boolean {
    this.line = line;
    const { taken, foreign, call } = this.text.line(text);
    if (foreign === true) {
      throw malformed(this.file, line, text, 'a call of another process; record with --child-silent-after-fork=yes');
    }
    if (call !== undefined) this.take(call);
    return taken;
  }

  end(): void {
    const last = this.text.unfinished();
    if (last !== null && last.name === 'execve') {
      this.world.call({ op: 'exec', file: parseArguments(last.argumentText).texts[0] ?? '' });
    }
  }

  /** What the trace tells of its program. */
  facts(): TraceFacts {
    const program = this.command === '' ? null : (/^(?:\\.|[^ ])+/.exec(this.command)?.[0] ?? null);
    const { segments, pageBytes } = this;
    const path = program === null ? null : program.replace(/\\(.)/g, '$1');
    return {
      command: this.command,
      linked: this.text.pid !== 0,
      program: path,
      interpreter: this.interpreter,
      segments,
      pageBytes,
    };
  }

  private take(call: PrintedCall): void {
    const { numbers, texts } = parseArguments(call.argumentText);
    if (call.result === null) {
      this.world.call({ op: 'other', name: call.name });
      return;
    }
    this.noteDescriptors(call.name, call.result, numbers, texts);
    const made =
      this.memoryCall(call.name, call.result, numbers) ??
      this.fileCall(call.name, call.result, numbers, texts) ??
      this.taskCall(call, numbers) ??
      ({ op: 'other', name: call.name } as const);
    const sound = Object.values(made).every((value) => typeof value !== 'number' || Number.isSafeInteger(value));
    this.world.call(sound ? made : { op: 'other', name: call.name });
  }

  private memoryCall(name: string, result: number, numbers: number[]): TraceCall | null {
    const [addr, lengthBytes, third, fourth, fd, offsetBytes] = numbers;
    switch (name) {
      case 'mmap': {
        const anonymous = (fourth & MAP_ANONYMOUS) !== 0;
        const file = anonymous ? null : (this.descriptors.get(fd)?.path ?? `/proc/self/fd/${fd}`);
        const flags = fourth & ~X86_MAP_32BIT;
        return {
          op: 'mmap',
          addr: result,
          lengthBytes,
          prot: third,
          flags,
          file,
          offsetBytes: anonymous ? 0 : offsetBytes,
        };
      }
      case 'munmap':
        return { op: 'munmap', addr, lengthBytes };
      case 'mprotect':
        return { op: 'mprotect', addr, lengthBytes, prot: third };
      case 'mremap':
        return {
          op: 'mremap',
          addr,
          oldLengthBytes: lengthBytes,
          newLengthBytes: third,
          // Where the recording kernel had to move it, another one might find room, and what comes next would miss it.
          flags: result === addr ? fourth : fourth | MREMAP_FIXED,
          newAddr: result,
        };
      case 'brk':
        return { op: 'brk', addr: result };
      case 'madvise':
        return { op: 'madvise', addr, lengthBytes, advice: third };
      case 'msync':
        return { op: 'msync', addr, lengthBytes, flags: third };
      case 'mlock':
      case 'mlock2':
        return { op: 'mlock', addr, lengthBytes };
      case 'munlock':
        return { op: 'munlock', addr, lengthBytes };
      default:
        return this.sharedMemoryCall(name, result, numbers);
    }
  }

  /** System V shared memory is a shared anonymous mapping (ipc/shm.c: a file of the kernel's own shmem). */
  private sharedMemoryCall(name: string, result: number, numbers: number[]): TraceCall | null {
    if (name === 'shmget') this.sharedMemorySizes.set(result, numbers[1]);
    if (name === 'shmat') {
      const lengthBytes = this.sharedMemorySizes.get(numbers[0]);
      if (lengthBytes === undefined) return null;
      this.sharedMemoryAt.set(result, lengthBytes);
      return {
        op: 'mmap',
        addr: result,
        lengthBytes,
        prot: 3,
        flags: MAP_SHARED | MAP_ANONYMOUS,
        file: null,
        offsetBytes: 0,
      };
    }
    if (name === 'shmdt') {
      const lengthBytes = this.sharedMemoryAt.get(numbers[0]);
      if (lengthBytes !== undefined) return { op: 'munmap', addr: numbers[0], lengthBytes };
    }
    return null;
  }

  private fileCall(name: string, result: number, numbers: number[], texts: string[]): TraceCall | null {
    if (READ_CALLS.has(name) || WRITE_CALLS.has(name)) return this.transfer(name, result, numbers);
    if (name === 'truncate' && texts[0] !== undefined) return this.truncated(texts[0], numbers[1]);
    if (name === 'ftruncate') {
      const path = this.descriptors.get(numbers[0])?.path ?? null;
      return path === null ? null : this.truncated(path, numbers[1]);
    }
    const opened = openedFile(name, numbers, texts);
    if (opened === null || (opened.flags & O_CREAT) === 0) {
      return opened !== null && (opened.flags & O_TRUNC) !== 0 ? this.truncated(opened.path, 0) : null;
    }
    const fresh = this.unlinked.delete(opened.path);
    return fresh || (opened.flags & O_TRUNC) !== 0 ? this.truncated(opened.path, 0) : null;
  }

  private truncated(path: string, sizeBytes: number): TraceCall {
    this.world.sizes.truncated(path, sizeBytes);
    return { op: 'truncate', file: path, sizeBytes };
  }

  private transfer(name: string, result: number, numbers: number[]): TraceCall | null {
    const [fd, address, , placed] = numbers;
    const open = this.descriptors.get(fd);
    if (open === undefined || open.path === null || UNCACHED_FILE.test(open.path)) return null;
    const { sizes } = this.world;
    const reads = READ_CALLS.has(name);
    // preadv2 and pwritev2 with offset -1 use the position of the file.
    const explicit = PLACED_CALLS.has(name) && placed >= 0 && placed < Number.MAX_SAFE_INTEGER;
    if (!reads && open.append) open.position = sizes.current(open.path);
    const offsetBytes = explicit ? placed : open.position;
    if (!explicit) open.position += result;
    if (reads && result > 0) sizes.read(open.path, offsetBytes + result);
    if (!reads) sizes.written(open.path, offsetBytes + result);
    const buffer = VECTOR_CALLS.has(name) ? 0 : address;
    return { op: reads ? 'read' : 'write', file: open.path, offsetBytes, buffer, lengthBytes: result };
  }

  private taskCall(call: PrintedCall, numbers: number[]): TraceCall | null {
    const { name, result } = call;
    if (name === 'exit_group' || (name === 'exit' && this.threads === 1))
      return { op: 'exit', status: numbers[0] & 0xff };
    if (name === 'fork') return call.number === X86_VFORK ? null : { op: 'fork', childPid: result ?? 0 };
    if (name !== 'clone') return null;
    // Valgrind prints the flags of clone in hex without a prefix.
    const flags = Number.parseInt(call.argumentText.trim(), 16);
    if ((flags & CLONE_VM) === 0) return { op: 'fork', childPid: result ?? 0 };
    this.threads += 1;
    return null;
  }

  private noteDescriptors(name: string, result: number, numbers: number[], texts: string[]): void {
    const { descriptors } = this;
    const opened = openedFile(name, numbers, texts);
    if (opened !== null) {
      descriptors.open(result, opened.path, (opened.flags & O_APPEND) !== 0);
      this.world.sizes.named(opened.path);
      const known = INTERPRETERS.find(([preload]) => opened.path.endsWith(`/vgpreload_core-${preload}.so`));
      if (known !== undefined) [, this.interpreter] = known;
    } else if (SOCKET_CALLS.has(name)) descriptors.open(result, null, false);
    else if (name === 'memfd_create') descriptors.open(result, `memfd:${texts[0] ?? ''}`, false);
    else if (name === 'close') descriptors.close(numbers[0]);
    else if (name === 'dup' || name === 'dup2' || name === 'dup3') descriptors.duplicate(numbers[0], result);
    else if (name === 'fcntl' && (numbers[1] === F_DUPFD || numbers[1] === F_DUPFD_CLOEXEC)) {
      descriptors.duplicate(numbers[0], result);
    } else if (name === 'close_range' && (numbers[2] & CLOSE_RANGE_CLOEXEC) === 0) {
      descriptors.closeRange(numbers[0], numbers[1]);
    } else if (name === 'lseek') this.movePosition(numbers[0], result);
    else if (name === 'sendfile' && numbers[2] === 0) {
      this.movePosition(numbers[1], (descriptors.get(numbers[1])?.position ?? 0) + result);
    } else if (name === 'unlink' || name === 'unlinkat') {
      const path = texts.find((text) => text !== undefined);
      if (path !== undefined) this.unlinked.add(path);
    }
    if (name === 'execve') descriptors.closeRange(0, Number.MAX_SAFE_INTEGER);
  }

  private movePosition(fd: number, position: number): void {
    const open = this.descriptors.get(fd);
    if (open !== undefined) open.position = position;
  }
}

function segmentOf([, kind, addr, lengthBytes, prot, offsetBytes, file]: RegExpExecArray): ImageSegment {
  return {
    kind: kind as 'program' | 'interpreter',
    addr: Number(addr),
    lengthBytes: Number(lengthBytes),
    prot: Number(prot),
    file: file ?? null,
    offsetBytes: Number(offsetBytes ?? 0),
  };
}

/** The path and flags of a call that opens a file; null for any other. */
function openedFile(name: string, numbers: number[], texts: string[]): { path: string; flags: number } | null {
  if (name === 'open') return { path: texts[0] ?? '', flags: numbers[1] };
  if (name === 'openat') return { path: texts[1] ?? '', flags: numbers[2] };
  if (name === 'creat') return { path: texts[0] ?? '', flags: O_CREAT | O_TRUNC };
  return null;
}
