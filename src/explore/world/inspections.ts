/** Looks at states for what has to hold: each property as so many small looks, of which only those are done again that may see a change. */
import type { GranuleError } from '../../errors.ts';
import type { Address } from '../../runtime/envelope.ts';
import type { LawSight } from '../../topology/lawSight.ts';
import type { Property, PropertyKind } from '../model.ts';
import type { LocalStates } from './localStates.ts';
import { type Look, Remembered } from './looks.ts';
import type { Broken, Delivery, World } from './world.ts';

/** One look of a property. */
export interface Inspection {
  readonly property: string;
  /** Actors whose states it may read; absent: all of them. */
  readonly reads?: readonly Address[];
  readonly look: Look<string | null>;
}

/** A property of a system. */
export interface WorldProperty extends Pick<Property<World>, 'name' | 'says' | 'reads' | 'isVacuous'> {
  readonly kind: PropertyKind;
  /** Whether it holds in a state follows from the states of actors; all of these looks have to find nothing. */
  readonly inspections?: readonly Omit<Inspection, 'property'>[];
  /** What a delivery to one of these actors does that must not be, seen from the states behind it and before it. */
  readonly step?: {
    readonly to: readonly Address[];
    readonly fault: (after: LawSight, delivery: Delivery, before: LawSight) => string | null;
  };
  /** What is said where an actor threw, or sent what nobody takes. */
  readonly onFailure?: (failure: GranuleError) => string | null;
  /** What the deliveries on a way leave behind, where the states of actors do not say; plain data. */
  readonly watch?: Watch;
  /** Whether it holds, from the whole state: what waits included, and what a watch remembers. */
  readonly whole?: (sight: LawSight, world: Pick<World, 'pending' | 'failure'>, memory: unknown) => string | null;
}

/** A fold over deliveries. */
export interface Watch {
  readonly start: unknown;
  readonly next: (memory: unknown, delivery: Delivery, sight: LawSight) => unknown;
}

interface Prepared {
  readonly property: string;
  readonly remembered: Remembered<string | null>;
}

/**
 * All that is looked at in the states of one model.
 *
 * @example
 * ```ts
 * const locals = new LocalStates(hostActors([]).actors, nothingIgnored);
 * new Inspections(locals, []).startOfMemory(); // null
 * ```
 */
export class Inspections {
  readonly #locals: LocalStates;
  readonly #properties: readonly WorldProperty[];
  /** Looks of `always`, by the place of an actor whose change they may see. */
  readonly #byPlace: readonly (readonly Prepared[])[];
  readonly #all: readonly Prepared[];
  readonly #ofOthers = new Map<string, readonly Prepared[]>();
  /** Properties that look at deliveries, by the place of the receiver. */
  readonly #steps: readonly (readonly WorldProperty[])[];
  readonly #whole: readonly WorldProperty[];
  readonly #watches: readonly Watch[];
  /** The place of a property's memory, by its name. */
  readonly #memoryOf = new Map<string, number>();
  readonly #positions: Remembered<number>;

