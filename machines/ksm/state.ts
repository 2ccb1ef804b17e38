/**
 * The state of ksmd, and the small steps that all its work is made of.
 *
 * @models S-48
 */
import type { PteRun } from '../messages.ts';
import type { Message } from '../messages.ts';
import { emptyTrees, type KsmTrees, type Pruned, type UnstableEntry } from '../../src/mm/ksm/trees.ts';
import type { ResourceHolder, Send } from '../support.ts';
import type { KsmSettings } from './messages.ts';

/** What ksmd is built with. */
export interface KsmInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  zeroPfn: number;
  settings: KsmSettings;
}

/** A unit that was found in a table: the entries of it, equal flags in one run. */
export interface KsmUnit {
  pid: number;
  va: number;
  nr: number;
  pfn: number;
  runs: PteRun[];
  /** Flags of a fresh read-only entry of its area. */
  protection: number;
}

/** What a unit is being merged with. */
export type MergeTarget =
  | { kind: 'zero'; pfn: number }
  | { kind: 'stable'; pfn: number; node: number }
  | { kind: 'two'; other: UnstableEntry };

/** A merge under way: `unit` gives its frames up; in a merge of two the kept one is `kept`. */
export interface KsmMerge {
  target: MergeTarget;
  checksum: string;
  unit: KsmUnit;
  kept: KsmUnit | null;
  /** ksmd holds references to the frames of `kept` that no node has yet. */
  holds: boolean;
}

/** A batch under way. */
export interface KsmJob {
  awaits: number;
  step: string;
  /** Kernel pages that it may still look at. */
  left: number;
  pid: number;
  /** Ranges of this mm that are still to be walked, with the entry flags of each. */
  ranges: { startVa: number; endVa: number; protection: number }[];
  pageBytes: number;
  units: KsmUnit[];
  merge: KsmMerge | null;
}

/** ksmd's state. */
export interface KsmContext {
  resources: ResourceHolder;
  kernelPageBytes: number;
  zeroPfn: number;
  settings: KsmSettings;
  trees: KsmTrees;
  /** The address space to go on with, and where (`ksm_scan`). */
  cursor: { at: number; va: number };
  job: KsmJob | null;
  /** KSM_SCAN is on its way. */
  armed: boolean;
  nextRequest: number;
  fullScans: number;
  pagesScanned: number;
  /** Kernel pages that the zero page took the place of. */
  zeroPages: number;
  /** Units that were merged, and tries that failed because something had changed. */
  merges: number;
  failed: number;
  /** Process pages that are no whole block any more. */
  torn: number;
  /** Merges that made a native table be given up. */
  fallbacks: number;
}

/**
 * ksmd before anybody has entered.
 *
 * @example
 * ```ts
 * const settings = ksmSchema.parse({});
 * initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings }).fullScans; // 0
 * ```
 */
export function initialKsm({ resources, kernelPageBytes, zeroPfn, settings }: KsmInput): KsmContext {
  return {
    resources,
    kernelPageBytes,
    zeroPfn,
    settings,
    trees: emptyTrees(),
    cursor: { at: 0, va: 0 },
    job: null,
    armed: false,
    nextRequest: 1,
    fullScans: 0,
    pagesScanned: 0,
    zeroPages: 0,
    merges: 0,
    failed: 0,
    torn: 0,
    fallbacks: 0,
  };
}

/**
 * Sends a request and makes the batch wait for its answer at a step.
 *
 * @example
 * ```ts
 * const ksm = initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings: ksmSchema.parse({}) });
 * const job = { awaits: 0, step: '', left: 1, pid: 7, ranges: [], pageBytes: 0, units: [], merge: null };
 * const query = (request: number) => ({ type: 'MM_QUERY' as const, sender: 'ksmd', request });
 * askFor(ksm, job, 'areas', 'mm:7', query, () => {}).job?.step; // 'areas'
 * ```
 */
export function askFor(
  context: KsmContext,
  job: KsmJob,
  step: string,
  to: string,
  message: (request: number) => Message,
  send: Send,
): KsmContext {
  const request = context.nextRequest;
  send(to, message(request));
  return { ...context, nextRequest: request + 1, job: { ...job, awaits: request, step } };
}

/**
 * Takes over trees that something went out of, and gives the references of its frames back.
 *
 * @example
 * ```ts
 * const ksm = initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings: ksmSchema.parse({}) });
 * const sent: unknown[] = [];
 * pruned(ksm, { trees: emptyTrees(), freed: [{ pfn: 64, nr: 1 }] }, (_to, message) => sent.push(message.runs));
 * sent; // [[{ pfn: 64, nr: 1 }]]
 * ```
 */
export function pruned(context: KsmContext, { trees, freed }: Pruned, send: Send): KsmContext {
  if (freed.length > 0) send('zone', { type: 'PUT', runs: [...freed] });
  return { ...context, trees };
}
