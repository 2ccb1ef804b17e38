import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { beforeAll, describe, expect, it } from 'vitest';

import { RUN_CALL, RUN_FETCH } from '../../src/mm/runs.ts';
import type { RunSource } from '../../src/mm/runs.ts';
import { openTrace } from '../../src/trace/gtrReader.ts';
import { importTrace } from '../../src/trace/import.ts';
import { temporaryFolder } from './helpers.ts';

/** The preset of the answers: every array true LRU; sets of the L2 by page number. */
class Lru {
  accesses = 0;
  misses = 0;
  private readonly ways: number;
  private readonly sets: number;
  private readonly lines: number[][];

  constructor(sets: number, ways: number) {
    this.ways = ways;
    this.sets = sets;
    this.lines = Array.from({ length: sets }, () => []);
  }

  access(page: number): boolean {
    this.accesses += 1;
    const set = this.lines[page % this.sets];
    const at = set.indexOf(page);
    if (at >= 0) set.splice(at, 1);
    set.unshift(page);
    if (set.length > this.ways) set.pop();
    if (at < 0) this.misses += 1;
    return at >= 0;
  }

  /** More accesses to the page that was accessed last. */
  repeat(count: number): void {
    this.accesses += count;
  }
}

class Tlb {
  readonly l1i: Lru = new Lru(1, 48);
  readonly l1d: Lru = new Lru(1, 48);
  readonly l2: Lru = new Lru(256, 5);

  access(l1: Lru, page: number): void {
    if (!l1.access(page)) this.l2.access(page);
  }

  counts(): Record<string, unknown> {
    const of = ({ accesses, misses }: Lru) => ({ accesses, misses });
    return { l1i: of(this.l1i), l1d: of(this.l1d), l2: of(this.l2) };
  }
}

/** As slow and plain as can be: one text line after the other, addresses as bigint. */
function countText(text: string, pageBytes: bigint): unknown {
  const tlb = new Tlb();
  let references = 0;
  for (const line of text.split('\n')) {
    const match = /^(I| [LSM]) +([0-9a-f]+),(\d+)$/.exec(line);
    if (match === null) continue;
    references += 1;
    const first = BigInt(`0x${match[2]}`) / pageBytes;
    const last = (BigInt(`0x${match[2]}`) + BigInt(match[3]) - 1n) / pageBytes;
    for (let time = 0; time < (match[1] === ' M' ? 2 : 1); time += 1) {
      for (let page = first; page <= last; page += 1n) tlb.access(match[1] === 'I' ? tlb.l1i : tlb.l1d, Number(page));
    }
  }
  return { references, ...tlb.counts() };
}

/** The same counts from the runs: a run is one access and repeats of it; half an access that crosses no border is none. */
function countRuns(source: RunSource, pageBytes: number): unknown {
  const tlb = new Tlb();
  let references = 0;
  const last = [-1, -1];
  for (let index = 0; index * source.blockRuns < source.runs; index += 1) {
    const block = source.block(index);
    for (let at = 0; at < block.count; at += 1) {
      if (block.kind[at] === RUN_CALL) continue;
      const stream = block.kind[at] === RUN_FETCH ? 0 : 1;
      const l1 = stream === 0 ? tlb.l1i : tlb.l1d;
      const page = Math.floor((source.pages[block.page[at]] * 4096) / pageBytes);
      const half = block.continued[at] === 1 && page === last[stream];
      references += block.references[at];
      const accesses = block.accesses[at] - (half ? 1 : 0);
      if (accesses > 0) {
        tlb.access(l1, page);
        l1.repeat(accesses - 1);
      }
      last[stream] = page;
    }
  }
  return { references, ...tlb.counts() };
}

describe('the true-kernel trace', () => {
  const folder = temporaryFolder();
  const raw = 'fixtures/traces/true-kernel.lackey.gz';
  const out = join(folder, 'true.gtr');
  const oracle: { traces: Record<string, Record<string, unknown>> } = JSON.parse(
    readFileSync('fixtures/oracle/tlb.json', 'utf8'),
  );

  beforeAll(async () => {
    await importTrace(raw, { out });
  });

  for (const pageBytes of [4096, 16384, 65536]) {
    it(`gives the TLB counts of the independent model at ${pageBytes / 1024}K, from its text and from its runs`, () => {
      const expected = oracle.traces['true-kernel'][pageBytes];
      expect(countText(gunzipSync(readFileSync(raw)).toString(), BigInt(pageBytes))).toEqual(expected);
      const trace = openTrace(out);
      expect(countRuns(trace, pageBytes)).toEqual(expected);
      trace.close();
    });
  }

  for (const name of ['git-log-kernel', 'python-json-kernel', 'sqlite-kernel']) {
    it(`gives the counts of the independent model for the shipped ${name}`, () => {
      const trace = openTrace(`fixtures/traces/${name}.gtr`);
      for (const pageBytes of [4096, 16384, 65536]) {
        expect(countRuns(trace, pageBytes)).toEqual(oracle.traces[name][pageBytes]);
      }
      trace.close();
    });
  }
});
