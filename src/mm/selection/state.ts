/**
 * What tasks and address spaces remember of page sizes, and how it changes: one event at a time, and nothing but events.
 *
 * @models S-18 S-19
 */
import { personaPageBytes, type SelectionSettings } from './settings.ts';

/** One thread. */
export interface SelectionTask {
  tid: number;
  /** Threads of one process have one group: execve ends the others. */
  group: number;
  /** Its address space. Threads share one, and so do parent and child of vfork until execve. */
  mm: number;
  persona: number;
  /** For the next execve alone; 0 for none. */
  oncePageBytes: number;
  /** For every execve; inherited; 0 for none. */
  inheritedPageBytes: number;
}

/** All of it. The size lives in the address space, and nothing else has one. */
export interface SelectionState {
  tasks: readonly SelectionTask[];
  mms: readonly { id: number; pageBytes: number }[];
  /** Address spaces made so far. */
  made: number;
}

/** Who selected a page size. */
export type Selector = 'default' | 'once' | 'inherited' | 'personality' | 'file';

/** What happened. */
export type SelectionEvent =
  | { type: 'personality-set'; tid: number; persona: number }
  | { type: 'preference-set'; tid: number; which: 'once' | 'inherited'; pageBytes: number }
  | {
      type: 'cloned';
      tid: number;
      child: number;
      shares: 'nothing' | 'memory' | 'thread';
      pageBytes: number;
      oncePageBytes: number;
    }
  | { type: 'ended'; tid: number }
  | {
      type: 'executed';
      tid: number;
      path: string;
      pageBytes: number;
      by: Selector;
      /** Arguments were copied into pages of another size first, and had to be copied again. */
      restaged: boolean;
      /** It runs with merged rights and anonymous copies. */
      copied: boolean;
      /** What its caller selected is forgotten. */
      forgets: boolean;
    }
  /** The point of no return was passed, and the image cannot be mapped. */
  | { type: 'killed'; tid: number; path: string };

/**
 * One process with one thread, as the first execve makes it.
 *
 * @example
 * ```ts
 * firstTask(noTasks, 1, 65536).mms; // [{ id: 1, pageBytes: 65536 }]
 * ```
 */
export function firstTask(state: SelectionState, tid: number, pageBytes: number): SelectionState {
  const id = state.made + 1;
  const task = { tid, group: tid, mm: id, persona: 0, oncePageBytes: 0, inheritedPageBytes: 0 };
  return { tasks: [...state.tasks, task], mms: [...state.mms, { id, pageBytes }], made: id };
}

/** Nobody. */
export const noTasks: SelectionState = { tasks: [], mms: [], made: 0 };

/**
 * The task with an id.
 *
 * @example
 * ```ts
 * taskOf(noTasks, 1); // null
 * ```
 */
export function taskOf(state: SelectionState, tid: number): SelectionTask | null {
  return state.tasks.find((task) => task.tid === tid) ?? null;
}

/**
 * The page size of a task's address space.
 *
 * @example
 * ```ts
 * memoryPageBytes(firstTask(noTasks, 1, 65536), 1); // 65536
 * ```
 */
export function memoryPageBytes(state: SelectionState, tid: number): number {
  const mm = taskOf(state, tid)?.mm;
  return state.mms.find(({ id }) => id === mm)?.pageBytes ?? 0;
}

/**
 * The page size by which a task's calls are judged: that of its memory, unless personality() acts at once.
 *
 * @example
 * ```ts
 * callPageBytes(firstTask(noTasks, 1, 65536), 1, defaultSelection); // 65536
 * ```
 */
export function callPageBytes(state: SelectionState, tid: number, settings: SelectionSettings): number {
  const memory = memoryPageBytes(state, tid);
  if (settings.personality !== 'at-once') return memory;
  const bits = personaPageBytes(taskOf(state, tid)?.persona ?? 0) ?? 0;
  return bits === 0 ? memory : bits;
}

/**
 * The tasks whose calls are judged by another page size than their memory has: there should never be one.
 *
 * @example
 * ```ts
 * mismatches(firstTask(noTasks, 1, 65536), defaultSelection); // []
 * ```
 */
export function mismatches(state: SelectionState, settings: SelectionSettings): number[] {
  return state.tasks
    .filter(({ tid }) => callPageBytes(state, tid, settings) !== memoryPageBytes(state, tid))
    .map(({ tid }) => tid);
}

function withTask(state: SelectionState, tid: number, change: Partial<SelectionTask>): SelectionState {
  return { ...state, tasks: state.tasks.map((task) => (task.tid === tid ? { ...task, ...change } : task)) };
}

/** Address spaces that nobody uses go. */
function swept(state: SelectionState): SelectionState {
  return { ...state, mms: state.mms.filter(({ id }) => state.tasks.some(({ mm }) => mm === id)) };
}

/**
 * The state after an event.
 *
 * @example
 * ```ts
 * const before = firstTask(noTasks, 1, 4096);
 * const after = evolve(before, { type: 'preference-set', tid: 1, which: 'once', pageBytes: 65536 });
 * [after.tasks[0]?.oncePageBytes, memoryPageBytes(after, 1)]; // [65536, 4096]
 * ```
 */
export function evolve(state: SelectionState, event: SelectionEvent): SelectionState {
  switch (event.type) {
    case 'personality-set':
      return withTask(state, event.tid, { persona: event.persona });
    case 'preference-set':
      return withTask(
        state,
        event.tid,
        event.which === 'once' ? { oncePageBytes: event.pageBytes } : { inheritedPageBytes: event.pageBytes },
      );
    case 'cloned':
      return cloned(state, event);
    case 'executed':
      return executed(state, event);
    default:
      return swept({ ...state, tasks: state.tasks.filter(({ tid }) => tid !== event.tid) });
  }
}

/** `dup_mm` copies the size; threads and vfork share the mm itself; both preferences are copied with the task. */
function cloned(state: SelectionState, event: Extract<SelectionEvent, { type: 'cloned' }>): SelectionState {
  const parent = taskOf(state, event.tid);
  if (parent === null) return state;
  const oncePageBytes = event.oncePageBytes === 0 ? parent.oncePageBytes : event.oncePageBytes;
  const child = { ...parent, tid: event.child, oncePageBytes };
  if (event.shares === 'thread') return { ...state, tasks: [...state.tasks, child] };
  const group = event.child;
  if (event.shares === 'memory') return { ...state, tasks: [...state.tasks, { ...child, group }] };
  const id = state.made + 1;
  const mms = [...state.mms, { id, pageBytes: event.pageBytes }];
  return { tasks: [...state.tasks, { ...child, group, mm: id }], mms, made: id };
}

/** `begin_new_exec`: the other threads end (`de_thread`), the mm is a new one, the choice for once is used up. */
function executed(state: SelectionState, event: Extract<SelectionEvent, { type: 'executed' }>): SelectionState {
  const group = taskOf(state, event.tid)?.group;
  const id = state.made + 1;
  const tasks = state.tasks
    .filter((task) => task.group !== group || task.tid === event.tid)
    .map((task) => {
      if (task.tid !== event.tid) return task;
      const kept = event.forgets ? { persona: withoutPage(task.persona), inheritedPageBytes: 0 } : {};
      return { ...task, ...kept, mm: id, oncePageBytes: 0 };
    });
  return swept({ tasks, mms: [...state.mms, { id, pageBytes: event.pageBytes }], made: id });
}

/** `me->personality &= ~bprm->per_clear`, were the bits in PER_CLEAR_ON_SETID. */
function withoutPage(persona: number): number {
  return persona - (Math.floor(persona / 0x20000000) % 4) * 0x20000000;
}