  constructor(locals: LocalStates, properties: readonly WorldProperty[]) {
    this.#locals = locals;
    this.#properties = properties;
    const byPlace: Prepared[][] = locals.ids.map(() => []);
    const all: Prepared[] = [];
    for (const { name, kind, inspections = [] } of properties) {
      const prepared = inspections.map((inspection) => ({
        reads: inspection.reads,
        made: { property: name, remembered: new Remembered(locals, inspection.look) },
      }));
      if (kind !== 'always')
        this.#ofOthers.set(
          name,
          prepared.map(({ made }) => made),
        );
      else {
        for (const { reads = locals.ids, made } of prepared) {
          all.push(made);
          for (const id of reads) byPlace[locals.placeOf(id)].push(made);
        }
      }
    }
    this.#byPlace = byPlace;
    this.#all = all;
    const always = properties.filter(({ kind }) => kind === 'always');
    this.#steps = locals.ids.map((id) => always.filter(({ step }) => step?.to.includes(id) === true));
    this.#whole = always.filter(({ whole }) => whole !== undefined);
    const watching = properties.flatMap(({ name, watch }) => (watch === undefined ? [] : [{ name, watch }]));
    this.#watches = watching.map(({ watch }) => watch);
    for (const [index, { name }] of watching.entries()) this.#memoryOf.set(name, index);
    this.#positions = new Remembered(locals, positionsOf);
  }

  /** What properties remember at the beginning; null where none does. */
  startOfMemory(): readonly unknown[] | null {
    return this.#watches.length === 0 ? null : this.#watches.map(({ start }) => start);
  }

  /** What they remember behind a delivery; the same list where nothing changed. */
  remembered(
    memory: readonly unknown[] | null,
    after: Pick<World, 'locals'>,
    delivery: Delivery,
  ): readonly unknown[] | null {
    if (memory === null) return null;
    const sight = this.#sightOf(after);
    const next = memory.map((each, index) => this.#watches[index].next(each, delivery, sight));
    return next.some((each, index) => each !== memory[index]) ? next : memory;
  }

  /** What is wrong in a state that follows on another by a change of the actor at `place`; null for nothing. */
  broken(
    world: Pick<World, 'locals' | 'pending' | 'failure' | 'last' | 'memory'>,
    before: World | null,
    place: number,
  ): readonly Broken[] | null {
    // Behind a fault nobody looks: it would be seen again in every state to come.
    const looks = before === null ? this.#all : this.#byPlace[place];
    let broken: Broken[] | null = null;
    for (const { property, remembered } of looks) {
      const what = remembered.at(world.locals);
      if (what !== null) (broken ??= []).push({ property, what });
    }
    const { failure } = world;
    if (failure !== null) {
      for (const { name, onFailure } of this.#properties) {
        const what = onFailure?.(failure) ?? null;
        if (what !== null) (broken ??= []).push({ property: name, what });
      }
    }
    const { last } = world;
    const steps = before === null ? [] : this.#steps[place];
    if (steps.length + this.#whole.length === 0) return broken;
    const sight = this.#sightOf(world);
    for (const { name, step } of steps) {
      const what = last === null || before === null ? null : (step?.fault(sight, last, this.#sightOf(before)) ?? null);
      if (what !== null) (broken ??= []).push({ property: name, what });
    }
    for (const { name, whole } of this.#whole) {
      const what = whole?.(sight, world, this.#memoryIn(world, name)) ?? null;
      if (what !== null) (broken ??= []).push({ property: name, what });
    }
    return broken;
  }

  /** What of a property that is not looked at in every state is not so in this one; null where it is. */
  faultOf(name: string, world: World): string | null {
    for (const { remembered } of this.#ofOthers.get(name) ?? []) {
      const what = remembered.at(world.locals);
      if (what !== null) return what;
    }
    const property = this.#properties.find((each) => each.name === name);
    return property?.whole?.(this.#sightOf(world), world, this.#memoryIn(world, name)) ?? null;
  }

  #memoryIn({ memory }: Pick<World, 'memory'>, name: string): unknown {
    const index = this.#memoryOf.get(name);
    return index === undefined || memory === null ? null : memory[index];
  }

  /** How far the processes have come, all together. */
  progress({ locals }: World): number {
    return this.#positions.at(locals);
  }

  #sightOf({ locals }: Pick<World, 'locals'>): LawSight {
    return {
      actors: this.#locals.ids,
      snapshot: (id) => this.#locals.snapshotOf(locals[this.#locals.placeOf(id)]),
    };
  }
}

/** Places of all processes in their traces; one that has ended is a step further. */
function positionsOf(sight: LawSight): number {
  let sum = 0;
  for (const id of sight.actors) {
    if (!id.startsWith('process:')) continue;
    const { context, value } = sight.snapshot(id) as { context: { at?: number; calls?: number }; value: unknown };
    sum += (context.at ?? 0) + (context.calls ?? 0) + (value === 'zombie' ? 1 : 0);
  }
  return sum;
}
