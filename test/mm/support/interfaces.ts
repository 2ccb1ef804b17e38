/** The fixed questions that real kernels answered, as a program of the model, and the model's answers to them. */
import { readFileSync } from 'node:fs';
import { SHM } from '../../../src/mm/abi/numbers.ts';
import { UFFD } from '../../../src/mm/userfaultfd/numbers.ts';
import { abiWorld, runAbi } from '../../../src/validate/abiRun.ts';
import { sameAnswer } from '../../../src/validate/interfaces/answer.ts';
import type { AbiAction } from '../../../src/validate/abiStep.ts';

/** An answer of a kernel or of the model. */
export interface Answer {
  ret?: number;
  err?: number;
  signal?: number;
  code?: number;
  status?: number;
}

/** What the kernels answered, by question and page size. */
export const oracle: Record<string, Record<string, Answer>> = JSON.parse(
  readFileSync('fixtures/oracle/interfaces.json', 'utf8'),
);

/** Where the program works. */
const BASE = 0x200000000;
/** Distances from there. */
const OFFSETS = [0, 512, 4096, 16384, 65536];
/** What the oracle's program takes from the address of an attachment: it tells only whether a fixed one came about. */
const ATTACHED: Record<number, number> = { 0: BASE + 4096, [SHM.RND]: BASE };

/** A step of the program; those without a question only prepare. */
type Step = { question: string | null; action: AbiAction };
const ask = (question: string, action: AbiAction): Step => ({ question, action });
const prepare = (action: AbiAction): Step => ({ question: null, action });

function map(addr: number, lengthBytes: number, flags: number, file: string | null = null): AbiAction {
  return { op: 'mmap', addr, lengthBytes, prot: 3, flags, file, offsetBytes: 0 };
}

/** The calls on one mebibyte of anonymous memory, at one distance from its start. */
function callsAt(offset: number): Step[] {
  const addr = BASE + offset;
  const page = { addr, lengthBytes: 4096 };
  const far = { addr, lengthBytes: 65536 };
  return [
    ask(`mbind +${offset} len 65536 MPOL_PREFERRED`, {
      op: 'mbind',
      ...far,
      mode: 1,
      maxNode: 8,
      flags: 0,
      nodes: [0],
    }),
    prepare({ op: 'store', addr: BASE }),
    prepare({ op: 'store', addr: BASE + 65536 }),
    ask(`move_pages +${offset}`, { op: 'move_pages', targetPid: 0, addresses: [addr], nodes: [0], flags: 0 }),
    ask(`remap_file_pages +${offset}`, { op: 'remap_file_pages', ...far, prot: 0, pgoff: 0, flags: 0 }),
    ask(`mlock2 +${offset} len 4096`, { op: 'mlock2', ...page, flags: 1 }),
    ask(`munlock +${offset} len 4096`, { op: 'munlock', ...page }),
    ask(`mprotect +${offset} len 4096 read`, { op: 'mprotect', ...page, prot: 1 }),
    ask(`mprotect +${offset} len 4096 rw`, { op: 'mprotect', ...page, prot: 3 }),
    ask(`madvise DONTNEED +${offset} len 4096`, { op: 'madvise', ...page, advice: 4 }),
    ask(`process_madvise COLD +${offset} len 4096`, {
      op: 'process_madvise',
      targetPid: 0,
      ranges: [page],
      advice: 20,
    }),
    prepare({ op: 'userfaultfd', fd: 'u', flags: UFFD.O_CLOEXEC | UFFD.O_NONBLOCK }),
    { question: offset === 0 ? 'UFFDIO_API' : null, action: { op: 'uffdio_api', fd: 'u', api: UFFD.API, features: 0 } },
    ask(`UFFDIO_REGISTER +${offset} len 65536`, { op: 'uffdio_register', fd: 'u', ...far, mode: 1 }),
    ask(`UFFDIO_ZEROPAGE +${offset} len 4096`, { op: 'uffdio_zeropage', fd: 'u', ...page, mode: 0 }),
    prepare({ op: 'uffd_close', fd: 'u' }),
  ];
}

