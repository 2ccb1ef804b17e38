/**
 * The calls of strace's text that matter to an address space, with the descriptors and processes that they need: which file
 * is mapped, which thread shares whose memory.
 *
 * @models S-20
 */
import { MAP } from '../../mm/abi/numbers.ts';
import { FdTable } from '../fdTable.ts';
import type { MappedObject, RecordedEvent } from '../recordedCalls.ts';
import { type StraceCall, StraceText } from './text.ts';
import { descriptorOf, numberOf, stringOf } from './values.ts';

interface Process {
  space: number;
  descriptors: FdTable;
  objects: Map<number, MappedObject>;
}

/** Files of procfs whose content is in pages or tells a page size. */
const PROC_IN_PAGES =
  /^\/proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/(statm|stat|smaps|smaps_rollup|pagemap|numa_maps|clear_refs)$/;

/** What became of one file of strace's text. */
export interface StraceEvents {
  events: RecordedEvent[];
  lines: number;
  /** Lines that could not be read. */
  strange: number;
  /** Calls on memory with an argument that could not be read. */
  unread: number;
}

/**
 * Reads the lines of one or more processes.
 *
 * @example
 * ```ts
 * const { events } = eventsOfStrace(['munmap(0x7f0000000000, 34547)     = 0']);
 * events[0].kind; // 'call'
 * ```
 */
export function eventsOfStrace(lines: Iterable<string>): StraceEvents {
  const reader = new Reader();
  for (const line of lines) reader.line(line);
  return { events: reader.events, lines: reader.text.lines, strange: reader.text.strange, unread: reader.unread };
}

class Reader {
  readonly text: StraceText = new StraceText();
  readonly events: RecordedEvent[] = [];
  unread = 0;
  private readonly processes: Map<number, Process> = new Map();
  private spaces = 0;

  line(line: string): void {
    const call = this.text.line(line);
    if (call !== null) this.take(call);
  }

  private take(call: StraceCall): void {
    const process = this.processOf(call.pid);
    const place = `line ${call.line}`;
    if (call.name === 'execve' || call.name === 'execveat') {
      if (call.result === 0) this.exec(call, process, place);
      return;
    }
    if (call.name === 'clone' || call.name === 'clone3' || call.name === 'fork' || call.name === 'vfork') {
      if (call.result !== null && call.result > 0) this.child(call, process, place);
      return;
    }
    this.noteDescriptors(call, process, place);
    const made = memoryCall(call, process);
    if (made === null) return;
    if (made === 'unread') {
      this.unread += 1;
      return;
    }
    if (call.result === null) return;
    const event = {
      kind: 'call' as const,
      place,
      space: process.space,
      call: made.call,
      result: call.result,
      errno: call.errno,
    };
    this.events.push(made.object === undefined ? event : { ...event, object: made.object });
  }

