/** States of what shares the CPUs out and runs on them that differ from others by a few fields; see revise.ts. */
import type { ProcessContext } from './processState.ts';
import type { SchedContext } from './sched.ts';
import type { TlbContext } from './tlbState.ts';

function copyProcess(from: ProcessContext): ProcessContext {
  const copy: ProcessContext = {
    resources: from.resources,
    pid: from.pid,
    trace: from.trace,
    pageBytes: from.pageBytes,
    quantumCycles: from.quantumCycles,
    children: from.children,
    signals: from.signals,
    cpu: from.cpu,
    at: from.at,
    resumed: from.resumed,
    woken: from.woken,
    stopRequested: from.stopRequested,
    begun: from.begun,
    counts: from.counts,
    userCycles: from.userCycles,
    calls: from.calls,
    callsFailed: from.callsFailed,
    quanta: from.quanta,
    signalsHandled: from.signalsHandled,
    signal: from.signal,
    signalCode: from.signalCode,
    signalVa: from.signalVa,
  };
  if (from.pending !== undefined) copy.pending = from.pending;
  if (from.killed === true) copy.killed = true;
  if (from.mustLeave !== undefined) copy.mustLeave = from.mustLeave;
  return copy;
}

/**
 * A state of a process that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, pid: 1, trace: 'made', pageBytes: 4096, quantumCycles: 1000, children: [], signals: 'die' as const };
 * const process = createActor(machines.process, { input }).getSnapshot();
 * reviseProcess(process.context, (draft) => {
 *   draft.cpu = 2;
 * }).cpu; // 2
 * ```
 */
export function reviseProcess(from: ProcessContext, change: (draft: ProcessContext) => void): ProcessContext {
  const draft = copyProcess(from);
  change(draft);
  return draft;
}

function copySched(from: SchedContext): SchedContext {
  return {
    resources: from.resources,
    cpus: from.cpus,
    affinity: from.affinity,
    queue: from.queue,
    switches: from.switches,
    switching: from.switching,
    asidBits: from.asidBits,
    kpti: from.kpti,
    generation: from.generation,
    rollovers: from.rollovers,
    nextAsid: from.nextAsid,
    asids: from.asids,
    asidCpus: from.asidCpus,
  };
}

/**
 * A state of the scheduler that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, cpus: 1, asidBits: 8, affinity: [] };
 * reviseSched(createActor(machines.sched, { input }).getSnapshot().context, (draft) => {
 *   draft.switches = 1;
 * }).switches; // 1
 * ```
 */
export function reviseSched(from: SchedContext, change: (draft: SchedContext) => void): SchedContext {
  const draft = copySched(from);
  change(draft);
  return draft;
}

/**
 * A copy to write to, for a handler that changes most of it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const core = corePresets['cortex-a76'];
 * copyTlb(createActor(machines.tlb, { input: { resources, cpu: 5, core } }).getSnapshot().context).cpu; // 5
 * ```
 */
export function copyTlb(from: TlbContext): TlbContext {
  return {
    resources: from.resources,
    cpu: from.cpu,
    l2HitCycles: from.l2HitCycles,
    tlb: from.tlb,
    installed: from.installed,
    work: from.work,
    waits: from.waits,
    walk: from.walk,
    maintained: from.maintained,
    granuleSwitches: from.granuleSwitches,
  };
}

/**
 * A state of the TLBs of a CPU that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const core = corePresets['cortex-a76'];
 * reviseTlb(createActor(machines.tlb, { input: { resources, cpu: 0, core } }).getSnapshot().context, (draft) => {
 *   draft.walk = 3;
 * }).walk; // 3
 * ```
 */
export function reviseTlb(from: TlbContext, change: (draft: TlbContext) => void): TlbContext {
  const draft = copyTlb(from);
  change(draft);
  return draft;
}
