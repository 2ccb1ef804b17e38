/**
 * Those who look at an mm or exchange its entries from outside, in a running system.
 *
 * @models S-10 S-21
 */
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import type { Message } from '../../machines/index.ts';
import { handle } from '../../machines/support.ts';
import { PTE } from '../../src/mm/pte.ts';
import { createSystem, type System } from '../../src/runtime/system.ts';
import { timeOrder } from '../../src/runtime/chooser.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { Laws } from '../../src/topology/laws.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { parseTopology } from '../../src/topology/schema.ts';

/** Keeps what it is told. */
const probe = setup({ types: { context: {} as { heard: Message[] }, events: {} as Message } }).createMachine({
  context: { heard: [] as Message[] },
  on: {
    '*': { actions: handle<{ heard: Message[] }>((context, event) => ({ heard: [...context.heard, event] })) },
  },
});

const BASE = 0x2_0000_0000;

function world(pageSize: '4K' | '64K'): { system: System; laws: Laws; ask(to: string, message: object): Message } {
  const program = [
    { op: 'mmap', addr: BASE, lengthBytes: '128K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'store', addr: BASE, lengthBytes: '128K' },
  ];
  const topology = parseTopology({ name: 'walked', processes: [{ pid: 1, program, pageSize }] }, 'test');
  const built = buildTopology(topology, loadTraces(topology, { folders: [] }));
  const actors = [...built.actors, { id: 'probe', machine: probe }];
  const system = createSystem({ actors, chooser: timeOrder() });
  const laws = new Laws();
  for (const { to, message } of built.messages) system.send(to, message);
  const settle = (until: () => boolean): void => {
    for (let record = system.step(); record !== null; record = system.step()) {
      laws.check(record, system);
      if (until()) return;
    }
  };
  const heard = (): Message[] => (system.snapshot('probe').context as { heard: Message[] }).heard;
  // Up to the end of the stores: exit would take the memory away.
  const stores = pageSize === '4K' ? 32 : 2;
  settle(
    () => system.snapshot('mm:1').context.rssAnonPages >= 32 && system.snapshot('mm:1').context.minorFaults >= stores,
  );
  const ask = (to: string, message: object): Message => {
    const before = heard().length;
    system.send(to, { sender: 'probe', request: before, ...message } as never);
    settle(() => heard().length > before);
    const answer = heard().at(-1);
    if (answer === undefined) throw new Error('no answer came');
    return answer;
  };
  return { system, laws, ask };
}

describe.each(['4K', '64K'] as const)('the memory of a %s process', (size) => {
  test('is walked, queried and looked up from outside', () => {
    const { ask } = world(size);
    const walked = ask('mmu:1', { type: 'PAGEWALK', startVa: BASE, endVa: BASE + 0x20000 });
    if (walked.type !== 'WALKED') throw new Error(`the MMU answers ${walked.type}`);
    expect(walked.runs.reduce((sum, run) => sum + run.nr, 0)).toBe(32);
    expect(walked.walkedBytes).toBe(size === '4K' ? 4096 : 65536);
    const [run] = walked.runs;
    const folios = ask('zone', { type: 'FOLIO_QUERY', pfns: [run.pfn, 1] });
    expect(folios).toMatchObject({ folios: [{ kind: 'anon', order: size === '4K' ? 0 : 4, owner: 'mm:1' }, null] });
    const state = ask('mm:1', { type: 'MM_QUERY' });
    expect(state).toMatchObject({ type: 'MM_STATE', state: { pid: 1, rssAnonPages: 32 } });
  });

  test('is exchanged a process page at a time without a fallback, and a torn page falls back', () => {
    const { ask, system, laws } = world(size);
    const walked = ask('mmu:1', { type: 'PAGEWALK', startVa: BASE, endVa: BASE + 0x20000 });
    if (walked.type !== 'WALKED') throw new Error(`the MMU answers ${walked.type}`);
    const [run] = walked.runs;
    const nr = size === '4K' ? 1 : 16;
    const migration = { pfn: run.pfn, flags: PTE.SWAP | PTE.SPECIAL };
    const changes = [{ va: BASE, nr, expects: { pfn: run.pfn, flags: run.flags }, to: migration }];
    const replaced = ask('mm:1', { type: 'REPLACE_PTES', changes });
    expect(replaced).toMatchObject({ type: 'REPLACED', missed: [], fallback: '', entered: [] });
    expect(system.snapshot('mm:1').context.rssAnonPages).toBe(32 - nr);
    const last = walked.runs.at(-1);
    const torn = [
      { va: BASE + 0x1f000, nr: 1, expects: { pfn: last!.pfn + last!.nr - 1, flags: last!.flags }, to: null },
    ];
    const second = ask('mm:1', { type: 'REPLACE_PTES', changes: torn });
    expect(second).toMatchObject({ missed: [], fallback: size === '4K' ? '' : 'partly-valid at 0x200010000' });
    expect(laws.checked).toBeGreaterThan(0);
  });
});
