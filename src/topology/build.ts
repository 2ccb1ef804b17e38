/** From a topology to the actors that play it: checks that the parts fit, and makes one actor of each. */
import { machines, ResourceHolder, zeroFrame } from '../../machines/index.ts';
import { GRANULES } from '../arch/granule.ts';
import { architectures } from '../arch/architectures.ts';
import { type CostModel, defaultCosts } from '../arch/costs.ts';
import type { Design } from '../arch/design.ts';
import { usableAsids } from '../mm/asid.ts';
import { findCore, supportsPage } from '../arch/cores.ts';
import { invariant } from '../errors.ts';
import { type Limits, rootLimits } from '../mm/calls/limits.ts';
import type { RunSource } from '../mm/runs.ts';
import type { ActorSpec } from '../runtime/hosting.ts';
import { checkProcesses, refuse as fail } from './checkProcesses.ts';
import { remedyFor } from './form/suggest.ts';
import { builtIns, type Catalogue } from './definitions/catalogue.ts';
import { withCustomActors } from './customActors.ts';
import { pageCachePolicies } from './pageCachePolicies.ts';
import { pinChoicesOf } from './parts/gup.ts';
import { zoneCgroups } from './parts/cgroups.ts';
import { selectionInput } from './parts/selection.ts';
import { zonePressure } from './parts/zone.ts';
import { facilitiesOf, partActors, partMessages } from './parts/index.ts';
import { checkOutside, outsideMessages } from './outside.ts';
import type { Topology, TopologyProcess } from './schema.ts';
import { together } from './together.ts';

/** A message from outside that starts or disturbs a run. */
export interface OutsideMessage {
  to: string;
  atCycles: number;
  message: { type: string; [field: string]: unknown };
}

/** A topology made ready to run. */
export interface BuiltTopology {
  actors: ActorSpec[];
  messages: OutsideMessage[];
  resources: ResourceHolder;
}

/**
 * The page size that a process's program is laid out for.
 *
 * @example
 * ```ts
 * layoutOf({ pid: 1, trace: 't', pageSize: 65536, startCycles: 0, children: [], forked: false, signals: 'die' }, 4096); // 65536
 * ```
 */
export function layoutOf(process: TopologyProcess, kernelPageBytes: number): number {
  return process.layout ?? Math.max(process.pageSize, kernelPageBytes);
}

/** The zone's free lists number blocks with 30 bits: 4 TiB of 4K frames, as much as the largest machines have. */
const FRAMES_MAX = 2 ** 30;

function checkMemory({ name, memory, kernelPageSize }: Topology): void {
  if (memory / kernelPageSize <= FRAMES_MAX) return;
  const most = `${FRAMES_MAX} frames of ${kernelPageSize} bytes`;
  const next = 'Give less memory, or a larger kernel page.';
  fail('TOPOLOGY_INVALID', `memory of ${memory} bytes is more than ${most}`, `${name}: memory`, next);
}

/** Hardware walks tables of the kernel's page size, and of each process's where it has a native table. */
function checkGranules(topology: Topology): void {
  const core = findCore(topology.core);
  invariant(core !== null, `there is a core ${topology.core}`);
  const native = topology.nativeTables ? topology.processes.map((process) => process.pageSize) : [];
  // Programs of their own choice may select any size that the kernel offers.
  const selectable = topology.selection === undefined || !topology.nativeTables ? [] : GRANULES;
  const offered = selectable.filter((bytes) => bytes >= topology.kernelPageSize);
  for (const pageBytes of new Set([topology.kernelPageSize, ...native, ...offered])) {
    if (supportsPage(core, pageBytes)) continue;
    fail(
      'TOPOLOGY_PAGE_SIZE',
      `${topology.core} is not modelled with ${pageBytes}-byte pages`,
      `${topology.name}: core`,
      'Take another core (docs/cores.md), or leave that page size out.',
    );
  }
}

/**
 * Other architectures than arm64 run layers 1 and 2 on 4K tables of four levels, which are laid out as arm64's: no native
 * tables, no contiguous bit, and no core of theirs is modelled, so that only the reference TLB is left.
 */
function checkArchitecture(topology: Topology): void {
  const { name, core, kernelPageSize, nativeTables, design } = topology;
  const architecture = architectures[topology.architecture ?? 'arm64'];
  if (architecture.name === 'arm64') return;
  const refuse = (what: string, field: string): never => fail('TOPOLOGY_INVALID', what, `${name}: ${field}`);
  if (nativeTables) {
    const { possible, why } = architecture.nativeTables;
    const verdict = possible ? 'are not modelled' : 'cannot be';
    refuse(`native tables ${verdict} on ${architecture.name}: ${why}; set it to false`, 'nativeTables');
  }
  if (kernelPageSize !== 4096) refuse(`${architecture.name} is modelled with 4K kernel pages alone`, 'kernelPageSize');
  if (design.contpte)
    refuse(`${architecture.name} folds no PTEs of ordinary memory in 6.12; set it to false`, 'design.contpte');
  if (core !== 'tlb-reference') refuse(`no core of ${architecture.name} is modelled; take tlb-reference`, 'core');
}

