import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/runtime/clock.ts';
import type { Envelope } from '../../src/runtime/envelope.ts';
import { PendingQueue } from '../../src/runtime/queue.ts';
import { SeededRandom } from '../../src/runtime/random.ts';

type Action =
  | { do: 'push'; from: string; to: string; deliverCycles: number; sendId: string | null }
  | { do: 'earliest' }
  | { do: 'enabled'; pick: number }
  | { do: 'cancel'; from: string; sendId: string }
  | { do: 'restore' };

const name = fc.constantFrom('a', 'b', 'c');
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      from: name,
      to: name,
      deliverCycles: fc.nat(20),
      sendId: fc.option(fc.constantFrom('t', 'u')),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('earliest' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('enabled' as const), pick: fc.nat(100) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('cancel' as const), from: name, sendId: fc.constantFrom('t', 'u') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const) }) },
);

const inTime = (left: Envelope, right: Envelope): number =>
  left.deliverCycles - right.deliverCycles || left.id - right.id;

/** The rule, word for word. */
const isEnabled = (envelope: Envelope, all: readonly Envelope[]): boolean =>
  !all.some(
    (other) =>
      other.from === envelope.from &&
      other.to === envelope.to &&
      other.id < envelope.id &&
      other.deliverCycles <= envelope.deliverCycles,
  );

describe('the pending queue', () => {
  it('holds what a plain list would hold, whatever is pushed, taken, cancelled and restored', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const queue = new PendingQueue();
        let model: Envelope[] = [];
        const take = (envelope: Envelope): void => {
          queue.remove(envelope);
          model = model.filter((other) => other.id !== envelope.id);
        };
        for (const [id, step] of actions.entries()) {
          if (step.do === 'push') {
            const { from, to, deliverCycles, sendId } = step;
            const envelope = { id, from, to, cause: -1, sentCycles: 0, deliverCycles, message: { type: 'X' }, sendId };
            queue.push(envelope);
            model.push(envelope);
          } else if (step.do === 'earliest') {
            const earliest = queue.earliest();
            expect(earliest).toEqual(model.slice().sort(inTime)[0]);
            if (earliest !== undefined) take(earliest);
          } else if (step.do === 'enabled') {
            const enabled = queue.enabled();
            expect(enabled).toEqual(model.filter((envelope) => isEnabled(envelope, model)));
            const picked = enabled[step.pick % Math.max(1, enabled.length)];
            if (picked !== undefined) take(picked);
          } else if (step.do === 'cancel') {
            const struck = model.filter(({ from, sendId }) => from === step.from && sendId === step.sendId);
            expect(queue.cancel(step.from, step.sendId)).toBe(struck.length);
            model = model.filter((envelope) => !struck.includes(envelope));
          } else queue.restore(queue.pending());
          expect(queue.size).toBe(model.length);
          expect(queue.pending()).toEqual(model);
        }
      }),
    );
  });

  it('refuses one envelope more than its limit', () => {
    const queue = new PendingQueue(1);
    const envelope = {
      from: 'a',
      to: 'b',
      cause: -1,
      sentCycles: 0,
      deliverCycles: 0,
      message: { type: 'X' },
      sendId: null,
    };
    queue.push({ ...envelope, id: 0 });
    expect(() => queue.push({ ...envelope, id: 1 })).toThrow(expect.objectContaining({ code: 'RUN_LIMIT' }));
  });
});

describe('the virtual clock', () => {
  it('never goes back and holds whole cycles', () => {
    const clock = new VirtualClock();
    clock.advanceTo(10);
    clock.advanceTo(10);
    const broken = expect.objectContaining({ code: 'INVARIANT' });
    expect(() => clock.advanceTo(9)).toThrow(broken);
    expect(() => clock.advanceTo(10.5)).toThrow(broken);
    expect(() => clock.after(-1)).toThrow(broken);
    expect(() => clock.after(Number.MAX_SAFE_INTEGER)).toThrow(expect.objectContaining({ code: 'RUN_LIMIT' }));
  });
});

describe('seeded random numbers', () => {
  it('go on from a saved state as they would have gone on', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.nat(50), (seed, skip) => {
        const random = new SeededRandom(seed);
        for (let index = 0; index < skip; index++) random.next();
        const copy = new SeededRandom(0);
        copy.restore(random.state());
        expect([copy.next(), copy.below(7), copy.next()]).toEqual([random.next(), random.below(7), random.next()]);
      }),
    );
  });

  it('are spread evenly and tell seeds apart that differ in one high bit', () => {
    const counts = [0, 0, 0, 0, 0];
    const random = new SeededRandom(3);
    for (let index = 0; index < 50_000; index++) counts[random.below(5)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(new SeededRandom(1).next()).not.toBe(new SeededRandom(1 + 2 ** 40).next());
  });
});
