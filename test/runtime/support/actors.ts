/* oxlint-disable typescript/no-unsafe-type-assertion -- what is looked at here XState does not type */
/** One machine and one list of events, run by XState's own actor and by the adapter, each told in the same plain form. */
import { type AnyStateMachine, createActor, createMachine } from 'xstate';
import { createActorEnv } from '../../../src/runtime/actorEnv.ts';
import { deepFreeze } from '../../../src/runtime/plainData.ts';
import { adaptMachine, type Interpreter, type Step } from '../../../src/runtime/xstateAdapter.ts';
import type { ActorSnapshot, Send } from '../../../src/runtime/xstateInternals.ts';

/** An event of a machine that is tested. */
export type AnyEvent = { type: string; by?: number };

/** What came of a list of events: each snapshot, what was sent at each, and the exception that ended it. */
export interface Told {
  snapshots: unknown[];
  /** What was handed to the scheduler and to mailboxes, in order. */
  sends: unknown[][];
  error: string | null;
}

/** The id of the actor under test. */
const ID = 'test';
/** An actor that it can send to by name. */
const OTHER = 'other';

interface SystemInternals {
  scheduler: Record<'schedule' | 'cancel', (...args: never[]) => void>;
  _relay: (source: unknown, target: unknown, event: unknown) => void;
}

const rest = createMachine({});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What XState's own actor does. It has a system around it, so that another actor can be found by name. */
export function runReal(machine: AnyStateMachine, events: readonly AnyEvent[]): Told {
  const told: Told = { snapshots: [], sends: [[]], error: null };
  const last = (): unknown[] => told.sends.at(-1) ?? [];
  const parent = createActor(rest, {
    clock: { setTimeout: () => 0, clearTimeout: () => undefined },
    logger: () => undefined,
  });
  const system = parent.system as unknown as SystemInternals;
  const other = createActor(rest, { parent, systemId: OTHER });
  const nameOf = (target: unknown): string => (target === other ? OTHER : ID);
  system.scheduler.schedule = (_source: never, target: never, event: never, delay: never, id: never) =>
    last().push(['schedule', nameOf(target), event, delay, id ?? null]);
  system.scheduler.cancel = (_source: never, id: never) => last().push(['cancel', id]);
  system._relay = (_source, target, event) => {
    if (target !== parent) last().push(['schedule', nameOf(target), event, 0, null]);
  };
  const actor = createActor(machine, { parent, systemId: ID });
  actor.subscribe({ error: (error) => (told.error = messageOf(error)) });
  actor.start();
  if (told.error !== null) return told;
  told.snapshots.push(plainOf(actor.getSnapshot() as ActorSnapshot));
  for (const event of events) {
    told.sends.push([]);
    if (actor.getSnapshot().status === 'active')
      (actor as unknown as { _send: (event: AnyEvent) => void })._send(event);
    if (told.error !== null) return told;
    told.snapshots.push(plainOf(actor.getSnapshot() as ActorSnapshot));
  }
  return told;
}

/** A snapshot as plain data. */
export function plainOf(snapshot: ActorSnapshot): unknown {
  const { _nodes: nodes } = snapshot as unknown as { _nodes: { id: string }[] };
  return {
    nodes: nodes.map((node) => node.id),
    value: JSON.stringify(snapshot.value),
    context: snapshot.context as unknown,
    status: snapshot.status,
    output: snapshot.output as unknown,
    error: snapshot.error,
    tags: [...snapshot.tags],
    history: JSON.stringify(snapshot.historyValue, (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'order' in value ? value.order : value,
    ),
    keys: Object.keys(snapshot),
    can: canTake(snapshot, 'NEXT'),
  };
}

function canTake(snapshot: ActorSnapshot, type: string): boolean | string {
  try {
    return snapshot.can({ type });
  } catch (error) {
    return messageOf(error);
  }
}

const plainSends = (sends: readonly Send[]): unknown[] =>
  sends.map((send) =>
    send.kind === 'cancel'
      ? ['cancel', send.sendId]
      : ['schedule', send.to, send.message, send.delayCycles, send.sendId],
  );

/** What the adapter does, with contexts that nobody can write to. */
export function runAdapted(machine: AnyStateMachine, events: readonly AnyEvent[], interpreter: Interpreter): Told {
  const adapted = adaptMachine(machine, { interpreter });
  const env = createActorEnv(ID);
  const told: Told = { snapshots: [], sends: [[]], error: null };
  try {
    let step: Step = adapted.initial(undefined, env);
    told.snapshots.push(plainOf(step.snapshot));
    told.sends = [plainSends(step.sends)];
    for (const event of events) {
      deepFreeze(step.snapshot.context as unknown);
      told.sends.push([]);
      // The host stops delivering to an actor that is done, as XState's own actor does.
      step = step.snapshot.status === 'active' ? adapted.transition(step.snapshot, event, env) : { ...step, sends: [] };
      told.snapshots.push(plainOf(step.snapshot));
      told.sends[told.sends.length - 1] = plainSends(step.sends);
    }
  } catch (error) {
    told.error = messageOf(error);
  }
  return told;
}
