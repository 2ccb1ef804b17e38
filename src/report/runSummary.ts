/**
 * What a run comes to: per process, per file system, per machine. Plain numbers; `runText.ts` makes tables of them.
 *
 * @models S-02 S-43 T-17 T-20 X-13
 */
import {
  type DiskFigures,
  type FileFigures,
  kindOf,
  type TlbCounts,
  type ZoneContext,
  type ZoneFigures,
} from '../../machines/index.ts';
import { type HugeSummary, hugeSummary } from './hugeSummary.ts';
import { type PressureSummary, pressureSummary } from './pressureSummary.ts';
import { figuresOfKind, type KindState, type ShownState, statesOfKind, valueText } from './actorStates.ts';
import { type DeviceSummary, deviceSummary } from './deviceSummary.ts';

/** Largest tables that one process had, in bytes. */
export interface TableBytes {
  linuxBytes: number;
  /** Of the native table; 0 where there was none. */
  nativeBytes: number;
}

/** One process of a finished, or unfinished, run. */
export interface ProcessSummary {
  pid: number;
  /** Name of its trace. */
  program: string;
  /** Page size of its ABI, bytes. */
  pageBytes: number;
  /** References, accesses and misses of each TLB level, walks, and descriptors that walks read. */
  counts: TlbCounts;
  minorFaults: number;
  majorFaults: number;
  /** Resident at the end: of an exited process, what it held when it called exit. */
  residentBytes: number;
  residentPeakBytes: number;
  /** Most that its page tables took at one time: an exit frees them. */
  tablePeak: TableBytes;
  /** Page-cache pages that were dropped because it mapped their file, and pages read again after a drop. */
  droppedPages: number;
  rereadPages: number;
  fallbacks: number;
  /** Of the first fallback, empty when there was none. */
  fallbackReason: string;
  calls: number;
  /** Calls that returned an errno. */
  callsFailed: number;
  /** Cycles in user mode. */
  userCycles: number;
  /** How it ended, in words; where it stands when it has not. */
  end: string;
  ended: boolean;
}

/** The page cache of all files together; figures are null where a stand-in shows none. */
export type FilesSummary = { files: number } & { [F in keyof FileFigures]: number | null };

/** Memory, in pages of the kernel; null where a stand-in shows none. */
export type MemorySummary = { [F in Exclude<keyof ZoneFigures, 'usedPages'>]: number | null };

/** The disk; null where a stand-in shows none. */
export type DiskSummary = { [F in keyof DiskFigures]: number | null };

/** What kswapd and swap did, in kernel pages. */
export interface ReclaimSummary {
  /** Taken away; of these, dirty ones that had to be written to swap first, and those that came back from it. */
  reclaimedPages: number;
  swappedOutPages: number;
  swappedInPages: number;
  /** Allocations that had to wait. */
  stalls: number;
  /** Process pages that were torn. */
  violations: number;
  /** Written by a process, and lost: 0 unless the design is naive about dirty bits. */
  lostPages: number;
}

/** A whole run. */
export interface RunSummary {
  processes: ProcessSummary[];
  files: FilesSummary;
  memory: MemorySummary;
  disk: DiskSummary;
  /** Absent without kswapd. */
  reclaim?: ReclaimSummary;
  /** Calls that the ABI adapter refused before the kernel saw them. */
  callsRefused: number;
  /** Processes that have not ended: more than 0 at the end of a run says that it is stuck. */
  unfinished: number;
  /** Of memory pressure; absent where the topology has no slow path. */
  pressure?: PressureSummary;
  /** Of devices and objects of the kernel; absent where there are none. */
  devices?: DeviceSummary;
  /** Of huge pages; absent where the topology asks for none. */
  huge?: HugeSummary;
  /** Built-in kinds that others stand in for; absent where there are none. */
  standIns?: StandInSummary[];
}

/** A kind that another stands in for. */
export interface StandInSummary {
  kind: string;
  by: string;
  /** What reports could read of it. */
  shows: 'context' | 'figures' | 'nothing';
}

