/** A topology as something to explore: its states, what can be delivered in each, and what has to hold. */
import type { RunSource } from '../../mm/runs.ts';
import { OUTSIDE } from '../../runtime/envelope.ts';
import { inOrderOfDelay } from '../../runtime/clock.ts';
import { hostActors } from '../../runtime/hosting.ts';
import type { Interpreter } from '../../runtime/xstateAdapter.ts';
import { type BuiltTopology, buildTopology } from '../../topology/build.ts';
import { builtIns, type Catalogue } from '../../topology/definitions/catalogue.ts';
import { faultPlanOf } from '../../topology/lifecycle.ts';
import { outsideInOrder } from '../../topology/run.ts';
import type { Topology } from '../../topology/schema.ts';
import type { Fingerprint, Model, Property } from '../model.ts';
import { ignoredCounters, nothingIgnored } from './counters.ts';
import { type Ignored, LocalStates, type Sent } from './localStates.ts';
import { Inspections, type WorldProperty } from './inspections.ts';
import { WorldWires } from './worldWires.ts';
import { type Delivery, enabledOf, fingerprintOf, keyOf, Mail, type World } from './world.ts';

/** How a topology is explored. */
export interface SystemModelOptions {
  /** The definitions that the topology names. */
  readonly catalogue?: Catalogue;
  /** What has to hold; nothing unless given. */
  readonly properties?: (topology: Topology, built: BuiltTopology) => PropertiesOfModel;
  /** What is left out of fingerprints; the declared counters unless given. */
  readonly ignored?: Ignored;
  readonly interpreter?: Interpreter;
}

/** What has to hold of a topology. */
export interface PropertiesOfModel {
  readonly properties: readonly WorldProperty[];
  /** Properties that cannot be looked at, with the reasons. */
  readonly leftOut?: readonly string[];
}

/**
 * A topology as a model. Its states are values; an action is the delivery of one message.
 *
 * @throws GranuleError what `buildTopology` throws; EXPLORE_FAULT_PLAN for rules about times
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const model = new SystemModel(topology, new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]));
 * const [begin] = model.initial();
 * model.actions(model.next(begin, model.actions(begin)[0])).map(model.keyOf); // ['process:1>abi#0']
 * ```
 */
export class SystemModel implements Model<World, Delivery> {
  readonly name: string;
  readonly topology: Topology;
  readonly properties: readonly Property<World>[];
  /** Properties that cannot be looked at in this system, with the reasons. */
  readonly leftOut: readonly string[];
  readonly locals: LocalStates;
  readonly #wires: WorldWires | null;
  readonly #inspections: Inspections;
  readonly #initial: World;

