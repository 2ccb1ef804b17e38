import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NO_PAGE, RecencyStack, savedStacks } from '../../src/mm/recencyStack.ts';
import { StreamBuilder } from '../../src/mm/streamIndex.ts';
import { CHECK_RUNS } from '../../src/mm/stackIndex.ts';

interface Touch {
  id: number;
  write: boolean;
}

interface Held {
  id: number;
  touched: number;
  wrote: boolean;
}

const touchesArb = fc.array(fc.record({ id: fc.nat(9), write: fc.boolean() }), { maxLength: 60 });

/** The whole stack as a list, the most recent first; what lies beyond the depth has left and forgets that it was written. */
function naiveStack(touches: readonly Touch[], depth: number): Held[] {
  let held: Held[] = [];
  for (const [touched, { id, write }] of touches.entries()) {
    const before = held.find((each) => each.id === id);
    const now = { id, touched, wrote: write || before?.wrote === true };
    held = [now, ...held.filter((each) => each.id !== id)].slice(0, depth);
  }
  return held;
}

function heldBy(stack: RecencyStack): Held[] {
  return [...stack.ids]
    .map((id, at) => ({ id, touched: stack.touches[at] ?? 0, wrote: stack.wrote[at] === 1 }))
    .filter(({ id }) => id !== NO_PAGE);
}

it('a recency stack holds what a list of the last touches holds', () => {
  fc.assert(
    fc.property(touchesArb, fc.integer({ min: 1, max: 8 }), (touches, depth) => {
      const stack = new RecencyStack(depth);
      for (const [run, { id, write }] of touches.entries()) {
        stack.touch(id, run, write);
        expect(heldBy(stack)).toEqual(naiveStack(touches.slice(0, run + 1), depth));
      }
    }),
  );
});

it('a stack that was saved is loaded as it was', () => {
  const stack = new RecencyStack(2);
  const saved = savedStacks(2, 3);
  saved.ids.set([7, 8, 9, NO_PAGE], 2);
  saved.touches.set([5, 4, 6, 0], 2);
  saved.wrote.set([1, 0, 1, 0], 2);
  stack.load(saved, 1);
  expect(heldBy(stack)).toEqual([
    { id: 7, touched: 5, wrote: true },
    { id: 8, touched: 4, wrote: false },
  ]);
  stack.load(saved, 2);
  expect(heldBy(stack)).toEqual([{ id: 9, touched: 6, wrote: true }]);
});

it('the index of a stream notes the accesses from beyond the stack, the pages they push out, and first writes', () => {
  fc.assert(
    fc.property(touchesArb, fc.integer({ min: 2, max: 8 }), (touches, depth) => {
      const builder = new StreamBuilder(depth, Math.floor(touches.length / CHECK_RUNS) + 1, 10);
      builder.check(0);
      const records: { run: number; left: number; leftTouch: number }[] = [];
      for (const [run, { id, write }] of touches.entries()) {
        const before = naiveStack(touches.slice(0, run), depth);
        const held = before.find((each) => each.id === id);
        const gone = before.length === depth ? before.at(-1) : undefined;
        if (held === undefined) records.push({ run, left: gone?.id ?? NO_PAGE, leftTouch: gone?.touched ?? 0 });
        else if (write && !held.wrote) records.push({ run, left: NO_PAGE, leftTouch: 0 });
        builder.touch(id, run, write);
      }
      const made = builder.done([], new Int32Array(), false);
      const noted = [...made.records].map((run, at) => ({ run, left: made.left[at], leftTouch: made.leftTouches[at] }));
      expect(noted).toEqual(records);
    }),
  );
});
