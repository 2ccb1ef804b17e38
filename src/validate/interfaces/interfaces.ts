/**
 * Puts the questions of a file to the model, and compares: as the plain kernel of each column, and as a process of its page size on
 * a smaller kernel. The model is asked in the order of the oracle's program, whatever the order of the file.
 *
 * @models S-24 S-25 S-26 S-46
 */
import type { Design } from '../../arch/design.ts';
import { GranuleError } from '../../errors.ts';
import { type InterfaceAnswer, sameAnswer } from './answer.ts';
import { CHOICE_NAMES, type ChoiceName, type InterfaceChoices } from './choices.ts';
import { answerFact, chosenPage } from './facts.ts';
import { answerMemfds } from './fileScenario.ts';
import type { Column, FileQuestion, InterfacesFile } from './interfacesFile.node.ts';
import type { InterfaceWorld } from './play.ts';
import { type Question, understand } from './questions.ts';
import { answerRanges, type Asked } from './rangeScenario.ts';
import { answerSeen } from './seenScenario.ts';

/** The questions of a file, understood or not, and in the order of the program. */
export interface QuestionList {
  asked: readonly Asked[];
  notUnderstood: readonly string[];
  /** Distances from the start of the mapping in the order in which the program takes them. */
  offsets: readonly number[];
}

/** Whether texts stand in the order of their characters: then the order in which they were put is lost. */
function isSorted(texts: readonly string[]): boolean {
  return texts.every((text, at) => at === 0 || texts[at - 1] <= text);
}

/**
 * Reads the texts of questions. Where the file keeps the order of the program, distances follow it, else they ascend.
 *
 * @example
 * ```ts
 * const list = listQuestions(['move_pages +4096', 'move_pages +16384', 'what time is it']);
 * [list.offsets, list.notUnderstood]; // [[4096, 16384], ['what time is it']]
 * ```
 */
export function listQuestions(texts: readonly string[]): QuestionList {
  const asked: Asked[] = [];
  const notUnderstood: string[] = [];
  for (const text of texts) {
    const question = understand(text);
    if (question === null) notUnderstood.push(text);
    else asked.push({ text, question });
  }
  const found = new Set(asked.flatMap(({ question: q }) => (q.kind === 'range' ? [q.offsetBytes] : [])));
  const offsets = isSorted(texts) ? [...found].sort((a, b) => a - b) : [...found];
  return { asked, notUnderstood, offsets };
}

function ofKind<K extends Question['kind']>(
  asked: readonly Asked[],
  ...kinds: K[]
): Asked<Extract<Question, { kind: K }>>[] {
  return asked.filter((each): each is Asked<Extract<Question, { kind: K }>> => kinds.includes(each.question.kind as K));
}

/** Kinds whose answers come out of a run. */
const PLAYED: ReadonlySet<Question['kind']> = new Set([
  'range',
  'shmat',
  'memfdAccess',
  'truncatedAccess',
  'memfdFallocate',
  'smaps',
  'pagemap',
]);

/** Ascending, and at one address the fixed one before the rounded one, as the program asks: what is attached stays there. */
function shmOrder(asked: readonly Asked[]): Asked<Extract<Question, { kind: 'shmat' }>>[] {
  return ofKind(asked, 'shmat').sort(
    ({ question: a }, { question: b }) => a.offsetBytes - b.offsetBytes || Number(a.rounded) - Number(b.rounded),
  );
}

/**
 * What the model answers to each question that is understood. A question without an answer is one that the program would not
 * have come to ask, or on which the model failed: `failures` takes what it threw.
 *
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * const answers = answerAll(world, defaultChoices, listQuestions(['sysconf(_SC_PAGESIZE)', 'mlock2 +512 len 4096']));
 * [...answers.values()]; // [{ ret: 65536 }, { ret: 0 }]
 * ```
 */
export function answerAll(
  world: InterfaceWorld,
  choices: InterfaceChoices,
  { asked, offsets }: QuestionList,
  failures: string[] = [],
): Map<string, InterfaceAnswer> {
  const answers = new Map<string, InterfaceAnswer>();
  for (const { text, question } of asked) {
    const answer = PLAYED.has(question.kind) ? null : answerFact(world, choices, text, question);
    if (answer !== null) answers.set(text, answer);
  }
  const add = (play: () => unknown): void => {
    try {
      play();
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      failures.push(error.format());
    }
  };
  const [range, shm] = [ofKind(asked, 'range'), shmOrder(asked)];
  if (range.length + shm.length > 0) add(() => answerRanges(world, { range, shm, offsets }, answers));
  const fallocate = ofKind(asked, 'memfdFallocate');
  const access = ofKind(asked, 'memfdAccess', 'truncatedAccess');
  if (fallocate.length + access.length > 0) add(() => answerMemfds(world, { fallocate, access }, answers));
  const seen = ofKind(asked, 'smaps', 'pagemap');
  const devicePageBytes = chosenPage(world, choices, 'deviceNumbers');
  const smallOrder = Math.log2(chosenPage(world, choices, 'lruBatches') / world.kernelPageBytes);
  if (seen.length > 0) add(() => answerSeen({ ...world, devicePageBytes, smallOrder }, seen, answers));
  return answers;
}

