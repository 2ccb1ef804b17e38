/** The kinds of actor and the messages that a topology can be made of: granule's own, and those of the definitions it brings along. */
import { acceptedBy, kindOf, vocabulary } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import { defineVersions, type VersionRegistry } from '../../log/upcast.ts';
import type { FaultPlanDefinition } from '../faultPlans/define.ts';
import { builtInFaultPlans } from '../faultPlans/index.ts';
import type { ActorDefinition } from './actorTypes.ts';
import { type Definition, isDefinition } from './definition.ts';
import type { AnyMessageDefinition } from './defineMessage.ts';
import type { PageCachePolicyDefinition } from './definePageCachePolicy.ts';
import type { PropertyDefinition } from './defineProperty.ts';

/** Who sends a message type to whom, by kind. */
export interface CatalogueRow {
  readonly version: number;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly says: string;
}

/** A module that definitions came from, as a log names it. */
export interface ModuleReference {
  /** As the topology names it. */
  readonly name: string;
  /** SHA-256 of its text, hex. */
  readonly hash: string;
}

/** A module that was loaded, with the path of its file. */
export interface LoadedModule extends ModuleReference {
  readonly path: string;
}

/** Message types that granule has are there at every version that it knows. */
const builtInVersions = Object.fromEntries(
  Object.entries(vocabulary).map(([type, row]) => [type, { version: row.version, upcasters: [] }]),
);

/**
 * A catalogue; {@link catalogueOf} makes one.
 *
 * @example
 * ```ts
 * catalogueOf([]).kindOf('mmu:7'); // 'mmu'
 * ```
 */
export class Catalogue {
  readonly actors: ReadonlyMap<string, ActorDefinition>;
  readonly messages: ReadonlyMap<string, AnyMessageDefinition>;
  /** Page-cache policies, by name. */
  readonly policies: ReadonlyMap<string, PageCachePolicyDefinition>;
  /** Granule's own and those of the definitions. */
  readonly faultPlans: ReadonlyMap<string, FaultPlanDefinition>;
  /** Properties that explorations look at, by name. */
  readonly properties: ReadonlyMap<string, PropertyDefinition>;
  readonly definitions: readonly Definition[];
  readonly modules: readonly LoadedModule[];
  /** What opens logs whose messages these are. A log that was opened by it is folded with this catalogue. */
  readonly registry: VersionRegistry;

  constructor(definitions: readonly Definition[], modules: readonly LoadedModule[]) {
    this.definitions = definitions;
    this.modules = modules;
    this.actors = actorsOf(definitions);
    this.policies = policiesOf(definitions);
    this.properties = propertiesOf(definitions);
    this.messages = messagesOf(definitions, this.actors);
    this.faultPlans = faultPlansOf(definitions);
    const own = Array.from(this.messages.values(), ({ type, version, upcasters }) => [type, { version, upcasters }]);
    this.registry = defineVersions({ ...builtInVersions, ...(Object.fromEntries(own) as VersionRegistry) });
    cataloguesByRegistry.set(this.registry, this);
  }

  /** The kind of an actor by its id; null where there is no such kind. */
  kindOf(id: string): string | null {
    const kind = id.split(':', 1)[0] ?? '';
    return this.actors.has(kind) ? kind : kindOf(id);
  }

  /** Whether a kind is one of granule's own. */
  isBuiltIn(kind: string): boolean {
    return kindOf(kind) === kind;
  }

  /** The message types that a kind takes, sorted. */
  acceptedBy(kind: string): readonly string[] {
    const own = this.actors.get(kind);
    if (own !== undefined) return own.accepts.toSorted();
    const builtIn = kindOf(kind);
    return builtIn === null ? [] : acceptedBy(builtIn);
  }

  /** What is said of a message type; null where there is no such type. */
  row(type: string): CatalogueRow | null {
    const own = this.messages.get(type);
    if (own === undefined) return type in vocabulary ? vocabulary[type as keyof typeof vocabulary] : null;
    const senders: string[] = [];
    const takers: string[] = [];
    for (const { kind, ports, accepts } of this.actors.values()) {
      if (Object.values(ports).some(({ sends }) => sends.includes(type))) senders.push(kind);
      if (accepts.includes(type)) takers.push(kind);
    }
    return { version: own.version, from: senders, to: takers, says: own.says };
  }
}

