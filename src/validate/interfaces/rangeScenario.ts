/**
 * The questions about one mebibyte of anonymous memory and, when that is unmapped, about System V memory at odd addresses: for
 * every distance from the start the program makes the same calls, in the same order, on one mapping.
 */
import { ADVICE, MPOL, SHM } from '../../mm/abi/numbers.ts';
import { UFFD } from '../../mm/userfaultfd/numbers.ts';
import type { TraceCall } from '../../mm/runs.ts';
import { called, type InterfaceAnswer } from './answer.ts';
import { DESCRIPTOR as fd, type InterfaceWorld, type Outcome, type PlannedStep, playScenario } from './play.ts';
import type { Question, RangeCall } from './questions.ts';

/** Where everything is mapped. */
export const BASE = 0x200000000;
/** Bytes of the mapping. */
const AREA_BYTES = 1 << 20;
/** The program touches these bytes before it asks where a page is. */
const TOUCHED: readonly number[] = [0, 65536];
const SEGMENT_BYTES = 70_000;

type RangeQuestion = Extract<Question, { kind: 'range' }>;
type ShmQuestion = Extract<Question, { kind: 'shmat' }>;

/** A question with its text. */
export interface Asked<Q extends Question = Question> {
  text: string;
  question: Q;
}

/** The calls at one distance, in the order of the program, each with what it is made with where nobody asks otherwise. */
const ORDER: readonly { call: RangeCall; lengthBytes: number; argument: number }[] = [
  { call: 'mbind', lengthBytes: 65536, argument: MPOL.PREFERRED },
  { call: 'move_pages', lengthBytes: 4096, argument: 0 },
  { call: 'remap_file_pages', lengthBytes: 65536, argument: 0 },
  { call: 'mlock2', lengthBytes: 4096, argument: 0 },
  { call: 'mlock', lengthBytes: 0, argument: 0 },
  { call: 'munlock', lengthBytes: 4096, argument: 0 },
  { call: 'mprotect', lengthBytes: 4096, argument: 1 },
  { call: 'mprotect', lengthBytes: 4096, argument: 3 },
  { call: 'madvise', lengthBytes: 4096, argument: ADVICE.DONTNEED },
  { call: 'msync', lengthBytes: 0, argument: 0 },
  { call: 'mincore', lengthBytes: 0, argument: 0 },
  { call: 'process_madvise', lengthBytes: 4096, argument: ADVICE.COLD },
  { call: 'UFFDIO_REGISTER', lengthBytes: 65536, argument: 0 },
  { call: 'UFFDIO_WAKE', lengthBytes: 0, argument: 0 },
  { call: 'UFFDIO_ZEROPAGE', lengthBytes: 4096, argument: 0 },
  { call: 'UFFDIO_COPY', lengthBytes: 0, argument: 0 },
  { call: 'UFFDIO_UNREGISTER', lengthBytes: 0, argument: 0 },
];

/** What the names of calls begin with that the program makes though nobody asks. */
const UNASKED = '~';

/** Where UFFDIO_COPY copies from: the program's heap. */
const COPY_SOURCE = 0x500000;

function actionOf({ call, offsetBytes, lengthBytes, argument }: RangeQuestion): TraceCall {
  const area = { addr: BASE + offsetBytes, lengthBytes };
  switch (call) {
    case 'mbind':
      return { op: 'mbind', ...area, mode: argument, maxNode: 8, flags: 0, nodes: [0] };
    case 'move_pages':
      return { op: 'move_pages', targetPid: 0, addresses: [area.addr], nodes: [0], flags: 0 };
    case 'remap_file_pages':
      return { op: 'remap_file_pages', ...area, prot: 0, pgoff: 0, flags: 0 };
    case 'mlock2':
      return { op: 'mlock2', ...area, flags: 1 };
    case 'mprotect':
      return { op: 'mprotect', ...area, prot: argument };
    case 'madvise':
      return { op: 'madvise', ...area, advice: argument };
    case 'msync':
      return { op: 'msync', ...area, flags: 4 };
    case 'process_madvise':
      return { op: 'process_madvise', targetPid: 0, ranges: [area], advice: argument };
    case 'mlock':
    case 'munlock':
    case 'mincore':
      return { op: call, ...area };
    case 'UFFDIO_REGISTER':
      return { op: 'uffdio_register', fd, ...area, mode: UFFD.REGISTER_MISSING };
    case 'UFFDIO_UNREGISTER':
      return { op: 'uffdio_unregister', fd, ...area };
    case 'UFFDIO_WAKE':
      return { op: 'uffdio_wake', fd, ...area };
    case 'UFFDIO_COPY':
      return { op: 'uffdio_copy', fd, ...area, src: COPY_SOURCE, mode: 0 };
    default:
      return { op: 'uffdio_zeropage', fd, ...area, mode: 0 };
  }
}

