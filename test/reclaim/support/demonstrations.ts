/** Topologies of reclaim as systems, and small programs for them. */
import type { MmContext, MmuContext } from '../../../machines/index.ts';
import type { System } from '../../../src/runtime/system.ts';
import { Laws } from '../../../src/topology/laws.ts';
import { loadTopology, loadTraces } from '../../../src/topology/load.node.ts';
import { systemOf } from '../../../src/topology/run.ts';
import { parseTopology, type Topology, type TopologyInput } from '../../../src/topology/schema.ts';
import { ShadowMemory } from './shadow.ts';

export const BASE = '0x200000000';
export const places = { folders: [] };

export function systemFor(topology: Topology): System {
  return systemOf({ topology, traces: loadTraces(topology, places) });
}

/** A topology of the package with another setting of reclaim. */
export function withReclaim(name: string, reclaim: object): Topology {
  const topology = loadTopology(name);
  return parseTopology({ ...topology, reclaim: { ...topology.reclaim, ...reclaim } }, 'test');
}

export const mmOf = (system: System, pid: number): MmContext => system.snapshot(`mm:${pid}`).context;
export const mmuOf = (system: System, pid: number): MmuContext => system.snapshot(`mmu:${pid}`).context;

export function ended(system: System, pid: number): unknown {
  return [system.snapshot(`process:${pid}`).value, system.snapshot(`process:${pid}`).context.signal];
}

/** One 64K process with 4M of memory, and what it does with it. */
export function programOf(program: object[], more: Partial<TopologyInput> = {}): System {
  const map = { op: 'mmap', addr: BASE, lengthBytes: '4M', flags: 'PRIVATE|ANONYMOUS|FIXED' };
  const processes = [{ pid: 1, pageSize: '64K', program: [map, ...program] as never }];
  const reclaim = { swap: { size: '16M' } };
  return systemFor(parseTopology({ name: 'made', memory: '16M', reclaim, processes, ...more }, 'test'));
}

/** Runs until the process is about to exit. */
export function untilExit(system: System): void {
  const laws = new Laws();
  const shadow = new ShadowMemory();
  for (let record = system.step(); record !== null; record = system.step()) {
    shadow.take(record, system);
    laws.check(record, system);
    const { call } = record.payload as { call?: { op: string } };
    if (record.type === 'SYSCALL' && call?.op === 'exit') return;
  }
}

export const store = { op: 'store', addr: BASE, lengthBytes: '4M', strideBytes: '64K' };
export const pageOut = { op: 'madvise', addr: BASE, lengthBytes: '4M', advice: 'PAGEOUT' };
