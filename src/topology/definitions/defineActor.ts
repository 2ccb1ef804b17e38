/** Kinds of actor of a user's own. */
import type { AnyActorLogic } from 'xstate';
import { type ActorKind, acceptedBy, machines, type MessageType } from '../../../machines/index.ts';
import { vocabulary } from '../../../machines/vocabulary.ts';
import { GranuleError } from '../../errors.ts';
import type { ActorDefinition, ActorLaw, Place, PlacedActor, Ports, PortsOf, Shows, Transition } from './actorTypes.ts';
import { checkReplacement } from './checkReplacement.ts';
import { isDefinition, markDefinition } from './definition.ts';
import type { AnyMessageDefinition, MessagesWith, Schema } from './defineMessage.ts';

/** What {@link defineActor} is told of every kind. */
export interface ActorOptions<
  K extends string,
  M extends readonly AnyMessageDefinition[],
  A extends string,
  P extends Ports,
  I,
  S extends object,
  T extends A,
  Known extends string,
  R extends ActorKind,
  B extends MessageType,
> {
  /** Its ids are `KIND` or `KIND:NAME`. */
  readonly kind: K;
  /** One sentence: what it stands for. */
  readonly says: string;
  /** Raised when it handles messages otherwise than before: logs name it. */
  readonly version?: number;
  /** The message types of its own that it sends or accepts. */
  readonly messages?: M;
  /** The types of message that it takes. */
  readonly accepts: readonly (A & Known)[];
  /** Those of them that it sends to itself, with a delay: the port `self`. */
  readonly timers?: readonly T[];
  /** Those of them that come from whoever drives a run in code, and that no topology need send. */
  readonly outside?: readonly NoInfer<A>[];
  readonly ports?: P & PortsOf<Known>;
  /** What a topology may tell it. */
  readonly input?: Schema<I>;
  /** The built-in kind that it can stand in for, behind the same messages. */
  readonly replaces?: R;
  /** Of a stand-in: the types that it sends in the name of that kind, by the port `builtIn`. */
  readonly sends?: readonly B[];
  /** Of a stand-in: how reports and laws may read its state. Without it they leave it alone, and say so. */
  readonly shows?: Shows<R, S>;
  readonly laws?: readonly ActorLaw<S>[];
  readonly revive?: ActorDefinition['revive'];
}

/** An XState machine, or logic of `fromTransition`. */
export interface WithMachine {
  readonly machine: AnyActorLogic;
  readonly transition?: never;
}

/** Functions, one for each message. */
export interface WithTransition<
  M extends readonly AnyMessageDefinition[],
  A extends string,
  P extends Ports,
  I,
  S extends object,
  T extends A,
  R extends ActorKind,
  B extends MessageType,
> {
  readonly transition: Transition<M, A, P, I, S, T, R, B>;
  readonly machine?: never;
}

const KIND = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function refuse(kind: string, field: string, what: string): never {
  throw new GranuleError('DEFINITION_INVALID', what, `actor ${kind}: ${field}`);
}

function checkKind(kind: string, replaces: ActorKind | undefined): void {
  if (!KIND.test(kind)) refuse(kind, 'kind', `a kind is written in small letters, as page-cache, not "${kind}"`);
  if (kind in machines || kind === 'outside' || kind === 'self') {
    refuse(kind, 'kind', `${kind} is a kind that granule has; take another name, and say replaces: '${kind}'`);
  }
  if (replaces !== undefined && !(replaces in machines)) {
    refuse(kind, 'replaces', `there is no built-in kind "${replaces}": they are ${Object.keys(machines).join(', ')}`);
  }
}

function checkMessages(kind: string, messages: readonly AnyMessageDefinition[]): void {
  const seen = new Set<string>();
  for (const message of messages) {
    if (!isDefinition(message, 'message')) refuse(kind, 'messages', 'one of them was not made by defineMessage');
    if (message.type in vocabulary) refuse(kind, 'messages', `${message.type} is a message that granule has`);
    if (seen.has(message.type)) refuse(kind, 'messages', `${message.type} is named twice`);
    seen.add(message.type);
  }
}

