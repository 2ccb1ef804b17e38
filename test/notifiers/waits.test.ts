/**
 * An MMU that waits for hardware beside the CPUs: what that protects from, what it costs, what happens when the answer
 * does not come, and who cannot be waited for.
 *
 * @models D-10
 */
import { describe, expect, it } from 'vitest';
import { deviceWalk } from '../../machines/notifiers/mmuNotify.ts';
import { initialMmu } from '../../machines/mmuState.ts';
import type { Message } from '../../machines/messages.ts';
import { ResourceHolder } from '../../machines/support.ts';
import { defaultCosts } from '../../src/arch/costs.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { isDirty, isYoung, packPte, PTE } from '../../src/mm/pte.ts';
import { replay, timeline } from '../../src/library/timeline.ts';
import type { Ports, Transition } from '../../src/topology/definitions/actorTypes.ts';
import { smmu as typedSmmu } from '../tutorial/support/typedSmmu.ts';
import { catalogue, devicesOf, exampleWith, failureOf, type Fields, runOf } from './support/shared.ts';

const lost = [{ wire: { from: 'smmu:0', to: 'nic:0', type: 'ATC_INV' }, op: 'drop', nth: 1 }];

function process(fields: Fields): Fields {
  return { pid: 200, pageSize: '64K', program: [{ op: 'store', addr: 0x500000 }], ...fields };
}

describe('an MMU with a notifier', () => {
  it('gives the native table to hardware that can walk it', () => {
    const made = runOf(exampleWith({}));
    const { nic, smmu } = devicesOf(made);
    expect(nic).toMatchObject({ entriesMost: 4, accesses: 64 + 32, faults: 2, atc: [] });
    expect(smmu).toMatchObject({ walks: 6, descriptorsRead: 6 * 3, timeouts: 0, outstanding: [] });
    expect(made.system.snapshot('mm:200').context.fallbacks).toBe(0);
  });

  it('gives the Linux table to other hardware, which reads more and sees the same', () => {
    const made = runOf(exampleWith({}, { gran64K: false }));
    const { nic, smmu } = devicesOf(made);
    expect(nic).toMatchObject({ entriesMost: 64, accesses: 64 + 32, faults: 32, atc: [] });
    expect(smmu).toMatchObject({ walks: 96, descriptorsRead: 96 * 4 });
    expect(made.system.snapshot('mm:200').context.fallbacks).toBe(0);
  });

  it('gives frames back after the device has forgotten them', () => {
    const travel = timeline(runOf(exampleWith({})));
    const types = Array.from({ length: 9 }, (_, at) => travel.event(126 + at).type);
    expect(types[0]).toBe('CLEAR_PTES');
    const [forgotten, answered, put] = ['ATC_INV_DONE', 'MMU_INVALIDATE_DONE', 'PUT'].map((type) =>
      types.indexOf(type),
    );
    expect(forgotten).toBeGreaterThan(0);
    expect(answered).toBeGreaterThan(forgotten ?? -1);
    expect(put).toBeGreaterThan(answered ?? -1);
  });

  it('notes in the entry that a device was there, and wrote', () => {
    const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
    const input = { resources, pid: 200, kernelPageBytes: 4096, cpus: 1, tlbRange: false, notifiers: ['smmu:0'] };
    const linux = PageTable.empty(4096).edit();
    linux.set(0x10000, packPte(32, PTE.VALID | PTE.WRITE | PTE.READONLY));
    linux.set(0x11000, packPte(33, PTE.VALID | PTE.READONLY));
    const mmu = { ...initialMmu(input), linux: linux.done() };
    const walkOf = (va: number, write: boolean): { pte: number; found: unknown } => {
      const sent: Message[] = [];
      const walk = { type: 'DEVICE_WALK' as const, sender: 'smmu:0', request: 1, va, write, granules: [4096] };
      const after = deviceWalk(mmu, walk, (_to, message) => sent.push(message));
      return {
        pte: after.linux.get(va),
        found: sent.map((answer) => answer.type === 'DEVICE_WALKED' && answer.found)[0],
      };
    };
    const [read, written, refused] = [walkOf(0x10000, false), walkOf(0x10000, true), walkOf(0x11000, true)];
    expect([read.found, isYoung(read.pte), isDirty(read.pte)]).toEqual([true, true, false]);
    expect([written.found, isYoung(written.pte), isDirty(written.pte)]).toEqual([true, true, true]);
    expect([refused.found, isYoung(refused.pte), isDirty(refused.pte)]).toEqual([false, false, false]);
  });

  it.each([{ gran64K: true }, { gran64K: false }])(
    'keeps a law that is broken where an ATC_INV is lost, $gran64K',
    (input) => {
      expect(failureOf(exampleWith({ faultPlan: lost }, input))).toContain(
        '"no DMA reaches memory that is free" of nic',
      );
    },
  );

  it('is stuck, and safe, behind an SMMU that waits for ever', () => {
    const made = runOf(exampleWith({ faultPlan: lost }, { timeoutCycles: 0 }));
    expect(devicesOf(made).smmu.outstanding).toEqual([0]);
    expect(made.system.snapshot('mmu:200').value).toEqual({ native: 'flushing' });
    expect(made.system.snapshot('process:200').value).toEqual({ 'in-syscall': 'active' });
  });

  it('tells of a fallback: all addresses, and another granule', () => {
    const whole = { addr: 0x2_0000_0000, lengthBytes: 0x40000 };
    const program = [
      { op: 'mmap', ...whole, flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'madvise', ...whole, advice: 'MERGEABLE' },
      { op: 'store', ...whole, strideBytes: 4096, value: 7 },
      { op: 'nanosleep', cycles: 3_000_000 },
    ];
    const processes = [process({ notifiers: ['smmu:0'], program }), process({ pid: 201, pageSize: '4K', program })];
    const made = runOf(exampleWith({ processes, ksm: { unit: 'kernel-page', sleepCycles: 100_000 } }));
    expect(made.system.snapshot('mm:200').context.fallbacks).toBe(1);
    const travel = timeline(made);
    const told = Array.from({ length: made.log.lastSeq + 1 }, (_, seq) => travel.event(seq)).filter(
      ({ type, payload }) => {
        return type === 'MMU_INVALIDATE' && (payload as Fields)['walkedBytes'] === 4096;
      },
    );
    expect(told[0]?.payload).toMatchObject({ ranges: [{ startVa: 0, endVa: 2 ** 48 }] });
    expect(replay(made).divergence).toBeNull();
  });
});

