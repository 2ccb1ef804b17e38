/**
 * Selecting a page size, at the system-call boundary: personality, prctl, a size given to clone, and execve of a program that
 * the topology describes. What is decided is in `src/mm/selection`; here it becomes messages.
 *
 * @models S-18 S-19 S-26 L-11 X-03
 */
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { detachAll } from '../../src/mm/abi/sharedMemory.ts';
import type { ErrnoName } from '../../src/mm/abi/numbers.ts';
import { decide, type SelectionCommand } from '../../src/mm/selection/decide.ts';
import { areasOf, type ProgramImage } from '../../src/mm/selection/image.ts';
import type { SelectionSettings } from '../../src/mm/selection/settings.ts';
import {
  callPageBytes,
  evolve,
  firstTask,
  noTasks,
  type SelectionEvent,
  type SelectionState,
  taskOf,
} from '../../src/mm/selection/state.ts';
import type { ImageSegment, SelectionCall, TaskCall } from '../../src/mm/runs.ts';
import { type AbiContext, answer, askMm, type CallInFlight, fail } from '../abiState.ts';
import type { ExecCall } from '../messages.ts';
import { reviseAbi } from '../revise.ts';
import type { Send } from '../support.ts';

/** What the adapter keeps where a topology has programs to execute. */
export interface AbiSelection {
  settings: SelectionSettings;
  images: readonly ProgramImage[];
  tasks: SelectionState;
}

type Exec = Extract<TaskCall, { op: 'exec' }>;

const SIGSEGV = 11;
/** Where programs that may lie anywhere go, and their interpreters: on bounds of every page size. */
const PROGRAM_BASE = 0xaaaa00000000;
const INTERPRETER_BASE = 0xffff80000000;
const STACK_END = 0xffffffff0000;
/** `stack_expand` at exec [fs/exec.c:setup_arg_pages]. */
const STACK_BYTES = 0x20000;

/**
 * Whether a call selects a page size.
 *
 * @example
 * ```ts
 * isSelectionCall({ op: 'munlockall' }); // false
 * ```
 */
export function isSelectionCall(call: { op: string }): call is SelectionCall {
  return call.op === 'personality' || call.op === 'prefer_page';
}

/** The adapter with other tasks, and page sizes as they have them. */
function withTasks(context: AbiContext, selection: AbiSelection, tasks: SelectionState, pid: number): AbiContext {
  const pageBytes = callPageBytes(tasks, pid, selection.settings);
  return reviseAbi(context, (draft) => {
    draft.selection = { ...selection, tasks };
    draft.pageBytes = pageBytes === 0 ? context.pageBytes : context.pageBytes.with(pid, pageBytes);
  });
}

function after(tasks: SelectionState, events: readonly SelectionEvent[]): SelectionState {
  return events.reduce(evolve, tasks);
}

const errnoOf = (name: ErrnoName): number => ERRNO[name];

/**
 * personality(2), and the prctl of a preference. A kernel without any of it knows neither the bits nor the prctl: EINVAL.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'personality' as const, persona: 0x40000000 };
 * beginSelectionCall(abi, newCall(1, 0, call), call, (_to, message) => message.errno).calls.size; // 0
 * ```
 */
export function beginSelectionCall(
  context: AbiContext,
  { pid }: CallInFlight,
  call: SelectionCall,
  send: Send,
): AbiContext {
  const { selection } = context;
  if (selection === undefined) return fail(context, pid, ERRNO.EINVAL, send);
  const command: SelectionCommand =
    call.op === 'personality'
      ? { type: 'personality', tid: pid, persona: call.persona }
      : { type: 'prefer', tid: pid, which: call.which, pageBytes: call.pageBytes };
  const { events, errno, result } = decide(selection.tasks, command, selection.settings, selection.images);
  if (errno !== '') return fail(context, pid, errnoOf(errno), send);
  return answer(withTasks(context, selection, after(selection.tasks, events), pid), pid, { result }, send);
}

/**
 * A task that the topology starts: its first execve is the outside's, with the size written there.
 *
 * @example
 * ```ts
 * taskStarted(initialAbi({ resources: null, kernelPageBytes: 4096, files: [] }), 1, 4096).selection; // undefined
 * ```
 */
export function taskStarted(context: AbiContext, pid: number, pageBytes: number): AbiContext {
  const { selection } = context;
  if (selection === undefined) return context;
  const tasks = firstTask(selection.tasks, pid, pageBytes);
  return reviseAbi(context, (draft) => {
    draft.selection = { ...selection, tasks };
  });
}

/**
 * A task that has ended.
 *
 * @example
 * ```ts
 * taskEnded(initialAbi({ resources: null, kernelPageBytes: 4096, files: [] }), 1).selection; // undefined
 * ```
 */
