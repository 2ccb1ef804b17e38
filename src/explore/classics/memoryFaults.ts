/** Classics of what is freed too early, twice, or seen half done; each beside its mended twin. */
import { allEnd, always, atEnd, load, lock, step, store, unlock } from './operations.ts';
import type { Operation, SharedSystem } from './shared.ts';

/** Frees what a pointer cell points to: a free of what is free already counts. */
function free(says: string): Operation {
  return step('heap', says, (turn) => {
    turn.set('heap.faults', turn.get('heap.faults') + turn.get('heap.freed'));
    turn.set('heap.freed', 1);
  });
}

/** Uses what may have been freed. */
function use(says: string, label?: string): Operation {
  const uses = (turn: { get: (cell: string) => number; set: (cell: string, value: number) => void }): void =>
    turn.set('heap.faults', turn.get('heap.faults') + turn.get('heap.freed'));
  return step('heap', says, uses, label);
}

const heapFaults = (name: string, says: string, fault: string) =>
  always(name, says, ['heap'], ({ get }) => (get('heap.faults') === 0 ? null : fault));

const HEAP = { 'heap.freed': 0, 'heap.faults': 0 };

/**
 * Two threads clean up the same pointer: both see that it is set.
 *
 * @example
 * ```ts
 * doubleFree(false).name; // 'double-free'
 * ```
 */
export function doubleFree(isMended: boolean): SharedSystem {
  const skip = step('own', 'goes on if there was something', (turn) => {
    if (turn.own('seen') === 0) turn.to('out');
  });
  const take = isMended
    ? [
        step('pointer', 'takes the pointer and leaves null, in one', (turn) => {
          turn.setOwn('seen', turn.get('pointer'));
          turn.set('pointer', 0);
        }),
        skip,
        free('frees it'),
      ]
    : [load('pointer', 'seen'), skip, free('frees it'), store('pointer', 0)];
  const program = (thread: string): Operation[] => [
    ...take.map((operation) => (operation.on === 'own' ? { ...operation, on: thread } : operation)),
    step(thread, 'is done', () => undefined, 'out'),
  ];
  return {
    name: 'double-free',
    cells: { pointer: 1, ...HEAP },
    own: { 'a.seen': 0, 'b.seen': 0 },
    threads: { a: program('a'), b: program('b') },
    properties: [heapFaults('freed-once', 'nothing is freed twice', 'what was free is freed again')],
  };
}

/**
 * A reader of a list without a grace period: what it holds is unlinked and freed under its hands.
 *
 * @example
 * ```ts
 * listWithoutGrace(false).name; // 'list-without-grace'
 * ```
 */
export function listWithoutGrace(isMended: boolean): SharedSystem {
  const begin = step('readers', 'begins to read', (turn) => turn.set('readers', turn.get('readers') + 1));
  const end = step('readers', 'ends reading', (turn) => {
    turn.set('readers', turn.get('readers') - 1);
    if (turn.get('readers') === 0) turn.wake('writer');
  });
  const grace = step('readers', 'waits for readers that began before', (turn) => {
    if (turn.get('readers') > 0) turn.sleep();
  });
  const skip = step('reader', 'goes on if there is an entry', (turn) => {
    if (turn.own('entry') === 0) turn.to('end');
  });
  return {
    name: 'list-without-grace',
    cells: { head: 1, readers: 0, ...HEAP },
    own: { 'reader.entry': 0 },
    threads: {
      reader: [begin, load('head', 'entry'), skip, use('reads the entry'), { ...end, label: 'end' }],
      writer: [store('head', 0), ...(isMended ? [grace] : []), free('frees the entry')],
    },
    properties: [
      heapFaults('not-after-free', 'no entry is read after it was freed', 'the entry was freed before it was read'),
      allEnd(['reader', 'writer']),
    ],
  };
}

/**
 * A reference is taken after the last one was dropped: `kref_get` where `kref_get_unless_zero` was needed.
 *
 * @example
 * ```ts
 * refcountFromZero(false).name; // 'refcount-from-zero'
 * ```
 */
export function refcountFromZero(isMended: boolean): SharedSystem {
  const get = step('count', isMended ? 'takes a reference unless there is none' : 'takes a reference', (turn) => {
    if (isMended && turn.get('count') === 0) turn.to('out');
    else turn.set('count', turn.get('count') + 1);
  });
  const put = (label?: string): Operation =>
    step(
      'count',
      'drops its reference',
      (turn) => {
        turn.set('count', turn.get('count') - 1);
        if (turn.get('count') > 0) turn.to('out');
      },
      label,
    );
  const out = (thread: string): Operation => step(thread, 'is done', () => undefined, 'out');
  return {
    name: 'refcount-from-zero',
    cells: { count: 1, ...HEAP },
    threads: {
      finder: [get, use('uses the object'), put(), free('frees the object, as the last one'), out('finder')],
      owner: [put(), free('frees the object, as the last one'), out('owner')],
    },
    properties: [heapFaults('not-after-free', 'no object is used or freed after it was freed', 'it was freed before')],
  };
}

/**
 * A pointer that is published before what it points to is there.
 *
 * @example
 * ```ts
 * doubleCheckedInit(false).name; // 'double-checked-init'
 * ```
 */
