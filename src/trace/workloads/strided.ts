/** A fixed way on at each access. */
import { z } from 'zod';
import type { TraceStep } from '../memoryTrace.ts';
import { access, bytes, initialise, LETTERS, times } from './operands.ts';
import { definePattern, loop, mapAnonymous, type PatternPlace, writeOnce } from './pattern.ts';

const operands = z.strictObject({
  lengthBytes: bytes('the memory that is walked'),
  accesses: times('accesses; it begins again at the end', 1),
  strideBytes: bytes('how far each access lies behind the one before').default(4096),
  access: access('read'),
  initialise,
});

/**
 * Over more pages than a TLB of true LRU has entries, every access misses it; over as many, none but the first lap's.
 */
function* steps({ lengthBytes, accesses, strideBytes, ...work }: z.output<typeof operands>, place: PatternPlace) {
  yield mapAnonymous(place, lengthBytes);
  if (work.initialise) yield* writeOnce(place.base, lengthBytes);
  const letter = LETTERS[work.access];
  const places = Math.ceil(lengthBytes / strideBytes);
  for (let at = 0; at < accesses; at += 1) {
    yield loop();
    yield { access: letter, addr: place.base + (at % places) * strideBytes } satisfies TraceStep;
  }
}

/** A column of a matrix, a field of records: with a stride of a page or more no two accesses share one. */
export const strided = definePattern({
  name: 'strided',
  says: 'an access every so many bytes through an area, again and again',
  source: 'Saavedra and Smith, Measuring cache and TLB performance, IEEE Trans. Computers 44(10), 1995',
  operands,
  steps,
});
