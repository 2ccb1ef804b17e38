/** What a holder of pins keeps: the pages it has, and the request that it works on. */
import type { HeldPin } from '../../src/mm/gup/held.ts';
import type { MessageOf } from '../messages.ts';
import type { ResourceHolder } from '../support.ts';

/** What a holder is built with. */
export interface GupInput {
  resources: ResourceHolder;
  name: string;
  kernelPageBytes: number;
}

/** What the request under way waits for. */
export type GupPhase =
  | 'idle'
  /** `write_protect_seq`, before the walk and after it. */
  | 'sampling'
  | 'checking'
  /** An entry of the table; a reference to its folio; the reference to be given back. */
  | 'walking'
  | 'grabbing'
  | 'dropping'
  /** All that the walk took is given back, because a fork ran beside it. */
  | 'undoing'
  /** The mm, under its lock. */
  | 'slow'
  | 'unpinning';

/** A pin request under way. */
export interface GupWork {
  message: MessageOf<'GUP_PIN'>;
  /** The page to do next, and where the range ends. */
  va: number;
  endVa: number;
  seq: number;
  step: 'pmd' | 'pte' | 'again';
  /** The entry that the walk has read, and what it knows of the folio. */
  pfn: number;
  flags: number;
  kind: string;
  owner: string;
  /** Pages that the fast walk has taken. */
  taken: HeldPin[];
}

/** A holder's state. */
export interface GupContext {
  resources: ResourceHolder;
  name: string;
  kernelPageBytes: number;
  phase: GupPhase;
  awaits: number;
  nextRequest: number;
  work: GupWork | null;
  /** The pages that are being unpinned, and who asked. */
  unpin: MessageOf<'GUP_UNPIN'> | null;
  queue: MessageOf<'GUP_PIN' | 'GUP_UNPIN'>[];
  held: HeldPin[];
  /** Pages that came by the fast walk, and by the mm. */
  fastPages: number;
  slowPages: number;
  /** References given back because the entry had changed, and walks undone because of a fork. */
  changed: number;
  undone: number;
  /** Requests that got fewer pages than they asked for. */
  short: number;
}

/**
 * A holder of nothing.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * initialGup({ resources, name: 'io_uring', kernelPageBytes: 4096 }).held; // []
 * ```
 */
export function initialGup({ resources, name, kernelPageBytes }: GupInput): GupContext {
  return {
    resources,
    name,
    kernelPageBytes,
    phase: 'idle',
    awaits: 0,
    nextRequest: 1,
    work: null,
    unpin: null,
    queue: [],
    held: [],
    fastPages: 0,
    slowPages: 0,
    changed: 0,
    undone: 0,
    short: 0,
  };
}
