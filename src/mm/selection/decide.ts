/**
 * Decides what a call about page sizes does: events, or an errno and no event. The order of execve is that of fs/exec.c and
 * fs/binfmt_elf.c: arguments are staged in a new mm first, then the file is read, and then comes the point of no return.
 *
 * @models S-18 S-19 L-11 X-03 T-04 T-13
 */
import type { ErrnoName } from '../abi/numbers.ts';
import { askedByFile, type Fit, fitOf, type ProgramImage } from './image.ts';
import { PER_PAGE_MASK, PER_QUERY, personaPageBytes, type SelectionSettings } from './settings.ts';
import {
  memoryPageBytes,
  type SelectionEvent,
  type SelectionState,
  type SelectionTask,
  type Selector,
  taskOf,
} from './state.ts';

/** What a task asks for. */
export type SelectionCommand =
  | { type: 'personality'; tid: number; persona: number }
  /** `pageBytes` 0 takes a preference away. */
  | { type: 'prefer'; tid: number; which: 'once' | 'inherited'; pageBytes: number }
  | {
      type: 'clone';
      tid: number;
      child: number;
      /** fork; vfork, or CLONE_VM alone; a thread. */
      shares: 'nothing' | 'memory' | 'thread';
      /** The page size given to clone3; 0 for none. */
      pageBytes: number;
      /** The largest page size that every area of the parent is whole pages of. */
      alignedTo: number;
    }
  | { type: 'exec'; tid: number; path: string; longestArgumentBytes: number }
  | { type: 'exit'; tid: number };

/** What a command comes to. */
export interface Decision {
  events: SelectionEvent[];
  /** Why nothing happened; empty where it did. */
  errno: ErrnoName | '';
  /** What the call returns. */
  result: number;
}

/** `MAX_ARG_STRLEN` in pages [include/uapi/linux/binfmts.h]. */
const MAX_ARG_STRLEN_PAGES = 32;

const refused = (errno: ErrnoName): Decision => ({ events: [], errno, result: -1 });
const done = (events: SelectionEvent[], result = 0): Decision => ({ events, errno: '', result });

/**
 * Decides one command.
 *
 * @param images the programs that execve finds
 * @example
 * ```ts
 * const command = { type: 'personality' as const, tid: 1, persona: 0x40000000 };
 * decide(firstTask(noTasks, 1, 4096), command, defaultSelection, []).events[0]?.type; // 'personality-set'
 * ```
 */
export function decide(
  state: SelectionState,
  command: SelectionCommand,
  settings: SelectionSettings,
  images: readonly ProgramImage[],
): Decision {
  const task = taskOf(state, command.tid);
  if (task === null) return refused('ESRCH');
  switch (command.type) {
    case 'personality':
      return personality(task, command.persona, settings);
    case 'prefer': {
      const { which, pageBytes } = command;
      if (!settings.prctl || !isOffered(pageBytes, settings)) return refused('EINVAL');
      return done([{ type: 'preference-set', tid: task.tid, which, pageBytes }]);
    }
    case 'clone':
      return clone(state, task, command, settings);
    case 'exec':
      return exec(task, command, settings, images);
    default:
      return done([{ type: 'ended', tid: task.tid }]);
  }
}

/** A size that the kernel can give, or none. */
function isOffered(pageBytes: number, { kernelPageBytes }: SelectionSettings): boolean {
  return pageBytes === 0 || ([4096, 16384, 65536].includes(pageBytes) && pageBytes >= kernelPageBytes);
}

/** `kernel/exec_domain.c:personality`: the old value comes back; what the bits mean is checked, as prctl checks. */
function personality(task: SelectionTask, persona: number, settings: SelectionSettings): Decision {
  if (persona === PER_QUERY) return done([], task.persona);
  const pageBytes = personaPageBytes(persona);
  const names = (persona & PER_PAGE_MASK) !== 0;
  if (names && (settings.personality === 'absent' || pageBytes === null || !isOffered(pageBytes, settings))) {
    return refused('EINVAL');
  }
  return done([{ type: 'personality-set', tid: task.tid, persona }], task.persona);
}

