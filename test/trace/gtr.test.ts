import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { RunSource } from '../../src/mm/runs.ts';
import { writeTrace } from '../../src/trace/copyTrace.ts';
import { openTrace, verifyTrace } from '../../src/trace/gtrReader.ts';
import { GtrWriter } from '../../src/trace/gtrWriter.ts';
import { traceFromSteps } from '../../src/trace/memoryTrace.ts';
import type { TraceStep } from '../../src/trace/memoryTrace.ts';
import { fillDiskOfTraces } from '../log/fullDisk.ts';
import { blocksOf, errorOf, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

async function write(trace: RunSource, out: string): Promise<string> {
  const writer = await GtrWriter.create(out);
  for (const block of blocksOf(trace)) writer.add(block);
  const { hash } = await writer.finish(trace);
  return hash;
}

const address = fc.oneof(fc.integer({ min: 0x1000, max: 0x9fff }), fc.integer({ min: 0, max: 2 ** 52 }));
const access: fc.Arbitrary<TraceStep> = fc.record({
  access: fc.constantFrom('X', 'R', 'W', 'M'),
  addr: address,
  sizeBytes: fc.constantFrom(1, 4, 8, 16, 9000),
});
const call: fc.Arbitrary<TraceStep> = fc.oneof(
  fc.record({ op: fc.constant('other' as const), name: fc.string() }),
  fc.record({
    op: fc.constant('munmap' as const),
    addr: fc.nat(8).map((page) => page * 4096),
    lengthBytes: fc.nat(9999),
  }),
  fc.record({
    op: fc.constant('read' as const),
    file: fc.string(),
    offsetBytes: fc.nat(),
    buffer: fc.nat(99_999),
    lengthBytes: fc.nat(99),
  }),
);
const steps = fc.array(fc.oneof({ weight: 9, arbitrary: access }, { weight: 1, arbitrary: call }), {
  minLength: 1,
  maxLength: 400,
});

describe('a .gtr', () => {
  it('gives back whatever was written to it, and its hash is that of the content', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 6 }), async (list, times) => {
        const repeated = Array.from({ length: times }, () => list).flat();
        const trace = traceFromSteps([...repeated, { access: 'R', addr: 0 }], { command: 'a "b"\u00e9' });
        const out = join(folder, `p${(number += 1)}.gtr`);
        expect(await write(trace, out)).toBe(trace.hash);
        const opened = openTrace(out);
        expect(blocksOf(opened)).toEqual(blocksOf(trace));
        expect(opened.pages).toEqual(trace.pages);
        expect([opened.image, opened.files, opened.command, opened.name]).toEqual([
          trace.image,
          trace.files,
          trace.command,
          'made',
        ]);
        expect([opened.hash, opened.runs, opened.references]).toEqual([trace.hash, trace.runs, trace.references]);
        opened.close();
        expect(verifyTrace(out).hash).toBe(trace.hash);
      }),
      { numRuns: 60 },
    );
  });

  it('is found damaged, and where, when any byte of it is changed', async () => {
    const out = join(folder, 'flip.gtr');
    await write(traceFromSteps(someSteps()), out);
    const whole = readFileSync(out);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] ^= change;
        const path = join(folder, 'flipped.gtr');
        writeFileSync(path, bytes);
        const error = await errorOf(() => verifyTrace(path));
        expect(['TRACE_DAMAGED', 'TRACE_VERSION']).toContain(error.code);
        expect(error.where).toMatch(/flipped\.gtr, (?:offset|block \d+ at offset|footer)/);
      }),
      { numRuns: 400 },
    );
  });

  it('is found damaged when it is cut anywhere', async () => {
    const out = join(folder, 'cut.gtr');
    await write(traceFromSteps(someSteps()), out);
    const whole = readFileSync(out);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        const path = join(folder, 'short.gtr');
        writeFileSync(path, whole.subarray(0, length));
        expect((await errorOf(() => openTrace(path))).code).toBe('TRACE_DAMAGED');
      }),
      { numRuns: 200 },
    );
  });

  it('names the block whose byte was changed', async () => {
    const out = join(folder, 'blocks.gtr');
    await write(traceFromSteps(manySteps()), out);
    const bytes = readFileSync(out);
    const secondBlock = 16 + 8 + bytes.readUInt32LE(16);
    bytes[secondBlock + 40] ^= 1;
    writeFileSync(out, bytes);
    const trace = openTrace(out);
    expect(trace.block(0).count).toBe(65_536);
    const error = await errorOf(() => trace.block(1));
    expect(error.where).toBe(`${out}, block 1 at offset ${secondBlock}`);
    trace.close();
  });

  it('of another version is refused by its version', async () => {
    const out = join(folder, 'version.gtr');
    await write(traceFromSteps(someSteps()), out);
    const bytes = readFileSync(out);
    bytes.writeUInt32LE(2, 8);
    writeFileSync(out, bytes);
    expect((await errorOf(() => openTrace(out))).format()).toMatch(/^TRACE_VERSION: .*version 2.*offset 8/);
  });

  it('gives blocks in any order, the same every time', async () => {
    const out = join(folder, 'order.gtr');
    const trace = traceFromSteps(manySteps(6));
    await write(trace, out);
    const opened = openTrace(out);
    const blocks = blocksOf(trace);
    for (const index of [5, 0, 3, 1, 5, 2, 4, 0, 5]) {
      // Compared as bytes: a deep comparison of numbers is slow.
      expect(Buffer.from(opened.block(index).page.buffer).equals(Buffer.from(blocks[index].page.buffer))).toBe(true);
      expect(opened.block(index).firstRun).toBe(blocks[index].firstRun);
    }
    opened.close();
  });

  it('is not there, and nothing else is, when the writer gives up', async () => {
    const out = join(folder, 'given-up.gtr');
    writeFileSync(out, 'before');
    const writer = await GtrWriter.create(out);
    for (const block of blocksOf(traceFromSteps(manySteps()))) writer.add(block);
    await writer.abort();
    expect(readFileSync(out, 'utf8')).toBe('before');
    expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('leaves what was there, and nothing else, when the disk is full before its last byte', async () => {
    const out = join(folder, 'full', 'a.gtr');
    mkdirSync(join(folder, 'full'), { recursive: true });
    const trace = traceFromSteps(manySteps());
    const { fileBytes } = await writeTrace(trace, out);
    writeFileSync(out, 'before');
    for (const bytes of [0, 7, 16, 20, Math.floor(fileBytes / 2), fileBytes - 1]) {
      using _full = await fillDiskOfTraces(out, bytes);
      const error = await errorOf(() => writeTrace(trace, out));
      expect([bytes, error.code, error.where]).toEqual([bytes, 'DISK_FULL', out]);
      expect(readFileSync(out, 'utf8')).toBe('before');
      expect(readdirSync(join(folder, 'full'))).toEqual(['a.gtr']);
    }
  });

  it('cannot take the name of a folder, and leaves nothing else', async () => {
    const out = join(folder, 'parent', 'folder.gtr');
    mkdirSync(join(out, 'in it'), { recursive: true });
    const error = await errorOf(() => writeTrace(traceFromSteps(someSteps()), out));
    expect([error.code, error.where]).toEqual(['OUTPUT_UNWRITABLE', out]);
    expect(readdirSync(join(folder, 'parent'))).toEqual(['folder.gtr']);
  });

  it('cannot be written into a place that is no folder', async () => {
    writeFileSync(join(folder, 'file'), '');
    const error = await errorOf(() => GtrWriter.create(join(folder, 'file', 'a.gtr')));
    expect(error.code).toBe('OUTPUT_UNWRITABLE');
    expect(existsSync(join(folder, 'file', 'a.gtr'))).toBe(false);
  });

  it('that does not exist, or is a folder, is said to be so', async () => {
    expect((await errorOf(() => openTrace(join(folder, 'none.gtr')))).code).toBe('FILE_NOT_FOUND');
    expect((await errorOf(() => openTrace(folder))).code).toBe('FILE_UNREADABLE');
  });
});

function someSteps(): TraceStep[] {
  const kinds = ['X', 'R', 'W'] as const;
  return Array.from({ length: 2000 }, (_, at) => ({ access: kinds[at % 3], addr: ((at * 7919) % 97) * 4096 }));
}

/** Enough for the given number of blocks and a little more. */
function manySteps(blocks = 1): TraceStep[] {
  return Array.from({ length: blocks * 65_536 + 100 }, (_, at) => ({
    access: 'R',
    addr: (at % 2) * 4096 + (at % 977) * 8192,
  }));
}
