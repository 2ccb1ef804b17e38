/** A file that is mapped and read from its start to its end. */
import { z } from 'zod';
import { ADVICE, MAP } from '../../mm/abi/numbers.ts';
import { PROT } from '../../mm/pte.ts';
import type { TraceStep } from '../memoryTrace.ts';
import { bytes, times } from './operands.ts';
import { called, definePattern, loop, type PatternPlace, wholePages } from './pattern.ts';

const operands = z.strictObject({
  file: z.string().min(1).meta({ description: 'its path' }).default('/data/scanned'),
  lengthBytes: bytes('its size'),
  laps: times('how often it is read', 1).default(1),
  strideBytes: bytes('how far each load lies behind the one before').default(64),
  advice: z
    .enum(['none', 'sequential', 'random', 'willneed'])
    .meta({ description: 'what madvise says before it begins' })
    .default('none'),
  shared: z.boolean().meta({ description: 'MAP_SHARED; else MAP_PRIVATE' }).default(false),
  writeEvery: times('every so many loads is a store instead; 0 is none').default(0),
  unmapped: z.boolean().meta({ description: 'munmap at the end' }).default(true),
});

function* steps({ file, lengthBytes, laps, strideBytes, ...work }: z.output<typeof operands>, place: PatternPlace) {
  const prot = work.writeEvery > 0 ? PROT.READ | PROT.WRITE : PROT.READ;
  const flags = work.shared ? MAP.SHARED : MAP.PRIVATE;
  const addr = place.base;
  const mapped = wholePages(lengthBytes, place.pageBytes);
  yield called();
  yield { op: 'mmap', addr, lengthBytes: mapped, prot, flags, file, offsetBytes: 0 } satisfies TraceStep;
  const advice = { none: null, sequential: ADVICE.SEQUENTIAL, random: ADVICE.RANDOM, willneed: ADVICE.WILLNEED };
  const said = advice[work.advice];
  if (said !== null) yield { op: 'madvise', addr, lengthBytes: mapped, advice: said } satisfies TraceStep;
  let loads = 0;
  for (let lap = 0; lap < laps; lap += 1) {
    for (let at = 0; at < lengthBytes; at += strideBytes) {
      loads += 1;
      yield loop();
      const access = work.writeEvery > 0 && loads % work.writeEvery === 0 ? 'W' : 'R';
      yield { access, addr: addr + at } satisfies TraceStep;
    }
  }
  if (work.unmapped) yield { op: 'munmap', addr, lengthBytes: mapped } satisfies TraceStep;
}

/** What grep, a column store or a linker does with its input. */
export const mmapFileScan = definePattern({
  name: 'mmap-file-scan',
  says: 'maps a file and reads it from its start to its end',
  source: 'ripgrep (crates/searcher/src/searcher/mmap.rs) and mmap(2) of the Linux manual',
  operands,
  steps,
  files: ({ file, lengthBytes }) => [{ path: file, sizeBytes: lengthBytes }],
});