function clone(
  state: SelectionState,
  task: SelectionTask,
  command: Extract<SelectionCommand, { type: 'clone' }>,
  settings: SelectionSettings,
): Decision {
  const { child, shares, pageBytes, alignedTo } = command;
  const { tid } = task;
  const memory = memoryPageBytes(state, tid);
  const plain = { type: 'cloned' as const, tid, child, shares, pageBytes: memory, oncePageBytes: 0 };
  if (pageBytes === 0) return done([plain], child);
  if (settings.clone === 'absent' || !isOffered(pageBytes, settings)) return refused('EINVAL');
  if (settings.clone === 'next-exec') return done([{ ...plain, oncePageBytes: pageBytes }], child);
  // At once: shared memory has one size, and copied areas must be whole pages of the new one.
  if (shares !== 'nothing' || pageBytes > alignedTo) return refused('EINVAL');
  return done([{ ...plain, pageBytes }], child);
}

/** The selectors in the order in which they are asked. */
function selected(
  task: SelectionTask,
  image: ProgramImage,
  settings: SelectionSettings,
): { by: Selector; pageBytes: number }[] {
  const { kernelPageBytes, personality: how, prctl, elf, setId } = settings;
  const forgets = image.setId && setId === 'clear';
  const caller: { by: Selector; pageBytes: number }[] = [
    { by: 'once', pageBytes: task.oncePageBytes },
    { by: 'inherited', pageBytes: prctl ? task.inheritedPageBytes : 0 },
    { by: 'personality', pageBytes: how === 'absent' ? 0 : (personaPageBytes(task.persona) ?? 0) },
  ];
  return [
    ...(forgets ? [] : caller),
    { by: 'file', pageBytes: askedByFile(image, elf, kernelPageBytes) },
    { by: 'default', pageBytes: kernelPageBytes },
  ];
}

function exec(
  task: SelectionTask,
  command: Extract<SelectionCommand, { type: 'exec' }>,
  settings: SelectionSettings,
  images: readonly ProgramImage[],
): Decision {
  const image = images.find(({ path }) => path === command.path);
  const interpreter = images.find(({ path }) => path === image?.interpreter);
  if (image === undefined || (image.interpreter !== null && interpreter === undefined)) return refused('ENOENT');
  const choice = selected(task, image, settings).find(({ pageBytes }) => pageBytes !== 0);
  const { by, pageBytes } = choice ?? { by: 'default' as const, pageBytes: settings.kernelPageBytes };
  if (!isOffered(pageBytes, settings)) return refused('EINVAL');
  if (command.longestArgumentBytes > MAX_ARG_STRLEN_PAGES * pageBytes) return refused('E2BIG');
  // A file that says a size of its own says it before the point of no return, and another than the program's is refused.
  const noted = interpreter?.notedPageBytes ?? 0;
  if (settings.elf === 'note' && noted !== 0 && noted !== pageBytes) return refused('ELIBBAD');
  const parts = interpreter === undefined ? [image] : [image, interpreter];
  const forgets = image.setId && settings.setId === 'clear';
  // Arguments are staged by what the caller selected, since the file is not read yet; an execve that goes by the file copies them again.
  const restaged = by === 'file' && pageBytes !== settings.kernelPageBytes;
  const event = {
    type: 'executed' as const,
    tid: task.tid,
    path: image.path,
    pageBytes,
    by,
    restaged,
    copied: false,
    forgets,
  };
  return loaded(event, fitOf(parts, pageBytes), settings, parts);
}

type Executed = Extract<SelectionEvent, { type: 'executed' }>;

/** What is done with a program that does not fit. */
function loaded(event: Executed, fit: Fit, settings: SelectionSettings, parts: readonly ProgramImage[]): Decision {
  const fits = fit.outcome === 'as-is' || fit.outcome === 'weaker';
  if (fits) return done([event]);
  if (fit.early && fit.errno !== '') return refused(fit.errno);
  switch (settings.misfit) {
    case 'refuse':
      return refused('ENOEXEC');
    case 'copy':
      return fit.curable ? done([{ ...event, copied: true }]) : killedBy(event, fit);
    case 'kernel-page': {
      const pageBytes = settings.kernelPageBytes;
      if (event.pageBytes === pageBytes) return killedBy(event, fit);
      const small = { ...event, pageBytes, by: 'default' as const, restaged: true };
      return loaded(small, fitOf(parts, pageBytes), settings, parts);
    }
    default:
      return killedBy(event, fit);
  }
}

/** As a kernel of that page size has it: what is refused is killed, what is broken runs until it gets there. */
function killedBy(event: Executed, fit: Fit): Decision {
  return done(fit.outcome === 'refused' ? [{ type: 'killed', tid: event.tid, path: event.path }] : [event]);
}
