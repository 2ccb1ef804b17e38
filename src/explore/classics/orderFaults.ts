/** Classics of wrong order and lost signals; each beside its mended twin. */
import { allEnd, always, atEnd, load, lock, notify, step, store, unlock, waitFor } from './operations.ts';
import type { Operation, SharedSystem } from './shared.ts';

const enter = (label?: string): Operation =>
  step('inside', 'goes in', (turn) => turn.set('inside', turn.get('inside') + 1), label);
const leave = step('inside', 'goes out', (turn) => turn.set('inside', turn.get('inside') - 1));
const oneInside = always('one-inside', 'at most one is inside', ['inside'], ({ get }) =>
  get('inside') <= 1 ? null : 'two are inside',
);

/**
 * Two threads add one by a read and a write.
 *
 * @example
 * ```ts
 * lostUpdate(false).name; // 'lost-update'
 * ```
 */
export function lostUpdate(isMended: boolean): SharedSystem {
  const add = step('x', 'adds one to x, in one', (turn) => turn.set('x', turn.get('x') + 1));
  const write = step('x', 'sets x to one more than it read', (turn) => turn.set('x', turn.own('r') + 1));
  const program = isMended ? [add] : [load('x', 'r'), write];
  return {
    name: 'lost-update',
    cells: { x: 0 },
    own: { 'a.r': 0, 'b.r': 0 },
    threads: { a: program, b: program },
    properties: [
      atEnd('nothing-lost', 'both additions are in x', ({ get }) => (get('x') === 2 ? null : `x is ${get('x')}`)),
    ],
  };
}

/**
 * A thread looks whether it has to wait, and the signal comes before it sleeps. Mended as futex does: both in one.
 *
 * @example
 * ```ts
 * missedWakeUp(false).name; // 'missed-wake-up'
 * ```
 */
export function missedWakeUp(isMended: boolean): SharedSystem {
  const sleepIfUnset = step('flag', 'sleeps if the flag is not set, in one', (turn) => {
    if (turn.get('flag') === 0) turn.sleep();
  });
  const decide = step('waiter', 'goes on if it was set', (turn) => {
    if (turn.own('seen') !== 0) turn.to('out');
  });
  const sleep = step('flag', 'sleeps', (turn) => turn.sleep());
  const wake = step('flag', 'wakes who sleeps', (turn) => void turn.wake('waiter'));
  const out = step('waiter', 'is done', () => undefined, 'out');
  return {
    name: 'missed-wake-up',
    cells: { flag: 0 },
    own: { 'waiter.seen': 0 },
    threads: {
      waiter: isMended ? [sleepIfUnset, out] : [load('flag', 'seen'), decide, sleep, out],
      setter: [store('flag', 1), wake],
    },
    properties: [allEnd(['waiter', 'setter'])],
  };
}

/**
 * Two locks taken in two orders.
 *
 * @example
 * ```ts
 * lockOrder(false).name; // 'lock-order'
 * ```
 */
export function lockOrder(isMended: boolean): SharedSystem {
  const both = (first: string, second: string) => [lock(first), lock(second), unlock(second), unlock(first)];
  return {
    name: 'lock-order',
    cells: { 'p.holder': 0, 'p.queue': 0, 'q.holder': 0, 'q.queue': 0 },
    threads: { a: both('p', 'q'), b: isMended ? both('p', 'q') : both('q', 'p') },
    properties: [allEnd(['a', 'b'])],
  };
}

/**
 * Peterson's lock (Information Processing Letters 1981) with the turn given away before the flag is raised.
 *
 * @example
 * ```ts
 * petersonOrder(false).name; // 'peterson-order'
 * ```
 */
export function petersonOrder(isMended: boolean): SharedSystem {
  const program = (mine: string, other: string, otherTurn: number): Operation[] => {
    const raise = store(mine, 1);
    const yieldTurn = store('turn', otherTurn);
    return [
      ...(isMended ? [raise, yieldTurn] : [yieldTurn, raise]),
      load(other, 'other', 'wait'),
      step('turn', 'waits while the other wants it and has the turn', (turn) => {
        if (turn.own('other') === 1 && turn.get('turn') === otherTurn) turn.to('wait');
      }),
      enter(),
      leave,
      store(mine, 0),
    ];
  };
  return {
    name: 'peterson-order',
    cells: { wantA: 0, wantB: 0, turn: 0, inside: 0 },
    own: { 'a.other': 0, 'b.other': 0 },
    threads: { a: program('wantA', 'wantB', 1), b: program('wantB', 'wantA', 0) },
    properties: [oneInside, allEnd(['a', 'b'])],
    progress: ({ isDone }) => Number(isDone('a')) + Number(isDone('b')),
  };
}

