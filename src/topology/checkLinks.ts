/**
 * Whether the actors of a user's own fit the system: every port leads to somebody who takes what goes out there, what is asked
 * can be answered, what is accepted is sent by somebody, and nothing has two owners.
 */
import { type MessageType, vocabulary } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import type { ActorDefinition, PortDefinition } from './definitions/actorTypes.ts';
import { answers } from './definitions/answers.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import type { Placed } from './customActors.ts';
import { remedyFor } from './form/suggest.ts';
import { neededOf } from './standInNeeds.ts';
import type { Topology } from './schema.ts';
import { together } from './together.ts';

interface Linked {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
  readonly placed: readonly Placed[];
  readonly specs: readonly ActorSpec[];
}

/** An actor with ports: one that the topology places, or a stand-in, for all actors of the kind in whose place it is. */
interface Linking {
  readonly id: string;
  /** The field that it stands in. */
  readonly where: string;
  readonly definition: ActorDefinition;
  readonly ports: Readonly<Record<string, string>>;
}

function linkingOf({ topology, placed }: Linked): Linking[] {
  return placed.map(({ id, index, definition, ports }) => {
    return { id, where: `${topology.name}: actors.${index}`, definition, ports };
  });
}

const kindsOf = ({ to }: PortDefinition): readonly string[] => (typeof to === 'string' ? [to] : to);

/** The definition that stands in for a kind, or is of it; null for one of granule's own. */
function definitionOf({ topology, catalogue }: Linked, kind: string): ActorDefinition | null {
  const named = Object.entries(topology.replace ?? {}).find(([replaced]) => replaced === kind)?.[1];
  const by = named === undefined ? kind : typeof named === 'string' ? named : named.kind;
  return catalogue.actors.get(by) ?? null;
}

function takes(linked: Linked, kind: string, type: string): boolean {
  const definition = definitionOf(linked, kind);
  return (definition?.accepts ?? linked.catalogue.acceptedBy(kind)).includes(type);
}

/** What a port can be bound to. */
function endRemedy({ catalogue, specs }: Linked, port: PortDefinition, written: string): string {
  const fitting = specs.flatMap(({ id }) => (kindsOf(port).includes(catalogue.kindOf(id) ?? '') ? [id] : []));
  if (fitting.length > 0) return written === '' ? `Bind it: ${fitting.join(', ')}.` : remedyFor(written, fitting);
  return `There is none: add a ${kindsOf(port).join(' or ')}.`;
}

function checkPort(linked: Linked, actor: Linking, name: string, port: PortDefinition): void {
  const { catalogue, specs } = linked;
  const where = `${actor.where}.ports.${name}`;
  const kinds = kindsOf(port).join(' or ');
  if (port.bound === 'message') {
    const takers = specs.filter(({ id }) => kindsOf(port).includes(catalogue.kindOf(id) ?? ''));
    if (takers.length > 0 || port.optional === true) return;
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `${actor.id} sends ${port.sends.join(', ')} to a ${kinds}, and there is none`,
      where,
      `Add a ${kinds}.`,
    );
  }
  const target = actor.ports[name];
  if (target === undefined || target === '') {
    if (port.optional === true) return;
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `the port ${name} of ${actor.id} is not bound; it leads to a ${kinds}`,
      where,
      endRemedy(linked, port, ''),
    );
  }
  if (!specs.some(({ id }) => id === target)) {
    throw new GranuleError(
      'TOPOLOGY_ACTOR_UNKNOWN',
      `the port ${name} of ${actor.id} leads to ${target}, which is no actor here`,
      where,
      endRemedy(linked, port, target),
    );
  }
  const kind = catalogue.kindOf(target) ?? '';
  if (!kindsOf(port).includes(kind)) {
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `the port ${name} of ${actor.id} leads to a ${kinds}, and ${target} is a ${kind}`,
      where,
      endRemedy(linked, port, target),
    );
  }
  for (const type of port.sends) {
    if (takes(linked, kind, type)) continue;
    throw new GranuleError(
      'TOPOLOGY_NO_TAKER',
      `${actor.id} sends ${type} by its port ${name} to ${target}, which cannot take it`,
      where,
      `Let the definition of ${kind} accept ${type}, or bind the port to another actor.`,
    );
  }
}