  private processOf(pid: number): Process {
    const known = this.processes.get(pid);
    if (known !== undefined) return known;
    // Seen before the clone that made it has returned: it is the child of one that waits.
    const parent = this.text.unfinished().find(({ text }) => /^(?:clone3?|v?fork)\(/.test(text));
    const made =
      parent === undefined
        ? { space: this.newSpace(), descriptors: new FdTable(), objects: new Map() }
        : this.childOf(this.processOf(parent.pid), parent.text, `line ${this.text.lines}`);
    this.processes.set(pid, made);
    return made;
  }

  private newSpace(): number {
    this.spaces += 1;
    return this.spaces;
  }

  private exec({ args }: StraceCall, process: Process, place: string): void {
    process.space = this.newSpace();
    const path = args.map(stringOf).find((text) => text !== null) ?? '';
    this.events.push({ kind: 'exec', place, space: process.space, path, image: [] });
  }

  private child(call: StraceCall, process: Process, place: string): void {
    const pid = call.result ?? 0;
    if (this.processes.has(pid)) return;
    this.processes.set(pid, this.childOf(process, `${call.name}(${call.args.join(', ')}`, place));
  }

  private childOf(parent: Process, text: string, place: string): Process {
    const shares = text.includes('CLONE_FILES');
    const descriptors = shares ? parent.descriptors : parent.descriptors.copy();
    const objects = shares ? parent.objects : new Map(parent.objects);
    if (/CLONE_VM\b/.test(text) || text.startsWith('vfork(')) return { space: parent.space, descriptors, objects };
    const child = this.newSpace();
    this.events.push({ kind: 'fork', place, space: parent.space, child });
    return { space: child, descriptors, objects };
  }

  private noteDescriptors({ name, args, result, errno }: StraceCall, process: Process, place: string): void {
    if (result === null || errno !== '') return;
    const { descriptors, objects } = process;
    const opened =
      name === 'open' || name === 'creat' ? args[0] : name === 'openat' || name === 'openat2' ? args[1] : undefined;
    if (opened !== undefined) {
      const path = stringOf(opened) ?? '';
      descriptors.open(result, path, false);
      const file = PROC_IN_PAGES.exec(path)?.[1];
      if (file !== undefined)
        this.events.push({ kind: 'asks', place, space: process.space, name: `proc:${file}`, value: 0 });
    } else if (name === 'memfd_create') descriptors.open(result, `memfd:${stringOf(args[0]) ?? ''}`, false);
    else if (name === 'close') descriptors.close(descriptorOf(args[0]).fd);
    else if (name === 'dup' || name === 'dup2' || name === 'dup3')
      descriptors.duplicate(descriptorOf(args[0]).fd, result);
    const object = objectOf(name, args);
    if (object !== null) objects.set(result, object);
    else if (opened !== undefined) objects.delete(result);
    if (name === 'fcntl' && (args[1] === 'F_SETPIPE_SZ' || args[1] === 'F_GETPIPE_SZ')) {
      const value = args[1] === 'F_SETPIPE_SZ' ? (numberOf(args[2] ?? '') ?? 0) : result;
      this.events.push({ kind: 'asks', place, space: process.space, name: args[1], value });
    }
  }
}

function objectOf(name: string, args: readonly string[]): MappedObject | null {
  if (name === 'perf_event_open') return 'perf';
  if (name === 'io_uring_setup') return 'io_uring';
  if (name === 'bpf' && args[0] === 'BPF_MAP_CREATE') return 'bpf';
  return name === 'socket' && (args[0] ?? '').startsWith('AF_PACKET') ? 'packet' : null;
}

type Made = { call: Extract<RecordedEvent, { kind: 'call' }>['call']; object?: MappedObject };

/** The call on memory that was made; null for another call. */
function memoryCall(call: StraceCall, process: Process): Made | 'unread' | null {
  const { name, args } = call;
  if (name === 'mmap' || name === 'mmap2' || name === 'old_mmap') return mapping(call, process);
  if (name === 'prctl') return named(args);
  if (name === 'ioctl') return userfault(args);
  const read = READERS[name];
  if (read === undefined) return null;
  const numbers = args.map(numberOf);
  const needs = numbers.slice(0, read.needs);
  if (needs.length < read.needs || needs.includes(null)) return 'unread';
  const values = numbers.map((value) => value ?? 0);
  return {
    call: read.make(values[0], values[1] ?? 0, values[2] ?? 0, [values[3] ?? 0, values[4] ?? 0], call.result ?? 0),
  };
}

function mapping({ name, args }: StraceCall, process: Process): Made | 'unread' {
  const [addr, lengthBytes, prot, flags] = args.slice(0, 4).map(numberOf);
  const offset = numberOf(args[5] ?? '');
  if (addr === null || lengthBytes === null || prot === null || flags === null || offset === null) return 'unread';
  const { fd, path } = descriptorOf(args[4] ?? '');
  const anonymous = (flags & MAP.ANONYMOUS) !== 0;
  const file = anonymous ? null : (path ?? process.descriptors.get(fd)?.path ?? `fd ${fd}`);
  // The old call of 32 bit counts 4096 bytes whatever the page size.
  const offsetBytes = name === 'mmap2' ? offset * 4096 : offset;
  const call = { op: 'mmap' as const, addr, lengthBytes, prot, flags, file, offsetBytes };
  const object = anonymous ? undefined : process.objects.get(fd);
  return object === undefined ? { call } : { call, object };
}

function named(args: readonly string[]): Made | null {
  if (args[0] !== 'PR_SET_VMA' || args[1] !== 'PR_SET_VMA_ANON_NAME') return null;
  const [addr, lengthBytes] = [numberOf(args[2] ?? ''), numberOf(args[3] ?? '')];
  if (addr === null || lengthBytes === null) return null;
  return { call: { op: 'set_vma_anon_name', addr, lengthBytes, name: stringOf(args[4] ?? '') } };
}

function userfault(args: readonly string[]): Made | null {
  if (!(args[1] ?? '').startsWith('UFFDIO_')) return null;
  const match = /(?:start|dst)=(0x[0-9a-f]+|\d+), len=(0x[0-9a-f]+|\d+)/.exec(args[2] ?? '');
  if (match === null) return null;
  const range = { fd: args[0] ?? '', addr: Number(match[1]), lengthBytes: Number(match[2]) };
  const request = (args[1] ?? '').toLowerCase();
  if (request === 'uffdio_register') return { call: { op: request, ...range, mode: 1 } };
  if (request === 'uffdio_zeropage' || request === 'uffdio_poison') return { call: { op: request, ...range, mode: 0 } };
  if (request === 'uffdio_continue' || request === 'uffdio_writeprotect') {
    return { call: { op: request, ...range, mode: 0 } };
  }
  // Of the others the range is asked as it is; what they copy from may lie anywhere.
  return { call: { op: request === 'uffdio_unregister' ? request : 'uffdio_wake', ...range } };
}

interface CallReader {
  /** How many arguments must be numbers. */
  needs: number;
  make(first: number, second: number, third: number, more: readonly number[], result: number): Made['call'];
}

const READERS: Readonly<Record<string, CallReader>> = {
  munmap: { needs: 2, make: (addr, lengthBytes) => ({ op: 'munmap', addr, lengthBytes }) },
  mprotect: { needs: 3, make: (addr, lengthBytes, prot) => ({ op: 'mprotect', addr, lengthBytes, prot }) },
  pkey_mprotect: {
    needs: 4,
    make: (addr, lengthBytes, prot, [pkey]) => ({ op: 'pkey_mprotect', addr, lengthBytes, prot, pkey }),
  },
  mremap: {
    needs: 4,
    make: (addr, oldLengthBytes, newLengthBytes, [flags, newAddr]) => {
      return { op: 'mremap', addr, oldLengthBytes, newLengthBytes, flags, newAddr };
    },
  },
  brk: { needs: 1, make: (addr, _second, _third, _more, result) => ({ op: 'brk', addr: addr === 0 ? result : addr }) },
  madvise: { needs: 3, make: (addr, lengthBytes, advice) => ({ op: 'madvise', addr, lengthBytes, advice }) },
  msync: { needs: 3, make: (addr, lengthBytes, flags) => ({ op: 'msync', addr, lengthBytes, flags }) },
  mincore: { needs: 2, make: (addr, lengthBytes) => ({ op: 'mincore', addr, lengthBytes }) },
  mlock: { needs: 2, make: (addr, lengthBytes) => ({ op: 'mlock', addr, lengthBytes }) },
  mlock2: { needs: 3, make: (addr, lengthBytes, flags) => ({ op: 'mlock2', addr, lengthBytes, flags }) },
  munlock: { needs: 2, make: (addr, lengthBytes) => ({ op: 'munlock', addr, lengthBytes }) },
  mseal: { needs: 3, make: (addr, lengthBytes, flags) => ({ op: 'mseal', addr, lengthBytes, flags }) },
  mbind: {
    needs: 3,
    make: (addr, lengthBytes, mode, [, maxNode]) => ({ op: 'mbind', addr, lengthBytes, mode, maxNode, flags: 0 }),
  },
  remap_file_pages: {
    needs: 5,
    make: (addr, lengthBytes, prot, [pgoff, flags]) => ({
      op: 'remap_file_pages',
      addr,
      lengthBytes,
      prot,
      pgoff,
      flags,
    }),
  },
  shmget: {
    needs: 3,
    make: (key, lengthBytes, flags, _more, result) => ({ op: 'shmget', key, lengthBytes, flags, shmid: result }),
  },
  shmat: {
    needs: 3,
    make: (shmid, addr, flags, _more, result) => ({ op: 'shmat', shmid, addr, flags, placedAddr: result }),
  },
  shmdt: { needs: 1, make: (addr) => ({ op: 'shmdt', addr }) },
};
