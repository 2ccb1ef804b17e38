/** Operations that several classics are made of. */
import type { Look, Operation, SharedProperty, Turn } from './shared.ts';

/**
 * An operation.
 *
 * @example
 * ```ts
 * step('x', 'sets x', (turn) => turn.set('x', 1)).on; // 'x'
 * ```
 */
export function step(on: string, says: string, run: (turn: Turn) => void, label?: string): Operation {
  return { on, says, run, ...(label === undefined ? {} : { label }) };
}

/** Reads a cell into one of the thread's own.
 *
 * @example
 * ```ts
 * load('x', 'r').says; // 'reads x'
 * ```
 */
export function load(cell: string, own: string, label?: string): Operation {
  const on = cell.split('.')[0] ?? cell;
  return step(on, `reads ${cell}`, (turn) => turn.setOwn(own, turn.get(cell)), label);
}

/** Sets a cell to a value.
 *
 * @example
 * ```ts
 * store('x', 1).says; // 'sets x to 1'
 * ```
 */
export function store(cell: string, value: number, label?: string): Operation {
  const on = cell.split('.')[0] ?? cell;
  return step(on, `sets ${cell} to ${value}`, (turn) => turn.set(cell, value), label);
}

/** Threads that a queue holds: as digits of a number. */
const QUEUE_BASE = 8;

function enqueue(queue: number, thread: number): number {
  let place = 1;
  while (Math.floor(queue / place) !== 0) place *= QUEUE_BASE;
  return queue + thread * place;
}

/** Takes a mutex with the cells `holder` and `queue`, or waits in line: who lets go hands it on.
 *
 * @example
 * ```ts
 * lock('mutex').says; // 'takes mutex'
 * ```
 */
export function lock(mutex: string, label?: string): Operation {
  return step(mutex, `takes ${mutex}`, (turn) => enterOrWait(turn, mutex), label);
}

function enterOrWait(turn: Turn, mutex: string): void {
  if (turn.get(`${mutex}.holder`) === 0) {
    turn.set(`${mutex}.holder`, turn.self);
  } else {
    turn.set(`${mutex}.queue`, enqueue(turn.get(`${mutex}.queue`), turn.self));
    turn.sleep();
  }
}

function handOn(turn: Turn, mutex: string): void {
  const queue = turn.get(`${mutex}.queue`);
  const next = queue % QUEUE_BASE;
  turn.set(`${mutex}.holder`, next);
  turn.set(`${mutex}.queue`, Math.floor(queue / QUEUE_BASE));
  if (next !== 0) turn.wake(turn.nameOf(next));
}

/** Lets go of a mutex.
 *
 * @example
 * ```ts
 * unlock('mutex').says; // 'lets go of mutex'
 * ```
 */
export function unlock(mutex: string, label?: string): Operation {
  return step(mutex, `lets go of ${mutex}`, (turn) => handOn(turn, mutex), label);
}

/** Under a mutex: waits for its condition (cell `waiting`), which lets go of the mutex and takes it again.
 *
 * @example
 * ```ts
 * waitFor('mutex', (turn) => turn.get('mutex.count') === 0).on; // 'mutex'
 * ```
 */
export function waitFor(mutex: string, isNeeded: (turn: Turn) => boolean, label?: string, again?: string): Operation {
  const wait = (turn: Turn): void => {
    if (!isNeeded(turn)) return;
    turn.set(`${mutex}.waiting`, enqueue(turn.get(`${mutex}.waiting`), turn.self));
    handOn(turn, mutex);
    turn.sleep();
    if (again !== undefined) turn.to(again);
  };
  return step(mutex, `waits for its condition at ${mutex} if it has to`, wait, label);
}

/** Tells one that waits for the condition of a mutex, which then stands in line for the mutex.
 *
 * @example
 * ```ts
 * notify('mutex').says; // 'tells one that waits at mutex'
 * ```
 */
export function notify(mutex: string): Operation {
  return step(mutex, `tells one that waits at ${mutex}`, (turn) => {
    const waiting = turn.get(`${mutex}.waiting`);
    const first = waiting % QUEUE_BASE;
    if (first === 0) return;
    turn.set(`${mutex}.waiting`, Math.floor(waiting / QUEUE_BASE));
    turn.set(`${mutex}.queue`, enqueue(turn.get(`${mutex}.queue`), first));
  });
}

/** A property over cells, in one line.
 *
 * @example
 * ```ts
 * always('small', 'x is small', ['x'], ({ get }) => (get('x') < 2 ? null : 'x is large')).kind; // 'always'
 * ```
 */
export function always(
  name: string,
  says: string,
  reads: readonly string[],
  fault: (look: Look) => string | null,
): SharedProperty {
  return { name, kind: 'always', says, reads, fault };
}

/** A property of what is left in the end.
 *
 * @example
 * ```ts
 * atEnd('sum', 'both are counted', ({ get }) => (get('x') === 2 ? null : 'one is lost')).kind; // 'at-end'
 * ```
 */
export function atEnd(name: string, says: string, fault: (look: Look) => string | null): SharedProperty {
  return { name, kind: 'at-end', says, fault };
}

/** No thread is left waiting for ever.
 *
 * @example
 * ```ts
 * allEnd(['a', 'b']).name; // 'all-end'
 * ```
 */
export function allEnd(threads: readonly string[]): SharedProperty {
  return atEnd('all-end', 'every thread comes to its end', ({ isDone }) => {
    const left = threads.filter((thread) => !isDone(thread));
    return left.length === 0 ? null : `${left.join(' and ')} wait${left.length === 1 ? 's' : ''} for ever`;
  });
}
