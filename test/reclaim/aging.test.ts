/**
 * Accessed and dirty bits through the native table: how they are harvested, that none is lost in the moment an entry goes, and what
 * reclaim makes of them.
 *
 * @models D-01 D-02 S-10
 */
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import type { KswapdContext, Message, MmuContext } from '../../machines/index.ts';
import { handle } from '../../machines/support.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { isDirty, isYoung, makeDirty, makeYoung, PTE } from '../../src/mm/pte.ts';
import { operate, type Tables } from '../../src/mm/tableOps.ts';
import { timeOrder } from '../../src/runtime/chooser.ts';
import { createSystem, type System } from '../../src/runtime/system.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { systemOf } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

const VA = 0x4000_0000;
const CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.ANON;

/** Two process pages; hardware has noted something in the native entry of the first. */
function noted(native: number, note: (pte: number) => number): Tables {
  const empty = { linux: PageTable.empty(4096), native: PageTable.empty(native) };
  const pages = native / 4096;
  const set = operate(empty, { op: 'set', runs: [{ va: VA, pfn: 64, nr: 2 * pages, flags: CLEAN }], expects: -1 });
  const edit = set.native?.edit();
  edit?.set(VA, note(edit.get(VA)));
  return { linux: set.linux, native: edit?.done() ?? null };
}

describe.each([16384, 65536])('a harvest under a native table of %s bytes a page', (native) => {
  const pages = native / 4096;
  const frames = [{ pfn: 64, nr: 1 }];

  test('finds the accessed bit of any page of the group, and takes it from the native entry', () => {
    const before = noted(native, makeYoung);
    const first = operate(before, { op: 'harvest', frames });
    expect(first.set.map(({ flags, nr }) => [isYoung(flags), nr])).toEqual([[true, 1]]);
    // The other pages of the group are young by the fold; once all are harvested the native entry is old.
    const all = operate(first, { op: 'harvest', frames: [{ pfn: 64, nr: pages }] });
    expect(isYoung(all.native?.get(VA) ?? 0)).toBe(false);
    expect(
      operate(all, { op: 'harvest', frames: [{ pfn: 64, nr: pages }] }).set.some(({ flags }) => isYoung(flags)),
    ).toBe(false);
  });

  test('leaves dirt, rights and frames alone', () => {
    const before = noted(native, (pte) => makeDirty(makeYoung(pte)));
    const after = operate(before, { op: 'harvest', frames: [{ pfn: 64, nr: 2 * pages }] });
    expect(isDirty(after.native?.get(VA) ?? 0)).toBe(true);
    expect(isDirty(after.linux.get(VA))).toBe(true);
    expect(after.untranslatable).toBe('');
    expect(after.linux.entryCount).toBe(2 * pages);
  });

  test('of the Linux table alone sees nothing of it', () => {
    const after = operate(noted(native, makeYoung), { op: 'harvest', frames, linuxTableOnly: true });
    expect(after.set.some(({ flags }) => isYoung(flags))).toBe(false);
  });
});

test('a contpte block grows old as a whole', () => {
  const empty = { linux: PageTable.empty(4096), native: null };
  const runs = [{ va: VA, pfn: 64, nr: 16, flags: CLEAN | PTE.YOUNG | PTE.LARGE }];
  const mapped = operate(empty, { op: 'set', runs, expects: -1 }, true);
  const after = operate(mapped, { op: 'harvest', frames: [{ pfn: 70, nr: 1 }] }, true);
  expect(after.flush).toEqual([{ startVa: VA, endVa: VA + 65536 }]);
  after.linux.forEach(VA, VA + 65536, (_va, pte) => expect(isYoung(pte)).toBe(false));
  expect(after.unfolds).toBe(0);
});

/** Keeps what it is told. */
const probe = setup({ types: { context: {} as { heard: Message[] }, events: {} as Message } }).createMachine({
  context: { heard: [] as Message[] },
  on: {
    '*': { actions: handle<{ heard: Message[] }>((context, event) => ({ heard: [...context.heard, event] })) },
  },
});

const BASE = 0x2_0000_0000;

