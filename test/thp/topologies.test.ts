/**
 * The topologies of huge pages: what they are there to show, and that their logs replay.
 *
 * @models S-17 S-23 S-24 S-34 S-35
 */
import { describe, expect, test } from 'vitest';
import type { KhugepagedContext, MmContext } from '../../machines/index.ts';
import { liveStates } from '../../src/report/actorStates.ts';
import { hugeLines, hugeSummary } from '../../src/report/hugeSummary.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { replay } from '../../src/timeline/replay.ts';
import { recorded } from '../timeline/recorded.ts';
import { play } from './support.ts';

describe.each(['khugepaged-64k', 'mthp-controls', 'hugetlb-sharing'])('%s', (name) => {
  test('replays from its log and from every checkpoint, and another run has its head hash', () => {
    const topology = loadTopology(name);
    const traces = loadTraces(topology, { folders: [] });
    const reader = recorded({ topology, traces }, 500);
    const replayed = replay(reader, traces);
    expect([replayed.divergence, replayed.headHash]).toEqual([null, reader.headHash]);
    expect(replayed.checkpoints).toBeGreaterThan(1);
    expect(runInMemory(topology, traces).headHash).toBe(reader.headHash);
  });
});

test('khugepaged-64k: both processes get a huge page where enough of it is there, and what MADV_DONTNEED took comes again', () => {
  const { system, mm } = play(loadTopology('khugepaged-64k'));
  const { results } = system.snapshot('khugepaged').context as KhugepagedContext;
  expect(results.succeed).toBe(4);
  expect(results['exceed-none']).toBeGreaterThan(1);
  const peaks = [1, 2].map((pid): number => (mm(pid) satisfies MmContext).rssPeakPages);
  expect(peaks).toEqual([512 + 128, 512 + 128]);
  expect([mm(1).fallbacks, mm(2).fallbacks]).toEqual([0, 0]);
});

test('mthp-controls: each reader is told of its own size, and a write holds for all', () => {
  const played = play(loadTopology('mthp-controls'));
  expect(played.answers(1).slice(0, 4)).toEqual([
    'read_control 2097152',
    'read_control 511',
    'write_control 0',
    'write_control 0',
  ]);
  expect(played.answers(2)).toEqual([
    'read_control 536870912',
    'read_control 8191',
    'read_control 2',
    'read_control [always] inherit madvise never',
    'mmap 0',
    'write_control 0',
    'write_control 0',
    'mmap 0',
    'read_control 8',
  ]);
  // 1M in folios of 256K, then 1M in single pages: the hard minimum stays where every control says never.
  expect(played.mm(2).minorFaults).toBeGreaterThanOrEqual(4 + 16);
  expect(played.mm(1).fallbacks + played.mm(2).fallbacks).toBe(0);
});

test('the summary of a run says what became of huge pages', () => {
  const linesOf = (name: string): string[] => {
    const summary = hugeSummary(liveStates(play(loadTopology(name)).system));
    return summary === null ? [] : hugeLines(summary);
  };
  expect(linesOf('khugepaged-64k')[0]).toMatch(/^khugepaged: \d+ rounds; .*4 succeed/);
  expect(linesOf('hugetlb-sharing')).toEqual([
    'huge pages of 2 MiB: 512, 512 free, 0 promised, 0 surplus',
    expect.stringMatching(
      /^tables of huge pages: [3-9] entries made for others, 0 sharings refused for page sizes$/,
    ) as string,
  ]);
});
