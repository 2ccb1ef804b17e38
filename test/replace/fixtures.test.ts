import { describe, expect, it } from 'vitest';
import { replay, timeline } from '../../src/library/timeline.ts';
import { run } from '../../src/library/run.ts';
import { runTopology } from '../../src/topology/run.ts';
import { checked, opened, REPLACEMENTS, summaryOf, without } from './support.ts';

const fieldOf = (payload: unknown, name: string): unknown => (payload as Record<string, unknown>)[name];

describe.each(REPLACEMENTS)('%s', (name) => {
  it('runs to its end with every law looked at, and replays to the same head hash', async () => {
    const made = checked(await opened(name));
    expect(made.lawsLeftOut).toEqual([]);
    expect(summaryOf(made).unfinished).toBe(0);
    const again = replay(made);
    expect(again.divergence).toBe(null);
    expect(again.headHash).toBe(made.headHash);
    expect(again.records).toBe(made.log.records);
  });

  it('changes nothing of messages and contexts, and is the same by XState itself', async () => {
    const ready = await opened(name);
    const frozen = runTopology({ ...ready, writer: null, freeze: true });
    const byXState = run(ready, { interpreter: 'xstate' });
    expect(byXState.headHash).toBe(run(ready).headHash);
    expect(frozen.timeCycles).toBe(byXState.timeCycles);
  });
});

describe('best fit', () => {
  it('wears out the holes before it cuts into the largest extent', async () => {
    const made = checked(await opened('best-fit-zone'));
    const exit = [...made.log.byType('SYSCALL')].findLast(({ payload }) => fieldOf(payload, 'pid') === 200)?.seq ?? 0;
    const { free } = timeline(made).state('zone', exit).context as unknown as { free: [number, number][] };
    expect(free.length).toBeGreaterThan(5);
    const fits = ([start, end]: [number, number]): boolean => Math.ceil(start / 16) * 16 + 16 <= end;
    expect(free.filter(fits).length).toBeLessThanOrEqual(1);
  });

  it('gives every page back that nobody has', async () => {
    const { memory } = summaryOf(checked(await opened('best-fit-zone')));
    expect(memory).toMatchObject({ pageBytes: 4096, totalPages: 1024, failures: 0 });
    expect(memory.freePages).toBeGreaterThan(1024 - 32);
  });
});

describe('both sizes', () => {
  it('re-reads nothing where the built-in page cache does at each mapping', async () => {
    const ready = await opened('both-sizes');
    const both = summaryOf(checked(ready)).files;
    const built = summaryOf(run(without(ready))).files;
    const sticky = summaryOf(run(without(ready, { pageCache: 'sticky-order' }))).files;
    expect(built).toMatchObject({ drops: 4, droppedPages: 672, rereadPages: 672, readPages: 928 });
    expect(sticky).toMatchObject({ droppedPages: 96, rereadPages: 96, readPages: 352 });
    expect(both).toMatchObject({ drops: 1, droppedPages: 256, rereadPages: 0, readPages: 512 });
  });

  it('has one copy from the first write on, which is the largest', async () => {
    const made = checked(await opened('both-sizes'));
    const travel = timeline(made);
    const file = (seq: number) =>
      travel.state('file:/lib/shared.so', seq).context as unknown as { copies: object; single: number };
    const write = [...travel.events()].find(
      ({ type, payload }) => type === 'GET_PAGES' && fieldOf(payload, 'write') === true,
    );
    expect(Object.keys(file((write?.seq ?? 0) - 1).copies)).toEqual(['0', '4']);
    expect(file(made.log.lastSeq).single).toBe(4);
    expect(Object.keys(file(made.log.lastSeq).copies)).toEqual(['4']);
  });
});

describe('a TLB that coalesces', () => {
  const withSpan = async (span: number) => {
    const { topology, ...rest } = await opened('coalescing-tlb');
    const replace = { tlb: { kind: 'coalescing-tlb', input: { entries: 64, span } } };
    return summaryOf(checked({ ...rest, topology: { ...topology, replace } })).processes;
  };

  it('misses a page once where entries span 16 pages, and at each round where they span one', async () => {
    const [wide, narrow] = [await withSpan(16), await withSpan(1)];
    expect(narrow[0]?.counts.l2Misses).toBe(1057);
    expect(wide[0]?.counts.l2Misses).toBe(274);
    // 16 pages of 64K fit in 64 entries either way.
    expect(wide[1]?.counts.l2Misses).toBe(17);
    expect(narrow[1]?.counts.l2Misses).toBe(17);
    expect(wide.map(({ counts }) => counts.references)).toEqual(narrow.map(({ counts }) => counts.references));
  });
});

describe('convert when clean', () => {
  const fallbacks = (made: Parameters<typeof summaryOf>[0]) => summaryOf(made).processes.map((one) => one.fallbacks);

  it('leaves a dirty file as it is, at the price of a fallback, and converts a clean one', async () => {
    const ready = await opened('convert-when-clean');
    expect(fallbacks(checked(ready))).toEqual([0, 1, 0]);
    expect(fallbacks(run(without(ready, { pageCache: 'drop-and-re-read' })))).toEqual([0, 0, 0]);
  });
});
