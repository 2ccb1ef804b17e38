/**
 * docs/memory-pressure.md is held to the model: its table of measures is made here.
 *
 * @models S-14 D-12 L-04
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pageSizeLimits } from '../../src/arch/granule.ts';
import { groupsByMobility } from '../../src/mm/pageblock/reserves.ts';
import { PressureMeter } from '../../src/report/pressureMeter.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { AREA, mb, touch, underPressure } from './support/pressure.ts';

const PATH = new URL('../../docs/memory-pressure.md', import.meta.url);
const TABLE = /<!-- measured -->[\s\S]*?<!-- end -->/;

function measured(pageBytes: number, compaction: 'none' | 'direct' | 'both'): string {
  const base = loadTopology('compaction-beside-64k');
  const [load, beside] = base.processes;
  const zone = {
    ...(base.zone ?? expect.fail('it has a slow path')),
    compaction,
    allocationFailure: 'fail-fault' as const,
  };
  const processes = [load, { ...beside, pageSize: pageBytes, signals: 'skip' as const }];
  const topology = { ...base, zone, processes };
  const meter = new PressureMeter();
  const onRecord = meter.note.bind(meter);
  runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null, onRecord });
  const { orders, firstFailureCycles, stalls, compaction: work } = meter.measures();
  const { asked, slow, failed } = orders[Math.log2(pageBytes / 4096)] ?? expect.fail('it asked for its order');
  const rate = `${((100 * failed) / asked).toFixed(0)}%`;
  const first = firstFailureCycles === null ? 'never' : String(firstFailureCycles - beside.startCycles);
  const cells = [
    pageBytes / 1024 + 'K',
    compaction,
    asked,
    slow,
    failed,
    rate,
    first,
    work.movedPages,
    work.scannedPages,
  ];
  return `| ${[...cells, stalls.mostCycles].join(' | ')} |`;
}

const FRAGMENTED = /<!-- fragmentation -->[\s\S]*?<!-- end -->/;

/** One process on memory of which the kernel has one page in so many. */
function onFragments(kernelPageEvery: number, pageSize: string): string {
  const run = (allocationFailure: 'fail-fault' | 'compact-then-oom') => {
    const beside = allocationFailure === 'fail-fault' ? [] : [{ pid: 2, pageSize: '4K', program: lasting(mb(1)) }];
    const signals = 'skip' as const;
    const processes = [
      { pid: 1, pageSize, signals, program: touch(mb(5), Number.parseInt(pageSize, 10) * 1024), startCycles: 700_000 },
      ...beside,
    ];
    const topology = parseTopology(underPressure({ kernelPageEvery, allocationFailure }, processes), 'test');
    const meter = new PressureMeter();
    const onRecord = meter.note.bind(meter);
    runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null, onRecord });
    return meter.measures();
  };
  const { orders, stalls, compaction } = run('fail-fault');
  const order = Math.log2(Number.parseInt(pageSize, 10) / 4);
  const { asked, failed } = orders[order] ?? expect.fail('it asked for its order');
  const { killed } = run('compact-then-oom');
  const rate = `${((100 * failed) / asked).toFixed(0)}%`;
  const waits = [stalls.p99Cycles, stalls.mostCycles];
  return `| ${[kernelPageEvery, pageSize, asked, failed, rate, compaction.scannedPages, ...waits, killed.length].join(' | ')} |`;
}

/** A process that has its memory and goes on. */
function lasting(bytes: number) {
  const call = { op: 'mincore', addr: AREA, lengthBytes: 4096 } as const;
  return [...touch(bytes, 4096), ...Array.from({ length: 1500 }, () => call)];
}

describe('docs/memory-pressure.md', () => {
  test('has the measures against fragmentation as they are (UPDATE_DOCS=1 writes them anew)', () => {
    const rows = [256, 64, 32, 16, 4].flatMap((every) =>
      ['4K', '16K', '64K'].map((pageSize) => onFragments(every, pageSize)),
    );
    const head =
      '| one page in | process page | asked | failed | failure rate | pages scanned | wait, 99% | longest wait | killed |';
    const section = ['<!-- fragmentation -->', head, `|${'---|'.repeat(9)}`, ...rows, '<!-- end -->'].join('\n');
    let text = readFileSync(PATH, 'utf8');
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(FRAGMENTED, () => section);
      writeFileSync(PATH, text);
    }
    expect(FRAGMENTED.exec(text)?.[0]).toBe(section);
  });

  test('has the measures as they are (UPDATE_DOCS=1 writes them anew)', () => {
    const rows = [16384, 65536].flatMap((pageBytes) =>
      (['none', 'direct', 'both'] as const).map((compaction) => measured(pageBytes, compaction)),
    );
    const head =
      '| process page | compaction | asked | slow | failed | failure rate | first failure after | pages moved | scanned | longest wait |';
    const table = [head, `|${'---|'.repeat(10)}`, ...rows].join('\n');
    const section = `<!-- measured -->\n${table}\n<!-- end -->`;
    let text = readFileSync(PATH, 'utf8');
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(TABLE, () => section);
      writeFileSync(PATH, text);
    }
    expect(TABLE.exec(text)?.[0]).toBe(section);
  });

  test('says from what size on a kernel groups its pages', () => {
    const text = readFileSync(PATH, 'utf8');
    for (const [pageBytes, block, least, on2G] of [
      [4096, '2M', '12M', 'yes'],
      [16384, '32M', '192M', 'yes'],
      [65536, '512M', '3G', 'no'],
    ] as const) {
      expect(text).toContain(`| ${pageBytes / 1024}K | ${block} | ${least} | ${on2G}`);
      const { pageblockOrder, pageblockBytes } = pageSizeLimits(pageBytes);
      expect(groupsByMobility((6 * pageblockBytes) / pageBytes, pageblockOrder)).toBe(true);
      expect(groupsByMobility((6 * pageblockBytes) / pageBytes - 1, pageblockOrder)).toBe(false);
      expect(groupsByMobility(2 ** 31 / pageBytes, pageblockOrder)).toBe(on2G === 'yes');
    }
  });
});