/** Every type is one of granule's or one of its own; ports lead to kinds that could take what goes out there. */
function checkTypes(kind: string, own: ReadonlySet<string>, accepts: readonly string[], ports: Ports): void {
  const known = (type: string): boolean => type in vocabulary || own.has(type);
  for (const [index, type] of accepts.entries()) {
    if (!known(type))
      refuse(kind, `accepts.${index}`, `there is no message ${type}: define it, and name it in messages`);
    if (accepts.indexOf(type) !== index) refuse(kind, `accepts.${index}`, `${type} is named twice`);
  }
  for (const [name, { to, sends }] of Object.entries(ports)) {
    if (name === 'self') refuse(kind, 'ports.self', 'self is the actor itself, and needs no port');
    if (name === 'builtIn') refuse(kind, 'ports.builtIn', 'builtIn is where a stand-in sends in the name of its kind');
    const kinds = typeof to === 'string' ? [to] : to;
    if (kinds.length === 0 || sends.length === 0) refuse(kind, `ports.${name}`, 'it leads nowhere, or sends nothing');
    for (const type of sends) {
      if (!known(type))
        refuse(kind, `ports.${name}.sends`, `there is no message ${type}: define it, and name it in messages`);
      for (const target of kinds) {
        if (!(target in machines)) continue;
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was just looked up
        const taken: readonly string[] = acceptedBy(target as ActorKind);
        if (!taken.includes(type)) refuse(kind, `ports.${name}.sends`, `a ${target} cannot take ${type}`);
      }
    }
  }
}

function checkLogic(kind: string, logic: unknown, accepts: readonly string[]): void {
  if (typeof logic !== 'object' || logic === null) refuse(kind, 'machine', 'it has neither a machine nor a transition');
  if (!('on' in logic)) return;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- judged here
  const { on, initial } = logic as Transition<readonly AnyMessageDefinition[], string, Ports, never, object>;
  if (typeof initial !== 'function')
    refuse(kind, 'transition.initial', 'it has no function that gives its first state');
  for (const type of accepts) {
    if (typeof on[type] !== 'function')
      refuse(kind, `transition.on.${type}`, `it accepts ${type} and has no handler for it`);
  }
  for (const type of Object.keys(on)) {
    if (!accepts.includes(type)) refuse(kind, `transition.on.${type}`, `it handles ${type} and does not accept it`);
  }
}

/**
 * Defines a kind of actor: the messages it takes, the ports by which it sends, and its behaviour as an XState machine, as
 * logic of XState's `fromTransition`, or as one function a message. What it sends is held to its ports, and its messages to their schemas.
 *
 * @throws GranuleError DEFINITION_INVALID, naming the field
 * @example
 * ```ts
 * const tick = defineMessage('TICK', { says: 'Time goes by.', fields: z.strictObject({}) });
 * const clock = defineActor({
 *   kind: 'clock',
 *   says: 'Counts what it is told.',
 *   messages: [tick],
 *   accepts: ['TICK'],
 *   transition: { initial: () => ({ ticks: 0 }), on: { TICK: (state) => ({ ticks: state.ticks + 1 }) } },
 * });
 * clock.at('clock:wall').id; // 'clock:wall'
 * ```
 */
export function defineActor<
  const K extends string,
  const A extends string,
  S extends object,
  const M extends readonly AnyMessageDefinition[] = readonly [],
  const P extends Ports = Record<string, never>,
  I = Record<string, never>,
  T extends A = never,
  const R extends ActorKind = never,
  const B extends MessageType = never,
>(
  options: ActorOptions<K, M, A, P, I, S, T, MessagesWith<M>['type'], R, B> &
    (WithMachine | WithTransition<M, A, P, I, S, T, R, B>),
): ActorDefinition<K, P, I> {
  const { kind, says, version = 1, accepts, replaces } = options;
  const messages: readonly AnyMessageDefinition[] = options.messages ?? [];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no ports are ports of any names
  const ports = (options.ports ?? {}) as P;
  checkKind(kind, replaces);
  if (typeof says !== 'string' || says === '') refuse(kind, 'says', 'it has no sentence that says what it is');
  checkMessages(kind, messages);
  checkTypes(kind, new Set(messages.map(({ type }) => type)), accepts, ports);
  checkReplacement(options);
  const timers: readonly string[] = options.timers ?? [];
  const outside: readonly string[] = options.outside ?? [];
  for (const [field, types] of Object.entries({ timers, outside })) {
    const strange = types.find((type) => !(accepts as readonly string[]).includes(type));
    if (strange !== undefined) refuse(kind, field, `${strange} is named here, and it does not accept it`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types of one kind are its author's; here they are any
  const logic = (options.machine ?? options.transition) as ActorDefinition['logic'];
  checkLogic(kind, logic, accepts);
  const definition: ActorDefinition<K, P, I> = {
    definition: 'actor',
    kind,
    says,
    version,
    messages,
    accepts: [...accepts],
    timers,
    outside,
    ports,
    input: options.input ?? null,
    replaces: replaces ?? null,
    sends: [...(options.sends ?? [])],
    shows: options.shows ?? 'nothing',
    laws: options.laws ?? [],
    logic,
    revive: options.revive ?? null,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- places are judged when the topology is built
    at: (id: string, place: Place<P, I> = {}): PlacedActor => ({ id, ...place, definition }) as unknown as PlacedActor,
  };
  return markDefinition(definition);
}
