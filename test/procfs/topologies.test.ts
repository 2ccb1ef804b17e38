/**
 * The topologies of procfs: laws after every event, in any order of delivery, replay of their logs, and what their readers get.
 *
 * @models S-49 L-09
 */
import { describe, expect, it } from 'vitest';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { play } from './support.ts';

describe.each(['procfs-translate', 'procfs-defeature'])('%s', (name) => {
  const topology = loadTopology(name);

  it('keeps the laws, and its log replays', () => {
    const traces = loadTraces(topology, { folders: [] });
    const log = runInMemory(topology, traces);
    expect(replay(log, traces).headHash).toBe(log.headHash);
  });

  it('answers every read in any order of delivery', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const shuffled = parseTopology({ ...topology, chooser: 'seeded-random', seed }, 'test');
      const told = play(shuffled, seed === 1);
      expect(told.length).toBe(38);
      // A process that has not begun, or has ended, is ESRCH; nothing else depends on the order.
      const allowed = name === 'procfs-translate' ? [0, 3, 95] : [0, 2, 3];
      expect(told.filter(({ errno }) => !allowed.includes(errno))).toEqual([]);
    }
  });
});

it('under translate a 64K reader is refused frames alone, under defeature it sees nothing of a 4K process', () => {
  const errnos = (name: string): Record<string, number> => {
    const ofLarge = play(loadTopology(name)).filter(({ pid, path }) => pid === 4 && /^.proc.(?:1|kpage)/.test(path));
    return Object.fromEntries(ofLarge.map(({ path, errno }) => [path.replace('/proc/', ''), errno]));
  };
  const refused = errnos('procfs-translate');
  expect(Object.keys(refused).filter((name) => refused[name] !== 0)).toEqual(['1/pagemap', 'kpagecount']);
  const hidden = errnos('procfs-defeature');
  expect(Object.values(hidden).every((errno) => errno === 2)).toBe(true);
});