/** The program, with its questions. */
export const steps: Step[] = [
  ask('sysconf(_SC_PAGESIZE)', { op: 'sysconf', name: '_SC_PAGESIZE' }),
  ask('getauxval(AT_PAGESZ)', { op: 'auxval', name: 'AT_PAGESZ' }),
  prepare(map(BASE, 1 << 20, 0x32)),
  ...OFFSETS.flatMap(callsAt),
  prepare({ op: 'munmap', addr: BASE, lengthBytes: 1 << 20 }),
  prepare({ op: 'shmget', key: 0, lengthBytes: 70000, flags: SHM.IPC_CREAT, shmid: 3 }),
  ask('shmat fixed +4096', { op: 'shmat', shmid: 3, addr: BASE + 4096, flags: 0, placedAddr: 0 }),
  ask('shmat SHM_RND +4096', { op: 'shmat', shmid: 3, addr: BASE + 4096, flags: SHM.RND, placedAddr: 0 }),
  prepare({ op: 'shmctl', shmid: 3, command: 0 }),
  // The program of the oracle maps over what is attached.
  prepare({ op: 'memfd_create', file: 'memfd:x', flags: 0 }),
  prepare({ op: 'ftruncate', file: 'memfd:x', sizeBytes: 100000 }),
  ask('memfd fallocate punch +4096 len 4096', {
    op: 'fallocate',
    file: 'memfd:x',
    mode: 3,
    offsetBytes: 4096,
    lengthBytes: 4096,
  }),
  prepare(map(BASE, 262144, 0x11, 'memfd:x')),
  ...[99999, 100000, 102400, 131071, 131072].map((at) =>
    ask(`memfd 100000: load ${at}`, { op: 'load', addr: BASE + at }),
  ),
  ...[102399, 106496].map((at) => ask(`memfd 100000: store ${at}`, { op: 'store', addr: BASE + at })),
  prepare({ op: 'ftruncate', file: 'memfd:x', sizeBytes: 4096 }),
  ...[4095, 4096, 65535, 65536].map((at) => ask(`after ftruncate 4096: load ${at}`, { op: 'load', addr: BASE + at })),
];

/** What the model answers to each question. */
export function answersOf(pageBytes: number, kernelPageBytes: number): Map<string, Answer> {
  const status: number[] = [];
  let asked = '';
  const program = { name: 'interfaces', fileBytes: 0, userfaultfds: ['u'], actions: steps.map(({ action }) => action) };
  const run = runAbi(abiWorld(pageBytes, kernelPageBytes), program, {
    watch: ({ to, type, payload }) => {
      if (type === 'SYSCALL') asked = (payload as { call: { op: string } }).call.op;
      if (type !== 'SYSRET' || to !== 'process:1' || asked !== 'move_pages') return;
      status.push(...(payload as { data: number[] }).data);
    },
  });
  if (run.failure !== null) throw run.failure;
  if (run.answers.length !== steps.length)
    throw new Error(`${run.answers.length} of ${steps.length} steps are answered`);
  const found = new Map<string, Answer>();
  for (const [index, { question, action }] of steps.entries()) {
    const { ret, err, signal, code } = run.answers[index];
    if (question === null) continue;
    if (signal !== null) found.set(question, { signal, code: code ?? 0 });
    else if (err !== null) found.set(question, { err });
    else if (action.op === 'move_pages') found.set(question, { ret: ret ?? 0, status: status.shift() });
    else found.set(question, { ret: action.op === 'shmat' ? (ret ?? 0) - ATTACHED[action.flags] : (ret ?? 0) });
  }
  return found;
}

/** The first question that a process of a page size is answered otherwise than its kernel, in words; null where there is none. */
export function questionFault(pageBytes: number, kernelPageBytes: number): string | null {
  const size = `${pageBytes / 1024}K`;
  for (const [question, answer] of answersOf(pageBytes, kernelPageBytes)) {
    const wanted = oracle[question]?.[size];
    if (wanted !== undefined && sameAnswer(wanted, answer)) continue;
    return `${question}: ${JSON.stringify(answer)}, a kernel ${JSON.stringify(wanted)}`;
  }
  return null;
}
