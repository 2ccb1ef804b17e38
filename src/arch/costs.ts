/**
 * What things cost, in whole cycles of one CPU. A cost model is part of a topology, so a run can be repeated with other
 * figures; no result about *which* events happen rests on these numbers, only results about time do.
 */
import { invariant } from '../errors.ts';

/**
 * Costs in cycles; figures per KB are for 1024 bytes. A field marked "assumption" has no published source behind its
 * default: set it from a measurement before believing a time that leans on it.
 *
 * @example
 * ```ts
 * const model: CostModel = { ...defaultCosts, walkStep: 30 };
 * model.walkStep; // 30
 * ```
 */
export interface CostModel {
  /** Cycles in a second, to show times to people only. Assumption: a 3 GHz server core. */
  cyclesPerSecond: number;
  /** One reference that hits in the L1 TLB, with all other work of the instruction. Assumption: one a cycle. */
  instruction: number;
  /** Added by an L1 TLB miss that hits in the L2 TLB. Neoverse V2 TRM: 6 more cycles (about 5 measured; Cortex-A76: 3). */
  l2TlbHit: number;
  /** One descriptor that a table walk reads. The L2 cache latency of Neoverse V2 (10 cycles): tables stay in that cache. */
  walkStep: number;
  /** Taking an exception to EL1 and returning from it. Assumption. */
  exceptionEntryExit: number;
  /** The fault handler from entry to return, without allocation, zeroing, copying or I/O. Assumption. */
  faultHandlerBase: number;
  /** Zeroing memory. Assumption: 32 bytes a cycle. */
  zeroPerKb: number;
  /** Copying memory. Assumption: 16 bytes a cycle. */
  copyPerKb: number;
  /** System call entry and exit with the dispatch. Assumption. */
  syscallEntryExit: number;
  /** Work of one memory-management call beyond entry and exit (VMA search and update). Assumption. */
  vmaOperation: number;
  /** Writing one PTE in a batch, with its bookkeeping. Assumption. */
  pteWrite: number;
  /** Issuing one TLBI instruction. Assumption. */
  tlbiOperation: number;
  /** DSB ISH that waits until every CPU has done the TLBIs before it. Assumption. */
  dsbInnerShareable: number;
  /** An interrupt to another CPU until its handler has run. Assumption. */
  ipi: number;
  /** Switching the task and its address space. Assumption. */
  contextSwitch: number;
  /** Writing TCR_EL1 with its barriers when the granule changes at a switch. Assumption. */
  granuleSwitch: number;
  /** Allocating one table, without zeroing it. Assumption. */
  tableAllocation: number;
  /** Allocating one block from the buddy allocator. Assumption. */
  frameAllocation: number;
  /** Looking a folio up in the page cache. Assumption. */
  pageCacheLookup: number;
  /** One disk read or write until its first byte. Assumption: 80 us on an NVMe drive at 3 GHz. */
  diskLatency: number;
  /** Moving data from or to the disk. Assumption: 3 GB/s at 3 GHz, a byte a cycle. */
  diskPerKb: number;
  /** Looking at one page during reclaim, compaction or a scan. Assumption. */
  scanPage: number;
}

/**
 * The default costs. See each field of `CostModel` for where its figure comes from.
 *
 * @example
 * ```ts
 * defaultCosts.l2TlbHit; // 6
 * ```
 */
export const defaultCosts: Readonly<CostModel> = {
  cyclesPerSecond: 3_000_000_000,
  instruction: 1,
  l2TlbHit: 6,
  walkStep: 10,
  exceptionEntryExit: 300,
  faultHandlerBase: 600,
  zeroPerKb: 32,
  copyPerKb: 64,
  syscallEntryExit: 200,
  vmaOperation: 500,
  pteWrite: 10,
  tlbiOperation: 20,
  dsbInnerShareable: 300,
  ipi: 3000,
  contextSwitch: 3000,
  granuleSwitch: 100,
  tableAllocation: 200,
  frameAllocation: 200,
  pageCacheLookup: 60,
  diskLatency: 240_000,
  diskPerKb: 1024,
  scanPage: 50,
};

/**
 * A cost per KB for a number of bytes, rounded up to whole cycles.
 *
 * @throws GranuleError INVARIANT for a negative or fractional number of bytes
 * @example
 * ```ts
 * cyclesForBytes(defaultCosts.zeroPerKb, 65536); // 2048
 * ```
 */
export function cyclesForBytes(cyclesPerKb: number, lengthBytes: number): number {
  invariant(Number.isSafeInteger(lengthBytes) && lengthBytes >= 0, 'a length in bytes is a non-negative integer');
  return Math.ceil((cyclesPerKb * lengthBytes) / 1024);
}
