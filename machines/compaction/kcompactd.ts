/**
 * kcompactd, and compaction on behalf of allocations that wait: one attempt at a time. It asks the zone for folios to move,
 * finds the entries that map them, and has their owners exchange them. The copy is made while the entries are broken, before
 * the new ones are made: in Linux a migration entry stands there meanwhile, and a fault on it waits.
 *
 * @models S-14 L-04 D-07 D-12 S-10
 */
import { setup } from 'xstate';
import { mmuOf } from '../addresses.ts';
import type { Message, MessageOf } from '../messages.ts';
import { assertType, handle, type ResourceHolder, type Send } from '../support.ts';
import {
  type CompactionContext,
  type CompactJob,
  initialCompaction,
  movesDone,
  pagesOf,
  replacementsOf,
} from './compactState.ts';
import { afterFailure, afterSuccess, COMPACT_PRIORITY, isDeferred } from '../../src/mm/compaction/suitable.ts';

/** What the compactor is built with. */
export interface KcompactdInput {
  resources: ResourceHolder;
  kernelPageBytes: number;
  /** The frames of the zone. */
  basePfn: number;
  endPfn: number;
  /** What is exchanged at once: all entries of a folio, or one after the other as try_to_migrate_one has it. */
  unit: 'folio' | 'kernel-page';
}

type C = CompactionContext;

/** Starts the next attempt that waits, unless one is under way. */
function next(context: C, send: Send): C {
  const [job, ...queue] = context.queue;
  if (context.job !== null || job === undefined) return context;
  const state = { ...context, queue };
  if (job.priority > COMPACT_PRIORITY['sync-full']) {
    const { deferral, deferred } = isDeferred(context.deferral, job.order);
    if (deferred) {
      const counts = { ...context.counts, deferred: context.counts.deferred + 1 };
      return next(answer({ ...state, deferral, counts }, job, 'deferred', send), send);
    }
    return begin({ ...state, deferral }, job, send);
  }
  return begin(state, job, send);
}

function answer(context: C, { sender, request }: CompactJob, result: MessageOf<'COMPACTED'>['result'], send: Send): C {
  if (sender !== '') send(sender, { type: 'COMPACTED', request, result });
  return context;
}

function begin(context: C, job: CompactJob, send: Send): C {
  const { basePfn, endPfn } = context;
  const whole = context.cachedMigratePfn === basePfn;
  const at = { migratePfn: context.cachedMigratePfn, freePfn: Math.min(context.cachedFreePfn, endPfn) };
  return scan({ ...context, job, whole, ...at, walks: {} }, true, [], 0, send);
}

/** Asks for the next batch, and says what became of the one before. */
function scan(context: C, first: boolean, done: MessageOf<'COMPACT_SCAN'>['done'], delay: number, send: Send): C {
  const { job, migratePfn, freePfn } = context;
  if (job === null) return context;
  const { order: orderPages, type: migrateType, priority } = job;
  const request = context.nextRequest;
  const about = { orderPages, migrateType, priority, direct: job.sender !== '', migratePfn, freePfn };
  send('zone', { type: 'COMPACT_SCAN', request, ...about, first, done }, delay);
  return { ...context, nextRequest: request + 1, awaits: [request], moves: [], replaced: [], first };
}

/** An attempt ends. Where the scanners met, the next one begins at the ends of the zone again [__reset_isolation_suitable]. */
function end(context: C, found: MessageOf<'COMPACTED'>['result'], send: Send): C {
  const { job, whole, basePfn, endPfn, counts } = context;
  if (job === null) return context;
  const met = found === 'complete';
  const result = met && !whole ? 'partial-skipped' : found;
  let { deferral } = context;
  // The page that was made is the asker's (`capture_control`): it counts as handed out.
  if (result === 'success') deferral = afterSuccess(deferral, job.order, job.sender !== '');
  else if (met && job.priority !== COMPACT_PRIORITY.async) deferral = afterFailure(deferral, job.order);
  const cached = met ? { cachedMigratePfn: basePfn, cachedFreePfn: endPfn } : {};
  const succeeded = result === 'success' && !context.first ? 1 : 0;
  const ended = {
    ...context,
    job: null,
    walks: {},
    deferral,
    ...cached,
    counts: { ...counts, success: counts.success + succeeded, failed: counts.failed + (met ? 1 : 0) },
  };
  return next(answer(ended, job, result, send), send);
}

const enqueue = handle<C>((context, event, send) => {
  assertType(event, 'COMPACT');
  const { sender, request, orderPages: order, migrateType: type, priority } = event;
  const counts = { ...context.counts, stalls: context.counts.stalls + 1 };
  return next({ ...context, counts, queue: [...context.queue, { sender, request, order, type, priority }] }, send);
});

/** `wakeup_kcompactd`: one is enough. */
const wake = handle<C>((context, event, send) => {
  assertType(event, 'WAKE_KCOMPACTD');
  if ([context.job, ...context.queue].some((job) => job?.sender === '')) return context;
  const counts = { ...context.counts, wakes: context.counts.wakes + 1 };
  const about = { type: 'movable' as const, priority: COMPACT_PRIORITY['sync-light'] };
  const job: CompactJob = { sender: '', request: 0, order: event.orderPages, ...about };
  return next({ ...context, counts, queue: [...context.queue, job] }, send);
});

