/** Small systems that are played to their end in the checked mode, for the tests of huge pages. */
import type { MmContext, MmuContext, ZoneContext } from '../../machines/index.ts';
import { pfnOf } from '../../src/mm/pte.ts';
import type { MessageRecord } from '../../src/runtime/envelope.ts';
import type { System } from '../../src/runtime/system.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type TopologyInput } from '../../src/topology/schema.ts';

/** Where the programs of these tests have their memory. */
export const BASE = 0x2_0000_0000;
export const FIXED = 'PRIVATE|ANONYMOUS|FIXED';

/** A run that has ended. */
export interface Played {
  system: System;
  records: MessageRecord[];
  mm(pid: number): MmContext;
  mmu(pid: number): MmuContext;
  zone: ZoneContext;
  /** Each system call of a process that is modelled, with its errno, or with the text that it read. */
  answers(pid: number): string[];
}

/** The state of a system at the moment of an event. */
export type Watch = (record: MessageRecord, system: System) => void;

/** Plays a topology with laws 7 and 8 looked at after every event. */
export function play(topology: Omit<TopologyInput, 'name'>, watch: Watch = () => {}): Played {
  const parsed = parseTopology({ name: 'played', ...topology }, 'test');
  const records: MessageRecord[] = [];
  const { system } = runTopology({
    topology: parsed,
    traces: loadTraces(parsed, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: (record, running) => {
      records.push(record);
      watch(record, running);
    },
  });
  return {
    system,
    records,
    mm: (pid) => system.snapshot(`mm:${pid}`).context as MmContext,
    mmu: (pid) => system.snapshot(`mmu:${pid}`).context as MmuContext,
    zone: system.snapshot('zone').context as ZoneContext,
    answers: (pid) => answersIn(records, pid),
  };
}

/** The frames that an MMU maps in a range, by kernel page; -1 where nothing is. */
export function framesAt(mmu: MmuContext, startVa: number, lengthBytes: number): number[] {
  return Array.from({ length: lengthBytes / 4096 }, (_, page) => {
    const pte = mmu.linux.get(startVa + page * 4096);
    return pte === 0 ? -1 : pfnOf(pte);
  });
}

function answersIn(records: readonly MessageRecord[], pid: number): string[] {
  const answers: string[] = [];
  let op = '';
  for (const { from, to, type, payload } of records) {
    if (from === `process:${pid}` && type === 'SYSCALL') ({ op } = (payload as { call: { op: string } }).call);
    if (to !== `process:${pid}` || type !== 'SYSRET' || ['other', 'execve', 'exit'].includes(op)) continue;
    const { errno, data } = payload as { errno: number; data: number[] };
    answers.push(`${op} ${op === 'read_control' && errno === 0 ? String.fromCharCode(...data).trim() : errno}`);
  }
  return answers;
}