/** After a rollover every CPU keeps an ASID in use and one more is needed (`arch/arm64/mm/context.c:asids_update_limit`). */
function checkAsids({ name, cpus, asidBits, design }: Topology): void {
  const usable = usableAsids(asidBits, design.kpti);
  if (cpus < usable) return;
  const next = 'Give more asidBits, or fewer cpus.';
  fail('TOPOLOGY_INVALID', `${usable} usable ASIDs are too few for ${cpus} CPUs`, `${name}: asidBits`, next);
}

function costsOf(topology: Topology): CostModel {
  const names = Object.keys(defaultCosts);
  const refuseName = (name: string): never =>
    fail('TOPOLOGY_INVALID', `there is no cost "${name}"`, `${topology.name}: costs.${name}`, remedyFor(name, names));
  const unknown = Object.keys(topology.costs).filter((name) => !(name in defaultCosts));
  together(unknown.map((name) => () => refuseName(name)));
  return { ...defaultCosts, ...topology.costs };
}

/** Threads by their ids, with the process whose address space they share. */
function threadsOf({ processes }: Topology): Map<number, number> {
  return new Map(processes.flatMap(({ pid, threadOf }) => (threadOf === undefined ? [] : [[pid, threadOf] as const])));
}

/** The design as the machines have it: with the choices of the parts that are asked for. */
function designOf({ design, gup, liveFallback, conversion, uaccess, kernelPageSize }: Topology): Design {
  return {
    ...design,
    ...(gup === undefined ? {} : { pins: pinChoicesOf(gup, kernelPageSize) }),
    ...(liveFallback === undefined ? {} : { liveFallback }),
    ...(conversion === undefined ? {} : { conversion }),
    ...(uaccess === undefined ? {} : { futexKeys: uaccess.futexKeys }),
  };
}

