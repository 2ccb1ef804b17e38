import { invariant } from '../errors.ts';
import { RUN_FETCH, RUN_PAGE_SHIFT, RUN_WRITE } from '../mm/runs.ts';
import type { ImageSegment } from '../mm/runs.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from './layout.ts';

const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
/** Pages of one object lie within 4 MiB of each other; programs, interpreter and stack are farther apart. */
const CLUSTER_GAP_PAGES = 1024;
/** The default RLIMIT_STACK: untouched pages up to so far below the top still belong to the stack. */
const STACK_PAGES = (8 << 20) / PAGE_BYTES;
const FETCHED = 1 << RUN_FETCH;
const WRITTEN = 1 << RUN_WRITE;

/**
 * What is known of the memory that was there when the trace began. Page numbers are 4K ones.
 *
 * @example
 * ```ts
 * const pages = new Map([[16, 1]]);
 * const known = { mapped: () => false, linked: true, program: '/bin/true', interpreter: null };
 * const evidence: ImageEvidence = { pages, firstFetched: 16, firstWritten: -1, ...known };
 * evidence.pages.size; // 1
 * ```
 */
export interface ImageEvidence {
  /** Pages used that no call had mapped, with how: bits `1 << RUN_FETCH`, `1 << RUN_READ`, `1 << RUN_WRITE`. */
  pages: Map<number, number>;
  /** The page of the trace's first fetch; -1 when there is none. */
  firstFetched: number;
  /** The page of the trace's first write; -1 when there is none. */
  firstWritten: number;
  /** Whether any call ever mapped something between two pages. */
  mapped: (firstPage: number, endPage: number) => boolean;
  /** Whether the trace begins with a new program: only then can program, interpreter and stack be told apart. */
  linked: boolean;
  /** Path of the program and of its interpreter, when known. */
  program: string | null;
  interpreter: string | null;
}

interface Cluster {
  /** Ascending page numbers, with their use. */
  pages: [number, number][];
  kind: ImageSegment['kind'];
}

/**
 * Infers what execve and the loader had laid out from the pages that were used though no call had mapped them.
 * Pages near to each other are one object. The object of the first instruction is the interpreter, unless it is the
 * lowest one that is executed, which is the program; the object of the first write is the stack (a process's first
 * instructions push to it). Within an object: read-only before the first executed page, executable up to the last one,
 * read-only again, and writable from the first page written after it (the order in which linkers lay out segments).
 *
 * @example
 * ```ts
 * const pages = new Map([[0x108, 2], [0x109, 1], [0x10b, 4], [0x1fff000, 4]]);
 * const known = { mapped: () => false, linked: true, program: 'x', interpreter: null };
 * const image = inferImage({ pages, firstFetched: 0x109, firstWritten: 0x1fff000, ...known });
 * image.map((segment) => segment.kind); // ['program', 'program', 'program', 'program', 'stack']
 * ```
 */
export function inferImage(evidence: ImageEvidence): ImageSegment[] {
  const clusters = clustersOf(evidence);
  if (evidence.linked) nameClusters(clusters, evidence);
  return clusters.flatMap((cluster) => segmentsOf(cluster, evidence));
}

function clustersOf({ pages, mapped }: ImageEvidence): Cluster[] {
  const clusters: Cluster[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [page, use] of [...pages].sort(([a], [b]) => a - b)) {
    if (page - last > CLUSTER_GAP_PAGES || mapped(last + 1, page)) clusters.push({ pages: [], kind: 'other' });
    clusters[clusters.length - 1].pages.push([page, use]);
    last = page;
  }
  return clusters;
}

function nameClusters(clusters: Cluster[], evidence: ImageEvidence): void {
  const holding = (page: number) => clusters.find((cluster) => cluster.pages.some(([number]) => number === page));
  const program = clusters.find((cluster) => isExecuted(cluster));
  const first = holding(evidence.firstFetched);
  if (first !== undefined) first.kind = 'interpreter';
  if (program !== undefined) program.kind = 'program';
  const stack = holding(evidence.firstWritten);
  if (stack === undefined || isExecuted(stack)) return;
  stack.kind = 'stack';
  // A large array on the stack may leave a hole wider than the gap between objects.
  const top = endOf(stack);
  for (let at = clusters.indexOf(stack) - 1; at >= 0; at -= 1) {
    const lower = clusters[at];
    if (top - startOf(lower) > STACK_PAGES || isExecuted(lower) || evidence.mapped(endOf(lower), startOf(stack))) break;
    stack.pages.unshift(...lower.pages);
    clusters.splice(at, 1);
  }
}

function segmentsOf(cluster: Cluster, evidence: ImageEvidence): ImageSegment[] {
  const { kind } = cluster;
  const file = kind === 'program' ? evidence.program : kind === 'interpreter' ? evidence.interpreter : null;
  const start = startOf(cluster);
  const segments: ImageSegment[] = [];
  for (const { first, end, prot } of stretchesOf(cluster)) {
    invariant(first < end, 'a segment is not empty');
    const offsetBytes = file === null ? 0 : (first - start) * PAGE_BYTES;
    segments.push({ kind, addr: first * PAGE_BYTES, lengthBytes: (end - first) * PAGE_BYTES, prot, file, offsetBytes });
  }
  return segments;
}

/** The object cut where its permissions change. */
function stretchesOf(cluster: Cluster): { first: number; end: number; prot: number }[] {
  const { pages } = cluster;
  const end = endOf(cluster);
  if (!isExecuted(cluster)) {
    const written = cluster.kind === 'stack' || pages.some(([, use]) => (use & WRITTEN) !== 0);
    return [{ first: startOf(cluster), end, prot: written ? PROT_READ | PROT_WRITE : PROT_READ }];
  }
  const executed = pages.filter(([, use]) => (use & FETCHED) !== 0).map(([page]) => page);
  const firstCode = executed[0];
  const endCode = executed[executed.length - 1] + 1;
  const firstData = pages.find(([page, use]) => page >= endCode && (use & WRITTEN) !== 0)?.[0] ?? end;
  const borders = [startOf(cluster), firstCode, endCode, firstData, end];
  const prots = [PROT_READ, PROT_READ | PROT_EXEC, PROT_READ, PROT_READ | PROT_WRITE];
  const stretches = prots.map((prot, at) => {
    const [first, last] = [borders[at], borders[at + 1]];
    // Code that writes to itself, or data before the code: rare, and then the whole stretch is writable.
    const written = pages.some(([page, use]) => page >= first && page < last && (use & WRITTEN) !== 0);
    return { first, end: last, prot: written ? prot | PROT_WRITE : prot };
  });
  return stretches.filter((stretch) => stretch.first < stretch.end);
}

function isExecuted(cluster: Cluster): boolean {
  return cluster.pages.some(([, use]) => (use & FETCHED) !== 0);
}

function startOf(cluster: Cluster): number {
  return cluster.pages[0][0];
}

function endOf(cluster: Cluster): number {
  return cluster.pages[cluster.pages.length - 1][0] + 1;
}
