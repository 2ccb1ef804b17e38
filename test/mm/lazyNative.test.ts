/**
 * A native table that faults fill, and that may be dropped: the same answers, more faults, fewer entries.
 *
 * @models T-15 T-16
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { translateGroup } from '../../src/mm/nativeTable.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, isDirty, isValid, isYoung, makeDirty, makeYoung, PTE, pfnOf } from '../../src/mm/pte.ts';
import { operate, type TableOp, type Tables } from '../../src/mm/tableOps.ts';
import { replay } from '../../src/timeline/replay.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import '../support/propertySeed.ts';

const topology = loadTopology('lazy-native-table');

function play(nativeFill: 'eager' | 'lazy', chooser: object = {}) {
  const answers: unknown[] = [];
  const changed = parseTopology({ ...topology, design: { ...topology.design, nativeFill }, ...chooser }, 'test');
  const { system } = runTopology({
    topology: changed,
    traces: loadTraces(changed, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: ({ type, to, payload }) => {
      if (type !== 'SYSRET') return;
      const { result, errno } = payload as { result: number; errno: number };
      answers.push([to, result, errno]);
    },
  });
  const mm = (pid: number) => system.snapshot(`mm:${pid}`).context;
  return {
    answers,
    faults: [mm(1).minorFaults, mm(2).minorFaults],
    fallbacks: mm(1).fallbacks + mm(2).fallbacks,
    system,
  };
}

describe('a lazy native table', () => {
  const eager = play('eager');
  const lazy = play('lazy');

  test('gives every call the same answer and never falls back', () => {
    expect(lazy.answers).toEqual(eager.answers);
    expect([eager.fallbacks, lazy.fallbacks]).toEqual([0, 0]);
  });

  test('costs a fault for each process page that fork, a drop or a move left without an entry', () => {
    expect(lazy.faults[0]).toBeGreaterThan(eager.faults[0] + 32);
    expect(lazy.faults[1]).toBe(eager.faults[1] + 8);
  });

  test('keeps the laws under any order of delivery', () => {
    for (let seed = 1; seed <= 8; seed++) expect(play('lazy', { chooser: 'seeded-random', seed }).fallbacks).toBe(0);
  });

  test('replays', () => {
    const traces = loadTraces(topology, { folders: [] });
    const log = runInMemory(topology, traces);
    expect(replay(log, traces).headHash).toBe(log.headHash);
  });
});

/** A CPU writes through the native entry. */
function write(tables: Tables, va: number): Tables {
  const edit = (tables.native as PageTable).edit();
  const page = va - (va % edit.geometry.granuleBytes);
  if (isValid(edit.get(page))) edit.set(page, makeDirty(makeYoung(edit.get(page))));
  return { linux: tables.linux, native: edit.done() };
}

test('whatever happens, a lazy table holds nothing that the Linux table does not say, and loses no dirt', () => {
  const VA = 0x4000_0000;
  const flags = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.ANON;
  const page = fc.nat(3).map((at) => VA + at * 65536);
  const step = fc.oneof(
    page.map((va): TableOp => ({ op: 'set', runs: [{ va, pfn: 16 + (va - VA) / 4096, nr: 16, flags }], expects: -1 })),
    page.map(
      (va): TableOp => ({
        op: 'set',
        runs: [{ va, pfn: 16 + (va - VA) / 4096, nr: 16, flags }],
        expects: -1,
        lazily: true,
      }),
    ),
    page.map((va): TableOp => ({ op: 'fill', ranges: [{ startVa: va, endVa: va + 65536 }] })),
    fc.constant<TableOp>({ op: 'drop', ranges: [{ startVa: 0, endVa: 2 ** 48 }] }),
    page.map(
      (va): TableOp => ({
        op: 'clear',
        ranges: [{ startVa: va, endVa: va + 65536 }],
        freeWithin: null,
        fileOnly: false,
      }),
    ),
    page.map((va) => ({ write: va })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      let tables: Tables = { linux: PageTable.empty(4096), native: PageTable.empty(65536) };
      const dirty = new Set<number>();
      for (const each of steps) {
        if ('write' in each) {
          if (isValid((tables.native as PageTable).get(each.write))) dirty.add(each.write);
          tables = write(tables, each.write);
          continue;
        }
        const outcome = operate(tables, each, false, true);
        expect(outcome.untranslatable).toBe('');
        for (const run of outcome.cleared) {
          const group = run.va - (run.va % 65536);
          expect(isDirty(run.flags) || !dirty.has(group)).toBe(true);
        }
        if (each.op === 'clear') for (const range of each.ranges) dirty.delete(range.startVa);
        tables = outcome;
        const { native, linux } = tables;
        native?.forEach(VA, VA + 2 ** 18, (va, pte) => {
          const wanted = translateGroup(linux, va, 65536);
          const noted = PTE.YOUNG | PTE.DIRTY | PTE.READONLY;
          const agrees =
            wanted.ok && pfnOf(pte) === pfnOf(wanted.pte) && (flagsOf(pte) | noted) === (flagsOf(wanted.pte) | noted);
          expect(agrees).toBe(true);
        });
        for (const va of dirty) {
          const entry = native?.get(va) ?? 0;
          expect((isDirty(entry) && isYoung(entry)) || isDirty(linux.get(va))).toBe(true);
        }
      }
    }),
  );
});