export function doubleCheckedInit(isMended: boolean): SharedSystem {
  const make = step('object', 'fills the object', (turn) => turn.set('object.ready', 1));
  const publish = store('pointer', 1);
  const program: Operation[] = [
    load('pointer', 'seen'),
    step('pointer', 'goes on without the lock if it is set', (turn) => {
      if (turn.own('seen') !== 0) turn.to('use');
    }),
    lock('mutex'),
    step('pointer', 'looks again under the lock', (turn) => {
      if (turn.get('pointer') !== 0) turn.to('unlock');
    }),
    ...(isMended ? [make, publish] : [publish, make]),
    unlock('mutex', 'unlock'),
    step(
      'object',
      'uses the object',
      (turn) => turn.set('object.faults', turn.get('object.faults') + 1 - turn.get('object.ready')),
      'use',
    ),
  ];
  return {
    name: 'double-checked-init',
    cells: { pointer: 0, 'object.ready': 0, 'object.faults': 0, 'mutex.holder': 0, 'mutex.queue': 0 },
    own: { 'a.seen': 0, 'b.seen': 0 },
    threads: { a: program, b: program },
    properties: [
      always('used-when-ready', 'the object is used only when it is filled', ['object'], ({ get }) =>
        get('object.faults') === 0 ? null : 'it was used before it was filled',
      ),
      allEnd(['a', 'b']),
    ],
  };
}

/**
 * A value of two words that is read while it is written; mended by a sequence count that the reader looks at before and after.
 *
 * @example
 * ```ts
 * tornRead(false).name; // 'torn-read'
 * ```
 */
export function tornRead(isMended: boolean): SharedSystem {
  const bump = step('sequence', 'raises the sequence', (turn) => turn.set('sequence', turn.get('sequence') + 1));
  const write = [store('low', 1), store('high', 1)];
  const read = [load('low', 'low'), load('high', 'high')];
  const begin = step(
    'sequence',
    'reads the sequence, again if it is odd',
    (turn) => {
      turn.setOwn('before', turn.get('sequence'));
      if (turn.get('sequence') % 2 === 1) turn.to('begin');
    },
    'begin',
  );
  const check = step('sequence', 'reads again if the sequence has moved', (turn) => {
    if (turn.get('sequence') !== turn.own('before')) turn.to('begin');
  });
  return {
    name: 'torn-read',
    cells: { sequence: 0, low: 0, high: 0 },
    own: { 'reader.before': 0, 'reader.low': 0, 'reader.high': 0 },
    threads: {
      reader: isMended ? [begin, ...read, check] : read,
      writer: isMended ? [bump, ...write, bump] : write,
    },
    properties: [
      atEnd('whole', 'both words read are of one time', ({ get }) =>
        get('reader.low') === get('reader.high') ? null : 'one word is old and one is new',
      ),
      allEnd(['reader', 'writer']),
    ],
  };
}

/**
 * A lock-free stack: between a look at the top and its exchange the top went and came back. Mended by a version beside it.
 *
 * @example
 * ```ts
 * abaStack(false).name; // 'aba'
 * ```
 */
export function abaStack(isMended: boolean): SharedSystem {
  const look = (label: string): Operation[] => [
    step(
      'stack',
      'reads the top',
      (turn) => {
        turn.setOwn('top', turn.get('stack.top'));
        turn.setOwn('version', turn.get('stack.version'));
      },
      label,
    ),
    step('stack', 'reads what is under it', (turn) => {
      const top = turn.own('top');
      turn.setOwn('under', top === 0 ? 0 : turn.get(`stack.under${top}`));
    }),
  ];
  const isSame = (turn: Parameters<Operation['run']>[0]): boolean =>
    turn.get('stack.top') === turn.own('top') && (!isMended || turn.get('stack.version') === turn.own('version'));
  const exchange = (label: string, into: string): Operation =>
    step('stack', 'takes the top off if it is still the same', (turn) => {
      if (!isSame(turn)) {
        turn.to(label);
        return;
      }
      turn.set('stack.top', turn.own('under'));
      turn.set('stack.version', turn.get('stack.version') + 1);
      turn.setOwn(into, turn.own('top'));
    });
  const push = step('stack', 'puts the first back', (turn) => {
    turn.set(`stack.under${turn.own('first')}`, turn.get('stack.top'));
    turn.set('stack.top', turn.own('first'));
    turn.set('stack.version', turn.get('stack.version') + 1);
    turn.setOwn('first', 0);
  });
  const own = { top: 0, under: 0, version: 0, first: 0, second: 0 };
  const ownOf = (thread: string) =>
    Object.fromEntries(Object.entries(own).map(([cell, value]) => [`${thread}.${cell}`, value]));
  return {
    name: 'aba',
    cells: { 'stack.top': 1, 'stack.under1': 2, 'stack.under2': 3, 'stack.under3': 0, 'stack.version': 0 },
    own: { ...ownOf('a'), ...ownOf('b') },
    threads: {
      a: [...look('start'), exchange('start', 'first')],
      b: [...look('one'), exchange('one', 'first'), ...look('two'), exchange('two', 'second'), push],
    },
    properties: [
      always('one-place', 'what a thread has taken is not on the stack', ['stack'], ({ get }) => {
        const taken = ['a.first', 'b.first', 'b.second'].map(get).filter((entry) => entry !== 0);
        if (taken.includes(get('stack.top'))) return `entry ${get('stack.top')} is taken and is the top`;
        return new Set(taken).size === taken.length ? null : 'one entry is taken twice';
      }),
    ],
  };
}