/** The questions at one distance, and the calls that nobody asks about, in the order of the program. */
function questionsAt(offsetBytes: number, asked: readonly Asked<RangeQuestion>[]): Asked<RangeQuestion>[] {
  const here = asked.filter(({ question }) => question.offsetBytes === offsetBytes);
  const left = new Set(here);
  const list: Asked<RangeQuestion>[] = [];
  for (const { call, lengthBytes, argument } of ORDER) {
    const isOne = ({ question }: Asked<RangeQuestion>): boolean =>
      question.call === call && (call !== 'mprotect' || (question.argument === 3) === (argument === 3));
    const found = [...left].filter(isOne);
    for (const each of found) left.delete(each);
    if (found.length > 0) list.push(...found);
    else if (lengthBytes > 0) {
      const question: RangeQuestion = { kind: 'range', call, offsetBytes, lengthBytes, argument };
      list.push({ text: `${UNASKED}${call} ${argument} +${offsetBytes}`, question });
    }
  }
  return list;
}

/** What is asked, and what came of it. */
export interface RangeAsked {
  range: readonly Asked<RangeQuestion>[];
  shm: readonly Asked<ShmQuestion>[];
  /** Distances in the order in which the program takes them. */
  offsets: readonly number[];
}

/** The calls at one distance. The descriptor of userfaultfd is opened behind those before it, and closed at the end. */
function stepsAt(questions: readonly Asked<RangeQuestion>[], answers: Map<string, InterfaceAnswer>): PlannedStep[] {
  const steps: PlannedStep[] = [];
  let opened = false;
  for (const { text, question } of questions) {
    if (question.call === 'move_pages') {
      for (const at of TOUCHED) steps.push({ action: { op: 'store', addr: BASE + at } });
    }
    if (question.call.startsWith('UFFDIO') && !opened) {
      opened = true;
      steps.push({ action: { op: 'userfaultfd', fd, flags: UFFD.O_CLOEXEC | UFFD.O_NONBLOCK } });
      steps.push({ action: { op: 'uffdio_api', fd, api: UFFD.API, features: 0 } });
    }
    const hear = (outcome: Outcome): void => {
      const status = question.call === 'move_pages' ? { status: outcome.data[0] } : {};
      if (!text.startsWith(UNASKED)) answers.set(text, { ...called(outcome), ...status });
    };
    steps.push({ action: actionOf(question), hear });
  }
  if (opened) steps.push({ action: { op: 'uffd_close', fd } });
  return steps;
}

/** System V memory: attached and never detached, each time at an odd address. */
function shmSteps(asked: readonly Asked<ShmQuestion>[], answers: Map<string, InterfaceAnswer>): PlannedStep[] {
  const shmid = 3;
  const steps: PlannedStep[] = [
    { action: { op: 'munmap', addr: BASE, lengthBytes: AREA_BYTES } },
    { action: { op: 'shmget', key: SHM.IPC_PRIVATE, lengthBytes: SEGMENT_BYTES, flags: SHM.IPC_CREAT, shmid } },
  ];
  for (const { text, question } of asked) {
    const { offsetBytes, rounded } = question;
    const flags = rounded ? SHM.RND : 0;
    steps.push({
      action: { op: 'shmat', shmid, addr: BASE + offsetBytes, flags, placedAddr: 0 },
      hear: (outcome) => {
        const answer = called(outcome);
        // Of a fixed address the program only prints that it came about.
        if (answer.ret !== undefined) answer.ret = rounded ? answer.ret - BASE : 0;
        answers.set(text, answer);
      },
    });
  }
  return steps;
}

/**
 * Answers the questions about anonymous and System V memory.
 *
 * @throws GranuleError of the model, where it fails; `answers` has what was answered until then
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * const question = { kind: 'range' as const, call: 'mprotect' as const, offsetBytes: 4096, lengthBytes: 4096, argument: 1 };
 * const answers = answerRanges(world, { range: [{ text: 'q', question }], shm: [], offsets: [4096] });
 * answers.get('q'); // { err: 22 }
 * ```
 */
export function answerRanges(
  world: InterfaceWorld,
  { range, shm, offsets }: RangeAsked,
  answers = new Map<string, InterfaceAnswer>(),
): Map<string, InterfaceAnswer> {
  const map = { addr: BASE, lengthBytes: AREA_BYTES, prot: 3, flags: 0x32, file: null, offsetBytes: 0 };
  const steps: PlannedStep[] = [{ action: { op: 'mmap', ...map } }];
  for (const offset of offsets) steps.push(...stepsAt(questionsAt(offset, range), answers));
  steps.push(...shmSteps(shm, answers));
  const failure = playScenario(world, { name: 'ranges', steps, child: [], files: [] });
  if (failure !== null) throw failure;
  return answers;
}
