/**
 * Entries that are not present, through everything that reads or changes entries, and faults on each kind of them.
 *
 * @models D-07 S-10
 */
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import type { Message } from '../../machines/index.ts';
import { handle } from '../../machines/support.ts';
import { kindOfEntry, NON_PRESENT, sharedEntry } from '../../src/mm/nonPresent.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, packPte, pfnOf, PTE } from '../../src/mm/pte.ts';
import { operate, type TableOp, type Tables } from '../../src/mm/tableOps.ts';
import { timeOrder } from '../../src/runtime/chooser.ts';
import { createSystem, type System } from '../../src/runtime/system.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import type { PteChange } from '../../machines/walkers/messages.ts';

const VA = 0x4000_0000;
const OWN = PTE.SWAP | PTE.ANON | PTE.EXCLUSIVE;

/** 16 swap entries, of a process page that is in swap as a whole. */
function swapped(native: number | null, flags = OWN): Tables {
  const empty = { linux: PageTable.empty(4096), native: native === null ? null : PageTable.empty(native) };
  return operate(empty, { op: 'set', runs: [{ va: VA, pfn: 32, nr: 16, flags }], expects: -1 });
}

const range = { startVa: VA, endVa: VA + 65536 };
const entries = (tables: Tables, va = VA): number[] =>
  Array.from({ length: 16 }, (_, page) => tables.linux.get(va + page * 4096));

describe.each([null, 16384, 65536])('swap entries under a native table of %s bytes a page', (native) => {
  const before = swapped(native);

  test('are no translation, and leave the native table as it is', () => {
    expect(before.native?.entryCount ?? 0).toBe(0);
    expect(kindOfEntry(before.linux.get(VA))).toBe('swap');
  });

  test.each<[string, TableOp]>([
    [
      'mprotect',
      { op: 'protect', ranges: [{ ...range, protection: PTE.VALID, anonProtection: PTE.VALID | PTE.WRITE }] },
    ],
    ['MADV_COLD', { op: 'age', ...range, young: true, dirty: false }],
    ['msync', { op: 'age', ...range, young: false, dirty: true, writeProtect: true }],
    ['the unmapping of files', { op: 'clear', ranges: [range], freeWithin: null, fileOnly: true }],
    ['aging', { op: 'harvest', frames: [{ pfn: 32, nr: 16 }] }],
    [
      'a fault that expects frames of the same number',
      { op: 'set', runs: [{ va: VA, pfn: 64, nr: 16, flags: PTE.VALID }], expects: 32 },
    ],
  ])('are left alone by %s', (_name, op) => {
    const after = operate(before, op);
    expect(entries(after)).toEqual(entries(before));
    expect(after.untranslatable).toBe('');
    expect([after.cleared, after.flush]).toEqual([[], []]);
  });

  test('move with mremap, and are given up by munmap', () => {
    const moved = operate(before, { op: 'move', fromVa: VA, toVa: VA + 2 ** 21, lengthBytes: 65536 });
    expect(entries(moved, VA + 2 ** 21)).toEqual(entries(before));
    expect(moved.linux.get(VA)).toBe(0);
    const cleared = operate(before, { op: 'clear', ranges: [range], freeWithin: range, fileOnly: false });
    expect(cleared.cleared).toEqual([{ va: VA, pfn: 32, nr: 16, flags: OWN }]);
  });

  test('are both sides’ after a fork, and no side’s own', () => {
    const copied = operate(before, { op: 'copy', ranges: [{ ...range, always: true }] });
    expect(copied.set).toEqual([{ va: VA, pfn: 32, nr: 16, flags: PTE.SWAP | PTE.ANON }]);
    expect(flagsOf(copied.linux.get(VA))).toBe(PTE.SWAP | PTE.ANON);
  });
});

test('the kinds are told apart, and a fork leaves poison and markers as they are', () => {
  for (const [kind, flags] of Object.entries(NON_PRESENT)) {
    const pte = packPte(9, flags | PTE.ANON | PTE.EXCLUSIVE);
    expect(kindOfEntry(pte)).toBe(kind);
    const isShared = kind === 'swap' || kind === 'migration';
    expect(sharedEntry(pte) === pte).toBe(!isShared);
    expect([kindOfEntry(sharedEntry(pte)), pfnOf(sharedEntry(pte))]).toEqual([kind, 9]);
  }
});

