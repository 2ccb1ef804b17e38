/** Small systems under memory pressure, and what became of them. */
import type {
  CompactionContext,
  MmContext,
  MmuContext,
  PageAllocContext,
  ProcessContext,
  ZoneContext,
} from '../../../machines/index.ts';
import { PressureMeter } from '../../../src/report/pressureMeter.ts';
import type { MessageRecord } from '../../../src/runtime/envelope.ts';
import type { System } from '../../../src/runtime/system.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { parseTopology, type TopologyInput } from '../../../src/topology/schema.ts';

const MB = 2 ** 20;
/** Where the programs map their memory. */
export const AREA = 0x200000000;

type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

/** Touches an area, a page every `strideBytes`. */
export function touch(lengthBytes: number, strideBytes: number, addr = AREA): Steps {
  return [
    { op: 'mmap', addr, lengthBytes, flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr, lengthBytes, strideBytes },
  ];
}

/** Gives memory back but for the last 4K of every 64K: what stays is spread over all page blocks. */
export function punch(lengthBytes: number, { keepBytes = 4096, everyBytes = 65536, addr = AREA } = {}): Steps {
  return Array.from({ length: Math.floor(lengthBytes / everyBytes) }, (_, at) => {
    return {
      op: 'madvise',
      addr: addr + at * everyBytes,
      lengthBytes: everyBytes - keepBytes,
      advice: 'DONTNEED',
    } as const;
  });
}

/** A process that breaks memory up, then goes on using what it has kept, while others run. */
export function fragmenter(lengthBytes: number, laps: number): Steps {
  const lap = { op: 'store', addr: AREA + 65536 - 4096, lengthBytes, strideBytes: 65536 } as const;
  return [...touch(lengthBytes, 4096), ...punch(lengthBytes), ...Array.from({ length: laps }, () => lap)];
}

/** A topology of 8M that groups its pages, with one process of each program. */
export function underPressure(
  zone: NonNullable<TopologyInput['zone']>,
  processes: TopologyInput['processes'],
  rest: Partial<TopologyInput> = {},
): TopologyInput {
  const all = { name: 'pressure', memory: '8M', cpus: processes.length, ...rest };
  return { ...all, zone: { migrateTypes: true, ...zone }, processes };
}

/** What a run came to. */
export interface Outcome {
  system: System;
  records: number;
  zone: ZoneContext;
  pageAlloc: PageAllocContext;
  process: (pid: number) => ProcessContext & { value: unknown };
  mm: (pid: number) => MmContext;
  mmu: (pid: number) => MmuContext;
  meter: PressureMeter;
}

/** Runs in the checked mode: laws 7 and 8 hold after every event. */
export function outcomeOf(input: TopologyInput, onRecord: (record: MessageRecord) => void = () => {}): Outcome {
  const topology = parseTopology(input, 'test');
  const meter = new PressureMeter();
  const { system, records } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: (record) => {
      meter.note(record);
      onRecord(record);
    },
  });
  const contextOf = (id: string): unknown => system.snapshot(id).context;
  return {
    system,
    records,
    meter,
    zone: contextOf('zone') as ZoneContext,
    pageAlloc: contextOf('page-alloc') as PageAllocContext,
    process: (pid) => {
      const { value, context } = system.snapshot(`process:${pid}`);
      return { ...(context as unknown as ProcessContext), value };
    },
    mm: (pid) => contextOf(`mm:${pid}`) as MmContext,
    mmu: (pid) => contextOf(`mmu:${pid}`) as MmuContext,
  };
}

/** The compactor of a run. */
export function compactorOf(system: System): CompactionContext {
  return system.snapshot('kcompactd').context as CompactionContext;
}

/** Megabytes. */
export function mb(count: number): number {
  return count * MB;
}
