/** Systems with holders of pins, run in the checked mode. */
import type { GupContext, MmContext, MmuContext, ZoneContext } from '../../machines/index.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import type { System } from '../../src/runtime/system.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';

/** Where programs of these tests map memory. */
export const BASE = 0x2_0000_0000;

export const mapped = (lengthBytes: string, more: object = {}): object => {
  return { op: 'mmap', addr: BASE, lengthBytes, flags: 'PRIVATE|ANONYMOUS|FIXED', ...more };
};

export const pin = (lengthBytes: string, more: object = {}): object => {
  return { op: 'gup_test', holder: 'dev', addr: BASE, lengthBytes, ...more };
};

export interface Ran {
  topology: Topology;
  system: System;
  records: MessageRecord[];
  gup: GupContext;
  zone: ZoneContext;
  mm(pid: number): MmContext;
  mmu(pid: number): MmuContext;
}

/** Runs a topology to its end, in the checked mode. */
export function ran(input: object): Ran {
  const topology = parseTopology({ name: 'pins', gup: { holders: ['dev'] }, ...input }, 'test');
  const records: MessageRecord[] = [];
  const traces = loadTraces(topology, { folders: [] });
  const { system } = runTopology({
    topology,
    traces,
    writer: null,
    checked: true,
    freeze: true,
    onRecord: (record) => records.push(record),
  });
  const context = (id: string): unknown => system.snapshot(id).context;
  return {
    topology,
    system,
    records,
    gup: context('gup:dev') as GupContext,
    zone: context('zone') as ZoneContext,
    mm: (pid) => context(`mm:${pid}`) as MmContext,
    mmu: (pid) => context(`mmu:${pid}`) as MmuContext,
  };
}

/** What the calls of a process returned, in order: the result, or minus the errno. Those that its steps are parted by do not count. */
export function resultsOf(records: readonly MessageRecord[], pid: number): number[] {
  const results: number[] = [];
  let made = '';
  for (const { type, to, from, payload } of records) {
    if (type === 'SYSCALL' && from === `process:${pid}`)
      made = (payload as unknown as { call: { op: string } }).call.op;
    if (type !== 'SYSRET' || to !== `process:${pid}` || ['other', 'execve', 'exit'].includes(made)) continue;
    const { result, errno } = payload as unknown as { result: number; errno: number };
    results.push(errno === 0 ? result : -errno);
  }
  return results;
}

/** Pins of all folios together. */
export function pinsInZone(zone: ZoneContext): number {
  let pins = 0;
  zone.folios.forEach(0, Number.MAX_SAFE_INTEGER, (folio) => {
    pins += folio.pins;
  });
  return pins;
}
