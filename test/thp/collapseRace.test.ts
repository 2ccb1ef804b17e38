/**
 * A collapse that somebody interferes with: what rmap took away between the scan and the exchange is missed, and all the rest is as it
 * was.
 *
 * @models S-34 S-10 D-02
 */
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import type { Message, MmuContext, ZoneContext } from '../../machines/index.ts';
import { handle } from '../../machines/support.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { timeOrder } from '../../src/runtime/chooser.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { flagsOf, pfnOf } from '../../src/mm/pte.ts';
import { BASE, FIXED, framesAt } from './support.ts';

const HUGE = 2 ** 21;

/** Whoever interferes; it listens to nothing. */
const probe = setup({ types: { context: {}, events: {} as Message } }).createMachine({
  context: {},
  on: { '*': { actions: handle<object>((context) => context) } },
});

describe.each(['4K', '64K'])('a %s process whose pages are collapsed', (pageSize) => {
  const page = pageSize === '4K' ? 1 : 16;
  test.each(['taken away', 'entered'])('while one of them is %s keeps all others', (what) => {
    const program = [
      { op: 'mmap' as const, addr: BASE, lengthBytes: '2M', flags: FIXED },
      { op: 'store' as const, addr: BASE, lengthBytes: '1M' },
      { op: 'madvise' as const, addr: BASE, lengthBytes: '2M', advice: 'COLLAPSE' },
    ];
    const thp = { collapseSize: 'kernel-pmd' as const };
    const topology = parseTopology({ name: 'raced', processes: [{ pid: 1, program, pageSize }], thp }, 'test');
    const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
    const system = createSystem({ actors: [...built.actors, { id: 'probe', machine: probe }], chooser: timeOrder() });
    const laws = new Laws();
    for (const { to, message } of built.messages) system.send(to, message);
    let before: number[] = [];
    let errno = -1;
    const mmu = (): MmuContext => system.snapshot('mmu:1').context as MmuContext;
    const at = what === 'entered' ? BASE + HUGE - page * 4096 : BASE + page * 4096;
    let after: number[] = [];
    for (let record = system.step(); record !== null; record = system.step()) {
      laws.check(record, system);
      const payload = record.payload as { orderPages?: number; call?: { op: string }; errno?: number };
      if (record.type === 'ALLOC' && payload.orderPages === 9) {
        before = framesAt(mmu(), BASE, HUGE);
        const pte = mmu().linux.get(at);
        const seen = pte === 0 ? null : { pfn: pfnOf(pte), flags: flagsOf(pte) };
        // What comes in is the zero page, which needs no reference.
        const to = pte === 0 ? { pfn: 262144, flags: 1 } : null;
        const changes = [{ va: at, nr: page, expects: seen, to }];
        if (seen !== null) system.send('zone', { type: 'PUT', runs: [{ pfn: seen.pfn, nr: page }] });
        system.send('mm:1', { type: 'REPLACE_PTES', sender: 'probe', request: 99, changes });
      }
      if (record.type === 'MM_DONE' && before.length > 0 && after.length === 0) {
        errno = payload.errno ?? -1;
        after = framesAt(mmu(), BASE, HUGE);
      }
    }
    const first = (at - BASE) / 4096;
    const expected = before.map((pfn, index) => {
      if (index < first || index >= first + page) return pfn;
      return what === 'entered' ? 262144 + index - first : -1;
    });
    expect(errno).toBe(11);
    expect(after).toEqual(expected);
    expect((system.snapshot('zone').context as ZoneContext).folios.framesByKind.anon).toBe(0);
    expect(laws.checked).toBeGreaterThan(0);
  });
});