/** What the states alone do not tell. */
export interface SummaryFacts {
  /** Name of the program of each process, by pid. */
  programs?: ReadonlyMap<number, string>;
}

const SIGNAL_NAMES: Readonly<Record<number, string>> = { 7: 'SIGBUS', 9: 'SIGKILL', 11: 'SIGSEGV' };
/** si_code of SIGSEGV and SIGBUS (include/uapi/asm-generic/siginfo.h). */
const CODE_NAMES: Readonly<Record<string, string>> = { '11.1': 'MAPERR', '11.2': 'ACCERR', '7.2': 'ADRERR' };

/**
 * Sums a run up from the states of its actors.
 *
 * @example
 * ```ts
 * summarize([{ actor: 'disk', value: 'idle', context: { reads: 3, writes: 0, readBytes: 9, writtenBytes: 0 } }]).disk.reads; // 3
 * ```
 */
export function summarize(states: readonly ShownState[], facts: SummaryFacts = {}): RunSummary {
  const mms = new Map(statesOfKind(states, 'mm').map((state) => [state.context.pid, state]));
  const mmus = new Map(statesOfKind(states, 'mmu').map((state) => [state.context.pid, state]));
  const processes = statesOfKind(states, 'process').map((state) => {
    const { pid } = state.context;
    return processSummary({ state, mm: mms.get(pid), mmu: mmus.get(pid) }, facts);
  });
  const devices = deviceSummary(states);
  const [abi] = statesOfKind(states, 'abi');
  const pressure = pressureSummary(states);
  const huge = hugeSummary(states);
  return {
    processes,
    files: filesSummary(states),
    memory: memorySummary(states),
    disk: diskSummary(states),
    ...reclaimSummary(states),
    callsRefused: abi?.context.refused ?? 0,
    unfinished: processes.filter((process) => !process.ended).length,
    ...(pressure === null ? {} : { pressure }),
    ...(devices === null ? {} : { devices }),
    ...(huge === null ? {} : { huge }),
    ...standInsOf(states),
  };
}

/** The actors of one process. */
interface ProcessActors {
  state: KindState<'process'>;
  mm: KindState<'mm'> | undefined;
  mmu: KindState<'mmu'> | undefined;
}

function processSummary({ state, mm, mmu }: ProcessActors, facts: SummaryFacts): ProcessSummary {
  const { pid, pageBytes, counts, calls, callsFailed, userCycles } = state.context;
  const kernelPageBytes = mm?.context.kernelPageBytes ?? 0;
  const residentNow = (mm?.context.rssAnonPages ?? 0) + (mm?.context.rssFilePages ?? 0);
  // Whoever has exited has given everything back: what it had then is the figure.
  const residentPages = residentNow > 0 ? residentNow : (mm?.context.rssExitPages ?? 0);
  return {
    pid,
    program: facts.programs?.get(pid) ?? '',
    pageBytes,
    counts,
    minorFaults: mm?.context.minorFaults ?? 0,
    majorFaults: mm?.context.majorFaults ?? 0,
    residentBytes: residentPages * kernelPageBytes,
    residentPeakBytes: (mm?.context.rssPeakPages ?? 0) * kernelPageBytes,
    tablePeak: {
      linuxBytes: mmu?.context.linuxTableBytesPeak ?? 0,
      nativeBytes: mmu?.context.nativeTableBytesPeak ?? 0,
    },
    droppedPages: mm?.context.droppedPages ?? 0,
    rereadPages: mm?.context.rereadPages ?? 0,
    fallbacks: mm?.context.fallbacks ?? 0,
    fallbackReason: mm?.context.fallbackReason ?? '',
    calls,
    callsFailed,
    userCycles,
    end: endOf(state),
    ended: state.value === 'zombie',
  };
}

function endOf({ value, context }: KindState<'process'>): string {
  const { signal, signalCode, signalVa, at, callsFailed } = context;
  if (signal !== 0) {
    const name = SIGNAL_NAMES[signal] ?? `signal ${signal}`;
    const code = CODE_NAMES[`${signal}.${signalCode}`];
    return `${name}${code === undefined ? '' : ` ${code}`} at 0x${signalVa.toString(16)}`;
  }
  if (value !== 'zombie') return `not ended: ${valueText(value)}`;
  return at === 0 && callsFailed > 0 ? 'execve failed' : 'exited';
}