const batch = handle<C>((context, event, send) => {
  assertType(event, 'COMPACT_BATCH');
  if (!context.awaits.includes(event.request)) return context;
  const { result, moves, migratePfn, freePfn, migrateScanned, freeScanned } = event;
  if (result !== '') return end(context, result, send);
  const { counts } = context;
  const state: C = {
    ...context,
    migratePfn,
    freePfn,
    cachedMigratePfn: migratePfn,
    cachedFreePfn: freePfn,
    moves,
    awaits: [],
    counts: {
      ...counts,
      migrateScanned: counts.migrateScanned + migrateScanned,
      freeScanned: counts.freeScanned + freeScanned,
      isolatedPages: counts.isolatedPages + moves.reduce((sum, { order }) => sum + 2 ** order, 0),
    },
  };
  if (moves.length === 0) return scan(state, false, [], 0, send);
  return findEntries(state, send);
});

/** rmap: the tables of owners that have not been walked in this attempt are. */
function findEntries(context: C, send: Send): C {
  const owners = [...new Set(context.moves.map(({ owner }) => owner))];
  const unknown = owners.filter((owner) => context.walks[owner] === undefined);
  if (unknown.length === 0) return replace(context, send);
  let { nextRequest } = context;
  const awaits: number[] = [];
  for (const owner of unknown) {
    const pid = Number(owner.slice('mm:'.length));
    const range = { startVa: 0, endVa: 2 ** context.vaBits };
    send(mmuOf(pid), { type: 'PAGEWALK', sender: 'kcompactd', request: nextRequest, ...range });
    awaits.push(nextRequest++);
  }
  return { ...context, nextRequest, awaits };
}

const walked = handle<C>((context, event, send) => {
  assertType(event, 'WALKED');
  if (!context.awaits.includes(event.request)) return context;
  const awaits = context.awaits.filter((request) => request !== event.request);
  const walks = { ...context.walks, [`mm:${event.pid}`]: event.runs };
  const state = { ...context, awaits, walks };
  return awaits.length > 0 ? state : replace(state, send);
});

/** Has every owner exchange the entries of its folios: all in one go, or one by one in the naive design. */
function replace(context: C, send: Send): C {
  const byOwner = replacementsOf(context);
  let { nextRequest } = context;
  const awaits: number[] = [];
  for (const [owner, changes] of byOwner) {
    const parts = context.unit === 'folio' ? [changes] : changes.flatMap((change) => pagesOf(change, context));
    for (const part of parts) {
      send(owner, { type: 'REPLACE_PTES', sender: 'kcompactd', request: nextRequest, changes: part });
      awaits.push(nextRequest++);
    }
  }
  const state = { ...context, nextRequest, awaits };
  return awaits.length > 0 ? state : moved(state, send);
}

const replaced = handle<C>((context, event, send) => {
  assertType(event, 'REPLACED');
  if (!context.awaits.includes(event.request)) return context;
  const awaits = context.awaits.filter((request) => request !== event.request);
  const fallbacks = context.counts.fallbacks + (event.fallback === '' ? 0 : 1);
  const state = {
    ...context,
    awaits,
    replaced: [...context.replaced, ...event.replaced.map(({ pfn, nr }) => ({ pfn, nr }))],
    counts: { ...context.counts, fallbacks },
  };
  return awaits.length > 0 ? state : moved(state, send);
});

/** The entries of the batch are exchanged; the copies took their time. */
function moved(context: C, send: Send): C {
  const done = movesDone(context);
  const pages = done.reduce((sum, move) => sum + move.pages.length, 0);
  const { copyPerKb } = context.resources.costs;
  const delay = Math.ceil((pages * context.kernelPageBytes * copyPerKb) / 1024);
  return scan(context, false, done, delay, send);
}

/** The statechart: waiting for the zone, for the tables of owners, or for their entries to be exchanged. */
export const kcompactdMachine = setup({
  types: { context: {} as C, events: {} as Message, input: {} as KcompactdInput },
  actions: { enqueue, wake, batch, walked, replaced },
  guards: {
    scans: ({ context }) => context.job !== null && context.moves.length === 0,
    migrates: ({ context }) => context.job !== null && context.moves.length > 0,
    rests: ({ context }) => context.job === null,
  },
}).createMachine({
  id: 'kcompactd',
  context: ({ input }) => initialCompaction(input),
  initial: 'idle',
  on: {
    COMPACT: { actions: 'enqueue' },
    WAKE_KCOMPACTD: { actions: 'wake' },
    COMPACT_BATCH: { actions: 'batch' },
    WALKED: { actions: 'walked' },
    REPLACED: { actions: 'replaced' },
  },
  states: {
    idle: {
      always: [
        { guard: 'scans', target: 'scanning' },
        { guard: 'migrates', target: 'migrating' },
      ],
    },
    scanning: {
      always: [
        { guard: 'migrates', target: 'migrating' },
        { guard: 'rests', target: 'idle' },
      ],
    },
    migrating: {
      always: [
        { guard: 'scans', target: 'scanning' },
        { guard: 'rests', target: 'idle' },
      ],
    },
  },
});
