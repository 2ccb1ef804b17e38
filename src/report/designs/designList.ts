/**
 * The designs that are held side by side: plain kernels of each page size, large folios with the contiguous bit at some
 * coverage, the proposal,
 * and its layers 1 and 2 alone.
 *
 * @models S-02 S-03 S-05 S-11 S-35 T-11 X-02
 */
import type { RunSource } from '../../mm/runs.ts';
import type { TopologyInput } from '../../topology/schema.ts';

/** What tells the designs apart. */
export type DesignKind = 'plain' | 'mthp' | 'proposal' | 'layers-1-2';

/** A design to run a trace on. */
export interface ComparedDesign {
  /** `plain-4K`, `mthp-75`, `proposal-64K`, `layers-1-2-64K`: its name in tables, files and arguments. */
  name: string;
  kind: DesignKind;
  kernelPageBytes: number;
  processPageBytes: number;
  /** The page size of the tables that hardware walks. */
  walkedPageBytes: number;
  /** Of `mthp`: the share of 64K windows that get a 64K folio. */
  coveragePercent: number | null;
}

/** What every design is run with. */
export interface DesignSetting {
  core: string;
  memoryBytes: number;
  /** One page in so many is the kernel's own from the beginning, and does not move: fragments memory; null for none. */
  kernelPageEvery: number | null;
  /** Whether the files of the program are in the page cache when it starts, read by 4K processes; or on disk. */
  cache: 'cold' | 'warm';
}

/** Pages that a process of this model may have, and the size that programs are linked for. */
const PAGE_SIZES = [4096, 16384, 65536] as const;
const [SMALL, MIDDLE, LARGE] = PAGE_SIZES;
/** The coverages of a comparison unless others are asked for. */
export const DEFAULT_COVERAGES: readonly number[] = [0, 25, 50, 75, 100];
/** The process that runs the trace. */
export const DESIGN_PID = 1;

const MADE_UP = /^\/(?:dev|proc|sys)\//;

const sizeText = (bytes: number): string => `${bytes / 1024}K`;

function plain(pageBytes: number): ComparedDesign {
  const sizes = { kernelPageBytes: pageBytes, processPageBytes: pageBytes, walkedPageBytes: pageBytes };
  return { name: `plain-${sizeText(pageBytes)}`, kind: 'plain', ...sizes, coveragePercent: null };
}

function mthp(coveragePercent: number): ComparedDesign {
  const sizes = { kernelPageBytes: SMALL, processPageBytes: SMALL, walkedPageBytes: SMALL };
  return { name: `mthp-${coveragePercent}`, kind: 'mthp', ...sizes, coveragePercent };
}

function onSmallKernel(kind: 'proposal' | 'layers-1-2', pageBytes: number): ComparedDesign {
  const walkedPageBytes = kind === 'proposal' ? pageBytes : SMALL;
  const sizes = { kernelPageBytes: SMALL, processPageBytes: pageBytes, walkedPageBytes };
  return { name: `${kind}-${sizeText(pageBytes)}`, kind, ...sizes, coveragePercent: null };
}

/**
 * The designs of a comparison, in the order of its columns.
 *
 * @example
 * ```ts
 * designsOf([100]).map(({ name }) => name);
 * // ['plain-4K', 'plain-16K', 'plain-64K', 'mthp-100', 'proposal-16K', 'proposal-64K', 'layers-1-2-16K', 'layers-1-2-64K']
 * ```
 */
export function designsOf(coverages: readonly number[] = DEFAULT_COVERAGES): ComparedDesign[] {
  const rising = [...new Set(coverages)].sort((a, b) => a - b);
  return [
    ...PAGE_SIZES.map(plain),
    ...rising.map(mthp),
    onSmallKernel('proposal', MIDDLE),
    onSmallKernel('proposal', LARGE),
    onSmallKernel('layers-1-2', MIDDLE),
    onSmallKernel('layers-1-2', LARGE),
  ];
}

/**
 * The topology that runs a trace on a design: one process on one CPU. In every one the program is laid out for 64K pages, as
 * linkers for arm64
 * lay programs out (`max-page-size` of 64K), and TLBs keep a contiguous group as one entry.
 *
 * @example
 * ```ts
 * const [first] = designsOf();
 * const setting = { core: 'neoverse-v2', memoryBytes: 2 ** 31, kernelPageEvery: null, cache: 'cold' as const };
 * topologyOf(first, { name: 'true-kernel', files: [] }, setting).kernelPageSize; // 4096
 * ```
 */
export function topologyOf(
  design: ComparedDesign,
  trace: Pick<RunSource, 'name' | 'files'>,
  setting: DesignSetting,
): TopologyInput {
  const { kind, coveragePercent } = design;
  const large = kind === 'mthp';
  const thp = large ? { sizes: { [LARGE]: 'always' as const }, coveragePercent: coveragePercent ?? undefined } : {};
  const { kernelPageEvery, cache } = setting;
  // What the kernel makes up when it is read has no cache.
  const cached = trace.files.filter(({ path }) => path.startsWith('/') && !MADE_UP.test(path));
  return {
    name: design.name,
    kernelPageSize: design.kernelPageBytes,
    core: setting.core,
    memory: setting.memoryBytes,
    nativeTables: kind === 'proposal',
    // Folios of the page cache are as large as those of anonymous memory where they are covered, up to the end of the file.
    pageCache: large ? 'large-folios-to-eof' : 'drop-and-re-read',
    design: { contpte: true, contiguousTlb: 'per-group', thp },
    zone: kernelPageEvery === null ? {} : { kernelPageEvery },
    files: cache === 'cold' ? [] : cached.map(({ path, sizeBytes }) => ({ path, size: sizeBytes, cached: true })),
    processes: [{ pid: DESIGN_PID, trace: trace.name, pageSize: design.processPageBytes, layout: LARGE }],
  };
}
