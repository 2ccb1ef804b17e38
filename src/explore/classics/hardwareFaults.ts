/** Classics of processors and page tables; each beside its mended twin. */
import { allEnd, always, atEnd, load, step, store } from './operations.ts';
import type { Operation, SharedSystem } from './shared.ts';

/**
 * A frame goes to somebody else while another processor may still translate to it: a shootdown whose acknowledgement nobody
 * waits for. The processor writes through its translation as long as it has it.
 *
 * @example
 * ```ts
 * shootdownWithoutAck(false).name; // 'shootdown-without-ack'
 * ```
 */
export function shootdownWithoutAck(isMended: boolean): SharedSystem {
  const interrupt = step('interrupt', 'asks the other processor to forget the translation', (turn) => {
    turn.set('interrupt.asked', 1);
    turn.wake('handler');
  });
  const await_ = step('interrupt', 'waits for the answer', (turn) => {
    if (turn.get('interrupt.answered') === 0) turn.sleep();
  });
  const reuse = step('frame', 'gives the frame to somebody else', (turn) => turn.set('frame.owner', 2));
  const write = step('frame', 'writes through its translation', (turn) => {
    if (turn.own('held') === 1 && turn.get('frame.owner') !== 1) turn.set('frame.faults', 1);
  });
  return {
    name: 'shootdown-without-ack',
    cells: { 'interrupt.asked': 0, 'interrupt.answered': 0, 'frame.owner': 1, 'frame.faults': 0, tlb: 1, pte: 1 },
    own: { 'user.held': 0 },
    threads: {
      user: [
        step('tlb', 'finds a translation', (turn) => {
          turn.setOwn('held', turn.get('tlb'));
          turn.set('tlb', turn.get('tlb') === 0 ? 0 : 2);
        }),
        write,
        step('tlb', 'has written', (turn) => {
          if (turn.get('tlb') === 2) turn.set('tlb', 1);
          turn.wake('handler');
        }),
      ],
      handler: [
        step('interrupt', 'waits to be asked', (turn) => {
          if (turn.get('interrupt.asked') === 0) turn.sleep();
        }),
        step(
          'tlb',
          'forgets the translation once no access is under way',
          (turn) => {
            if (turn.get('tlb') === 2) {
              turn.sleep();
              turn.to('forget');
            } else turn.set('tlb', 0);
          },
          'forget',
        ),
        step('interrupt', 'answers', (turn) => {
          turn.set('interrupt.answered', 1);
          turn.wake('kernel');
        }),
      ],
      kernel: [store('pte', 0), interrupt, ...(isMended ? [await_] : []), reuse],
    },
    properties: [
      always('no-stale-write', 'nobody writes to the frame of somebody else', ['frame'], ({ get }) =>
        get('frame.faults') === 0 ? null : 'a stale translation was written through',
      ),
      allEnd(['user', 'handler', 'kernel']),
    ],
  };
}

/**
 * Store buffering: each thread sets its flag and reads the other's, and both read 0. Mended by a fence between the two.
 *
 * @example
 * ```ts
 * storeBuffering(false).name; // 'store-buffering'
 * ```
 */
export function storeBuffering(isMended: boolean): SharedSystem {
  const buffered = (buffer: string, drain: string): Operation =>
    step(buffer, 'puts its store into its buffer', (turn) => {
      turn.set(buffer, 1);
      turn.wake(drain);
    });
  const fence = (buffer: string): Operation =>
    step(buffer, 'waits until its buffer is empty', (turn) => {
      if (turn.get(buffer) === 1) turn.sleep();
    });
  const thread = (buffer: string, drain: string, other: string): Operation[] => [
    buffered(buffer, drain),
    ...(isMended ? [fence(buffer)] : []),
    load(other, 'r'),
  ];
  const draining = (buffer: string, cell: string, owner: string): Operation[] => [
    step(buffer, 'waits for a store', (turn) => {
      if (turn.get(buffer) === 0) turn.sleep();
    }),
    store(cell, 1),
    step(buffer, 'is empty', (turn) => {
      turn.set(buffer, 0);
      turn.wake(owner);
    }),
  ];
  return {
    name: 'store-buffering',
    cells: { x: 0, y: 0, bufferA: 0, bufferB: 0 },
    own: { 'a.r': 9, 'b.r': 9 },
    threads: {
      a: thread('bufferA', 'drainA', 'y'),
      b: thread('bufferB', 'drainB', 'x'),
      drainA: draining('bufferA', 'x', 'a'),
      drainB: draining('bufferB', 'y', 'b'),
    },
    properties: [
      atEnd('one-sees', 'one of the two sees what the other set', ({ get }) =>
        get('a.r') === 0 && get('b.r') === 0 ? 'both read 0' : null,
      ),
      allEnd(['a', 'b', 'drainA', 'drainB']),
    ],
  };
}

/**
 * A page is found clean, becomes dirty, and is dropped. Mended as `ptep_get_and_clear` does: taken and looked at in one.
 *
 * @example
 * ```ts
 * dirtyLost(false).name; // 'dirty-lost'
 * ```
 */
export function dirtyLost(isMended: boolean): SharedSystem {
  const clear = step('pte', 'clears the entry', (turn) => turn.set('pte.present', 0));
  const look = step('pte', 'reads the dirty bit', (turn) => turn.setOwn('dirty', turn.get('pte.dirty')));
  const take = step('pte', 'clears the entry and reads its dirty bit, in one', (turn) => {
    turn.set('pte.present', 0);
    turn.setOwn('dirty', turn.get('pte.dirty'));
  });
  const write = step('pte', 'writes to the page if it is mapped', (turn) => {
    if (turn.get('pte.present') === 0) return;
    turn.set('pte.dirty', 1);
    turn.set('pte.written', 1);
  });
  const save = step('disk', 'writes the page back if it is dirty, and drops it', (turn) => {
    if (turn.own('dirty') === 1) turn.set('disk', 1);
  });
  return {
    name: 'dirty-lost',
    cells: { 'pte.present': 1, 'pte.dirty': 0, 'pte.written': 0, disk: 0 },
    own: { 'reclaim.dirty': 0 },
    threads: { user: [write], reclaim: [...(isMended ? [take] : [look, clear]), save] },
    properties: [
      atEnd('nothing-lost', 'what was written is on the disk', ({ get }) =>
        get('pte.written') === get('disk') ? null : 'the page was dropped as clean after it was written',
      ),
    ],
  };
}
