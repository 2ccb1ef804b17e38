/** Runs small programs with objects and devices in the checked mode, and keeps what they were answered. */
import type { DriverContext, MmContext, MmuContext, ObjectContext, ZoneContext } from '../../../machines/index.ts';
import type { RunOutcome } from '../../../src/topology/run.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../../src/topology/schema.ts';

/** A step as a topology has it. */
export type Step = Record<string, unknown> & { op: string };

/** Where the programs of the tests map things. */
export const BASE = 0x2_0000_0000;

/** What a call was answered, or the signal that an access met. */
export interface Answers {
  /** Of every call but the fault counts between accesses: the result, or minus the errno. */
  calls: number[];
  /** Signals, in order. */
  signals: number[];
}

interface ContextOf {
  driver: DriverContext;
  mm: MmContext;
  mmu: MmuContext;
  object: ObjectContext;
  zone: ZoneContext;
}

/** A run with what it answered. */
export interface Played extends Answers {
  outcome: RunOutcome;
  /** What an actor kept when process 1 was about to exit. */
  contextOf<K extends keyof ContextOf>(id: K | `${K}:${string}`): ContextOf[K];
  /** What it keeps at the end. */
  leftOf<K extends keyof ContextOf>(id: K | `${K}:${string}`): ContextOf[K];
}

/** A topology of one process that runs a program and skips over signals. */
export function topologyOf(pageSize: string, program: readonly Step[], beside: Partial<TopologyInput> = {}): Topology {
  const process = { pid: 1, pageSize, signals: 'skip' as const, program };
  const limits = { events: 200_000 };
  return parseTopology({ name: 'objects', memory: '64M', limits, processes: [process], ...beside }, 'test');
}

/** Plays a topology to its end with laws 7 and 8 looked at after every event, and everything frozen. */
export function play(topology: Topology): Played {
  const calls: number[] = [];
  const signals: number[] = [];
  const before = new Map<string, unknown>();
  const traces = loadTraces(topology, { folders: [] });
  let shown = false;
  const outcome = runTopology({
    topology,
    traces,
    writer: null,
    checked: true,
    freeze: true,
    onRecord: ({ type, payload }, system) => {
      if (type === 'SYSCALL') {
        const { call, pid } = payload as { call: { op: string }; pid: number };
        shown = !['other', 'execve', 'exit'].includes(call.op);
        if (call.op === 'exit' && pid === 1) {
          for (const [id, snapshot] of system.snapshots()) before.set(id, snapshot.context);
        }
      }
      if (type === 'SYSRET' && shown) {
        const { result, errno } = payload as { result: number; errno: number };
        calls.push(errno === 0 ? result : -errno);
      }
      if (type === 'ABORT') signals.push((payload as { signal: number }).signal);
    },
  });
  const contextOf = <K extends keyof ContextOf>(id: K | `${K}:${string}`): ContextOf[K] =>
    before.get(id) as ContextOf[K];
  const leftOf = <K extends keyof ContextOf>(id: K | `${K}:${string}`): ContextOf[K] =>
    outcome.system.snapshot(id).context as ContextOf[K];
  return { calls, signals, outcome, contextOf, leftOf };
}
