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
import { ignoredCounters } from './counters.ts';
import { lessened, summed } from './hash.ts';
import { type Ignored, LocalStates, type Sent } from './localStates.ts';
import { Inspections, type WorldProperty } from './inspections.ts';
import { WorldWires } from './worldWires.ts';
import { type Delivery, enabledOf, enqueue, fingerprintOf, keyOf, type World } from './world.ts';

/** How a topology is explored. */
export interface SystemModelOptions {
  /** The definitions that the topology names. */
  readonly catalogue?: Catalogue;
  /** What has to hold; nothing unless given. */
  readonly properties?: (topology: Topology, built: BuiltTopology) => readonly WorldProperty[];
  /** What is left out of fingerprints; the declared counters unless given. */
  readonly ignored?: Ignored;
  readonly interpreter?: Interpreter;
}

/**
 * A topology as a model. Its states are values; an action is the delivery of one message.
 *
 * @throws GranuleError what `buildTopology` throws; EXPLORE_FAULT_PLAN for rules about times
 */
export class SystemModel implements Model<World, Delivery> {
  readonly name: string;
  readonly topology: Topology;
  readonly properties: readonly Property<World>[];
  readonly locals: LocalStates;
  readonly #wires: WorldWires | null;
  readonly #inspections: Inspections;
  readonly #initial: World;

  constructor(topology: Topology, traces: ReadonlyMap<number, RunSource>, options: SystemModelOptions = {}) {
    const { catalogue = builtIns, properties = () => [], ignored = ignoredCounters, interpreter } = options;
    this.name = topology.name;
    this.topology = topology;
    const built = buildTopology(topology, traces, catalogue);
    const { actors, births } = hostActors(built.actors, undefined, interpreter);
    this.locals = new LocalStates(actors, ignored);
    const plan = faultPlanOf(topology);
    this.#wires = plan.length === 0 ? null : new WorldWires(plan, this.locals, topology.name);
    const asked = properties(topology, built);
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
    const after = outcome.next;
    const isChanged = after !== before;
    const locals = isChanged ? world.locals.with(place, after) : world.locals;
    const localsHash = isChanged ? summed(lessened(world.localsHash, before.hash), after.hash) : world.localsHash;
    const pending = world.pending.filter((each) => each !== delivery);
    let { carried, faults } = world;
    for (const sendId of outcome.cancels) withoutCancelled(pending, sent.channel.to, sendId);
    let { failure } = outcome;
    if (outcome.sends.length > 0) {
      const counts = carried.slice();
      carried = counts;
      if (this.#wires === null) for (const send of outcome.sends) enqueue(pending, counts, send);
      else {
        const carriedOn = this.#wires.carry(outcome.sends, faults ?? []);
        ({ faults } = carriedOn);
        failure ??= carriedOn.failure;
        for (const send of carriedOn.sends) enqueue(pending, counts, send);
      }
    }
    const memory = this.#inspections.remembered(world.memory, { locals }, delivery);
    const parts = { locals, localsHash, pending, carried, faults, memory, failure, last: delivery };
    return this.#inspected(parts, world, place);
  };

  #inspected(parts: Omit<World, 'broken' | 'fingerprint'>, before: World | null, place: number): World {
    const broken = this.#inspections.broken(parts, before, place);
    const { locals, localsHash, pending, carried, faults, memory, failure, last } = parts;
    const fingerprint = fingerprintOf({ localsHash, pending, faults, memory, failure, broken });
    return { locals, localsHash, pending, carried, faults, memory, failure, last, broken, fingerprint };
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

  #propertyOf({ name, kind, says, reads }: WorldProperty): Property<World> {
    const fault =
      kind === 'always'
        ? ({ broken }: World) => broken?.find(({ property }) => property === name)?.what ?? null
        : (world: World) => this.#inspections.faultOf(name, world);
    return { name, kind, says, fault, ...(reads === undefined ? {} : { reads }) };
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
    const pending: Delivery[] = [];
    const carried: number[] = [];
    for (const each of carriedOn.sends) enqueue(pending, carried, each);
    const localsHash = locals.reduce((sum, { hash }) => summed(sum, hash), 0);
    const { faults, failure } = carriedOn;
    const memory = this.#inspections.startOfMemory();
    return this.#inspected({ locals, localsHash, pending, carried, faults, memory, failure, last: null }, null, -1);
  }
}

/** Characters of a message that are shown of it in one line. */
const DESCRIBED_MAX = 160;

function withoutCancelled(pending: Delivery[], from: string, sendId: string): void {
  for (let at = pending.length - 1; at >= 0; at--) {
    const { sent } = pending[at];
    if (sent.sendId === sendId && sent.channel.from === from) pending.splice(at, 1);
  }
}
