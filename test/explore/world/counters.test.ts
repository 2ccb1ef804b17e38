/** What fingerprints leave out is read by nobody: an actor whose counters are others does the same. */
import { describe, expect, test } from 'vitest';
import { ignoredCounters } from '../../../src/explore/world/counters.ts';
import { hashOf } from '../../../src/explore/world/hash.ts';
import type { LocalState } from '../../../src/explore/world/localStates.ts';
import { handleMessage } from '../../../src/runtime/hosting.ts';
import { bareModel, type Case, named, sharing, walk, written } from './support.ts';

/** Counters that are others, and nothing else. */
function disturbed(context: Record<string, unknown>, id: string): Record<string, unknown> {
  const { own, anywhere } = ignoredCounters.ofActor(id);
  const other = (value: unknown, isOwn: boolean): unknown => {
    if (typeof value === 'number') return value + 1000;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, isOwn ? other(each, true) : each]));
  };
  const within = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, anywhere.has(key) ? other(each, true) : within(each)]),
    );
  };
  return Object.fromEntries(
    Object.entries(context).map(([key, value]) => {
      if (own.has(key)) return [key, key === 'mthp' ? value : other(value, true)];
      return [key, anywhere.size === 0 ? value : within(value)];
    }),
  );
}

/** What an actor sends and becomes, without what is left out. */
function answer(local: LocalState, message: { type: string }, context: unknown) {
  const { actor, mark } = local;
  actor.state.goTo({ ...mark, snapshot: { ...mark.snapshot, context } as never, context });
  const sends = handleMessage(actor, message, 0);
  return {
    sends: sends.map((send) =>
      send.kind === 'cancel'
        ? send
        : [send.to, hashOf(send.message, ignoredCounters.ofMessage(send.message.type)), send.sendId],
    ),
    state: hashOf(actor.state.context, ignoredCounters.ofActor(actor.id)),
    value: actor.state.snapshot.value,
  };
}

const cases: Readonly<Record<string, () => Case>> = {
  'two processes on one file': () => named('two-processes.json'),
  'processes that fork, drop and unmap': () => written(sharing),
  'threads that fall back': () => named('live-fallback-two-cpus'),
  'pins beside a fork': () => named('gup-vs-fork'),
  'reclaim of dirty pages': () => named('lost-dirty-64k'),
};

describe.each(Object.entries(cases))('%s', (_name, make) => {
  test('no actor acts on a counter that is left out', () => {
    const model = bareModel(make());
    const kinds = new Set<string>();
    const hasFiles = model.locals.ids.some((id) => id.startsWith('file:'));
    for (const seed of [1, 2]) {
      const { worlds } = walk(model, seed, 700);
      for (const [step, world] of worlds.entries()) {
        const delivery = worlds[step + 1]?.last;
        if (delivery === null || delivery === undefined) continue;
        const { channel, content } = delivery.sent;
        const local = world.locals[channel.toIndex];
        const { context } = local.mark;
        const changed = disturbed(context as Record<string, unknown>, channel.to);
        expect(hashOf(changed, ignoredCounters.ofActor(channel.to))).toBe(
          hashOf(context, ignoredCounters.ofActor(channel.to)),
        );
        if (hashOf(changed) !== hashOf(context)) kinds.add(channel.to.split(':', 1)[0] ?? '');
        const plain = answer(local, content.message, context);
        expect(answer(local, content.message, changed), `${channel.to} ${content.message.type}`).toEqual(plain);
      }
    }
    expect([...kinds]).toEqual(
      expect.arrayContaining(['process', 'mm', 'mmu', 'tlb', 'sched', 'zone', ...(hasFiles ? ['file'] : [])]),
    );
  });
});
