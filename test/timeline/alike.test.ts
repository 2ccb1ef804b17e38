import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { run } from '../../src/library/run.ts';
import { replay } from '../../src/library/timeline.ts';
import { SeededRandom } from '../../src/runtime/random.ts';
import { defineActor } from '../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../src/topology/definitions/defineMessage.ts';
import { defineTopology } from '../../src/topology/definitions/defineTopology.ts';

const tick = defineMessage('TICK', { says: 'Time goes by.', fields: z.strictObject({ n: z.int() }) });

const clock = defineActor({
  kind: 'clock',
  says: 'Counts what it is told.',
  messages: [tick],
  accepts: ['TICK'],
  transition: { initial: () => ({ ticks: 0 }), on: { TICK: (state) => ({ ticks: state.ticks + 1 }) } },
});

/** Messages of two values on one channel, due at times that cross each other. */
function crossing(seed: number): { to: string; type: string; atCycles: number; n: number }[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: 12 }, () => ({
    to: 'clock:0',
    type: 'TICK',
    atCycles: random.below(6) * 10,
    n: random.below(2),
  }));
}

describe('a replay of a run in random order', () => {
  it('follows messages that are alike and pass each other on one channel', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const topology = defineTopology({
        name: 'alike',
        seed,
        chooser: 'seeded-random',
        processes: [{ pid: 1, pageSize: '4K', program: [{ op: 'store', addr: '0x500000' }] }],
        actors: [clock.at('clock:0')],
        messages: crossing(seed),
      });
      const made = run(topology);
      const replayed = replay(made);
      expect(replayed.divergence, `seed ${seed}`).toBeNull();
      expect(replayed.headHash, `seed ${seed}`).toBe(made.headHash);
    }
  });
});
