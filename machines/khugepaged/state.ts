/** The state of khugepaged: the controls of transparent huge pages, and how far it has come with its scan. */
import { bootControls, type ThpControls } from '../../src/mm/thp/controls.ts';
import type { ScanResult } from '../../src/mm/thp/collapse.ts';
import type { ThpFacility } from '../../src/mm/thp/facility.ts';
import type { PteRun } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';

/** What khugepaged is built with. */
export interface KhugepagedInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  /** The processes of the topology, whose memory it scans in this order. */
  pids: number[];
  facility: ThpFacility;
}

/** The huge page that is looked at. */
export interface ScanAt {
  pid: number;
  startVa: number;
  pageBytes: number;
  /** What its table holds, once it was walked. */
  runs: PteRun[];
  /** The folio that was allocated for it. */
  pfn: number | null;
}

/** A write to the controls that waits until every mm obeys it. */
export interface WaitingWrite {
  sender: string;
  request: number;
  left: number;
}

/** Its state. */
export interface KhugepagedContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  pids: number[];
  facility: ThpFacility;
  controls: ThpControls;
  /** Asleep, or what it waits for. */
  phase: 'asleep' | 'querying' | 'walking' | 'looking' | 'allocating' | 'collapsing' | 'ended';
  /** The process under way, by its place in `pids`, and its huge pages that are left. */
  cursor: number;
  left: number[];
  /** Page size of that process. */
  pageBytes: number;
  at: ScanAt | null;
  /** Kernel pages that this go has looked at. */
  progressPages: number;
  /** Processes that were seen alive. */
  alive: number[];
  nextRequest: number;
  /** Writes by the request that their mms answer, and reads of counters by theirs. */
  writes: Record<number, WaitingWrite>;
  reads: Record<number, { sender: string; request: number; path: string; pageBytes: number }>;
  /** How the scans of single huge pages ended. */
  results: Partial<Record<ScanResult, number>>;
  scannedPages: number;
}

/**
 * khugepaged before its first go.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const facility = { policy: 'translate' as const, collapseSize: 'process-pmd' as const, fullScans: 1, khugepaged: {} };
 * initialKhugepaged({ resources, kernelPageBytes: 4096, pids: [1], facility }).phase; // 'asleep'
 * ```
 */
export function initialKhugepaged(input: KhugepagedInput): KhugepagedContext {
  const { resources, kernelPageBytes, facility } = input;
  const booted = bootControls(kernelPageBytes, resources.design.thp);
  const { useZeroPage = booted.useZeroPage, khugepaged } = facility;
  return {
    ...input,
    controls: { ...booted, useZeroPage, khugepaged: { ...booted.khugepaged, ...khugepaged } },
    phase: 'asleep',
    cursor: 0,
    left: [],
    pageBytes: 0,
    at: null,
    progressPages: 0,
    alive: [],
    nextRequest: 1,
    writes: {},
    reads: {},
    results: {},
    scannedPages: 0,
  };
}
