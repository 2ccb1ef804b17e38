/** Small systems of a target that has memory and a reader that looks at it, and what the reader was told. */
import { bytesText } from '../../src/mm/procfs/lines.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import type { System } from '../../src/runtime/system.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type TopologyInput } from '../../src/topology/schema.ts';

/** Steps of a program as a topology has them. */
export type Steps = NonNullable<TopologyInput['processes'][number]['program']>;

/** The target. */
export const TARGET = 7;
/** Who reads. */
export const READER = 8;
/** Where the target has its memory. */
export const BASE = 0x200000000;

/** Calls that do nothing, for as long as a reader may need. */
export const waiting: Steps = Array.from({ length: 1500 }, () => ({ op: 'brk' as const, addr: 0 }));

/** 1M of anonymous memory of which three places are written, and a tmpfs file of which two pages are mapped. */
export const memory: Steps = [
  { op: 'mmap', addr: BASE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  { op: 'store', addr: BASE },
  { op: 'store', addr: BASE + 20_480 },
  { op: 'store', addr: BASE + 262_144 },
  { op: 'load', addr: BASE + 524_288 },
  { op: 'mmap', addr: BASE + 0x200000, lengthBytes: '256K', flags: 'SHARED|FIXED', file: '/tmp/data' },
  { op: 'store', addr: BASE + 0x200000 },
  { op: 'load', addr: BASE + 0x200000 + 131_072 },
];

/** What a reader got: bytes, or an errno. */
export interface Told {
  /** Who read. */
  pid: number;
  path: string;
  result: number;
  errno: number;
  text: string;
  data: number[];
}

/** What is set beside programs. */
export interface Setting {
  readerPageBytes: number;
  targetPageBytes: number;
  policy?: 'translate' | 'defeature';
  kernelPageBytes?: number;
  target?: Steps;
  /** Steps of the reader before it reads. */
  before?: Steps;
  design?: TopologyInput['design'];
  checked?: boolean;
}

/** The topology of a reader of some files beside a target. */
export function readersTopology(reads: Steps, setting: Setting): TopologyInput {
  const { readerPageBytes, targetPageBytes, policy = 'translate', kernelPageBytes = 4096 } = setting;
  return {
    name: 'readers',
    kernelPageSize: kernelPageBytes,
    cpus: 2,
    memory: '64M',
    ...(setting.design === undefined ? {} : { design: setting.design }),
    procfs: { policy },
    files: [{ path: '/tmp/data', size: 200_000, kind: 'tmpfs' }],
    processes: [
      {
        pid: TARGET,
        trace: 'target',
        cpu: 0,
        pageSize: targetPageBytes,
        program: [...(setting.target ?? memory), ...waiting],
      },
      {
        pid: READER,
        trace: 'reader',
        cpu: 1,
        pageSize: readerPageBytes,
        startCycles: 100_000,
        program: [...(setting.before ?? []), ...reads],
      },
    ],
  };
}

/** Runs a system and gives what every read and write of procfs came to, in their order. */
export function play(
  input: TopologyInput,
  checked = false,
  see?: (record: MessageRecord, system: System) => void,
): Told[] {
  const topology = parseTopology(input, 'test');
  const told: Told[] = [];
  const under = new Map<number, string>();
  const onRecord = (record: MessageRecord, system: System): void => {
    const { type, to, payload } = record;
    see?.(record, system);
    if (type === 'SYSCALL') {
      const { pid, call } = payload as { pid: number; call: { op: string; path?: string } };
      if (call.op.endsWith('_proc')) under.set(pid, call.path ?? '');
    }
    const pid = Number(to.slice('process:'.length));
    const path = under.get(pid);
    if (type !== 'SYSRET' || !to.startsWith('process:') || path === undefined) return;
    under.delete(pid);
    const { result, errno, data } = payload as { result: number; errno: number; data: number[] };
    told.push({ pid, path, result, errno, data, text: bytesText(data) });
  };
  runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null, checked, onRecord });
  return told;
}

/** What a reader is told of some files of the target. */
export function readFiles(names: readonly string[], setting: Setting, lengthBytes = 65_536): Told[] {
  const steps: Steps = names.map((name) => {
    const path = name.startsWith('/') ? name : `/proc/${TARGET}/${name}`;
    return { op: 'read_proc', path, lengthBytes };
  });
  return play(readersTopology(steps, setting), setting.checked);
}
