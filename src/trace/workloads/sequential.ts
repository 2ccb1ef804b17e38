/** One word after the other. */
import { z } from 'zod';
import type { TraceStep } from '../memoryTrace.ts';
import { access, bytes, initialise, LETTERS, times } from './operands.ts';
import { definePattern, loop, mapAnonymous, type PatternPlace, writeOnce } from './pattern.ts';

const operands = z.strictObject({
  lengthBytes: bytes('the memory that is walked', 8),
  accesses: times('accesses; it begins again at the end', 1),
  wordBytes: bytes('how far each access lies behind the one before').default(8),
  access: access('read'),
  initialise: initialise.default(false),
});

function* steps({ lengthBytes, accesses, wordBytes, ...work }: z.output<typeof operands>, place: PatternPlace) {
  yield mapAnonymous(place, lengthBytes);
  if (work.initialise) yield* writeOnce(place.base, lengthBytes);
  const letter = LETTERS[work.access];
  const words = Math.max(1, Math.floor(lengthBytes / wordBytes));
  for (let at = 0; at < accesses; at += 1) {
    yield loop();
    yield { access: letter, addr: place.base + (at % words) * wordBytes } satisfies TraceStep;
  }
}

/** Streams through memory, as STREAM and memcpy do: each page is used once and then left. */
export const sequential = definePattern({
  name: 'sequential',
  says: 'one word after the other through an area, again and again',
  source: 'McCalpin, Memory bandwidth and machine balance, IEEE TCCA Newsletter 1995 (STREAM)',
  operands,
  steps,
});
