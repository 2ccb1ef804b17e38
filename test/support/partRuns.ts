/** Whole runs of small topologies: checked after every event, recorded, and replayed. */
import { expect } from 'vitest';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import type { System } from '../../src/runtime/system.ts';
import { formatDivergence } from '../../src/timeline/divergence.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { logMeta, messageRegistry } from '../../src/topology/meta.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

/** What a process got from its calls, in order. */
export interface CallAnswer {
  op: string;
  result: number;
  errno: number;
  data: number[];
}

/** A run that is over. */
export interface PartRun {
  system: System;
  log: LogReader;
  /** The answers of each process, by pid. */
  answers: Map<number, CallAnswer[]>;
}

interface Payload {
  pid?: number;
  call?: { op: string };
  result?: number;
  errno?: number;
  data?: number[];
}

/** The calls of every process with what they got, from the log. */
function answersOf(log: LogReader): Map<number, CallAnswer[]> {
  const answers = new Map<number, CallAnswer[]>();
  const asked = new Map<number, string>();
  for (let seq = 0; seq < log.records; seq++) {
    const record = log.read(seq);
    const payload = record.payload as Payload;
    if (record.type === 'SYSCALL') asked.set(payload.pid ?? 0, payload.call?.op ?? '');
    if (record.type !== 'SYSRET') continue;
    const pid = Number(record.to.slice('process:'.length));
    const { result = 0, errno = 0, data = [] } = payload;
    answers.set(pid, [...(answers.get(pid) ?? []), { op: asked.get(pid) ?? '', result, errno, data }]);
  }
  return answers;
}

/** Runs a topology to its end in the checked mode, and replays its log. */
export function runChecked(input: object): PartRun {
  const topology = parseTopology({ memory: '64M', ...input }, 'test');
  const traces = loadTraces(topology, { folders: [] });
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, logMeta(topology, traces));
  const { system } = runTopology({ topology, traces, writer, checked: true });
  const log = LogReader.open(storage, noCompression, messageRegistry);
  const replayed = replay(log, traces);
  expect(replayed.divergence === null ? '' : formatDivergence(replayed.divergence)).toBe('');
  expect(replayed.headHash).toBe(log.headHash);
  return { system, log, answers: answersOf(log) };
}

/** The errnos of the calls of one kind that a process made, in order. */
export function errnosOf(run: PartRun, pid: number, op: string): number[] {
  return (run.answers.get(pid) ?? []).filter((answer) => answer.op === op).map(({ errno }) => errno);
}

/** Every process has come to its end. */
export function expectAllEnded(run: PartRun, pids: readonly number[]): void {
  for (const pid of pids) expect(run.system.snapshot(`process:${pid}`).value, `process ${pid}`).toBe('zombie');
}
