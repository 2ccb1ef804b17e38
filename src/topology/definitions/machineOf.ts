/** From a definition to the statechart that is hosted: as it is, or made around transition logic. */
import { type AnyActorLogic, type AnyStateMachine, createMachine } from 'xstate';
import type { Message } from '../../../machines/messages.ts';
import { handle, type Send } from '../../../machines/support.ts';
import { GranuleError } from '../../errors.ts';
import { adaptMachine } from '../../runtime/xstateAdapter.ts';
import type { ActorDefinition, ActorStart, Ports, SendOptions, Transition } from './actorTypes.ts';
import type { AnyMessageDefinition } from './defineMessage.ts';

type AnyTransition = Transition<readonly AnyMessageDefinition[], string, Ports, never, object>;
type Context = Record<string, unknown>;

/** Where a transition's addresses are kept: beside its own fields, since a state must say by itself whom it sends to. */
const PLACE = '@place';

interface KeptPlace {
  readonly id: string;
  readonly ports: Readonly<Record<string, string>>;
}

const machinesByDefinition = new WeakMap<ActorDefinition, AnyStateMachine>();

/**
 * The statechart of a definition; the same one at each call.
 *
 * @throws GranuleError DEFINITION_INVALID where a machine does not take what the definition accepts; ACTOR_UNSUPPORTED
 * @example
 * ```ts
 * const clock = defineActor({ kind: 'clock', says: 'Ticks.', accepts: ['START'], machine: createMachine({ on: { START: {} } }) });
 * machineOf(clock) === machineOf(clock); // true
 * ```
 */
export function machineOf(definition: ActorDefinition): AnyStateMachine {
  let machine = machinesByDefinition.get(definition);
  if (machine === undefined) {
    machine = made(definition);
    checkAccepts(definition, machine);
    machinesByDefinition.set(definition, machine);
  }
  return machine;
}

function made(definition: ActorDefinition): AnyStateMachine {
  const { logic } = definition;
  if ('on' in logic && 'initial' in logic && typeof logic.initial === 'function') {
    return aroundTransition(definition, logic);
  }
  if ('root' in logic && 'states' in logic) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only machines have a root node
    return logic as AnyStateMachine;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is neither of the two is logic
  return aroundLogic(definition, logic as AnyActorLogic);
}

function checkAccepts({ kind, accepts }: ActorDefinition, machine: AnyStateMachine): void {
  const adapted = adaptMachine(machine);
  for (const type of accepts) {
    if (adapted.accepts(type)) continue;
    const what = `it accepts ${type}, and its machine "${machine.id}" has no transition for it`;
    throw new GranuleError('DEFINITION_INVALID', what, `actor ${kind}: accepts`);
  }
}

/** A machine of one state whose context is the state of the transition. */
function aroundTransition({ kind, accepts }: ActorDefinition, { initial, on }: AnyTransition): AnyStateMachine {
  const handler = handle<Context>((context, event, send) => {
    const handled = on[event.type];
    if (handled === undefined) return context;
    const { ports, id } = placeOf(context);
    const next = handled(context, event, sender(kind, id, ports, send) as never) as Context;
    return next === context ? context : whole(kind, event.type, context, next);
  });
  return createMachine({
    id: kind,
    context: ({ input }: { input: ActorStart }) => {
      const { id, ports } = input;
      return { ...(initial(input as never) as Context), [PLACE]: { id, ports } };
    },
    initial: 'running',
    states: { running: { on: Object.fromEntries(accepts.map((type) => [type, { actions: handler as never }])) } },
  });
}

function placeOf(context: Context): KeptPlace {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was put there when the context was made
  return context[PLACE] as KeptPlace;
}

/** XState merges what an action assigns: a field that is left out would stay. So none may be. */
function whole(kind: string, type: string, before: Context, next: Context): Context {
  for (const name of Object.keys(before)) {
    if (name in next) continue;
    if (name === PLACE) return whole(kind, type, before, { ...next, [PLACE]: before[PLACE] });
    throw new TypeError(`the handler of ${type} of ${kind} gives a state without the field ${name}`);
  }
  return next;
}

function sender(kind: string, id: string, ports: KeptPlace['ports'], send: Send) {
  return (port: string, message: Message, { delayCycles, to }: SendOptions = {}): void => {
    const address = port === 'self' ? id : (to ?? ports[port] ?? '');
    if (address === '') throw new TypeError(`${kind} sends ${message.type} by the port ${port}, which is not bound`);
    send(address, message, delayCycles);
  };
}

/** What XState's logic sees of the system: addresses to send to, and nothing else. */
function aroundLogic({ kind, accepts }: ActorDefinition, logic: AnyActorLogic): AnyStateMachine {
  const handler = handle<Context>((context, event, send) => {
    const { id } = placeOf(context);
    const target = (address: string) => ({ id: address, send: (message: Message) => send(address, message) });
    const scope = { self: target(id), id, sessionId: id, system: { get: target }, emit: () => undefined };
    const before = { status: 'active', output: undefined, error: undefined, context: context['state'] };
    const after = logic.transition(before, event, scope as never) as unknown as { context: unknown };
    return after.context === context['state'] ? context : { ...context, state: after.context };
  });
  return createMachine({
    id: kind,
    context: ({ input }: { input: ActorStart }) => {
      const { id, ports } = input;
      const first = logic.getInitialSnapshot({ id, self: { id } } as never, input) as unknown as {
        context: unknown;
      };
      return { state: first.context, [PLACE]: { id, ports } };
    },
    initial: 'running',
    states: { running: { on: Object.fromEntries(accepts.map((type) => [type, { actions: handler as never }])) } },
  });
}
