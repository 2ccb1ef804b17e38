/**
 * Whether the actors of a user's own fit the system: every port leads to somebody who takes what goes out there, what is asked
 * can be answered, what is accepted is sent by somebody, and nothing has two owners.
 */
import { vocabulary } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import type { ActorDefinition, PortDefinition } from './definitions/actorTypes.ts';
import { answers } from './definitions/answers.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import type { Placed } from './customActors.ts';
import type { Topology } from './schema.ts';

interface Linked {
  readonly topology: Topology;
  readonly catalogue: Catalogue;
  readonly placed: readonly Placed[];
  readonly specs: readonly ActorSpec[];
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

function checkPort(linked: Linked, actor: Placed, name: string, port: PortDefinition): void {
  const { topology, catalogue, specs } = linked;
  const where = `${topology.name}: actors.${actor.index}.ports.${name}`;
  const kinds = kindsOf(port).join(' or ');
  if (port.bound === 'message') {
    const takers = specs.filter(({ id }) => kindsOf(port).includes(catalogue.kindOf(id) ?? ''));
    if (takers.length > 0 || port.optional === true) return;
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `${actor.id} sends ${port.sends.join(', ')} to a ${kinds}, and there is none`,
      where,
    );
  }
  const target = actor.ports[name];
  if (target === undefined || target === '') {
    if (port.optional === true) return;
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `the port ${name} of ${actor.id} is not bound; it leads to a ${kinds}`,
      where,
    );
  }
  if (!specs.some(({ id }) => id === target)) {
    throw new GranuleError(
      'TOPOLOGY_ACTOR_UNKNOWN',
      `the port ${name} of ${actor.id} leads to ${target}, which is no actor here`,
      where,
    );
  }
  const kind = catalogue.kindOf(target) ?? '';
  if (!kindsOf(port).includes(kind)) {
    throw new GranuleError(
      'TOPOLOGY_PORT',
      `the port ${name} of ${actor.id} leads to a ${kinds}, and ${target} is a ${kind}`,
      where,
    );
  }
  for (const type of port.sends) {
    if (takes(linked, kind, type)) continue;
    throw new GranuleError(
      'TOPOLOGY_NO_TAKER',
      `${actor.id} sends ${type} by its port ${name} to ${target}, which cannot take it`,
      where,
    );
  }
}

/** Whoever asks must take what is answered. */
function checkAnswers({ topology }: Linked, { id, index, definition }: Placed): void {
  for (const [name, { sends }] of Object.entries(definition.ports)) {
    for (const type of sends) {
      if (!(type in vocabulary)) continue;
      for (const answer of answers[type as keyof typeof answers] ?? []) {
        if (definition.accepts.includes(answer)) continue;
        const what = `${id} sends ${type}, and does not accept ${answer}, which answers it`;
        throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${topology.name}: actors.${index}.ports.${name}`);
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

function standIns({ topology, catalogue }: Linked): Pick<Placed, 'definition' | 'ports'>[] {
  return Object.values(topology.replace ?? {}).flatMap((named) => {
    const definition = catalogue.actors.get(typeof named === 'string' ? named : named.kind);
    return definition === undefined
      ? []
      : [{ definition, ports: typeof named === 'string' ? {} : (named.ports ?? {}) }];
  });
}

function checkOwners({ topology, placed, specs }: Linked): void {
  const seen = new Set<string>();
  for (const { id } of specs) {
    if (seen.has(id))
      throw new GranuleError('TOPOLOGY_OWNER', `two actors have the id ${id}`, `${topology.name}: actors`);
    seen.add(id);
  }
  const owners = new Map<string, string>();
  for (const { id, index, definition, ports } of placed) {
    for (const [name, { exclusive = false }] of Object.entries(definition.ports)) {
      const target = ports[name];
      if (!exclusive || target === undefined) continue;
      const end = `${definition.kind}.${name} ${target}`;
      const other = owners.get(end);
      if (other !== undefined) {
        const what = `${id} and ${other} are both bound to ${target} by the port ${name}, which has one owner`;
        throw new GranuleError('TOPOLOGY_OWNER', what, `${topology.name}: actors.${index}.ports.${name}`);
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

/** A stand-in takes whatever those who are here may send to the kind it stands in for. */
function checkStandIns(linked: Linked): void {
  const { topology, catalogue, specs } = linked;
  const present = new Set(specs.map(({ id }) => catalogue.kindOf(id)));
  present.add('outside');
  for (const kind of Object.keys(topology.replace ?? {})) {
    const definition = definitionOf(linked, kind);
    if (definition?.replaces !== kind) continue;
    const needed = Object.entries(vocabulary).filter(
      ([, { from, to }]) => (to as readonly string[]).includes(kind) && from.some((sender) => present.has(sender)),
    );
    const missing = needed.map(([type]) => type).filter((type) => !definition.accepts.includes(type));
    if (missing.length === 0) continue;
    const what = `${definition.kind} stands in for ${kind} and does not accept ${missing.join(', ')}`;
    throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${topology.name}: replace.${kind}`);
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
  checkOwners(linked);
  checkStandIns(linked);
  checkNotifiers(linked);
  for (const actor of linked.placed) {
    const { definition, index, id } = actor;
    const where = `${linked.topology.name}: actors.${index}`;
    for (const name of Object.keys(actor.ports)) {
      if (name in definition.ports) continue;
      const known = Object.keys(definition.ports).join(', ');
      const what = `a ${definition.kind} has no port ${name}; it has ${known === '' ? 'none' : known}`;
      throw new GranuleError('TOPOLOGY_PORT', what, `${where}.ports.${name}`);
    }
    for (const [name, port] of Object.entries(definition.ports)) checkPort(linked, actor, name, port);
    checkAnswers(linked, actor);
    for (const type of definition.accepts) {
      if (isSent(linked, actor, type)) continue;
      const { from } = linked.catalogue.row(type) ?? { from: [] };
      const senders =
        from.length === 0 ? 'no port of any kind sends it, so "messages" must' : `a port of ${from.join(' or ')} would`;
      throw new GranuleError(
        'TOPOLOGY_OPEN',
        `${id} accepts ${type}, which nobody here sends to it: ${senders}`,
        where,
      );
    }
  }
}
