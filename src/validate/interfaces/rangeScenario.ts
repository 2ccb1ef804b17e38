/**
 * The questions about one mebibyte of anonymous memory and, when that is unmapped, about System V memory at odd addresses: for
 * every distance from the start the program makes the same calls, in the same order, on one mapping.
 */
import { ADVICE, ERRNO, MPOL, SHM } from '../../mm/abi/numbers.ts';
import { translateCall } from '../../mm/abiRules.ts';
import type { TraceCall } from '../../mm/runs.ts';
import { called, type InterfaceAnswer } from './answer.ts';
import { type Outcome, type PlannedStep, playScenario, type InterfaceWorld, type Scenario } from './play.ts';
import { ProcView } from './procView.ts';
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

const WAIT: TraceCall = { op: 'other', name: 'getpid' };

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
    default:
      return WAIT;
  }
}

/** What is registered at the moment, by one descriptor. */
interface Registered {
  startVa: number;
  endVa: number;
}

/** Asks and answers of userfaultfd, whose descriptor lives for the calls at one distance. */
class Userfault {
  readonly #pageBytes: number;
  /** Pages that a call filled with zeroes, by the text of its question: to be there when the scenario is played again. */
  readonly filled: Map<string, readonly number[]>;
  #registered: Registered | null = null;

  constructor(pageBytes: number, filled: Map<string, readonly number[]>) {
    this.#pageBytes = pageBytes;
    this.filled = filled;
  }

  close(): void {
    this.#registered = null;
  }

  answer({ text, question }: Asked<RangeQuestion>, { system, pid }: Outcome): InterfaceAnswer {
    const { call, offsetBytes, lengthBytes } = question;
    const startVa = BASE + offsetBytes;
    const range = translateCall({ op: 'userfaultfd_range', addr: startVa, lengthBytes }, this.#pageBytes);
    if ('errno' in range) return { err: range.errno };
    const endVa = startVa + lengthBytes;
    if (call === 'UFFDIO_WAKE') return { ret: 0 };
    if (call === 'UFFDIO_REGISTER' || call === 'UFFDIO_UNREGISTER') {
      // vma_find: an area must begin before the end of the range.
      if (startVa >= BASE + AREA_BYTES) return { err: ERRNO.EINVAL };
      this.#registered = call === 'UFFDIO_REGISTER' ? { startVa, endVa: Math.min(endVa, BASE + AREA_BYTES) } : null;
      return { ret: 0 };
    }
    return this.#fill(text, startVa, endVa, new ProcView(system, pid));
  }

  /** `mfill_atomic`: page by page until one is there already; half-way is EAGAIN. */
  #fill(text: string, startVa: number, endVa: number, view: ProcView): InterfaceAnswer {
    const registered = this.#registered;
    // `validate_dst_vma`: one area, all of it registered.
    const within = view.areaAt(startVa)?.endVa ?? 0;
    if (registered === null || startVa < registered.startVa || endVa > Math.min(registered.endVa, within)) {
      return { err: ERRNO.ENOENT };
    }
    const pages: number[] = [];
    for (let va = startVa; va < endVa && view.isEmpty(va, va + this.#pageBytes); va += this.#pageBytes) pages.push(va);
    this.filled.set(text, pages);
    if (startVa + pages.length * this.#pageBytes === endVa) return { ret: 0 };
    return { err: pages.length === 0 ? ERRNO.EEXIST : ERRNO.EAGAIN };
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

function stepsAt(
  questions: readonly Asked<RangeQuestion>[],
  userfault: Userfault,
  answers: Map<string, InterfaceAnswer>,
): PlannedStep[] {
  const steps: PlannedStep[] = [];
  for (const asked of questions) {
    const { text, question } = asked;
    if (question.call === 'move_pages') {
      for (const at of TOUCHED) steps.push({ action: { op: 'store', addr: BASE + at } });
    }
    const isUserfault = question.call.startsWith('UFFDIO');
    const hear = (outcome: Outcome): void => {
      const answer = isUserfault ? userfault.answer(asked, outcome) : called(outcome);
      const status = question.call === 'move_pages' ? { status: outcome.data[0] } : {};
      if (!text.startsWith(UNASKED)) answers.set(text, { ...answer, ...status });
    };
    steps.push({ action: actionOf(question), hear });
    for (const addr of userfault.filled.get(text) ?? []) steps.push({ action: { op: 'load', addr } });
  }
  steps.push({ action: WAIT, hear: () => userfault.close() });
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
 * Answers the questions about anonymous and System V memory. The scenario is played until the pages that userfaultfd fills are
 * known: each is then read where the call stands, which maps the page of zeroes that UFFDIO_ZEROPAGE maps.
 *
 * @throws GranuleError of the model, where it fails
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * const question = { kind: 'range' as const, call: 'mprotect' as const, offsetBytes: 4096, lengthBytes: 4096, argument: 1 };
 * const answers = answerRanges(world, { range: [{ text: 'q', question }], shm: [], offsets: [4096] });
 * answers.get('q'); // { err: 22 }
 * ```
 */
export function answerRanges(world: InterfaceWorld, { range, shm, offsets }: RangeAsked): Map<string, InterfaceAnswer> {
  const filled = new Map<string, readonly number[]>();
  for (;;) {
    const answers = new Map<string, InterfaceAnswer>();
    const before = JSON.stringify([...filled]);
    const userfault = new Userfault(world.pageBytes, filled);
    const map = { addr: BASE, lengthBytes: AREA_BYTES, prot: 3, flags: 0x32, file: null, offsetBytes: 0 };
    const steps: PlannedStep[] = [{ action: { op: 'mmap', ...map } }];
    for (const offset of offsets) steps.push(...stepsAt(questionsAt(offset, range), userfault, answers));
    const scenario: Scenario = { name: 'ranges', steps: [...steps, ...shmSteps(shm, answers)], child: [], files: [] };
    const failure = playScenario(world, scenario);
    if (failure !== null) throw failure;
    if (JSON.stringify([...filled]) === before) return answers;
  }
}
