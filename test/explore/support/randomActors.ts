/** Random small systems of actors that send each other messages in channels, as fast-check makes them. */
import fc from 'fast-check';
import type { Fingerprint, Model, Property } from '../../../src/explore/model.ts';

/** A message: its type and how many generations it may still cause; null for any number. */
interface Message {
  readonly type: number;
  readonly left: number | null;
}

/** What an actor does on a message, or by itself, in one of its states. */
export interface Reaction {
  readonly next: number;
  readonly sends: readonly { readonly to: number; readonly type: number }[];
}

/** A system: for each actor, by its state and the type of the message, what it does; the last type is what it does by itself. */
export interface ActorSystem {
  readonly actors: number;
  readonly states: number;
  readonly types: number;
  readonly reactions: readonly (Reaction | null)[][];
  readonly first: readonly { readonly to: number; readonly type: number }[];
  readonly generations: number | null;
  readonly ordered: boolean;
}

/** States of the actors, and what waits in each channel from actor to actor; `sent` numbers what a channel was given. */
export interface ActorState {
  readonly locals: readonly number[];
  readonly channels: ReadonlyMap<string, readonly { readonly message: Message; readonly number: number }[]>;
  readonly sent: ReadonlyMap<string, number>;
}

/** A delivery, or what an actor does by itself. */
export interface ActorAction {
  readonly key: string;
  readonly owner: number;
  readonly channel: string | null;
  readonly place: number;
}

function compare(left: Message, right: Message): number {
  return left.type - right.type || (left.left ?? 0) - (right.left ?? 0);
}

function hashText(text: string): Fingerprint {
  let low = 0x811c9dc5;
  let high = 0x1234567;
  for (let index = 0; index < text.length; index++) {
    low = Math.imul(low ^ text.charCodeAt(index), 0x01000193);
    high = Math.imul(high ^ (text.charCodeAt(index) + index), 0x85ebca6b);
    high ^= high >>> 15;
  }
  return (high >>> 6) * 2 ** 27 + (low >>> 5);
}

function send(
  state: ActorState,
  from: string,
  messages: readonly { readonly to: number; readonly message: Message }[],
): Pick<ActorState, 'channels' | 'sent'> {
  const channels = new Map(state.channels);
  const sent = new Map(state.sent);
  for (const { to, message } of messages) {
    const channel = `${from}>${to}`;
    const number = sent.get(channel) ?? 0;
    sent.set(channel, number + 1);
    channels.set(channel, [...(channels.get(channel) ?? []), { message, number }]);
  }
  return { channels, sent };
}

/** The model of a system. Numbers of messages are no part of a state: a state is what can happen from it. */
export function actorModel(
  system: ActorSystem,
  properties: readonly Property<ActorState>[],
): Model<ActorState, ActorAction> {
  const { states, types, ordered } = system;
  const reactionOf = (owner: number, local: number, type: number): Reaction | null =>
    system.reactions[owner]?.[local * (types + 1) + type] ?? null;
  const initial = (): ActorState => {
    const none = { locals: Array.from({ length: system.actors }, () => 0), channels: new Map(), sent: new Map() };
    const messages = system.first.map(({ to, type }) => ({ to, message: { type, left: system.generations } }));
    return { locals: none.locals, ...send(none, 'env', messages) };
  };
  const actions = (state: ActorState): ActorAction[] => {
    const found: ActorAction[] = [];
    for (const channel of [...state.channels.keys()].sort()) {
      const owner = Number(channel.split('>')[1]);
      const waiting = [...(state.channels.get(channel) ?? []).entries()];
      // What can happen comes in an order that the fingerprint determines: numbers are no part of it.
      if (!ordered) waiting.sort(([, left], [, right]) => compare(left.message, right.message));
      for (const [place, { number }] of ordered ? waiting.slice(0, 1) : waiting) {
        found.push({ key: `${channel}#${number}`, owner, channel, place });
      }
    }
    for (const [owner, local] of state.locals.entries()) {
      if (reactionOf(owner, local, types) === null) continue;
      found.push({ key: `${owner} by itself in ${local}`, owner, channel: null, place: 0 });
    }
    return found;
  };
  const next = (state: ActorState, { owner, channel, place }: ActorAction): ActorState => {
    const waiting = channel === null ? [] : (state.channels.get(channel) ?? []);
    const message = waiting[place]?.message ?? { type: types, left: system.generations };
    const reaction = reactionOf(owner, state.locals[owner] ?? 0, message.type);
    const channels = new Map(state.channels);
    if (channel !== null) {
      const rest = waiting.filter((_, index) => index !== place);
      if (rest.length === 0) channels.delete(channel);
      else channels.set(channel, rest);
    }
    if (reaction === null) return { ...state, channels };
    const locals = state.locals.map((local, index) => (index === owner ? reaction.next % states : local));
    const left = message.left === null ? null : message.left - 1;
    const all = reaction.sends.map(({ to, type }) => ({ to: to % system.actors, message: { type, left } }));
    // Without a bound on generations each message causes one at most, so that there are never more than at first.
    const sends = left === null ? all.slice(0, channel === null ? 0 : 1) : left < 0 ? [] : all;
    return { locals, ...send({ ...state, channels }, `${owner}`, sends) };
  };
  const fingerprint = ({ locals, channels }: ActorState): Fingerprint => {
    const waiting = [...channels.keys()].sort().map((channel) => {
      const messages = (channels.get(channel) ?? []).map(({ message }) => `${message.type}.${message.left}`);
      return `${channel}:${(ordered ? messages : messages.sort()).join()}`;
    });
    return hashText(`${locals.join()}|${waiting.join(';')}`);
  };
  return {
    name: 'random actors',
    initial: () => [initial()],
    actions,
    next,
    fingerprint,
    keyOf: ({ key }) => key,
    ownerOf: ({ owner }) => String(owner),
    describe: (_state, { key }) => key,
    properties,
  };
}