/** An answer that the model gives otherwise. */
export interface InterfaceDifference {
  text: string;
  kernel: InterfaceAnswer;
  /** Null where the model has none. */
  model: InterfaceAnswer | null;
  /** The choice that makes the difference; null where it is none. */
  choice: ChoiceName | null;
}

/** What came of one column in one world. */
export interface ColumnReport {
  column: Column;
  kernelPageBytes: number;
  checks: number;
  differences: InterfaceDifference[];
  /** What the model answers, by question. */
  answers: ReadonlyMap<string, InterfaceAnswer>;
  /** What the model threw. */
  failures: string[];
  /** Of each choice that decides anything here: answers that agree with one value and differ with the other. */
  decides: { name: ChoiceName; value: string; otherValue: string; answers: number }[];
}

/**
 * A world for a column: its mTHP sizes go over those of the design.
 *
 * @example
 * ```ts
 * const column = { name: '4K+mthp64', pageBytes: 4096, thpAlwaysBytes: [65536] };
 * worldOf(column, 4096, defaultDesign).design.thp.sizes[65536]; // 'always'
 * ```
 */
export function worldOf(column: Column, kernelPageBytes: number, design: Design): InterfaceWorld {
  const sizes = Object.fromEntries(column.thpAlwaysBytes.map((bytes) => [bytes, 'always' as const]));
  const thp = { ...design.thp, sizes: { ...design.thp.sizes, ...sizes } };
  return { kernelPageBytes, pageBytes: column.pageBytes, design: { ...design, thp } };
}

function differencesOf(
  questions: readonly FileQuestion[],
  column: string,
  answers: ReadonlyMap<string, InterfaceAnswer>,
  notUnderstood: ReadonlySet<string>,
): { checks: number; differences: InterfaceDifference[] } {
  const differences: InterfaceDifference[] = [];
  let checks = 0;
  for (const { text, answers: given } of questions) {
    const kernel = given.get(column);
    if (kernel === undefined || notUnderstood.has(text)) continue;
    checks += 1;
    const model = answers.get(text) ?? null;
    if (model === null || !sameAnswer(kernel, model)) differences.push({ text, kernel, model, choice: null });
  }
  return { checks, differences };
}

/** How a run of the comparison is set up. */
export interface CompareSettings {
  kernelPageBytes: number;
  design: Design;
  choices: InterfaceChoices;
  /** Left out where nobody asks what each choice decides: that plays everything again for each of them. */
  decides?: boolean;
}

/**
 * Compares one column with the model, and says what each named choice decides there. A difference that goes away with the other
 * value of a choice is that choice's.
 *
 * @example
 * ```ts
 * const file = parseInterfaces({ 'F_GETPIPE_SZ default': { '64K': { ret: 1048576 } } }, 'x.json');
 * const settings = { kernelPageBytes: 4096, design: defaultDesign, choices: defaultChoices };
 * const report = compareColumn(file, listQuestions(['F_GETPIPE_SZ default']), file.columns[0], settings);
 * report.differences; // []
 * report.decides; // [{ name: 'pipes', value: 'process-page', otherValue: 'kernel-page', answers: 1 }]
 * ```
 */
export function compareColumn(
  file: InterfacesFile,
  list: QuestionList,
  column: Column,
  { kernelPageBytes, design, choices, decides = true }: CompareSettings,
): ColumnReport {
  const world = worldOf(column, kernelPageBytes, design);
  const unknown = new Set(list.notUnderstood);
  const compare = (answers: ReadonlyMap<string, InterfaceAnswer>): ReturnType<typeof differencesOf> =>
    differencesOf(file.questions, column.name, answers, unknown);
  const failures: string[] = [];
  const answers = answerAll(world, choices, list, failures);
  const { checks, differences } = compare(answers);
  const report: ColumnReport = { column, kernelPageBytes, checks, differences, answers, failures, decides: [] };
  if (kernelPageBytes === column.pageBytes || !decides) return report;
  for (const name of CHOICE_NAMES) {
    const value = choices[name];
    const otherValue = value === 'process-page' ? 'kernel-page' : 'process-page';
    const other = compare(answerAll(world, { ...choices, [name]: otherValue }, list)).differences;
    const stays = new Set(other.map(({ text }) => text));
    for (const difference of differences) if (!stays.has(difference.text)) difference.choice = name;
    const was = new Set(differences.map(({ text }) => text));
    const turned =
      other.filter(({ text }) => !was.has(text)).length + [...was].filter((text) => !stays.has(text)).length;
    if (turned > 0) report.decides.push({ name, value, otherValue, answers: turned });
  }
  return report;
}