/** Every file of every trace, with the largest size that any of them proves. */
function fileSizes(topology: Topology, traces: ReadonlyMap<number, RunSource>): Map<string, number> {
  const sizes = new Map<string, number>();
  const add = (path: string, bytes: number): void => {
    sizes.set(path, Math.max(bytes, sizes.get(path) ?? 0));
  };
  for (const process of topology.processes) {
    for (const file of traces.get(process.pid)?.files ?? []) add(file.path, file.sizeBytes);
  }
  for (const image of topology.selection?.images ?? []) add(image.path, image.size);
  for (const file of topology.files) add(file.path, file.size);
  return new Map([...sizes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Resource limits in bytes: every sum that is held to them is whole process pages, so they act as those of a larger kernel. */
function limitsOf({ memlock, addressSpaceLimit, dataLimit }: TopologyProcess): Limits {
  return {
    ...rootLimits,
    ...(memlock === undefined ? {} : { ipcLock: false, memlockBytes: memlock }),
    ...(addressSpaceLimit === undefined ? {} : { addressSpaceBytes: addressSpaceLimit }),
    ...(dataLimit === undefined ? {} : { dataBytes: dataLimit }),
  };
}

function processActors(
  topology: Topology,
  process: TopologyProcess,
  trace: RunSource,
  resources: ResourceHolder,
): ActorSpec[] {
  const { pid, pageSize: pageBytes, children, signals, notifiers } = process;
  const { kernelPageSize: kernelPageBytes, quantumCycles } = topology;
  const core = findCore(topology.core);
  invariant(core !== null, `there is a core ${topology.core}`);
  const input = { resources, pid, trace: trace.hash, pageBytes, quantumCycles, children, signals };
  const zeroPfn = zeroFrame(kernelPageBytes);
  const { nativeTables, stackLimit: stackLimitBytes } = topology;
  const limits = limitsOf(process);
  const unit = topology.reclaim?.swap?.unit;
  const swap = unit === undefined ? {} : { swap: unit };
  const { objects } = topology;
  const maps = objects?.vdso === true ? { kernelMaps: objects.pages } : {};
  const mm = { resources, pid, kernelPageBytes, nativeTables, zeroPfn, stackLimitBytes, limits, ...swap, ...maps };
  const mmu = { resources, pid, kernelPageBytes, cpus: topology.cpus, tlbRange: core.tlbRange, notifiers };
  if (process.threadOf !== undefined) return [{ id: `process:${pid}`, machine: machines.process, input }];
  return [
    { id: `process:${pid}`, machine: machines.process, input },
    { id: `mm:${pid}`, machine: machines.mm, input: mm },
    { id: `mmu:${pid}`, machine: machines.mmu, input: mmu },
  ];
}

function resourcesOf(topology: Topology, traces: ReadonlyMap<number, RunSource>, catalogue: Catalogue): ResourceHolder {
  return new ResourceHolder({
    traces: new Map([...traces.values()].map((trace) => [trace.hash, trace])),
    costs: costsOf(topology),
    design: designOf(topology),
    facilities: facilitiesOf(topology),
    architecture: architectures[topology.architecture ?? 'arm64'],
    threads: threadsOf(topology),
    pageCachePolicies: pageCachePolicies(topology, catalogue),
  });
}

function fileActors(topology: Topology, files: ReadonlyMap<string, number>, resources: ResourceHolder): ActorSpec[] {
  // Of a path that is given twice the first counts.
  const described = new Map(topology.files.toReversed().map((file) => [file.path, file]));
  return [...files].map(([path, sizeBytes]) => {
    const { kind, cached } = described.get(path) ?? { kind: 'ext4' as const, cached: false };
    const input = {
      resources,
      path,
      sizeBytes,
      kernelPageBytes: topology.kernelPageSize,
      policy: topology.pageCache,
      kind,
      cached,
    };
    return { id: `file:${path}`, machine: machines.file, input };
  });
}

/**
 * Makes the checks of a topology that need neither traces nor definitions.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN or TOPOLOGY_PAGE_SIZE, with the field; a TopologyError of several
 * @example
 * ```ts
 * const processes = [{ trace: 'made', pageSize: '4K', cpu: 1 }];
 * checkTopology(parseTopology({ name: 'one', processes }, 'example')); // throws TOPOLOGY_ACTOR_UNKNOWN
 * ```
 */
export function checkTopology(topology: Topology): void {
  const checks = [checkArchitecture, checkGranules, checkMemory, checkProcesses, checkAsids, costsOf];
  together(checks.map((check) => () => check(topology)));
}

/**
 * Builds the actors of a topology. `traces` holds the trace of each process by pid, laid out as `layoutOf` says; `catalogue` the
 * definitions of actors that it names.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN, TOPOLOGY_PAGE_SIZE, TOPOLOGY_NO_TAKER, TOPOLOGY_PORT,
 * TOPOLOGY_OPEN, TOPOLOGY_OWNER or DEFINITION_MISSING, with the field; all before anything runs
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * buildTopology(topology, traces).messages[0]?.to; // 'process:1'
 * ```
 */
export function buildTopology(
  topology: Topology,
  traces: ReadonlyMap<number, RunSource>,
  catalogue: Catalogue = builtIns,
): BuiltTopology {
  checkTopology(topology);
  const resources = resourcesOf(topology, traces, catalogue);
  const { kernelPageSize: kernelPageBytes, cpus } = topology;
  const core = findCore(topology.core);
  const files = fileSizes(topology, traces);
  const affinity = topology.processes.flatMap(({ pid, cpu }) => (cpu === undefined ? [] : [{ pid, cpu }]));
  const kswapd = topology.reclaim === undefined ? {} : { kswapd: true };
  const cgroups = zoneCgroups(topology);
  const grouped = cgroups === undefined ? {} : { cgroups };
  const actors: ActorSpec[] = [
    {
      id: 'abi',
      machine: machines.abi,
      input: {
        resources,
        kernelPageBytes,
        files: [...files.keys()],
        ...selectionInput(topology.selection, kernelPageBytes),
      },
    },
    { id: 'disk', machine: machines.disk, input: { resources } },
    { id: 'sched', machine: machines.sched, input: { resources, cpus, asidBits: topology.asidBits, affinity } },
    { id: 'shmem', machine: machines.shmem, input: { resources, kernelPageBytes, policy: topology.pageCache } },
    {
      id: 'zone',
      machine: machines.zone,
      input: {
        resources,
        kernelPageBytes,
        memoryBytes: topology.memory,
        ...kswapd,
        ...zonePressure(topology),
        ...grouped,
      },
    },
  ];
  for (let cpu = 0; cpu < cpus; cpu++)
    actors.push({ id: `tlb:${cpu}`, machine: machines.tlb, input: { resources, cpu, core } });
  for (const process of topology.processes) {
    const trace = traces.get(process.pid);
    invariant(trace !== undefined, `process ${process.pid} has its trace`);
    actors.push(...processActors(topology, process, trace, resources));
  }
  actors.push(...fileActors(topology, files, resources));
  together(partActors.map((make) => () => actors.push(...make({ topology, resources }))));
  const hosted = withCustomActors({ topology, catalogue, resources }, actors);
  checkOutside(topology, hosted, catalogue);
  return {
    actors: hosted,
    messages: [...partMessages.flatMap((make) => make(topology)), ...outsideMessages(topology)],
    resources,
  };
}
