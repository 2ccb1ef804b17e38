/** Reduced recordings, and what a recorder of arm64 programs tells of them. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { designsOf } from '../../src/report/designs/designList.ts';
import { runDesign } from '../../src/report/designs/runDesign.ts';
import { firstTouches } from '../../src/trace/firstTouches.ts';
import { openTrace } from '../../src/trace/gtrReader.ts';
import { importStream } from '../../src/trace/import.ts';
import { traceFromSteps } from '../../src/trace/memoryTrace.ts';
import { relayout } from '../../src/trace/relayout.ts';
import { Readable } from 'node:stream';
import { fixture } from '../cli/harness.ts';
import { SETTING } from '../report/designs/tables.ts';
import { temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

describe('a trace reduced to first touches', () => {
  it('of a real program has the faults, memory, tables and page cache of the whole one on every design', () => {
    const whole = openTrace(fixture('traces/true-kernel.gtr'));
    const reduced = firstTouches(whole);
    expect(reduced.references * 50).toBeLessThan(whole.references);
    for (const design of designsOf([100]).filter(({ name }) => /plain-16K|mthp|-64K/.test(name))) {
      const [all, few] = [whole, reduced].map((trace) => runDesign(relayout(trace, 65536), design, SETTING));
      for (const figure of [
        'minorFaults',
        'majorFaults',
        'zeroedBytes',
        'copiedBytes',
        'residentPeakBytes',
        'anonPeakBytes',
        'pageCacheBytes',
        'linuxTableBytes',
        'nativeTableBytes',
      ] as const) {
        expect(few[figure], `${design.name}: ${figure}`).toBe(all[figure]);
      }
    }
    whole.close();
  }, 60_000);

  it('keeps the touches behind a call that may take pages away, and drops those behind one that cannot', () => {
    const touch = { access: 'W' as const, addr: 0x9000 };
    const dropped = { op: 'madvise' as const, addr: 0x9000, lengthBytes: 4096, advice: 4 };
    const fetch = { access: 'X' as const, addr: 0x1000 };
    const harmless = { op: 'other' as const, name: 'getpid' };
    expect(firstTouches(traceFromSteps([fetch, touch, harmless, touch])).references).toBe(2);
    expect(firstTouches(traceFromSteps([fetch, touch, dropped, touch])).references).toBe(3);
  });
});

describe('a recorder that reads the headers', () => {
  const text = [
    '==7== Command: /bin/x',
    '==7== Page size: 65536',
    '==7== Segment: program 0x5500000000 0x20000 5 0x0 /bin/x',
    '==7== Segment: program 0x5500020000 0x10000 3',
    'I  5500000040,4',
    ' S 55007ffff8,8',
    ' S 5500020010,8',
    'SYSCALL[7,1](94) sys_exit_group ( 0 )[sync] --> Success(0x0) ',
    '',
  ].join('\n');

  it('tells the image, and what it does not tell ends on pages of the size that the program ran with', async () => {
    const out = join(folder, 'told.gtr');
    await importStream(Readable.from([Buffer.from(text)]), 'told', null, { out, format: 'lackey' });
    const trace = openTrace(out);
    expect(trace.image).toEqual([
      { kind: 'program', addr: 0x5500000000, lengthBytes: 0x20000, prot: 5, file: '/bin/x', offsetBytes: 0 },
      { kind: 'program', addr: 0x5500020000, lengthBytes: 0x10000, prot: 3, file: null, offsetBytes: 0 },
      { kind: 'stack', addr: 0x55007f0000, lengthBytes: 0x10000, prot: 3, file: null, offsetBytes: 0 },
    ]);
    trace.close();
  });

  it('can be ended at a number of references', async () => {
    const out = join(folder, 'part.gtr');
    const chunks = Array.from({ length: 40 }, () => Buffer.from('I  00401000,4\n'.repeat(6000)));
    const done = await importStream(Readable.from(chunks), 'part', null, {
      out,
      format: 'lackey',
      referencesMost: 100_000,
    });
    expect(done.references).toBeGreaterThanOrEqual(100_000);
    expect(done.references).toBeLessThan(120_000);
  });
});

describe('programs that are linked for 64K pages', () => {
  it('keep their files where they are laid out again, since every part has pages of its own already', () => {
    const trace = openTrace(fixture('traces/arm64/sqlite-arm64.gtr'));
    const libraries = relayout(trace, 65536).files.filter(({ path }) => path.includes('/lib/'));
    expect(libraries.length).toBeGreaterThan(5);
    expect(libraries.filter(({ path }) => path.includes('~'))).toEqual([]);
    trace.close();
  });
});