  constructor(topology: Topology, traces: ReadonlyMap<number, RunSource>, options: SystemModelOptions = {}) {
    const { catalogue = builtIns, properties = nothingAsked, interpreter } = options;
    const ignored = options.ignored ?? (topology.procfs === undefined ? ignoredCounters : nothingIgnored);
    this.name = topology.name;
    this.topology = topology;
    const built = buildTopology(topology, traces, catalogue);
    const { actors, births } = hostActors(built.actors, undefined, interpreter);
    this.locals = new LocalStates(actors, ignored);
    const plan = faultPlanOf(topology);
    this.#wires = plan.length === 0 ? null : new WorldWires(plan, this.locals, topology.name);
    const { properties: asked, leftOut = [] } = properties(topology, built);
    this.leftOut = leftOut;
    this.#inspections = new Inspections(this.locals, asked);
    this.properties = asked.map((property) => this.#propertyOf(property));
    this.#initial = this.#begun(births, built);
  }

  readonly initial = (): readonly World[] => [this.#initial];

  readonly actions = ({ failure, pending }: World): readonly Delivery[] => (failure === null ? enabledOf(pending) : []);

  /** The state once a message was delivered. */
  readonly next = (world: World, delivery: Delivery): World => {
    const { sent } = delivery;
    const place = sent.channel.toIndex;
    const before = world.locals[place];
    const outcome = this.locals.outcomeOf(before, sent.content);
    const mail = new Mail(world);
    mail.take(world.pending.indexOf(delivery));
    let { locals, faults } = world;
    if (outcome.next !== before) {
      const own = locals.slice();
      own[place] = outcome.next;
      locals = own;
      mail.replace(before, outcome.next);
    }
    for (const sendId of outcome.cancels) cancel(mail, sent.channel.to, sendId);
    let { failure } = outcome;
    if (this.#wires === null) for (const each of outcome.sends) mail.put(each);
    else {
      const carried = this.#wires.carry(outcome.sends, faults ?? []);
      ({ faults } = carried);
      failure ??= carried.failure;
      for (const each of carried.sends) mail.put(each);
    }
    const memory = world.memory === null ? null : this.#inspections.remembered(world.memory, { locals }, delivery);
    return this.#stateOf(mail, { locals, faults, memory, failure, last: delivery }, world, place);
  };

  #stateOf(
    { pending, carried, low, high }: Mail,
    { locals, faults, memory, failure, last }: Pick<World, 'locals' | 'faults' | 'memory' | 'failure' | 'last'>,
    before: World | null,
    place: number,
  ): World {
    const broken = this.#inspections.broken({ locals, pending, failure, last, memory }, before, place);
    const fingerprint = fingerprintOf({ low, high, faults, memory, failure, broken });
    return { locals, pending, carried, faults, memory, failure, last, broken, low, high, fingerprint };
  }

  readonly fingerprint = ({ fingerprint }: World): Fingerprint => fingerprint;

  readonly keyOf = ({ sent, number }: Delivery): string => keyOf(sent.channel, number);

  readonly ownerOf = ({ sent }: Delivery): string => sent.channel.to;

  readonly describe = (_: World, { sent }: Delivery): string => {
    const { from, to } = sent.channel;
    const { type, ...fields } = sent.content.message;
    const said = JSON.stringify(fields);
    return `${from} -> ${to} ${type} ${said.length > DESCRIBED_MAX ? `${said.slice(0, DESCRIBED_MAX)}...` : said}`;
  };

  readonly isWithin = ({ broken, failure }: World): boolean => broken === null && failure === null;

  readonly progress = (world: World): number => this.#inspections.progress(world);

  #propertyOf({ name, kind, says, reads, isVacuous = false }: WorldProperty): Property<World> {
    const fault =
      kind === 'always'
        ? ({ broken }: World) => broken?.find(({ property }) => property === name)?.what ?? null
        : (world: World) => this.#inspections.faultOf(name, world);
    return { name, kind, says, fault, ...(reads === undefined ? {} : { reads }), ...(isVacuous ? { isVacuous } : {}) };
  }

  #begun(births: ReturnType<typeof hostActors>['births'], built: BuiltTopology): World {
    const locals = this.locals.initial();
    const sends: Sent[] = [];
    const send = (from: string, what: Parameters<LocalStates['sent']>[1]): void => {
      const sent = this.locals.sent(from, what);
      if (sent === null) throw this.locals.noTaker(from, what.to, what.message.type);
      sends.push(sent);
    };
    for (const [id, step] of births) {
      for (const each of inOrderOfDelay(step.sends)) if (each.kind === 'send') send(id, each);
    }
    for (const { to, atCycles, message } of outsideInOrder({ chooser: 'explored' }, built.messages))
      send(OUTSIDE, { to, message, delayCycles: atCycles, sendId: null, isTimer: false });
    const carriedOn = this.#wires?.carry(sends, this.#wires.initial()) ?? { sends, faults: null, failure: null };
    const mail = new Mail({ pending: [], carried: [], low: 0, high: 0 });
    for (const each of carriedOn.sends) mail.put(each);
    for (const { low, high } of locals) {
      mail.low = (mail.low + low) | 0;
      mail.high = (mail.high + high) | 0;
    }
    const { faults, failure } = carriedOn;
    const memory = this.#inspections.startOfMemory();
    return this.#stateOf(mail, { locals, faults, memory, failure, last: null }, null, -1);
  }
}

function nothingAsked(): PropertiesOfModel {
  return { properties: [] };
}

/** Characters of a message that are shown of it in one line. */
const DESCRIBED_MAX = 160;

/** What its sender has cancelled is never delivered. */
function cancel(mail: Mail, from: string, sendId: string): void {
  const { pending } = mail;
  for (let at = pending.length - 1; at >= 0; at--) {
    const { sent } = pending[at];
    if (sent.sendId === sendId && sent.channel.from === from) mail.take(at);
  }
}
