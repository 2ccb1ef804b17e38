/** What reaches a system from outside: messages of a topology, and those that moments and fault plans bring about. */
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import { adaptMachine } from '../runtime/xstateAdapter.ts';
import type { OutsideMessage } from './build.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import { schemaFault } from './definitions/defineMessage.ts';
import { checkFaultPlan } from './faultPlans/check.ts';
import { checkEvents, lifecycleMessages } from './lifecycle.ts';
import type { Topology } from './schema.ts';

function checkMessages(topology: Topology, actors: readonly ActorSpec[], catalogue: Catalogue): void {
  const machinesById = new Map(actors.map(({ id, machine }) => [id, machine]));
  for (const [index, { to, type, atCycles: _at, ...fields }] of topology.messages.entries()) {
    const where = `${topology.name}: messages.${index}`;
    const machine = machinesById.get(to);
    if (machine === undefined)
      throw new GranuleError(
        'TOPOLOGY_ACTOR_UNKNOWN',
        `a message ${type} to ${to}, which is no actor here`,
        `${where}.to`,
      );
    if (catalogue.row(type) === null || !adaptMachine(machine).accepts(type)) {
      const kind = catalogue.kindOf(to) ?? to;
      throw new GranuleError(
        'TOPOLOGY_NO_TAKER',
        `outside sends ${type} to ${to}, and a ${kind} cannot take it`,
        `${where}.type`,
      );
    }
    const own = catalogue.messages.get(type);
    const fault = own === undefined ? null : schemaFault(own.fields, fields, where);
    if (fault !== null) throw new GranuleError('TOPOLOGY_INVALID', `outside sends ${type} to ${to}: ${fault}`, where);
  }
}

/**
 * Refuses messages, rules and moments that can match nothing, or that send what nobody takes.
 *
 * @throws GranuleError TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_NO_TAKER, TOPOLOGY_INVALID with the field
 * @example
 * ```ts
 * const messages = [{ to: 'disk', type: 'START', atCycles: 0 }];
 * const processes = [{ pid: 1, trace: 'made', pageSize: '4K' }];
 * checkOutside(parseTopology({ name: 'one', processes, messages }, 'example'), [], builtIns); // throws TOPOLOGY_ACTOR_UNKNOWN
 * ```
 */
export function checkOutside(topology: Topology, actors: readonly ActorSpec[], catalogue: Catalogue): void {
  checkMessages(topology, actors, catalogue);
  checkFaultPlan(topology, actors, catalogue);
  const ids = new Set(actors.map(({ id }) => id));
  checkEvents(topology, ids, (type) => catalogue.row(type) !== null);
}

/**
 * What is sent from outside, in the order of the topology.
 *
 * @example
 * ```ts
 * const processes = [{ pid: 1, trace: 'made', pageSize: '4K' }];
 * outsideMessages(parseTopology({ name: 'one', processes }, 'example'))[0]?.to; // 'process:1'
 * ```
 */
export function outsideMessages(topology: Topology): OutsideMessage[] {
  const starts = topology.processes
    .filter((process) => !process.forked && process.threadOf === undefined && process.start === undefined)
    .map(({ pid, startCycles }) => ({ to: `process:${pid}`, atCycles: startCycles, message: { type: 'START' } }));
  const others = topology.messages.map(({ to, type, atCycles, ...fields }) => ({
    to,
    atCycles,
    message: { ...fields, type },
  }));
  return [...starts, ...lifecycleMessages(topology), ...others];
}
