/**
 * What all machines share: handlers that compute the next context and the messages to send as one pure step, written as
 * XState actions, so that a machine is an ordinary statechart that runs under `createActor` as well.
 */
import {
  type ActionFunction,
  type EventObject,
  enqueueActions,
  type MachineContext,
  type ParameterizedObject,
} from 'xstate';
import { type Architecture, architectures } from '../src/arch/architectures.ts';
import type { CostModel } from '../src/arch/costs.ts';
import { type Design, defaultDesign } from '../src/arch/design.ts';
import type { RunSource } from '../src/mm/runs.ts';
import type { UserfaultGranularity } from '../src/mm/userfaultfd/numbers.ts';
import type { HugetlbFacility } from '../src/mm/hugetlb/facility.ts';
import type { ThpFacility } from '../src/mm/thp/facility.ts';
import type { PageCacheRules } from './filePolicy.ts';
import type { Message, MessageOf } from './messages.ts';

/** Bytes of shared zero memory: one page of the largest size a process can have. */
export const ZERO_BYTES = 65536;

/** Sends a message to the actor with that id; it is delivered `delayCycles` of virtual time from now. */
export type Send = (to: string, message: Message, delayCycles?: number) => void;

/** A pure step: the context after an event, and what to send. */
export type Handler<C, E = Message> = (context: C, event: E, send: Send) => C;

/** The action type that `handle` makes, loose in the parameters that no machine here uses. */
type HandlerAction<C extends MachineContext> = ActionFunction<
  C,
  Message,
  Message,
  ParameterizedObject['params'] | undefined,
  never,
  never,
  never,
  never,
  EventObject
>;

/**
 * Makes an XState action of a handler. XState merges the context that it computes with the one before, so fields that are no longer
 * there are given to it as undefined; who calls the handler directly has the context as it is. Targets are looked up by id in the actor
 * system, so that the same machine works under the flat loop and under `createActor` with actors registered by `systemId`.
 *
 * @example
 * ```ts
 * const count = handle<{ n: number }>((context) => ({ ...context, n: context.n + 1 }));
 * const actor = createActor(createMachine({ context: { n: 0 }, on: { STOP: { actions: count } } })).start();
 * actor.send({ type: 'STOP' });
 * actor.getSnapshot().context.n; // 1
 * ```
 */
export function handle<C extends MachineContext>(handler: Handler<C>): HandlerAction<C> {
  const action = enqueueActions<C, Message, ParameterizedObject['params'] | undefined, Message, never, never, never>(
    ({ context, event, enqueue }) => {
      const next = handler(context, event, (to, message, delayCycles) => {
        enqueue.sendTo(({ system }) => system.get(to), message, { delay: delayCycles ?? 0 });
      });
      if (next !== context) enqueue.assign(() => withGone(context, next));
    },
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- XState keeps the function in a field that it does not type
  handlers.set((action as unknown as { collect: object }).collect, handler as unknown as Handler<never, never>);
  return action;
}

/** A context with undefined in the place of each field that the one before had and it has not. */
function withGone<C extends MachineContext>(before: C, next: C): C {
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(next, name));
  return gone.length === 0 ? next : { ...Object.fromEntries(gone.map((name) => [name, undefined])), ...next };
}

/** The handler behind each function that `handle` gave to XState. */
const handlers = new WeakMap<object, Handler<never, never>>();

/**
 * The handler that `handle` made an action of, by the function that the action holds; null for any other function. Whoever runs
 * a machine may call it directly: it computes the whole next context, so there is nothing to merge.
 *
 * @example
 * ```ts
 * handlerOf(() => 1); // null
 * ```
 */
export function handlerOf(collect: object): Handler<never, never> | null {
  return handlers.get(collect) ?? null;
}

/**
 * Tells the checker which message a handler has got. XState's assertEvent, for one type: that takes lists and wildcards, and costs as
 * much as a small handler.
 *
 * @throws TypeError for a message of another type: the statechart and its handlers do not agree
 * @example
 * ```ts
 * assertType({ type: 'GOT', request: 1 }, 'GOT');
 * ```
 */
export function assertType<T extends Message['type']>(event: Message, type: T): asserts event is MessageOf<T> {
  if (event.type !== type) throw new TypeError(`a handler of ${type} got ${event.type}`);
}

/** Immutable things a machine may look at but not change: never part of its state, always the same for one topology. */
export interface Resources {
  traces: ReadonlyMap<string, RunSource>;
  costs: CostModel;
  /** The design that is modelled; the one that matches a kernel of the process page size where none is given. */
  design?: Design;
  /** The process whose address space each thread shares, by its id; processes themselves are not in it. */
  threads?: ReadonlyMap<number, number>;
  /** What the topology says of the facilities that it asks for. */
  facilities?: Facilities;
  /** arm64 where none is given. */
  architecture?: Architecture;
  /** Page-cache policies of definitions, by name. */
  pageCachePolicies?: ReadonlyMap<string, PageCacheRules>;
}

/** The userfaultfds that processes may open, by name, and in which pages they work. */
export interface UserfaultSettings {
  descriptors: readonly string[];
  granularity: UserfaultGranularity;
}

/** Settings of facilities that the core obeys too; absent: the topology does not ask for it. */
export interface Facilities {
  thp?: ThpFacility;
  hugetlb?: HugetlbFacility;
  userfaultfd?: UserfaultSettings;
  /** There is a ksmd. */
  ksm?: boolean;
}

/**
 * Carries resources inside a context without being part of the state.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * resources.toPlain(); // null
 * ```
 */
export class ResourceHolder {
  readonly traces: ReadonlyMap<string, RunSource>;
  readonly costs: CostModel;
  readonly design: Design;
  readonly threads: ReadonlyMap<number, number>;
  readonly userfaultfd: UserfaultSettings;
  readonly ksm: boolean;
  readonly facilities: Facilities;
  readonly architecture: Architecture;
  readonly pageCachePolicies: ReadonlyMap<string, PageCacheRules>;

  constructor(resources: Resources) {
    this.traces = resources.traces;
    this.costs = resources.costs;
    this.design = resources.design ?? defaultDesign;
    this.threads = resources.threads ?? new Map();
    this.facilities = resources.facilities ?? {};
    this.ksm = this.facilities.ksm ?? false;
    this.userfaultfd = this.facilities.userfaultfd ?? { descriptors: [], granularity: 'process-page' };
    this.architecture = resources.architecture ?? architectures.arm64;
    this.pageCachePolicies = resources.pageCachePolicies ?? new Map();
  }

  /** The process whose address space this one runs in: itself, or for a thread the one that it is a thread of. */
  mmPidOf(pid: number): number {
    return this.threads.get(pid) ?? pid;
  }

  /** Nothing: resources are named by the topology, which is in the header of the log. */
  toPlain(): null {
    return null;
  }
}
