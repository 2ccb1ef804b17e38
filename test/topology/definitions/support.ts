/** Small actors for the tests of definitions: one that asks, one that answers. */
import { type ActorSystem, type AnyActorRef, assign, createMachine, fromTransition, sendTo } from 'xstate';
import { z } from 'zod';
import type { ActorDefinition } from '../../../src/topology/definitions/actorTypes.ts';
import { defineActor } from '../../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../../src/topology/definitions/defineMessage.ts';
import { defineTopology, type TopologyOptions } from '../../../src/topology/definitions/defineTopology.ts';

export const poke = defineMessage('POKE', { says: 'Ask somebody.', fields: z.strictObject({ by: z.int() }) });
export const ping = defineMessage('PING', {
  says: 'A question.',
  fields: z.strictObject({ sender: z.string(), n: z.int() }),
});
export const pong = defineMessage('PONG', { says: 'Its answer.', fields: z.strictObject({ n: z.int() }) });

/** Answers each PING with its square. */
export const squarer = defineActor({
  kind: 'squarer',
  says: 'Answers with the square.',
  messages: [ping, pong],
  accepts: ['PING'],
  ports: { back: { to: ['asker', 'asker-machine', 'asker-logic'], sends: ['PONG'], bound: 'message' } },
  transition: {
    initial: () => ({ asked: 0 }),
    on: {
      PING: (state, { sender, n }, send) => {
        send('back', { type: 'PONG', n: n * n }, { to: sender, delayCycles: 10 });
        return { asked: state.asked + 1 };
      },
    },
  },
});

const parts = {
  messages: [poke, ping, pong],
  accepts: ['POKE', 'PONG'],
  ports: { other: { to: 'squarer', sends: ['PING'] } },
} as const;

/** Written as one function a message. */
export const asker = defineActor({
  ...parts,
  kind: 'asker',
  says: 'Asks whenever it is poked.',
  input: z.strictObject({ start: z.int().default(0) }),
  transition: {
    initial: ({ id, input }) => ({ id, sum: input.start }),
    on: {
      POKE: (state, { by }, send) => {
        send('other', { type: 'PING', sender: state.id, n: by });
        return state;
      },
      PONG: (state, { n }) => ({ ...state, sum: state.sum + n }),
    },
  },
  laws: [{ name: 'sums are small', broken: ({ sum }) => (sum > 1000 ? `${sum} is more than 1000` : null) }],
});

interface AskerContext {
  id: string;
  other: string;
  sum: number;
}

type AskerEvent = { type: 'POKE'; by: number } | { type: 'PONG'; n: number };

/** The same as a machine of XState. */
export const askerMachine = defineActor({
  ...parts,
  kind: 'asker-machine',
  says: 'Asks whenever it is poked, and waits for the answer.',
  machine: createMachine({
    id: 'asker-machine',
    types: {
      context: {} as AskerContext,
      events: {} as AskerEvent,
      input: {} as { id: string; ports: { other: string } },
    },
    context: ({ input }) => ({ id: input.id, other: input.ports.other, sum: 0 }),
    initial: 'idle',
    states: {
      idle: {
        on: {
          POKE: {
            target: 'waiting',
            actions: sendTo(
              ({ context, system }) => system.get(context.other),
              ({ context, event }) => ({ type: 'PING', sender: context.id, n: event.by }),
            ),
          },
        },
      },
      waiting: {
        on: { PONG: { target: 'idle', actions: assign({ sum: ({ context, event }) => context.sum + event.n }) } },
      },
    },
  }),
});

/** The same as transition logic of XState. */
export const askerLogic = defineActor({
  ...parts,
  kind: 'asker-logic',
  says: 'Asks whenever it is poked.',
  machine: fromTransition<
    AskerContext,
    AskerEvent,
    ActorSystem<{ actors: Record<string, AnyActorRef> }>,
    { id: string; ports: { other: string } }
  >(
    (state, event, { system }) => {
      if (event.type === 'PONG') return { ...state, sum: state.sum + event.n };
      system.get(state.other)?.send({ type: 'PING', sender: state.id, n: event.by });
      return state;
    },
    ({ input }) => ({ id: input.id, other: input.ports.other, sum: 0 }),
  ),
});

/** A program, and beside it an asker of the kind given with its squarer; poked at the times given. */
export function pairOf(
  definition: ActorDefinition,
  pokes: readonly { atCycles: number; by: unknown }[],
  change: Partial<TopologyOptions> = {},
) {
  const id = `${definition.kind}:a`;
  return defineTopology({
    name: 'a pair',
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
    actors: [{ id, ports: { other: 'squarer:b' } }, squarer.at('squarer:b')],
    definitions: [definition, squarer],
    messages: pokes.map(({ atCycles, by }) => ({ to: id, type: 'POKE', atCycles, by: by as number })),
    ...change,
  });
}
