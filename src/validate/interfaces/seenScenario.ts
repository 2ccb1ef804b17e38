/**
 * The questions about smaps and pagemap: one known set of mappings, looked at by the program itself, by the child that it forks,
 * and once more after advice.
 *
 * @models S-46
 */
import { invariant } from '../../errors.ts';
import { ADVICE } from '../../mm/abi/numbers.ts';
import { deviceMinor } from '../../mm/procfs/settings.ts';
import type { InodeName } from '../../mm/procfs/maps.ts';
import type { InterfaceAnswer } from './answer.ts';
import { LruNotes } from './lruNotes.ts';
import { CHILD_PID, type Outcome, type PlannedStep, playScenario, type InterfaceWorld, type Scenario } from './play.ts';
import { ProcView } from './procView.ts';
import type { AdvisedBytes, AreaName, Question } from './questions.ts';
import { type Asked, BASE } from './rangeScenario.ts';

type SeenQuestion = Extract<Question, { kind: 'smaps' | 'pagemap' }>;

/** The file that is mapped; the first one of its tmpfs. */
const FILE = '/tmp/iface.dat';
const FILE_BYTES = 200_000;
const WINDOW_BYTES = 2 ** 32;

const ANON = BASE;
const FILE_PRIVATE = BASE + 0x200000;
const FILE_SHARED = BASE + 0x300000;
const MLOCKED = BASE + 0x400000;
const HUGE = BASE + 0x40000000;
const PROT_NONE = BASE + 0x50000000;

/** Where each area is, and how much of it is shown. */
const AREAS: Readonly<Record<AreaName, { startVa: number; lengthBytes: number }>> = {
  anon: { startVa: ANON, lengthBytes: 1 << 20 },
  'file private': { startVa: FILE_PRIVATE, lengthBytes: 262_144 },
  'file shared': { startVa: FILE_SHARED, lengthBytes: 262_144 },
  mlocked: { startVa: MLOCKED, lengthBytes: 131_072 },
  huge: { startVa: HUGE, lengthBytes: 4 << 20 },
  'prot none': { startVa: PROT_NONE, lengthBytes: 65_536 },
};

const PRIVATE_ANONYMOUS = 0x32;
const PRIVATE_FIXED = 0x12;
const SHARED_FIXED = 0x11;

/** The mappings of the program, in its order. */
function mappings(notes: LruNotes): PlannedStep[] {
  const map = (addr: number, lengthBytes: number, flags = PRIVATE_ANONYMOUS, prot = 3): PlannedStep => {
    const file = flags === PRIVATE_ANONYMOUS ? null : FILE;
    return { action: { op: 'mmap', addr, lengthBytes, prot, flags, file, offsetBytes: 0 } };
  };
  const store = (addr: number): PlannedStep => ({ action: { op: 'store', addr } });
  const load = (addr: number): PlannedStep => ({ action: { op: 'load', addr } });
  return [
    map(ANON, 1 << 20),
    // `a[0] = a[4096] = ... = 1`: assignments go from the last to the first.
    ...[204_800, 65_536, 20_480, 4096, 0].map((at) => store(ANON + at)),
    load(ANON + 300_000),
    map(FILE_PRIVATE, 262_144, PRIVATE_FIXED),
    load(FILE_PRIVATE),
    load(FILE_PRIVATE + 70_000),
    store(FILE_PRIVATE + 5000),
    map(FILE_SHARED, 262_144, SHARED_FIXED),
    store(FILE_SHARED),
    load(FILE_SHARED + 131_072),
    map(MLOCKED, 131_072),
    notes.step({ op: 'mlock', addr: MLOCKED, lengthBytes: 4096 }),
    map(HUGE, 4 << 20),
    { action: { op: 'madvise', addr: HUGE, lengthBytes: 4 << 20, advice: ADVICE.HUGEPAGE } },
    store(HUGE),
    store(HUGE + (3 << 20)),
    map(PROT_NONE, 65_536, PRIVATE_ANONYMOUS, 0),
  ];
}

/** What the child writes before it looks. */
const CHILD_STORES: readonly number[] = [ANON, FILE_PRIVATE + 70_000];
/** A call that tells nothing: where somebody looks. */
const LOOK = { op: 'other', name: 'getpid' } as const;
/** Calls with which the program waits for its child, at first. */
const WAITS = 256;
const WAITS_MAX = 1 << 16;

type Answers = Map<string, InterfaceAnswer>;

/** The device of the tmpfs, as a kernel of the pages that the design says numbers it. */
function inodeOf(devicePageBytes: number): (file: string) => InodeName {
  return () => ({ major: 0, minor: deviceMinor(devicePageBytes), ino: 2 });
}