describe('a process', () => {
  it('has no trace of notifiers where it names none', () => {
    const made = runOf(exampleWith({ processes: [process({ notifiers: [] })], actors: [], messages: [], uses: [] }));
    expect(Object.keys(made.system.snapshot('mmu:200').context)).not.toContain('notifiers');
  });

  it.each([
    { what: 'nobody', notifiers: ['smmu:1'], code: 'TOPOLOGY_ACTOR_UNKNOWN', says: 'smmu:1, which is no actor here' },
    { what: 'who is not told', notifiers: ['nic:0'], code: 'TOPOLOGY_NO_TAKER', says: 'waits for MMU_INVALIDATE_DONE' },
    {
      what: 'an actor of granule',
      notifiers: ['zone'],
      code: 'TOPOLOGY_NO_TAKER',
      says: 'waits for MMU_INVALIDATE_DONE',
    },
  ])('is refused that names $what as its notifier', ({ notifiers, code, says }) => {
    const refused = failureOf(exampleWith({ processes: [process({ notifiers })] }));
    expect(refused).toContain(code);
    expect(refused).toContain(says);
  });

  it('that is a thread leaves notifiers to whom it belongs', () => {
    const processes = [
      process({ notifiers: ['smmu:0'], program: [{ op: 'clone', tid: 201 }] }),
      process({ pid: 201, threadOf: 200, notifiers: ['smmu:0'] }),
    ];
    expect(failureOf(exampleWith({ processes }))).toContain('its notifiers belong there');
  });
});

interface Sent {
  port: string;
  message: Fields;
  options: unknown;
}

type Handler = (state: Fields, message: Fields, send: unknown) => Fields;

type Handlers = Transition<readonly [], string, Ports, Fields, Fields>;

/** A state and what was sent on the way to it, for each of some messages. */
function walkThrough(logic: Handlers, messages: readonly Fields[]): { state: Fields; sent: Sent[] }[] {
  const start = { id: 'smmu:0', ports: {}, input: { gran64K: true, timeoutCycles: 200_000 } };
  const handlers = new Map(Object.entries(logic.on) as unknown as [string, Handler][]);
  let state = logic.initial(start as never);
  return messages.map((message) => {
    const sent: Sent[] = [];
    const send = (port: string, told: Fields, options?: unknown): number => sent.push({ port, message: told, options });
    state = handlers.get(String(message['type']))?.(state, message, send) ?? {};
    return { state, sent };
  });
}

describe('the SMMU in TypeScript', () => {
  it('does what the one in JavaScript does', () => {
    const made = runOf(exampleWith({ faultPlan: lost }), false);
    const travel = timeline(made);
    const events = Array.from({ length: made.log.lastSeq + 1 }, (_, seq) => travel.event(seq));
    const told = events
      .filter(({ to }) => to === 'smmu:0')
      .map(({ type, payload }) => ({ type, ...(payload as Fields) }));
    // A walk that was begun before something is forgotten comes back after it.
    const late = {
      type: 'DEVICE_WALKED',
      request: told.filter(({ type }) => type === 'ATS_REQUEST').length,
      pid: 200,
      va: 0,
      found: false,
      pfn: 0,
      pageBytes: 4096,
      write: false,
      levels: 4,
    };
    const messages = [
      ...told,
      { type: 'ATS_REQUEST', va: 8, write: true },
      { type: 'MMU_INVALIDATE', sender: 'mmu:200', request: 9, pid: 200, ranges: [], walkedBytes: 4096 },
      late,
    ];
    const plain = catalogue.actors.get('smmu')?.logic as Handlers;
    const expected = walkThrough(plain, messages);
    expect(expected.at(-1)?.sent[0]?.message).toMatchObject({ type: 'DEVICE_WALK', va: 8, write: true });
    expect(walkThrough(typedSmmu.logic as unknown as Handlers, messages)).toEqual(expected);
  });
});
