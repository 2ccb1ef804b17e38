/** The state of an MMU: both tables of one mm, and the operation on them that is under way. */
import { PageTable } from '../src/mm/pageTable.ts';
import type { Walkers } from './gup/mmuWalkers.ts';
import type { LiveSwitch } from './liveFallback/mmuSwitch.ts';
import type { FrameRun, MessageOf } from './messages.ts';
import type { Allocation } from './mmuSupport.ts';
import type { ResourceHolder } from './support.ts';
import type { HalfDone } from './twoTables/mmuSteps.ts';

/** Folios of one order that hold page tables, by their first frames. */
export interface TableFrames {
  orderPages: number;
  pfns: number[];
}

/** What an MMU is built with. */
export interface MmuInput {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  cpus: number;
  /** The cores have range TLBI operations (FEAT_TLBIRANGE). */
  tlbRange: boolean;
  /** Actors that look after devices which share the tables. */
  notifiers?: readonly string[] | undefined;
}

/** A table operation that an mm can ask for. */
export type TableMessage =
  | MessageOf<
      | 'CONFIGURE'
      | 'RELEASE_TABLES'
      | 'SET_PTES'
      | 'CLEAR_PTES'
      | 'PROTECT_PTES'
      | 'AGE_PTES'
      | 'MOVE_PTES'
      | 'COPY_PTES'
      | 'READ_PTES'
      | 'EXCHANGE_PTES'
      | 'FILL_NATIVE'
      | 'DROP_NATIVE'
      | 'HARVEST_PTES'
    >
  /** The MMU's own: make the native table again. */
  | { type: 'RETURN_NATIVE'; request: number };

/** An MMU's state. */
export interface MmuContext {
  resources: ResourceHolder;
  pid: number;
  kernelPageBytes: number;
  cpus: number;
  tlbRange: boolean;
  /** Page size of the ABI; 0 until execve. */
  pageBytes: number;
  linux: PageTable;
  native: PageTable | null;
  asid: number;
  /** The operation under way, and those that wait for the page-table lock. */
  current: TableMessage | null;
  queue: TableMessage[];
  /** What the current operation waits for: frames for tables; what it has got; and the orders that were refused. */
  allocations: Allocation[];
  granted: TableFrames[];
  refused: number[];
  /** Frames of tables that the current operation freed: given back once its TLB maintenance is complete. */
  freed: FrameRun[];
  /** CPUs whose DSB is outstanding, and the answer that goes out when the last one is in. */
  acknowledgements: number;
  answer: MessageOf<'TABLE_DONE'> | null;
  /** Entries that are invalid until the flush is complete, and what is written then: break-before-make. */
  makes: { table: 'linux' | 'native'; va: number; pte: number }[];
  /** Walks that found one of those: faults that wait for the page-table lock and turn out spurious. */
  spurious: { walk: number; pid: number; cpu: number }[];
  /** Frames that hold tables, by order. */
  tableFrames: TableFrames[];
  /** Why it fell back, empty while it did not; and when it warned, in operations. */
  fallback: string;
  operations: number;
  walks: number;
  flushes: number;
  tlbiInstructions: number;
  /** contpte blocks folded and unfolded; break-before-make sequences; faults that met one and were spurious. */
  contpteFolds: number;
  contpteUnfolds: number;
  breaks: number;
  spuriousFaults: number;
  /** Operations that were refused because the native table cannot hold their result. */
  refusals: number;
  /** CPUs that are still to acknowledge maintenance that nobody waits for (`flush_tlb_page_nosync`). */
  lateAcknowledgements?: number;
  /** Pages whose dirt was lost, since a naive design did not look for it in the native table. */
  lostDirtyPages?: number;
  /** The most bytes that each table ever took. */
  linuxTableBytesPeak: number;
  nativeTableBytesPeak: number;
  /** Those who walk the Linux table without a lock; absent where nobody ever did. */
  walkers?: Walkers;
  /** Changes of table under running threads; absent where they are one step. */
  live?: LiveSwitch;
  /** An operation is between its two steps; absent at other times. */
  halfDone?: HalfDone;
  /** Whoever must forget translations too, and be waited for; absent where the process shares its tables with no device. */
  notifiers?: readonly string[];
}

/**
 * The table that TTBR0 points to.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false };
 * const { linux } = initialMmu(input);
 * walked({ linux, native: PageTable.empty(65536) }).geometry.granuleBytes; // 65536
 * ```
 */
export function walked(tables: Pick<MmuContext, 'linux' | 'native'>): PageTable {
  return tables.native ?? tables.linux;
}

/**
 * An MMU before execve: no tables yet.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false }).pageBytes; // 0
 * ```
 */
export function initialMmu(input: MmuInput): MmuContext {
  const { notifiers = [] } = input;
  return {
    resources: input.resources,
    pid: input.pid,
    kernelPageBytes: input.kernelPageBytes,
    cpus: input.cpus,
    tlbRange: input.tlbRange,
    pageBytes: 0,
    linux: PageTable.empty(input.kernelPageBytes),
    native: null,
    asid: 0,
    current: null,
    queue: [],
    allocations: [],
    granted: [],
    refused: [],
    freed: [],
    acknowledgements: 0,
    answer: null,
    makes: [],
    spurious: [],
    tableFrames: [],
    fallback: '',
    operations: 0,
    walks: 0,
    flushes: 0,
    tlbiInstructions: 0,
    contpteFolds: 0,
    contpteUnfolds: 0,
    breaks: 0,
    spuriousFaults: 0,
    refusals: 0,
    linuxTableBytesPeak: 0,
    nativeTableBytesPeak: 0,
    ...(notifiers.length === 0 ? {} : { notifiers }),
  };
}