export function taskEnded(context: AbiContext, pid: number): AbiContext {
  const { selection } = context;
  if (selection === undefined) return context;
  const tasks = evolve(selection.tasks, { type: 'ended', tid: pid });
  return reviseAbi(context, (draft) => {
    draft.selection = { ...selection, tasks };
  });
}

/**
 * fork, with the page size that clone3 was given: the child's preferences are noted before it can make a call.
 *
 * @returns the errno where it is refused
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const made = taskCloned(abi, 1, { op: 'fork', childPid: 2, pageBytes: 65536 });
 * made === 22; // true
 * ```
 */
export function taskCloned(
  context: AbiContext,
  pid: number,
  call: Extract<TaskCall, { op: 'fork' }>,
): AbiContext | number {
  const { selection } = context;
  const { childPid, pageBytes = 0 } = call;
  if (selection === undefined) return pageBytes === 0 ? context : ERRNO.EINVAL;
  // Memory is copied as it is: what acts at once is decided in `src/mm/selection` alone.
  const clone = selection.settings.clone === 'at-once' ? 'absent' : selection.settings.clone;
  const command = {
    type: 'clone' as const,
    tid: pid,
    child: childPid,
    shares: 'nothing' as const,
    pageBytes,
    alignedTo: 0,
  };
  const { events, errno } = decide(selection.tasks, command, { ...selection.settings, clone }, selection.images);
  if (errno !== '') return errnoOf(errno);
  const tasks = after(selection.tasks, events);
  return reviseAbi(context, (draft) => {
    draft.selection = { ...selection, tasks };
  });
}

/**
 * execve of a program of the topology, by a program. In a trace of a topology without any, it ends the trace, and is nothing.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'exec' as const, file: '/bin/true' };
 * beginExec(abi, newCall(1, 0, call), call, () => {}).calls.size; // 0
 * ```
 */
export function beginExec(context: AbiContext, inFlight: CallInFlight, call: Exec, send: Send): AbiContext {
  const { selection } = context;
  const { pid } = inFlight;
  if (selection === undefined) return answer(context, pid, { result: 0 }, send);
  const { file: path, longestArgumentBytes = 0 } = call;
  const command = { type: 'exec' as const, tid: pid, path, longestArgumentBytes };
  const { events, errno } = decide(selection.tasks, command, selection.settings, selection.images);
  if (errno !== '') return fail(context, pid, errnoOf(errno), send);
  const [event] = events;
  // Past the point of no return: nobody is left to hear an errno (`fs/exec.c:bprm_execve`).
  if (event?.type !== 'executed') return fail(context, pid, ERRNO.ENOEXEC, send, SIGSEGV);
  const exec: ExecCall = {
    op: 'execve',
    file: path,
    pageBytes: event.pageBytes,
    image: imageOf(selection.images, event.path, event.pageBytes, event.copied),
  };
  const selected = withTasks(context, selection, after(selection.tasks, events), pid);
  const state = reviseAbi(selected, (draft) => {
    draft.shared = detachAll(context.shared, pid);
  });
  return askMm(state, { ...inFlight, call: exec }, exec, send);
}

/**
 * The mm has made the program's areas, or had no memory for its tables: then the process has none left.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'execve' as const, file: '/a', pageBytes: 4096, image: [] };
 * executed(abi, newCall(1, 0, call), call, 0, () => {}).calls.size; // 0
 * ```
 */
export function executed(
  context: AbiContext,
  { pid }: CallInFlight,
  call: ExecCall,
  errno: number,
  send: Send,
): AbiContext {
  const again = taskOf(context.selection?.tasks ?? noTasks, pid) !== null;
  if (errno !== 0) return fail(context, pid, errno, send, again ? SIGSEGV : 0);
  return answer(context, pid, { result: 0, data: again ? [call.pageBytes] : [] }, send);
}

function imageOf(images: readonly ProgramImage[], path: string, pageBytes: number, copied: boolean): ImageSegment[] {
  const image = images.find((candidate) => candidate.path === path);
  const interpreter = images.find((candidate) => candidate.path === image?.interpreter);
  const stack = { addr: STACK_END - STACK_BYTES, lengthBytes: STACK_BYTES, prot: 3, file: null, offsetBytes: 0 };
  return [
    ...(image === undefined ? [] : placed(image, pageBytes, copied, PROGRAM_BASE)),
    ...(interpreter === undefined ? [] : placed(interpreter, pageBytes, copied, INTERPRETER_BASE)),
    { kind: 'stack', ...stack },
  ];
}

function placed(image: ProgramImage, pageBytes: number, copied: boolean, anywhere: number): ImageSegment[] {
  const base = image.type === 'exec' ? 0 : anywhere;
  return areasOf(image, pageBytes, copied).map((area) => ({ ...area, addr: area.addr + base }));
}
