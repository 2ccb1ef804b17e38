/** The questions about a memfd: bytes in and behind its last page, and what truncation leaves. */
import type { InterfaceAnswer } from './answer.ts';
import { called } from './answer.ts';
import { type Outcome, type PlannedStep, playScenario, type InterfaceWorld } from './play.ts';
import type { Question } from './questions.ts';
import { type Asked, BASE } from './rangeScenario.ts';

/** Bytes that the program maps of the file. */
const MAPPED_BYTES = 262_144;
const PUNCHES = 3;
const KEEPS_SIZE = 1;

type FallocateQuestion = Extract<Question, { kind: 'memfdFallocate' }>;
type AccessQuestion = Extract<Question, { kind: 'memfdAccess' | 'truncatedAccess' }>;

/** What is asked about memfds. */
export interface MemfdAsked {
  fallocate: readonly Asked<FallocateQuestion>[];
  access: readonly Asked<AccessQuestion>[];
}

function accessSteps(asked: readonly Asked<AccessQuestion>[], answers: Map<string, InterfaceAnswer>): PlannedStep[] {
  return asked.map(({ text, question: { access, at } }) => ({
    action: { op: access, addr: BASE + at },
    hear: ({ signal, code }: Outcome): void => {
      answers.set(text, { signal, code });
    },
  }));
}

/** Loads come first, as in the program: a store beyond the end changes nothing for them. */
function inOrder(asked: readonly Asked<AccessQuestion>[]): Asked<AccessQuestion>[] {
  const of = (access: string): Asked<AccessQuestion>[] =>
    asked.filter(({ question }) => question.access === access).sort((a, b) => a.question.at - b.question.at);
  return [...of('load'), ...of('store')];
}

function sizesOf(asked: readonly Asked<AccessQuestion>[], kind: AccessQuestion['kind']): number[] {
  const sizes = asked.filter(({ question }) => question.kind === kind).map(({ question }) => question.fileBytes);
  return [...new Set(sizes)];
}

/**
 * Answers the questions about memfds. Each size that is asked about is a file of its own; the sizes that it is cut to follow on
 * the last one.
 *
 * @throws GranuleError of the model, where it fails; `answers` has what was answered until then
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * const question = { kind: 'memfdAccess' as const, fileBytes: 100000, access: 'load' as const, at: 131072 };
 * answerMemfds(world, { fallocate: [], access: [{ text: 'q', question }] }).get('q'); // { signal: 7, code: 2 }
 * ```
 */
export function answerMemfds(
  world: InterfaceWorld,
  { fallocate, access }: MemfdAsked,
  answers = new Map<string, InterfaceAnswer>(),
): Map<string, InterfaceAnswer> {
  const steps: PlannedStep[] = [];
  const sizes = sizesOf(access, 'memfdAccess');
  if (sizes.length === 0) sizes.push(100_000);
  for (const [number, sizeBytes] of sizes.entries()) {
    const file = `memfd:x${number}`;
    const map = { addr: BASE, lengthBytes: MAPPED_BYTES, prot: 3, flags: 0x11, file, offsetBytes: 0 };
    steps.push({ action: { op: 'memfd_create', file, flags: 0 } }, { action: { op: 'ftruncate', file, sizeBytes } });
    for (const { text, question } of number === 0 ? fallocate : []) {
      const { offsetBytes, lengthBytes, punches } = question;
      const mode = punches ? PUNCHES : KEEPS_SIZE;
      steps.push({
        action: { op: 'fallocate', file, mode, offsetBytes, lengthBytes },
        hear: (outcome) => answers.set(text, called(outcome)),
      });
    }
    steps.push({ action: { op: 'mmap', ...map } });
    const ofSize = access.filter(({ question: q }) => q.kind === 'memfdAccess' && q.fileBytes === sizeBytes);
    steps.push(...accessSteps(inOrder(ofSize), answers));
    if (number < sizes.length - 1) continue;
    for (const cutTo of sizesOf(access, 'truncatedAccess')) {
      const ofCut = access.filter(({ question: q }) => q.kind === 'truncatedAccess' && q.fileBytes === cutTo);
      steps.push({ action: { op: 'ftruncate', file, sizeBytes: cutTo } }, ...accessSteps(inOrder(ofCut), answers));
    }
  }
  const failure = playScenario(world, { name: 'memfds', steps, child: [], files: [] });
  if (failure !== null) throw failure;
  return answers;
}