function look(
  asked: readonly Asked<SeenQuestion>[],
  devicePageBytes: number,
  notes: LruNotes,
  answers: Answers,
): PlannedStep {
  return {
    action: LOOK,
    hear: ({ system, pid }: Outcome): void => {
      if (asked.length === 0) return;
      const view = new ProcView(system, pid, notes);
      for (const { text, question } of asked) {
        if (question.kind === 'smaps') {
          answers.set(text, { text: view.smaps(BASE, BASE + WINDOW_BYTES, inodeOf(devicePageBytes)) });
        } else {
          const { startVa, lengthBytes } = AREAS[question.area];
          answers.set(text, { text: view.pagemap(startVa, lengthBytes) });
        }
      }
    },
  };
}

/** What an "after" does, range by range; its ranges are bytes of the first area. */
function afterSteps(after: readonly AdvisedBytes[], notes: LruNotes): PlannedStep[] {
  return after.map(({ action, fromBytes, toBytes, prot }) => {
    const area = { addr: ANON + fromBytes, lengthBytes: toBytes - fromBytes };
    if (action === 'MUNMAP') return notes.step({ op: 'munmap', ...area });
    if (action === 'MLOCK') return notes.step({ op: 'mlock', ...area });
    if (action === 'MPROTECT') return notes.step({ op: 'mprotect', ...area, prot });
    if (action === 'MUNLOCK') return notes.step({ op: 'munlock', ...area });
    const advice = ADVICE[action as keyof typeof ADVICE];
    return notes.step({ op: 'madvise', ...area, advice });
  });
}

/** By which pages devices are numbered, and up to which order, in pages of the kernel, a folio is a small one to the LRU. */
export interface SeenWorld extends InterfaceWorld {
  devicePageBytes: number;
  smallOrder: number;
}

/** One run, with so many calls to wait for the child; null where it took longer. */
function attempt(
  world: SeenWorld,
  asked: readonly Asked<SeenQuestion>[],
  after: readonly AdvisedBytes[],
  waits: number,
): Answers | null {
  const answers: Answers = new Map();
  const notes = new LruNotes(world.smallOrder);
  const before = asked.filter(({ question: q }) => !q.child && q.after.length === 0);
  const inChild = asked.filter(({ question }) => question.child);
  const last = asked.filter(({ question: q }) => !q.child && q.after.length > 0);
  const looks = (questions: readonly Asked<SeenQuestion>[]): PlannedStep =>
    look(questions, world.devicePageBytes, notes, answers);
  let [childEnded, inTime] = [false, false];
  const steps: PlannedStep[] = [
    ...mappings(notes),
    looks(before),
    { action: { op: 'fork', childPid: CHILD_PID } },
    ...Array.from({ length: waits }, () => ({ action: LOOK })),
    { action: LOOK, hear: () => (inTime = childEnded) },
    ...afterSteps(after, notes),
    looks(last),
  ];
  const child: PlannedStep[] = [
    ...CHILD_STORES.map((addr): PlannedStep => ({ action: { op: 'store', addr } })),
    ...(inChild[0] === undefined ? [] : afterSteps(inChild[0].question.after, notes)),
    looks(inChild),
    { action: { op: 'exit', status: 0 }, hear: () => (childEnded = true) },
  ];
  const files: Scenario['files'] = [{ path: FILE, size: FILE_BYTES, kind: 'tmpfs' }];
  const failure = playScenario(world, { name: 'seen', steps, child, files });
  if (failure !== null) throw failure;
  return inTime ? answers : null;
}

/**
 * Looks before the fork, in the child, and after advice, if any. The program waits for its child by calls that do nothing; where they
 * are too few it is played again with more.
 */
function play(world: SeenWorld, asked: readonly Asked<SeenQuestion>[], after: readonly AdvisedBytes[]): Answers {
  let answers: Answers | null = null;
  for (let waits = WAITS; answers === null; waits *= 4) {
    invariant(waits <= WAITS_MAX, 'a child ends in the end');
    answers = attempt(world, asked, after, waits);
  }
  return answers;
}

/**
 * Answers the questions about smaps and pagemap. Every "after" is a run of its own in the same surroundings.
 *
 * @throws GranuleError of the model, where it fails
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign, devicePageBytes: 65536, smallOrder: 4 };
 * const question = { kind: 'pagemap' as const, area: 'mlocked' as const, child: false, after: [] };
 * answerSeen(world, [{ text: 'q', question }]).get('q'); // { text: 'P-X- ---- ' }
 * ```
 */
export function answerSeen(
  world: SeenWorld,
  asked: readonly Asked<SeenQuestion>[],
  answers: Answers = new Map(),
): Answers {
  const groups = new Map<string, Asked<SeenQuestion>[]>();
  for (const each of asked) {
    const key = JSON.stringify(each.question.after);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  for (const group of groups.values()) {
    const inChild = group.some(({ question }) => question.child);
    // In the child the advice is the child's own; the program itself does nothing then.
    const after = group.some(({ question: q }) => !q.child) || !inChild ? group[0].question.after : [];
    for (const [text, answer] of play(world, group, after)) answers.set(text, answer);
  }
  return answers;
}
