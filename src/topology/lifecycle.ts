/**
 * Processes that start, stop, pause, go on and move at moments that the topology names: messages from outside where the moment is
 * a time, and rules that send them where it is an event.
 */
import { GranuleError } from '../errors.ts';
import { OUTSIDE } from '../runtime/envelope.ts';
import { type FaultPlan, type FaultRule, matchesAddress } from '../runtime/faultPlan.ts';
import type { OutsideMessage } from './build.ts';
import type { Moment } from './lifecycleSchema.ts';
import { remedyFor } from './form/suggest.ts';
import type { Topology, TopologyProcess } from './schema.ts';
import { together } from './together.ts';

/** One message, and when it is sent. */
interface Timed {
  moment: Moment;
  to: string;
  message: { type: string; [field: string]: unknown };
}

/** SIGKILL goes to every thread of the process (`kernel/signal.c:zap_other_threads`). */
function stopOf(process: TopologyProcess, topology: Topology): Timed[] {
  const { stop: moment } = process;
  if (moment === undefined) return [];
  const group = process.threadOf ?? process.pid;
  const members = topology.processes.filter(({ pid, threadOf }) => (threadOf ?? pid) === group);
  return members.map(({ pid }) => ({ moment, to: `process:${pid}`, message: { type: 'KILL', pid } }));
}

function timedOf(process: TopologyProcess, topology: Topology): Timed[] {
  const { pid, start, pause = [], resume = [], pin = [] } = process;
  const to = `process:${pid}`;
  return [
    ...(start === undefined ? [] : [{ moment: start, to, message: { type: 'START' } }]),
    ...stopOf(process, topology),
    ...pause.map((moment) => ({ moment, to, message: { type: 'STOP' } })),
    ...resume.map((moment) => ({ moment, to, message: { type: 'CONTINUE' } })),
    ...pin.map((moment) => ({
      moment,
      to: 'sched',
      message: { type: 'SET_AFFINITY', pid, cpus: cpuSet(moment.cpus) },
    })),
  ];
}

/** A mask of CPUs has each once, in order. */
function cpuSet(cpus: readonly number[]): number[] {
  return [...new Set(cpus)].sort((a, b) => a - b);
}

/** All of a topology; most have none, and are not gone through twice. */
function timed(topology: Topology): Timed[] {
  return topology.processes.flatMap((process) => timedOf(process, topology));
}

/**
 * What is sent from outside at times that the topology names.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K', stop: { atCycles: 5000 } };
 * lifecycleMessages(parseTopology({ name: 'one', processes: [process] }, 'example'))[0]?.message.type; // 'KILL'
 * ```
 */
export function lifecycleMessages(topology: Topology): OutsideMessage[] {
  return timed(topology).flatMap(({ moment, to, message }) =>
    'atCycles' in moment ? [{ to, atCycles: moment.atCycles, message }] : [],
  );
}

/**
 * The rules that a system runs with: those of the topology, and behind them those that send what an event brings about.
 *
 * @example
 * ```ts
 * const start = { when: { type: 'EXITED', from: 'process:1' } };
 * const processes = [{ pid: 1, trace: 'a', pageSize: '4K' }, { pid: 2, trace: 'a', pageSize: '4K', start }];
 * faultPlanOf(parseTopology({ name: 'two', processes }, 'example'))[0]?.op; // 'inject'
 * ```
 */
export function faultPlanOf(topology: Topology): FaultPlan {
  const rules = timed(topology).flatMap(({ moment, to, message }): FaultRule[] => {
    if ('atCycles' in moment) return [];
    const { when, delayCycles } = moment;
    const wire = { from: when.from, to: when.to, type: when.type };
    return [{ wire, nth: when.nth, op: 'inject', to, message, delayCycles }];
  });
  return [...topology.faultPlan, ...rules];
}

/**
 * Refuses moments of a process that cannot be.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN with the field
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K', pin: [{ atCycles: 0, cpus: [7] }] };
 * checkLifecycle(parseTopology({ name: 'one', processes: [process] }, 'example'), 0); // throws TOPOLOGY_ACTOR_UNKNOWN
 * ```
 */
export function checkLifecycle({ name, cpus, processes }: Topology, index: number): void {
  const process = processes[index];
  if (process === undefined) return;
  const { pid, start, pin = [], forked, threadOf, startCycles } = process;
  const where = `${name}: processes.${index}`;
  const begun = start !== undefined || startCycles > 0;
  if (start !== undefined && (forked || threadOf !== undefined)) {
    const what = `process:${pid} begins ${forked ? 'when its parent forks it' : 'by the clone of its process'}, not at a moment`;
    throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.start`, 'Leave "start" out.');
  }
  const { when } = start !== undefined && 'when' in start ? start : {};
  if (begun && when?.from === `process:${pid}`) {
    const what = `process:${pid} would begin by a message of its own`;
    throw new GranuleError('TOPOLOGY_INVALID', what, `${where}.start.when`, 'Name a message of somebody else.');
  }
  for (const [at, { cpus: allowed }] of pin.entries()) {
    const missing = allowed.find((cpu) => cpu >= cpus);
    if (missing === undefined) continue;
    const what = `there is no tlb:${missing}, only ${cpus} CPUs`;
    const next = 'Give more cpus, or CPUs from 0 on.';
    throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', what, `${where}.pin.${at}.cpus`, next);
  }
}

/**
 * Refuses moments that never come: an event of a type that is none, or of an actor that is not there.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN with the field
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K', stop: { when: { type: 'LUNCH' } } };
 * const topology = parseTopology({ name: 'one', processes: [process] }, 'example');
 * checkEvents(topology, new Set(['process:1']), () => false); // throws TOPOLOGY_INVALID
 * ```
 */
export function checkEvents(
  { name, processes }: Topology,
  ids: ReadonlySet<string>,
  isMessage: (type: string) => boolean,
): void {
  const checks: (() => void)[] = [];
  for (const [index, { start, stop, pause = [], resume = [], pin = [] }] of processes.entries()) {
    const moments: [string, Moment | undefined][] = [
      ['start', start],
      ['stop', stop],
      ...Object.entries({ pause, resume, pin }).flatMap(([field, all]) =>
        all.map((moment, at): [string, Moment] => [`${field}.${at}`, moment]),
      ),
    ];
    for (const [field, moment] of moments) {
      if (moment === undefined || 'atCycles' in moment) continue;
      checks.push(() => checkEvent(moment.when, `${name}: processes.${index}.${field}.when`, ids, isMessage));
    }
  }
  together(checks);
}

function checkEvent(
  { type, from, to }: Extract<Moment, { when: unknown }>['when'],
  where: string,
  ids: ReadonlySet<string>,
  isMessage: (type: string) => boolean,
): void {
  if (!isMessage(type)) {
    const next = 'Name a message of docs/actors.md, or one that a module of "uses" defines.';
    throw new GranuleError('TOPOLOGY_INVALID', `there is no message ${type}`, `${where}.type`, next);
  }
  for (const [field, pattern] of Object.entries({ from, to })) {
    if (pattern === OUTSIDE || [...ids].some((id) => matchesAddress(pattern, id))) continue;
    const what = `no actor here is called ${pattern}`;
    throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', what, `${where}.${field}`, remedyFor(pattern, ids));
  }
}