/**
 * A lock whose test and set are two steps.
 *
 * @example
 * ```ts
 * testThenSet(false).name; // 'test-then-set'
 * ```
 */
export function testThenSet(isMended: boolean): SharedSystem {
  const testAndSet = step(
    'word',
    'tests and sets the lock word, in one',
    (turn) => {
      if (turn.get('word') === 1) turn.to('try');
      turn.set('word', 1);
    },
    'try',
  );
  const test = step(
    'word',
    'tests the lock word',
    (turn) => {
      if (turn.get('word') === 1) turn.to('try');
    },
    'try',
  );
  const program = [...(isMended ? [testAndSet] : [test, store('word', 1)]), enter(), leave, store('word', 0)];
  return {
    name: 'test-then-set',
    cells: { word: 0, inside: 0 },
    threads: { a: program, b: program },
    properties: [oneInside, allEnd(['a', 'b'])],
    progress: ({ isDone }) => Number(isDone('a')) + Number(isDone('b')),
  };
}

/**
 * A consumer that was told takes for granted that there is something: `if` where `while` was needed.
 *
 * @example
 * ```ts
 * waitOnce(false).name; // 'wait-once'
 * ```
 */
export function waitOnce(isMended: boolean): SharedSystem {
  const isEmpty = (turn: { get: (cell: string) => number }): boolean => turn.get('mutex.items') === 0;
  const consumer = [
    lock('mutex'),
    isMended ? waitFor('mutex', isEmpty, 'look', 'look') : waitFor('mutex', isEmpty),
    step('mutex', 'takes an item', (turn) => turn.set('mutex.items', turn.get('mutex.items') - 1)),
    unlock('mutex'),
  ];
  const put = [
    lock('mutex'),
    step('mutex', 'puts an item', (turn) => turn.set('mutex.items', turn.get('mutex.items') + 1)),
    notify('mutex'),
    unlock('mutex'),
  ];
  return {
    name: 'wait-once',
    cells: { 'mutex.holder': 0, 'mutex.queue': 0, 'mutex.waiting': 0, 'mutex.items': 0 },
    threads: { first: consumer, second: consumer, producer: [...put, ...put] },
    properties: [
      always('no-debt', 'nothing is taken that is not there', ['mutex'], ({ get }) =>
        get('mutex.items') >= 0 ? null : 'an item was taken from nothing',
      ),
      allEnd(['first', 'second', 'producer']),
    ],
  };
}

/**
 * Two processes that give way to each other for ever. Mended: one of them does not give way, and the other, once it has, waits
 * until that one is done. Progress is how many are done.
 *
 * @example
 * ```ts
 * politeProcesses(false).name; // 'polite-processes'
 * ```
 */
export function politeProcesses(isMended: boolean): SharedSystem {
  const program = (mine: string, other: string, givesWay: boolean): Operation[] => [
    store(mine, 1, 'start'),
    step(
      other,
      givesWay ? 'gives way if the other wants it' : 'waits while the other wants it',
      (turn) => {
        if (turn.get(other) === 0) turn.to('in');
        else if (!givesWay) turn.to('look');
      },
      'look',
    ),
    store(mine, 0),
    step(
      other,
      isMended ? 'begins anew once the other is done' : 'begins anew',
      (turn) => turn.to(isMended && turn.get(other) === 1 ? 'wait' : 'start'),
      'wait',
    ),
    enter('in'),
    leave,
    store(mine, 0),
  ];
  return {
    name: 'polite-processes',
    cells: { wantA: 0, wantB: 0, inside: 0 },
    threads: { a: program('wantA', 'wantB', true), b: program('wantB', 'wantA', !isMended) },
    properties: [oneInside, allEnd(['a', 'b'])],
    progress: ({ isDone }) => Number(isDone('a')) + Number(isDone('b')),
  };
}
