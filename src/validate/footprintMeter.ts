/** Reads the counters of a workload's process at the two places where its program reads them. */
import type { FileContext, MmContext, MmuContext } from '../../machines/index.ts';
import { vmPteBytes } from '../mm/tableBytes.ts';
import type { MessageRecord } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import type { FootprintCounters } from './footprintLine.ts';
import { MEASURE_BEGIN, MEASURE_END } from '../trace/workloads/foot/footSteps.ts';

/** Absolute counters of a moment: what differs between two is what a line holds. */
interface Reading {
  seq: number;
  minflt: number;
  majflt: number;
  rssAnonKB: number;
  rssFileKB: number;
  vmPteKB: number;
  cachedKB: number;
}

/** Pages of all files in the cache, in kB. */
function cachedKB(system: System, kernelPageBytes: number): number {
  let pages = 0;
  for (const [actor, snapshot] of system.snapshots()) {
    if (actor.startsWith('file:')) pages += (snapshot.context as FileContext).cache.counts.pages;
  }
  return (pages * kernelPageBytes) / 1024;
}

function read(system: System, seq: number, pid: number, kernelPageBytes: number): Reading {
  const mm = system.snapshot(`mm:${pid}`).context as MmContext;
  const mmu = system.snapshot(`mmu:${pid}`).context as MmuContext;
  const kbytesPerPage = kernelPageBytes / 1024;
  return {
    seq,
    minflt: mm.minorFaults,
    majflt: mm.majorFaults,
    rssAnonKB: mm.rssAnonPages * kbytesPerPage,
    rssFileKB: mm.rssFilePages * kbytesPerPage,
    vmPteKB: vmPteBytes(mmu, 'process') / 1024,
    cachedKB: cachedKB(system, kernelPageBytes),
  };
}

/** What a run of a workload measured, and between which events. */
export interface FootprintMeasured {
  counters: FootprintCounters;
  /** Faults that waited for the disk: they depend on its speed, and no two kernels need agree on them. */
  majflt: number;
  beginSeq: number;
  endSeq: number;
}

/**
 * Watches a run of a workload for the two places where its program reads its counters.
 *
 * @example
 * ```ts
 * const setting = { kernelPageBytes: 4096, pageBytes: 65536, thpAlwaysBytes: [] };
 * const { topology, traces, pid } = footprintSystem({ kind: 'seq', lengthBytes: 2 ** 20 }, setting);
 * const meter = new FootprintMeter(pid, 4096);
 * const system = systemOf({ topology, traces }, { onRecord: (record) => meter.note(record, system) });
 * system.run();
 * meter.measured(system).measured?.counters.minflt; // 16
 * ```
 */
export class FootprintMeter {
  readonly #pid: number;
  readonly #kernelPageBytes: number;
  #begin: Reading | null = null;
  #end: Reading | null = null;

  constructor(pid: number, kernelPageBytes: number) {
    this.#pid = pid;
    this.#kernelPageBytes = kernelPageBytes;
  }

  /** Takes a record, before its actor has handled it. */
  note(record: MessageRecord, system: System): void {
    if (record.type !== 'SYSCALL' || record.payload['pid'] !== this.#pid) return;
    const call = record.payload['call'] as { op: string; name?: string };
    if (call.op !== 'other') return;
    if (call.name === MEASURE_BEGIN) this.#begin = read(system, record.seq, this.#pid, this.#kernelPageBytes);
    if (call.name === MEASURE_END) this.#end = read(system, record.seq, this.#pid, this.#kernelPageBytes);
  }

  /**
   * The differences, once the run is over. The page cache is read then: what is being read ahead when the program
   * measures is in Linux's cache already.
   */
  measured(system: System): { measured: FootprintMeasured | null; failure: string | null } {
    const begin = this.#begin;
    const end = this.#end;
    if (begin === null || end === null) return { measured: null, failure: 'the program ended before it measured' };
    const measured = {
      counters: {
        minflt: end.minflt - begin.minflt,
        dRssAnonKB: end.rssAnonKB - begin.rssAnonKB,
        dRssFileKB: end.rssFileKB - begin.rssFileKB,
        dVmPteKB: end.vmPteKB - begin.vmPteKB,
        dCachedKB: cachedKB(system, this.#kernelPageBytes) - begin.cachedKB,
      },
      majflt: end.majflt - begin.majflt,
      beginSeq: begin.seq,
      endSeq: end.seq,
    };
    return { measured, failure: null };
  }
}