/** Keeps what it is told. */
const probe = setup({ types: { context: {} as { heard: Message[] }, events: {} as Message } }).createMachine({
  context: { heard: [] as Message[] },
  on: {
    '*': { actions: handle<{ heard: Message[] }>((context, event) => ({ heard: [...context.heard, event] })) },
  },
});

const BASE = 0x2_0000_0000;
const OTHER = 0x3_0000_0000;

/** A process that writes a process page, is busy elsewhere, and reads the page again. */
class Held {
  readonly system: System;
  private readonly laws = new Laws();

  constructor(pageSize: string) {
    const program = [
      { op: 'mmap', addr: BASE, lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'mmap', addr: OTHER, lengthBytes: '4M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'store', addr: BASE, lengthBytes: '64K' },
      { op: 'store', addr: OTHER, lengthBytes: '4M' },
      { op: 'load', addr: BASE },
      { op: 'exit' },
    ];
    const topology = parseTopology({ name: 'held', processes: [{ pid: 1, program, pageSize }] }, 'test');
    const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
    const actors = [...built.actors, { id: 'probe', machine: probe }];
    this.system = createSystem({ actors, chooser: timeOrder() });
    for (const { to, message } of built.messages) this.system.send(to, message);
  }

  until(done: () => boolean): void {
    for (let record = this.system.step(); record !== null; record = this.system.step()) {
      this.laws.check(record, this.system);
      if (done()) return;
    }
  }

  get heard(): Message[] {
    return (this.system.snapshot('probe').context as { heard: Message[] }).heard;
  }

  ask(to: string, message: object): Message {
    const before = this.heard.length;
    this.system.send(to, { sender: 'probe', request: before, ...message } as never);
    this.until(() => this.heard.length > before);
    return this.heard[before];
  }

  /** The entries of the first page become others; answers the exchange that undoes it. */
  replaceFirst(kind: keyof typeof NON_PRESENT): PteChange[] {
    this.until(() => this.system.snapshot('mm:1').context.rssAnonPages > 16);
    const walked = this.ask('mmu:1', { type: 'PAGEWALK', startVa: BASE, endVa: BASE + 65536 });
    if (walked.type !== 'WALKED') throw new Error('the MMU answers a walk');
    const changes = walked.runs.map(({ va, pfn, nr, flags }): PteChange => {
      return { va, nr, expects: { pfn, flags }, to: { pfn, flags: NON_PRESENT[kind] | PTE.ANON } };
    });
    const answer = this.ask('mm:1', { type: 'REPLACE_PTES', changes });
    expect(answer).toMatchObject({ type: 'REPLACED', missed: [], fallback: '' });
    return changes.map(({ va, nr, expects, to }) => ({ va, nr, expects: to, to: expects }));
  }
}

describe.each(['4K', '64K'])('a fault of a %s process', (size) => {
  test('on a page that is being moved waits until it is there again', () => {
    const held = new Held(size);
    const undo = held.replaceFirst('migration');
    held.until(() => false);
    const { context } = held.system.snapshot('mm:1') as { context: { job: { step: string } | null } };
    expect(context.job?.step).toBe('migrationWait');
    held.ask('mm:1', { type: 'REPLACE_PTES', changes: undo });
    held.until(() => false);
    expect(held.system.snapshot('process:1').value).toBe('zombie');
    expect(held.system.snapshot('process:1').context).toMatchObject({ signal: 0 });
    expect(held.system.snapshot('zone').context.folios.framesByKind.anon).toBe(0);
  });

  test('on a poisoned page is SIGBUS with BUS_MCEERR_AR', () => {
    const held = new Held(size);
    held.replaceFirst('hwpoison');
    held.until(() => false);
    expect(held.system.snapshot('process:1').context).toMatchObject({ signal: 7, signalCode: 4, signalVa: BASE });
  });

  test('on a marker that nobody knows is SIGBUS', () => {
    const held = new Held(size);
    held.replaceFirst('marker');
    held.until(() => false);
    expect(held.system.snapshot('process:1').context).toMatchObject({ signal: 7, signalCode: 2 });
  });
});
