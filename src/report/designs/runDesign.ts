/** Runs a trace on one design, and reads its figures. */
import type { MmuContext } from '../../../machines/index.ts';
import type { RunSource } from '../../mm/runs.ts';
import type { System } from '../../runtime/system.ts';
import { type RunOutcome, runSteps } from '../../topology/run.ts';
import { parseTopology } from '../../topology/schema.ts';
import { liveStates, statesOfKind } from '../actorStates.ts';
import { summarize } from '../runSummary.ts';
import { type ComparedDesign, DESIGN_PID, type DesignSetting, topologyOf } from './designList.ts';
import { DesignMeter } from './designMeter.ts';

/** What a trace came to on one design. Counts, and bytes where the name says so. */
export interface DesignFigures {
  references: number;
  l1iMisses: number;
  l1dMisses: number;
  /** L1 misses that the L2 TLB had. */
  l2Hits: number;
  /** L2 misses: table walks. */
  walks: number;
  /** Levels that the walks would have gone through without walk caches, and descriptors that they read. */
  walkLevels: number;
  walkReads: number;
  /** Different cache lines of tables that walks read, and reads that found their line gone (`NEAR_LINES`). */
  walkLines: number;
  walkLineMisses: number;
  minorFaults: number;
  majorFaults: number;
  zeroedBytes: number;
  copiedBytes: number;
  residentPeakBytes: number;
  anonPeakBytes: number;
  pageCacheBytes: number;
  linuxTableBytes: number;
  nativeTableBytes: number;
  /** Pages of files that were dropped for a larger order, and read again after it. */
  droppedBytes: number;
  rereadBytes: number;
  tlbiInstructions: number;
  compactionStalls: number;
  compactionMovedBytes: number;
  allocationFailures: number;
  fallbacks: number;
  /** How the process ended: `exited`, or the signal that killed it. */
  end: string;
  events: number;
}

/**
 * Plays a trace to its end on a design, in steps; yields the number of events that are done.
 *
 * @param trace laid out for 64K pages (`laidOutFor`)
 * @throws GranuleError as `runSteps`
 * @example
 * ```ts
 * const [design] = designsOf();
 * const trace = relayout(traceFromSteps([{ access: 'X', addr: 0x10000 }, { access: 'W', addr: 0x90000 }]), 65536);
 * const setting = { core: 'cortex-a76', memoryBytes: 2 ** 28, kernelPageEvery: null, cache: 'cold' as const };
 * const steps = designSteps(trace, design, setting);
 * let step = steps.next();
 * while (step.done !== true) step = steps.next();
 * step.value.zeroedBytes; // 4096
 * ```
 */
export function* designSteps(
  trace: RunSource,
  design: ComparedDesign,
  setting: DesignSetting,
): Generator<number, DesignFigures, undefined> {
  const topology = parseTopology(topologyOf(design, trace, setting), design.name);
  const meter = new DesignMeter(design);
  let hosted: System | null = null;
  const steps = runSteps({
    topology,
    traces: new Map([[DESIGN_PID, trace]]),
    writer: null,
    onSystem: (system) => {
      hosted = system;
    },
    onDelivery: (_seq, _time, envelope) => {
      if (hosted !== null) meter.note(envelope, hosted);
    },
  });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return figuresOf(step.value, design, meter);
    yield step.value.nextSeq;
  }
}

function figuresOf({ system, records }: RunOutcome, design: ComparedDesign, meter: DesignMeter): DesignFigures {
  const states = liveStates(system);
  const summary = summarize(states);
  const [process] = summary.processes;
  const metered = meter.metered();
  const { kernelPageBytes } = design;
  const cachedPages = statesOfKind(states, 'file').reduce((sum, { context }) => sum + context.cache.counts.pages, 0);
  const mmu = system.snapshot(`mmu:${DESIGN_PID}`).context as MmuContext;
  const { counts, minorFaults, majorFaults, residentPeakBytes, tablePeak, fallbacks, end } = process;
  const { pressure } = summary;
  const failures = Object.values(pressure?.failures ?? {}).reduce((sum, count) => sum + count, 0);
  return {
    references: counts.references,
    l1iMisses: counts.l1iMisses,
    l1dMisses: counts.l1dMisses,
    l2Hits: counts.l2Accesses - counts.l2Misses,
    walks: counts.walks,
    walkLevels: metered.levels,
    walkReads: metered.reads,
    walkLines: metered.lines,
    walkLineMisses: metered.lineMisses,
    minorFaults,
    majorFaults,
    zeroedBytes: metered.zeroedBytes,
    copiedBytes: metered.copiedBytes,
    residentPeakBytes,
    anonPeakBytes: metered.anonPeakBytes,
    pageCacheBytes: cachedPages * kernelPageBytes,
    linuxTableBytes: tablePeak.linuxBytes,
    nativeTableBytes: tablePeak.nativeBytes,
    droppedBytes: (summary.files.droppedPages ?? 0) * kernelPageBytes,
    rereadBytes: (summary.files.rereadPages ?? 0) * kernelPageBytes,
    tlbiInstructions: mmu.tlbiInstructions,
    compactionStalls: pressure?.compaction.stalls ?? 0,
    compactionMovedBytes: (pressure?.compaction.movedPages ?? 0) * kernelPageBytes,
    allocationFailures: failures,
    fallbacks,
    end,
    events: records,
  };
}

/**
 * As `designSteps`, in one go.
 *
 * @throws GranuleError as `designSteps`
 * @example
 * ```ts
 * const [design] = designsOf();
 * const trace = relayout(traceFromSteps([{ access: 'X', addr: 0x10000 }, { access: 'W', addr: 0x90000 }]), 65536);
 * runDesign(trace, design, { core: 'cortex-a76', memoryBytes: 2 ** 28, kernelPageEvery: null, cache: 'cold' as const }).walks > 0; // true
 * ```
 */
export function runDesign(trace: RunSource, design: ComparedDesign, setting: DesignSetting): DesignFigures {
  const steps = designSteps(trace, design, setting);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
