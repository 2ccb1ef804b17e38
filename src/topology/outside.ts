/** What reaches a system from outside: messages of a topology, and those that moments and fault plans bring about. */
import { GranuleError } from '../errors.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import { adaptMachine } from '../runtime/xstateAdapter.ts';
import type { OutsideMessage } from './build.ts';
import type { Catalogue } from './definitions/catalogue.ts';
import { holdAgainst } from './definitions/schemaFaults.ts';
import { checkFaultPlan } from './faultPlans/check.ts';
import { remedyFor } from './form/suggest.ts';
import { checkEvents, lifecycleMessages } from './lifecycle.ts';
import type { Topology } from './schema.ts';
import { together } from './together.ts';

type Written = Topology['messages'][number];

function checkMessages(topology: Topology, actors: readonly ActorSpec[], catalogue: Catalogue): void {
  const machinesById = new Map(actors.map(({ id, machine }) => [id, machine]));
  const check = ({ to, type, atCycles: _at, ...fields }: Written, index: number): void => {
    const where = `${topology.name}: messages.${index}`;
    const machine = machinesById.get(to);
    if (machine === undefined) {
      const what = `a message ${type} to ${to}, which is no actor here`;
      throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', what, `${where}.to`, remedyFor(to, machinesById.keys()));
    }
    if (catalogue.row(type) === null || !adaptMachine(machine).accepts(type)) {
      const kind = catalogue.kindOf(to) ?? to;
      const what = `outside sends ${type} to ${to}, and a ${kind} cannot take it`;
      throw new GranuleError('TOPOLOGY_NO_TAKER', what, `${where}.type`, remedyFor(type, catalogue.acceptedBy(kind)));
    }
    const own = catalogue.messages.get(type);
    if (own !== undefined) holdAgainst(own.fields, fields, where, `outside sends ${type} to ${to}: `);
  };
  together(topology.messages.map((message, index) => () => check(message, index)));
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
  const ids = new Set(actors.map(({ id }) => id));
  together([
    () => checkMessages(topology, actors, catalogue),
    () => checkFaultPlan(topology, actors, catalogue),
    () => checkEvents(topology, ids, (type) => catalogue.row(type) !== null),
  ]);
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