/** Whoever asks must take what is answered. */
function checkAnswers({ id, where, definition }: Linking): void {
  for (const [name, { sends }] of Object.entries(definition.ports)) {
    for (const type of sends) {
      if (!(type in vocabulary)) continue;
      for (const answer of answers[type as keyof typeof answers] ?? []) {
        if (definition.accepts.includes(answer)) continue;
        const what = `${id} sends ${type}, and does not accept ${answer}, which answers it`;
        const next = `Let the definition of ${definition.kind} accept ${answer}.`;
        throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${where}.ports.${name}`, next);
      }
    }
  }
}

/** Whether anybody can send a type to an actor. */
function isSent(linked: Linked, actor: Placed, type: string): boolean {
  const { topology, catalogue, placed, specs } = linked;
  const { timers, outside } = actor.definition;
  if (timers.includes(type) || outside.includes(type)) return true;
  if (topology.messages.some((message) => message.to === actor.id && message.type === type)) return true;
  const text = JSON.stringify(topology.faultPlan);
  if (text.includes(JSON.stringify(actor.id)) && text.includes(JSON.stringify(type))) return true;
  if (type === 'MMU_INVALIDATE') return topology.processes.some(({ notifiers = [] }) => notifiers.includes(actor.id));
  const built = type in vocabulary ? vocabulary[type as keyof typeof vocabulary].from : [];
  if (specs.some(({ id }) => (built as readonly string[]).includes(catalogue.kindOf(id) ?? ''))) return true;
  const senders = [...placed, ...standIns(linked)];
  return senders.some(({ definition, ports }) =>
    Object.entries(definition.ports).some(([name, port]) => {
      if (!port.sends.includes(type)) return false;
      return port.bound === 'message' ? kindsOf(port).includes(actor.definition.kind) : ports[name] === actor.id;
    }),
  );
}

function standIns({ topology, catalogue }: Linked): Linking[] {
  return Object.entries(topology.replace ?? {}).flatMap(([kind, named]) => {
    const { kind: by, ports = {} } = typeof named === 'string' ? { kind: named } : named;
    const definition = catalogue.actors.get(by);
    return definition === undefined
      ? []
      : [{ id: kind, where: `${topology.name}: replace.${kind}`, definition, ports }];
  });
}

function checkOwners(linked: Linked): void {
  const { topology, specs } = linked;
  const seen = new Set<string>();
  for (const { id } of specs) {
    if (seen.has(id)) {
      // What granule makes of the other fields comes first, so it is the later one that is one too many.
      const index = (topology.actors ?? []).findLastIndex((actor) => actor.id === id);
      const where = `${topology.name}: actors${index < 0 ? '' : `.${index}.id`}`;
      throw new GranuleError('TOPOLOGY_OWNER', `two actors have the id ${id}`, where, 'Give one of them another id.');
    }
    seen.add(id);
  }
  const owners = new Map<string, string>();
  for (const { id, where, definition, ports } of [...linkingOf(linked), ...standIns(linked)]) {
    for (const [name, { exclusive = false }] of Object.entries(definition.ports)) {
      const target = ports[name];
      if (!exclusive || target === undefined) continue;
      const end = `${definition.kind}.${name} ${target}`;
      const other = owners.get(end);
      if (other !== undefined) {
        const what = `${id} and ${other} are both bound to ${target} by the port ${name}, which has one owner`;
        const next = 'Bind one of them to another actor.';
        throw new GranuleError('TOPOLOGY_OWNER', what, `${where}.ports.${name}`, next);
      }
      owners.set(end, id);
    }
  }
}

/** Whom a process names as its notifiers is there, and takes what an MMU tells it. */
function checkNotifiers(linked: Linked): void {
  const { topology, catalogue, specs } = linked;
  for (const [index, { pid, threadOf, notifiers = [] }] of topology.processes.entries()) {
    for (const [at, id] of notifiers.entries()) {
      const where = `${topology.name}: processes.${index}.notifiers.${at}`;
      if (threadOf !== undefined) {
        const what = `process:${pid} has the page tables of process:${threadOf}: its notifiers belong there`;
        throw new GranuleError('TOPOLOGY_INVALID', what, where);
      }
      if (!specs.some((spec) => spec.id === id)) {
        throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', `process:${pid} names ${id}, which is no actor here`, where);
      }
      const kind = catalogue.kindOf(id) ?? '';
      const { accepts = [], ports = {} } = definitionOf(linked, kind) ?? {};
      const answers = Object.values(ports).some(({ sends }) => sends.includes('MMU_INVALIDATE_DONE'));
      if (accepts.includes('MMU_INVALIDATE') && answers) continue;
      const what = `mmu:${pid} sends MMU_INVALIDATE to ${id} and waits for MMU_INVALIDATE_DONE, and a ${kind} `;
      const lacks = answers ? 'does not accept the first' : 'has no port that sends the second';
      throw new GranuleError('TOPOLOGY_NO_TAKER', what + lacks, where);
    }
  }
}

/** Who of those that are here sends a type, by kind; messages of the topology come from outside. */
function sendersHere(type: MessageType, present: ReadonlySet<string>): readonly string[] {
  const here = vocabulary[type].from.filter((sender) => present.has(sender));
  return here.length === 0 ? ['the topology'] : here;
}

/** A stand-in takes whatever those who are here may send to the kind it stands in for. */
function checkStandIns(linked: Linked): void {
  const { topology, catalogue, specs } = linked;
  const present = new Set(specs.flatMap(({ id }) => catalogue.kindOf(id) ?? []));
  for (const kind of Object.keys(topology.replace ?? {})) {
    const definition = definitionOf(linked, kind);
    if (definition?.replaces !== kind) continue;
    const missing = neededOf(topology, kind, present).filter((type) => !definition.accepts.includes(type));
    if (missing.length === 0) continue;
    const named = missing.map((type) => `${type} (of ${sendersHere(type, present).join(', ')})`).join(', ');
    const what = `${definition.kind} stands in for ${kind} and does not accept ${named}`;
    const next = `Let ${definition.kind} take them, or leave out of the topology what sends them.`;
    throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${topology.name}: replace.${kind}`, next);
  }
}

/**
 * Refuses a system whose actors do not fit together. The kinds of granule fit by construction; a user's own are looked at here.
 *
 * @throws GranuleError TOPOLOGY_PORT, TOPOLOGY_NO_TAKER, TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_OPEN, TOPOLOGY_OWNER, each with
 * both parts and the place
 * @example
 * ```ts
 * checkLinks({ topology: loadTopology('plain-4k'), catalogue: builtIns, placed: [], specs: [] });
 * ```
 */
export function checkLinks(linked: Linked): void {
  together([
    () => checkOwners(linked),
    () => checkStandIns(linked),
    () => checkNotifiers(linked),
    ...[...standIns(linked), ...linkingOf(linked)].map((actor) => () => checkPorts(linked, actor)),
  ]);
  // Where a port leads astray, what nobody gets by it is no fault of its own.
  together(
    linked.placed.flatMap((actor) => actor.definition.accepts.map((type) => () => checkSent(linked, actor, type))),
  );
}

/** Every port that is bound is one of the definition, and each leads to somebody who takes what goes out there. */
function checkPorts(linked: Linked, actor: Linking): void {
  const { definition } = actor;
  const names = Object.keys(definition.ports);
  const refuseName = (name: string): never => {
    const what = `a ${definition.kind} has no port ${name}; it has ${names.length === 0 ? 'none' : names.join(', ')}`;
    const where = `${actor.where}.ports.${name}`;
    throw new GranuleError('TOPOLOGY_PORT', what, where, remedyFor(name, names));
  };
  const unknown = Object.keys(actor.ports).filter((name) => !names.includes(name));
  together([
    ...unknown.map((name) => () => refuseName(name)),
    // Whose name is misspelt is not bound either: it is told once.
    ...(unknown.length > 0
      ? []
      : Object.entries(definition.ports).map(
          ([name, port]) =>
            () =>
              checkPort(linked, actor, name, port),
        )),
    () => checkAnswers(actor),
  ]);
}

function checkSent(linked: Linked, actor: Placed, type: string): void {
  if (isSent(linked, actor, type)) return;
  const { from } = linked.catalogue.row(type) ?? { from: [] };
  const by =
    from.length === 0 ? 'no port of any kind sends it, so "messages" must' : `a port of ${from.join(' or ')} would`;
  const what = `${actor.id} accepts ${type}, which nobody here sends to it: ${by}`;
  const next =
    from.length === 0
      ? `Send it in "messages": { "to": "${actor.id}", "type": "${type}", ... }.`
      : `Add a ${from.join(' or ')}, bind its port to ${actor.id}, or take ${type} out of what the definition accepts.`;
  throw new GranuleError('TOPOLOGY_OPEN', what, `${linked.topology.name}: actors.${actor.index}`, next);
}