const cataloguesByRegistry = new WeakMap<VersionRegistry, Catalogue>();

function refuse(what: string, where: string): never {
  throw new GranuleError('TOPOLOGY_OWNER', what, where);
}

function actorsOf(definitions: readonly Definition[]): Map<string, ActorDefinition> {
  const actors = new Map<string, ActorDefinition>();
  for (const definition of definitions) {
    if (!isDefinition(definition, 'actor')) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
    const actor = definition as ActorDefinition;
    const other = actors.get(actor.kind);
    if (other === actor) continue;
    if (other !== undefined)
      refuse(`two definitions are of the kind ${actor.kind}`, `"${other.says}", "${actor.says}"`);
    actors.set(actor.kind, actor);
  }
  return actors;
}

function policiesOf(definitions: readonly Definition[]): Map<string, PageCachePolicyDefinition> {
  const policies = new Map<string, PageCachePolicyDefinition>();
  for (const definition of definitions) {
    if (!isDefinition(definition, 'page-cache-policy')) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
    const policy = definition as PageCachePolicyDefinition;
    const other = policies.get(policy.name);
    if (other !== undefined && other !== policy) {
      refuse(`two definitions are of the page-cache policy ${policy.name}`, `"${other.says}", "${policy.says}"`);
    }
    policies.set(policy.name, policy);
  }
  return policies;
}

function propertiesOf(definitions: readonly Definition[]): Map<string, PropertyDefinition> {
  const properties = new Map<string, PropertyDefinition>();
  for (const definition of definitions) {
    if (!isDefinition(definition, 'property')) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
    const property = definition as PropertyDefinition;
    const other = properties.get(property.name);
    if (other !== undefined && other !== property)
      refuse(`two definitions are of the property ${property.name}`, `"${other.says}", "${property.says}"`);
    properties.set(property.name, property);
  }
  return properties;
}

function messagesOf(
  definitions: readonly Definition[],
  actors: ReadonlyMap<string, ActorDefinition>,
): Map<string, AnyMessageDefinition> {
  const messages = new Map<string, AnyMessageDefinition>();
  const add = (message: AnyMessageDefinition): void => {
    const other = messages.get(message.type);
    if (other !== undefined && other !== message) {
      refuse(`two definitions are of the message ${message.type}`, `"${other.says}", "${message.says}"`);
    }
    messages.set(message.type, message);
  };
  for (const definition of definitions) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
    if (isDefinition(definition, 'message')) add(definition as AnyMessageDefinition);
  }
  for (const actor of actors.values()) for (const message of actor.messages) add(message);
  return messages;
}

function faultPlansOf(definitions: readonly Definition[]): ReadonlyMap<string, FaultPlanDefinition> {
  const plans = new Map(builtInFaultPlans);
  for (const definition of definitions) {
    if (!isDefinition(definition, 'fault-plan')) continue;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mark says what it is
    const plan = definition as FaultPlanDefinition;
    const other = plans.get(plan.name);
    if (other !== undefined && other !== plan)
      refuse(`two definitions are of the fault plan ${plan.name}`, `"${other.says}", "${plan.says}"`);
    plans.set(plan.name, plan);
  }
  return plans;
}

/**
 * A catalogue of granule's own kinds and messages and of some definitions.
 *
 * @throws GranuleError TOPOLOGY_OWNER where two definitions are of one kind or of one message
 * @example
 * ```ts
 * const tick = defineMessage('TICK', { says: 'Time goes by.', fields: z.strictObject({}) });
 * catalogueOf([tick]).row('TICK')?.version; // 1
 * ```
 */
export function catalogueOf(definitions: readonly Definition[], modules: readonly LoadedModule[] = []): Catalogue {
  return new Catalogue(definitions, modules);
}

/** Granule's own kinds and messages alone. */
export const builtIns: Catalogue = catalogueOf([]);

/**
 * The catalogue that a registry of message versions belongs to, as a reader of logs has it.
 *
 * @example
 * ```ts
 * catalogueOfRegistry(builtIns.registry) === builtIns; // true
 * ```
 */
export function catalogueOfRegistry(registry: VersionRegistry): Catalogue {
  return cataloguesByRegistry.get(registry) ?? builtIns;
}
