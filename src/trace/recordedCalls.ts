/**
 * The calls of a recorded program on its address space, with what it gave and what it was answered: of strace's text
 * (`strace/calls.ts`) or of a trace.
 *
 * @models S-20
 */
import { MAP } from '../mm/abi/numbers.ts';
import type { RuledCall } from '../mm/abi/rules.ts';
import { type ImageSegment, RUN_CALL, type RunSource } from '../mm/runs.ts';

/** What a descriptor that is mapped stands for, where it is no file. */
export type MappedObject = 'perf' | 'io_uring' | 'bpf' | 'packet';

/** One call, or something else that changes an address space. */
export type RecordedEvent =
  | {
      kind: 'call';
      /** `line 12` or `run 900`. */
      place: string;
      /** The address space: threads share one, fork makes another. */
      space: number;
      call: RuledCall | { op: 'brk'; addr: number };
      /** What it returned; for mmap the address. */
      result: number;
      errno: string;
      object?: MappedObject;
    }
  | { kind: 'exec'; place: string; space: number; path: string; image: readonly ImageSegment[] }
  | { kind: 'fork'; place: string; space: number; child: number }
  /** A call that asks or says something in pages without an address; `name` of the rule in src/report/abiReport. */
  | { kind: 'asks'; place: string; space: number; name: string; value: number };

/**
 * The calls of a trace. A trace has successful calls only, and of one program.
 *
 * @example
 * ```ts
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 4096 };
 * const trace = traceFromSteps([{ access: 'R', addr: 0x10000 }, call]);
 * eventsOfTrace(trace).map((event) => event.kind); // ['exec', 'call']
 * ```
 */
export function eventsOfTrace(trace: RunSource): RecordedEvent[] {
  const events: RecordedEvent[] = [
    {
      kind: 'exec',
      place: 'run 0',
      space: 1,
      path: trace.image.find((s) => s.kind === 'program')?.file ?? trace.name,
      image: trace.image,
    },
  ];
  for (let first = 0; first < trace.runs; first += trace.blockRuns) {
    const block = trace.block(Math.floor(first / trace.blockRuns));
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] !== RUN_CALL) continue;
      const call = block.calls[block.page[at]];
      const place = `run ${block.firstRun + at}`;
      if (call.op === 'exec') events.push({ kind: 'exec', place, space: 1, path: call.file, image: [] });
      // Calls without an address of mapped memory have no rule about pages. After a fork a trace goes on with the parent.
      if (!('addr' in call)) continue;
      const ruled = call as RuledCall;
      // A placed address that was no MAP_FIXED is where the kernel put it: the program gave none.
      const chosen = ruled.op === 'mmap' && (ruled.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) === 0;
      const result = ruled.op === 'mmap' ? ruled.addr : ruled.op === 'mremap' ? ruled.newAddr : 0;
      events.push({ kind: 'call', place, space: 1, call: chosen ? { ...ruled, addr: 0 } : ruled, result, errno: '' });
    }
  }
  return events;
}
