import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GranuleError } from '../../../src/errors.ts';
import { run } from '../../../src/library/run.ts';
import { replay } from '../../../src/library/timeline.ts';
import { defineActor } from '../../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../../src/topology/definitions/defineMessage.ts';
import { defineTopology, type TopologyOptions } from '../../../src/topology/definitions/defineTopology.ts';

/** Hops that a token makes at most. */
const HOPS_MAX = 40;

const token = defineMessage('TOKEN', {
  says: 'Handed on until its hops are used up.',
  fields: z.strictObject({ hops: z.int().min(0).max(HOPS_MAX) }),
});

/** A node with two ways on; it chooses by what it has handed on so far, and waits for the slower one. */
const node = defineActor({
  kind: 'node',
  says: 'Hands tokens on.',
  messages: [token],
  accepts: ['TOKEN'],
  outside: ['TOKEN'],
  ports: { left: { to: 'node', sends: ['TOKEN'] }, right: { to: 'node', sends: ['TOKEN'] } },
  input: z.strictObject({ delayCycles: z.int().min(0) }),
  transition: {
    initial: ({ input }) => ({ seen: 0, delayCycles: input.delayCycles }),
    on: {
      TOKEN: (state, { hops }, send) => {
        const port = state.seen % 2 === 0 ? 'left' : 'right';
        if (hops > 0) send(port, { type: 'TOKEN', hops: hops - 1 }, { delayCycles: state.delayCycles });
        return { ...state, seen: state.seen + 1 };
      },
    },
  },
  laws: [{ name: 'nothing is seen more often than sent', broken: ({ seen }) => (seen > 10_000 ? `${seen}` : null) }],
});

interface Network {
  readonly nodes: readonly { readonly left: number; readonly right: number; readonly delayCycles: number }[];
  readonly tokens: readonly { readonly to: number; readonly hops: number; readonly atCycles: number }[];
  readonly seed: number;
}

const networks: fc.Arbitrary<Network> = fc.integer({ min: 1, max: 6 }).chain((size) => {
  const index = fc.nat({ max: size - 1 });
  return fc.record({
    nodes: fc.array(fc.record({ left: index, right: index, delayCycles: fc.nat({ max: 5000 }) }), {
      minLength: size,
      maxLength: size,
    }),
    tokens: fc.array(fc.record({ to: index, hops: fc.nat({ max: HOPS_MAX }), atCycles: fc.nat({ max: 50_000 }) }), {
      minLength: 1,
      maxLength: 5,
    }),
    seed: fc.nat({ max: 1000 }),
  });
});

function topologyOf({ nodes, tokens, seed }: Network): TopologyOptions {
  return {
    name: 'a network',
    chooser: 'seeded-random',
    seed,
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000', lengthBytes: '128K' }] }],
    actors: nodes.map(({ left, right, delayCycles }, at) =>
      node.at(`node:${at}`, { ports: { left: `node:${left}`, right: `node:${right}` }, input: { delayCycles } }),
    ),
    messages: tokens.map(({ to, hops, atCycles }) => ({ to: `node:${to}`, type: 'TOKEN', atCycles, hops })),
  };
}

/** One thing made wrong in a network that is right, each with the codes that may name it. */
const breakages: readonly (readonly [string, (good: TopologyOptions) => TopologyOptions])[] = [
  ['TOPOLOGY_PORT', (good) => withFirst(good, (actor) => ({ ...actor, ports: { left: 'node:0' } }))],
  ['TOPOLOGY_PORT', (good) => withFirst(good, (actor) => ({ ...actor, ports: { ...actor.ports, up: 'node:0' } }))],
  ['TOPOLOGY_PORT', (good) => withFirst(good, (actor) => ({ ...actor, ports: { ...actor.ports, left: 'zone' } }))],
  [
    'TOPOLOGY_ACTOR_UNKNOWN',
    (good) => withFirst(good, (actor) => ({ ...actor, ports: { ...actor.ports, right: 'node:99' } })),
  ],
  ['TOPOLOGY_OWNER', (good) => ({ ...good, actors: [...(good.actors ?? []), ...(good.actors ?? []).slice(0, 1)] })],
  ['TOPOLOGY_INVALID', (good) => withFirst(good, (actor) => ({ ...actor, input: { delayCycles: -1 } }))],
  ['TOPOLOGY_INVALID', (good) => withFirst(good, (actor) => ({ ...actor, input: {} }))],
  ['DEFINITION_MISSING', (good) => ({ ...good, actors: [...(good.actors ?? []), { id: 'nodd:0' }] })],
  [
    'TOPOLOGY_ACTOR_UNKNOWN',
    (good) => ({ ...good, messages: [...(good.messages ?? []), { to: 'node:99', type: 'TOKEN', hops: 1 }] }),
  ],
  [
    'TOPOLOGY_INVALID',
    (good) => ({ ...good, messages: [...(good.messages ?? []), { to: 'node:0', type: 'TOKEN', hops: HOPS_MAX + 1 }] }),
  ],
  [
    'TOPOLOGY_NO_TAKER',
    (good) => ({ ...good, messages: [...(good.messages ?? []), { to: 'zone', type: 'TOKEN', hops: 1 }] }),
  ],
  ['TOPOLOGY_NO_TAKER', (good) => ({ ...good, messages: [...(good.messages ?? []), { to: 'node:0', type: 'WALK' }] })],
];

type Placed = NonNullable<TopologyOptions['actors']>[number];

function withFirst(good: TopologyOptions, change: (actor: Placed) => Placed): TopologyOptions {
  return { ...good, actors: (good.actors ?? []).map((actor, at) => (at === 0 ? change(actor) : actor)) };
}

describe('random networks of actors of a user', () => {
  it('run, keep the laws, deliver every hop, and replay to their head hash', () => {
    fc.assert(
      fc.property(networks, (network) => {
        const made = run(defineTopology(topologyOf(network)), { checked: true });
        const hops = network.tokens.reduce((sum, { hops: count }) => sum + count + 1, 0);
        const delivered = [...made.log.range()].filter(({ type }) => type === 'TOKEN').length;
        expect(delivered).toBe(hops);
        const replayed = replay(made);
        expect(replayed.divergence).toBeNull();
        expect(replayed.headHash).toBe(made.headHash);
      }),
      { numRuns: 25 },
    );
  });

  it('are all refused before the run when one thing is wrong in them, by its code and with the place', () => {
    fc.assert(
      fc.property(networks, fc.constantFrom(...breakages), (network, [code, breaks]) => {
        let delivered = 0;
        try {
          run(defineTopology(breaks(topologyOf(network))), { onSystem: () => delivered++ });
        } catch (error) {
          expect(error).toBeInstanceOf(GranuleError);
          expect(error).toMatchObject({ code });
          expect((error as GranuleError).where).toMatch(/a network: (actors|messages)|message TOKEN|topology: /);
          expect(delivered).toBe(0);
          return;
        }
        throw new Error('it was not refused');
      }),
      { numRuns: 120 },
    );
  });
});
