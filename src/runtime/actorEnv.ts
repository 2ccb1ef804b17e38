/** What a machine of XState sees around it while it handles a message: a scope that collects and does nothing. */

import { GranuleError } from '../errors.ts';
import type { Address, Message } from './envelope.ts';
import { sendOf } from './xstateActions.ts';
import {
  type ActorStub,
  type ExecutableAction,
  type InspectedMicrostep,
  MAX_MICROSTEPS,
  type Send,
  type StepScope,
  trusted,
  unsupported,
} from './xstateInternals.ts';

/** Where an actor's turn takes place: made once per actor, used again for each message. */
export interface ActorEnv {
  readonly id: Address;
  readonly scope: StepScope;
  /** Where the scope collects. */
  sends: Send[];
  /** Null: nobody asks. */
  microsteps: InspectedMicrostep[] | null;
  microstepCount: number;
}

function stubOf(id: Address): ActorStub {
  const refuse = (what: string): never => {
    throw unsupported(`a machine calls ${what} of actor ${id} instead of returning sendTo`, id);
  };
  const stub = { id, sessionId: id, send: () => refuse('send()') };
  // createActor(), which invoke and spawn lead to, asks its parent for its system first of all.
  Object.defineProperty(stub, 'system', { get: () => refuse('spawn or invoke') });
  return Object.freeze(stub);
}

/**
 * The surroundings that a machine sees while it handles messages as actor `id`. `stubs` may be shared by all actors of a system.
 *
 * @example
 * ```ts
 * createActorEnv('mm:1').id; // 'mm:1'
 * ```
 */
export function createActorEnv(id: Address, stubs: Map<Address, ActorStub> = new Map()): ActorEnv {
  const get = (address: Address): ActorStub => {
    let stub = stubs.get(address);
    if (stub === undefined) {
      stub = stubOf(address);
      stubs.set(address, stub);
    }
    return stub;
  };
  const inspect = (microstep: InspectedMicrostep): void => {
    env.microsteps?.push(microstep);
    env.microstepCount++;
    if (env.microstepCount > MAX_MICROSTEPS) {
      throw new GranuleError('RUN_LIMIT', `one message caused more than ${MAX_MICROSTEPS} microsteps`, id);
    }
  };
  const ignore = (): void => undefined;
  const scope: StepScope = {
    self: get(id),
    id,
    sessionId: id,
    system: { get, _sendInspectionEvent: inspect },
    logger: ignore,
    defer: ignore,
    emit: ignore,
    stopChild: ignore,
    actionExecutor: (action) => collect(action, env),
  };
  const env: ActorEnv = { id, scope, sends: [], microsteps: null, microstepCount: 0 };
  return env;
}

/** Takes a resolved action of XState as data; none is executed. */
function collect(action: ExecutableAction, env: ActorEnv): void {
  const params: {
    readonly to: ActorStub;
    readonly event: Message;
    readonly delay: unknown;
    readonly id?: string;
    readonly sendId: string;
  } = trusted(action.params);
  switch (action.type) {
    case 'xstate.sendTo':
      env.sends.push(sendOf(params.to.id, params.event, params.delay, params.id, false));
      return;
    case 'xstate.raise':
      // Without a delay XState has put it into its internal queue already.
      if (typeof params.delay === 'number') env.sends.push(sendOf(env.id, params.event, params.delay, params.id, true));
      return;
    case 'xstate.cancel':
      env.sends.push({ kind: 'cancel', sendId: params.sendId });
      return;
    case 'xstate.spawnChild':
      throw unsupported('a machine spawns an actor', env.id);
    default:
  }
}