const send_ = fc.record({ to: fc.nat(3), type: fc.nat(2) });

function reactions(actors: number, states: number, types: number): fc.Arbitrary<(Reaction | null)[][]> {
  const reaction = fc.record({ next: fc.nat(2), sends: fc.array(send_, { maxLength: 2 }) });
  const byMessage = fc.option(reaction, { freq: 4 });
  // By itself, an actor goes on and does not stay where it is.
  const byItself = fc.option(reaction, { freq: 1 });
  const ofState = fc
    .tuple(fc.array(byMessage, { minLength: types, maxLength: types }), byItself)
    .map(([list, own]) => [...list, own]);
  const ofActor = fc.array(ofState, { minLength: states, maxLength: states }).map((list) => list.flat());
  return fc.array(ofActor, { minLength: actors, maxLength: actors });
}

/** Systems of two to four actors. `ordered`: channels keep their order. */
export const actorSystems: fc.Arbitrary<ActorSystem> = fc
  .record({
    actors: fc.integer({ min: 2, max: 4 }),
    states: fc.integer({ min: 2, max: 3 }),
    types: fc.integer({ min: 1, max: 3 }),
    generations: fc.constantFrom(null, 1, 2, 3),
    ordered: fc.boolean(),
  })
  .chain((shape) =>
    fc
      .record({
        reactions: reactions(shape.actors, shape.states, shape.types),
        first: fc.array(fc.record({ to: fc.nat(shape.actors - 1), type: fc.nat(shape.types - 1) }), {
          minLength: 1,
          maxLength: 3,
        }),
      })
      .map((rest) => ({ ...shape, ...rest })),
  );

/** What a property is about: the states of some actors; it is wrong where they are all at given values. */
export interface Forbidden {
  readonly kind: 'always' | 'sometimes' | 'at-end';
  readonly actors: readonly number[];
  readonly values: readonly number[];
}

export const forbidden: fc.Arbitrary<Forbidden> = fc.record({
  kind: fc.constantFrom('always' as const, 'sometimes' as const, 'at-end' as const),
  actors: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }),
  values: fc.array(fc.nat(2), { minLength: 2, maxLength: 2 }),
});

/** The property; of kind `sometimes`, that the values come together at all. */
export function propertyOf({ kind, actors, values }: Forbidden, index: number): Property<ActorState> {
  const isThere = (state: ActorState): boolean => actors.every((actor, place) => state.locals[actor] === values[place]);
  return {
    name: `property-${index}`,
    kind,
    says: 'states of actors come together, or do not',
    reads: (owner) => actors.includes(Number(owner)),
    fault: (state) => (isThere(state) === (kind === 'sometimes') ? null : 'it is otherwise'),
  };
}