/** A 64K process that has one clean writable page, some events before it writes to it. */
function aboutToWrite(): { system: System; probeHeard: () => Message[] } {
  const program = [
    { op: 'mmap', addr: BASE, lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE },
    { op: 'madvise', addr: BASE, lengthBytes: '64K', advice: 'FREE' },
    { op: 'store', addr: BASE },
    { op: 'exit' },
  ];
  const topology = parseTopology(
    { name: 'oracle', cpus: 2, processes: [{ pid: 1, program, pageSize: '64K' }] },
    'test',
  );
  const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
  const system = createSystem({ actors: [...built.actors, { id: 'probe', machine: probe }], chooser: timeOrder() });
  for (const { to, message } of built.messages) system.send(to, message);
  let freed = false;
  for (let record = system.step(); record !== null; record = system.step()) {
    const { call } = record.payload as { call?: { op: string } };
    if (record.type === 'SYSCALL' && call?.op === 'madvise') freed = true;
    // MADV_FREE has cleaned the entries.
    const { linux } = system.snapshot('mmu:1').context as MmuContext;
    if (freed && record.type === 'TLBI' && !isDirty(linux.get(BASE))) break;
  }
  return { system, probeHeard: () => (system.snapshot('probe').context as { heard: Message[] }).heard };
}

test('sequence oracle 1: a write and the taking of its entry, in every order: it is seen dirty, or it faults', () => {
  const outcomes = new Set<string>();
  for (let ahead = 0; ahead < 60; ahead++) {
    const { system, probeHeard } = aboutToWrite();
    const laws = new Laws();
    const { linux } = system.snapshot('mmu:1').context as MmuContext;
    const pte = linux.get(BASE);
    const expects = { pfn: Math.floor(pte / 8192), flags: pte % 8192 };
    expect(isDirty(pte)).toBe(false);
    for (let step = 0; step < ahead; step++) {
      const record = system.step();
      if (record !== null) laws.check(record, system);
    }
    const changes = [{ va: BASE, nr: 16, expects, to: null }];
    system.send('mm:1', { type: 'REPLACE_PTES', sender: 'probe', request: 1, changes });
    let wrote = false;
    let faulted = false;
    for (let record = system.step(); record !== null; record = system.step()) {
      laws.check(record, system);
      const { va, write, access } = record.payload as { va?: number; write?: boolean; access?: string };
      if (record.type === 'TRANSLATION' && va === BASE && write === true && probeHeard().length === 0) wrote = true;
      if (record.type === 'FAULT' && va === BASE && access === 'write') faulted = true;
      if (probeHeard().length > 0) break;
    }
    const [answer] = probeHeard();
    if (answer?.type !== 'REPLACED') expect.fail('the exchange is answered');
    if (answer.replaced.length === 0) continue;
    const dirty = answer.replaced.every(({ flags }) => isDirty(flags));
    // Written before the entry went: dirty. Not dirty: the write had to come after it, and met a fault.
    if (wrote) expect(dirty).toBe(true);
    outcomes.add(dirty ? 'dirty' : faulted ? 'faulted' : 'not yet');
  }
  expect(outcomes).toContain('dirty');
  expect(outcomes.size).toBeGreaterThan(1);
});

describe('what is used stays', () => {
  const store = { op: 'store', addr: BASE, lengthBytes: '1M', strideBytes: '64K' };
  const fill = { op: 'store', addr: 0x3_0000_0000, lengthBytes: '1M', strideBytes: '64K' };

  /** A process that comes back to its first megabyte again and again while it fills memory with more. */
  function majorsWith(reclaim: object): { kswapd: KswapdContext; mmu: MmuContext; majors: number } {
    const program: object[] = [
      { op: 'mmap', addr: BASE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'mmap', addr: fill.addr, lengthBytes: '24M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      store,
    ];
    for (let part = 0; part < 24; part++) {
      program.push({ ...fill, addr: fill.addr + part * 2 ** 20 }, { ...store, op: 'load' });
    }
    program.push({ op: 'exit' });
    const processes = [{ pid: 1, pageSize: '64K', program }] as never;
    const topology = parseTopology({ name: 'hot', memory: '8M', processes, reclaim }, 'test');
    const system = systemOf({ topology, traces: loadTraces(topology, { folders: [] }) });
    const laws = reclaim !== undefined && !('accessed' in reclaim) ? new Laws() : null;
    for (let record = system.step(); record !== null; record = system.step()) laws?.check(record, system);
    const kswapd: KswapdContext = system.snapshot('kswapd').context;
    return { kswapd, mmu: system.snapshot('mmu:1').context, majors: system.snapshot('mm:1').context.majorFaults };
  }

  test('where accessed bits are looked for in both tables, and not where only Linux’s is looked at', () => {
    const swap = { size: '64M' };
    const right = majorsWith({ swap });
    const naive = majorsWith({ swap, accessed: 'linux-table-only' });
    expect(right.kswapd.activatedPages).toBeGreaterThan(0);
    expect(right.majors * 2).toBeLessThan(naive.majors);
    // Maintenance that nobody waited for has arrived all the same.
    expect(right.mmu.lateAcknowledgements).toBe(0);
  });
});
