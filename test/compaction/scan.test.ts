/**
 * The zone's side of compaction, message by message: isolation, moves that come to nothing or to a part, and who may pin.
 *
 * @models S-14 D-07
 */
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { machines, ResourceHolder, type ZoneContext } from '../../machines/index.ts';
import { isBeingMoved } from '../../machines/compaction/zonePressure.ts';
import { compactScan } from '../../machines/compaction/zoneScan.ts';
import type { Message, MessageOf, MoveDone } from '../../machines/messages.ts';
import { defaultCosts } from '../../src/arch/costs.ts';

/** A zone of 16M with one page in use in each 16K of its lower half, all of `mm:1`. */
function zone(): ZoneContext {
  const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
  const input = { resources, kernelPageBytes: 4096, memoryBytes: 2 ** 24, pressure: { background: false } };
  const { context } = createActor(machines.zone, { input }).getSnapshot();
  const buddy = context.buddy.edit();
  const folios = context.folios.edit();
  for (let pfn = 262144 + 16; pfn < 262144 + 4096; pfn += 4) {
    if (!buddy.allocAt(pfn, 0)) continue;
    folios.add({ pfn, order: 0, owner: 'mm:1', kind: 'anon' });
  }
  return { ...context, buddy: buddy.done(), folios: folios.done() };
}

const about = { orderPages: 4, migrateType: 'movable' as const, priority: 1 as const, direct: true };
const ends = { migratePfn: 262144, freePfn: 262144 + 4096 };

/** The scanners have met: nothing more is isolated. */
const MET = { migratePfn: ends.freePfn - 8, freePfn: ends.freePfn };

/** Sends one COMPACT_SCAN; what the zone says, and its state then. */
function scanned(context: ZoneContext, at: Partial<MessageOf<'COMPACT_SCAN'>>) {
  const sent: Message[] = [];
  const scan = { type: 'COMPACT_SCAN' as const, request: 1, ...about, ...ends, first: true, done: [], ...at };
  const next = compactScan(context, scan, (_to, message) => sent.push(message));
  const [batch] = sent;
  if (batch.type !== 'COMPACT_BATCH') throw new Error('a scan is answered with a batch');
  expect(next.buddy.freeFrames + next.folios.frames).toBe(next.totalPages);
  return { next, batch };
}

describe('a scan', () => {
  test('isolates 32 pages: each has a reference more and a place, and nobody may pin it', () => {
    const before = zone();
    const { next, batch } = scanned(before, {});
    expect(batch.moves).toHaveLength(32);
    for (const { fromPfn, toPfn } of batch.moves) {
      expect(next.folios.find(fromPfn)?.refs).toBe(2);
      expect(next.folios.find(toPfn)).toMatchObject({ owner: 'kcompactd', refs: 1 });
      expect(isBeingMoved(next, fromPfn)).toBe(true);
    }
    expect(isBeingMoved(next, 262144 + 4000)).toBe(false);
    expect(before.buddy.freeFrames - next.buddy.freeFrames).toBe(32);
  });

  test('takes note of moves: the copy has the references and the owner, the original is free', () => {
    const { next, batch } = scanned(zone(), {});
    const done: MoveDone[] = batch.moves.map((move) => ({ ...move, pages: [0] }));
    const { next: after } = scanned(next, { done, first: false, ...MET });
    for (const { fromPfn, toPfn } of batch.moves) {
      expect(after.folios.find(toPfn)).toMatchObject({ owner: 'mm:1', kind: 'anon', refs: 1 });
      expect(after.folios.find(fromPfn)).toBeNull();
    }
    expect(after.pressure).toMatchObject({ migratedPages: 32, migrateFailedPages: 0 });
  });

  test('gives the place back where the move came to nothing, and the page too if it is gone by then', () => {
    const { next, batch } = scanned(zone(), {});
    const [first, second, ...rest] = batch.moves;
    // The owner has unmapped one page meanwhile: the isolation holds the last reference.
    const folios = next.folios.edit();
    folios.put(second.fromPfn);
    const done: MoveDone[] = [first, second, ...rest].map((move) => ({ ...move, pages: [] }));
    const { next: after } = scanned({ ...next, folios: folios.done() }, { done, first: false, ...MET });
    expect(after.folios.find(first.fromPfn)).toMatchObject({ owner: 'mm:1', refs: 1 });
    expect(after.folios.find(second.fromPfn)).toBeNull();
    expect(after.buddy.isFree(first.toPfn)).toBe(true);
    expect(after.pressure).toMatchObject({ migratedPages: 0, migrateFailedPages: 32 });
  });

  test('of a folio of which one page was moved leaves both parts with what maps them', () => {
    const base = zone();
    const buddy = base.buddy.edit();
    const folios = base.folios.edit();
    for (let pfn = 262144 + 1024; pfn < 262144 + 1028; pfn++) if (folios.find(pfn) !== null) folios.remove(pfn);
    for (let pfn = 262144 + 1024; pfn < 262144 + 1028; pfn++) if (!buddy.isFree(pfn)) buddy.free(pfn, 0);
    buddy.allocAt(262144 + 1024, 2);
    folios.add({ pfn: 262144 + 1024, order: 2, refs: 4, owner: 'mm:2', kind: 'anon' });
    const held = { ...base, buddy: buddy.done(), folios: folios.done() };
    const { batch } = scanned(held, { migratePfn: 262144 + 1024, first: false });
    // Free pieces are two pages at most: there is no place for it, and the single pages have theirs all the same.
    expect(batch.moves).toHaveLength(28);
    const roomy = held.buddy.edit();
    const fewer = held.folios.edit();
    fewer.remove(262144 + 4092);
    roomy.free(262144 + 4092, 0);
    const again = scanned(
      { ...held, buddy: roomy.done(), folios: fewer.done() },
      { migratePfn: 262144 + 1024, first: false },
    );
    const move = again.batch.moves.find(({ order }) => order === 2) ?? expect.fail('the folio is moved');
    const done: MoveDone[] = again.batch.moves.map((one) => ({ ...one, pages: one === move ? [1] : [] }));
    const { next: after } = scanned(again.next, { done, first: false, ...MET });
    expect(after.folios.find(move.fromPfn)).toMatchObject({ owner: 'mm:2', refs: 3 });
    expect(after.folios.find(move.toPfn)).toMatchObject({ owner: 'mm:2', refs: 1, order: 2 });
  });

  test('ends where the scanners meet, and at once where there is a block', () => {
    expect(scanned(zone(), { migratePfn: ends.freePfn - 8, first: false }).batch.result).toBe('complete');
    const { context } = createActor(machines.zone, {
      input: {
        resources: new ResourceHolder({ traces: new Map(), costs: defaultCosts }),
        kernelPageBytes: 4096,
        memoryBytes: 2 ** 24,
        pressure: { background: false },
      },
    }).getSnapshot();
    expect(scanned(context, {}).batch).toMatchObject({ result: 'success', moves: [] });
  });
});