function filesSummary(states: readonly ShownState[]): FilesSummary {
  const count = states.filter(({ actor }) => kindOf(actor) === 'file').length;
  const files = figuresOfKind(states, 'file', (context) => context);
  const sum = (field: keyof FileFigures): number | null =>
    files === null ? null : files.reduce((total, file) => total + file[field], 0);
  return {
    files: count,
    drops: sum('drops'),
    droppedPages: sum('droppedPages'),
    rereadPages: sum('rereadPages'),
    readPages: sum('readPages'),
    writtenPages: sum('writtenPages'),
  };
}

function zoneFigures({ kernelPageBytes, totalPages, freePagesLeast, failures, buddy }: ZoneContext): ZoneFigures {
  const freePages = freePagesOf(buddy);
  const usedPages = totalPages - freePages;
  return { pageBytes: kernelPageBytes, totalPages, freePages, usedPages, freePagesLeast, failures };
}

function memorySummary(states: readonly ShownState[]): MemorySummary {
  const zones = figuresOfKind(states, 'zone', zoneFigures);
  if (zones === null) {
    return { pageBytes: null, totalPages: null, freePages: null, freePagesLeast: null, failures: null };
  }
  const [zone] = zones;
  if (zone === undefined) return { pageBytes: 0, totalPages: 0, freePages: 0, freePagesLeast: 0, failures: 0 };
  const { pageBytes, totalPages, freePages, freePagesLeast, failures } = zone;
  return { pageBytes, totalPages, freePages, freePagesLeast, failures };
}

function diskSummary(states: readonly ShownState[]): DiskSummary {
  const disks = figuresOfKind(states, 'disk', (context) => context);
  if (disks === null) return { reads: null, writes: null, readBytes: null, writtenBytes: null };
  const { reads, writes, readBytes, writtenBytes } = disks[0] ?? { reads: 0, writes: 0, readBytes: 0, writtenBytes: 0 };
  return { reads, writes, readBytes, writtenBytes };
}

function standInsOf(states: readonly ShownState[]): { standIns?: StandInSummary[] } {
  const standIns = new Map<string, StandInSummary>();
  for (const { standIn } of states) {
    if (standIn === undefined) continue;
    const { kind, by, shows } = standIn;
    standIns.set(kind, { kind, by, shows: typeof shows === 'function' ? 'figures' : shows });
  }
  return standIns.size === 0 ? {} : { standIns: [...standIns.values()] };
}

function reclaimSummary(states: readonly ShownState[]): { reclaim?: ReclaimSummary } {
  const [kswapd] = statesOfKind(states, 'kswapd');
  if (kswapd === undefined) return {};
  const [swap] = statesOfKind(states, 'swap');
  const [zone] = statesOfKind(states, 'zone');
  const { stolenPages, violations } = kswapd.context;
  return {
    reclaim: {
      reclaimedPages: stolenPages,
      swappedOutPages: swap?.context.writtenPages ?? 0,
      swappedInPages: swap?.context.readPages ?? 0,
      stalls: zone?.context.reclaim?.stalls ?? 0,
      violations,
      lostPages: statesOfKind(states, 'mmu').reduce((sum, { context }) => sum + (context.lostDirtyPages ?? 0), 0),
    },
  };
}

/** Free pages of a live allocator, or of its plain form: block and length pairs for each order. */
function freePagesOf(buddy: unknown): number {
  if (typeof buddy !== 'object' || buddy === null) return 0;
  if ('freeFrames' in buddy && typeof buddy.freeFrames === 'number') return buddy.freeFrames;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a zone's context holds when it is no Buddy
  const { free } = buddy as { free: number[][] };
  return free.reduce((total, runs, order) => {
    const blocks = runs.reduce((sum, length, at) => (at % 2 === 1 ? sum + length : sum), 0);
    return total + blocks * 2 ** order;
  }, 0);
}
