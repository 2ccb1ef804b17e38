/**
 * Sequences that a design of native tables over Linux tables must survive. One of the list has no place in the model: a
 * pin against fork, since only pages of files can be pinned, and a fork shares those as they are.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultCosts } from '../../src/arch/costs.ts';
import { beginFault } from '../../machines/mmFault.ts';
import { initialMm } from '../../machines/mmState.ts';
import { ResourceHolder } from '../../machines/support.ts';
import { translateGroup } from '../../src/mm/nativeTable.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { hasFlags, isDirty, isValid, makeDirty, makeYoung, PTE } from '../../src/mm/pte.ts';
import { operate, type TableOp, type TableOutcome, type Tables } from '../../src/mm/tableOps.ts';
import { VM } from '../../src/mm/vma.ts';
import { VmaSet } from '../../src/mm/vmaSet.ts';
import { FileWorld } from '../machines/support/fileWorld.ts';
import { BASE, KB, map, play, PROPOSAL } from './support/worlds.ts';
import '../support/propertySeed.ts';

const GROUP = 64 * KB;
const PAGE = 4 * KB;
const VA = BASE;
const CLEAN = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.ANON | PTE.YOUNG;

/** A 64K process with one page, mapped by a native entry that nobody has written through. */
function onePage(): Tables {
  const empty: Tables = { linux: PageTable.empty(PAGE), native: PageTable.empty(GROUP) };
  return operate(empty, { op: 'set', runs: [{ va: VA, pfn: 256, nr: 16, flags: CLEAN }], expects: -1 });
}

/** A store by another CPU: the walk sets the dirty state in the native entry, or finds none that allows it. */
function store(tables: Tables): { tables: Tables; faults: boolean } {
  const native = tables.native?.edit();
  const pte = native?.get(VA) ?? 0;
  if (native === undefined || !isValid(pte) || !hasFlags(pte, PTE.WRITE)) return { tables, faults: true };
  native.set(VA, makeDirty(makeYoung(pte)));
  return { tables: { ...tables, native: native.done() }, faults: false };
}

const take = (at: number): TableOp => {
  const startVa = VA + at * PAGE;
  return { op: 'clear', ranges: [{ startVa, endVa: startVa + PAGE }], freeWithin: null, fileOnly: false };
};

describe('lost dirty', () => {
  it('a store before one of the 16 entries is taken is told with it, one after it faults: never neither', () => {
    fc.assert(
      fc.property(fc.nat(15), fc.boolean(), (at, storesFirst) => {
        const before = storesFirst ? store(onePage()) : { tables: onePage(), faults: false };
        const taken = operate(before.tables, take(at));
        const [entry] = taken.cleared;
        const after = store({ linux: taken.linux, native: taken.untranslatable === '' ? taken.native : null });
        expect(before.faults).toBe(false);
        expect(hasFlags(entry.flags, PTE.DIRTY) || after.faults).toBe(true);
        if (storesFirst) expect(hasFlags(entry.flags, PTE.DIRTY)).toBe(true);
      }),
    );
  });
});

describe('stale permission', () => {
  it.each(['honoured', 'ignored'])(
    'a store after mprotect(PROT_READ) faults where broadcast across granules is %s',
    (broadcast) => {
      const world = { ...PROPOSAL[1], design: [`crossGranuleTlbi=${broadcast}`] };
      const answers = play(world, [
        map(GROUP),
        { op: 'store', addr: BASE },
        { op: 'mprotect', addr: BASE, lengthBytes: GROUP, prot: 1 },
        { op: 'store', addr: BASE + 1 },
        { op: 'load', addr: BASE },
      ]);
      expect(answers.map(({ signal }) => signal)).toEqual([null, 0, null, 11, 0]);
      expect(answers[3].code).toBe(2);
    },
  );
});

describe('fold window', () => {
  it('a load that faulted while its block was rebuilt finds the entry there, and is done again', () => {
    const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
    const fresh = initialMm({
      resources,
      pid: 1,
      kernelPageBytes: PAGE,
      nativeTables: true,
      zeroPfn: 0,
      stackLimitBytes: 2 ** 23,
    });
    const area = {
      startVa: VA,
      endVa: VA + GROUP,
      prot: 3,
      flags: VM.ACCOUNT,
      file: null,
      offsetBytes: VA,
      anonVma: 1,
    };
    const vmas = VmaSet.empty(GROUP).insert(area);
    const fault = {
      va: VA,
      access: 'read' as const,
      ptePfn: 256,
      pteFlags: CLEAN,
      major: false,
      pages: [],
      truncated: false,
    };
    const sent: string[] = [];
    const job = { awaits: -1, step: '', asleep: false, ptesWritten: 0, kind: 'fault' as const, walk: 1, cpu: 0, fault };
    const { end } = beginFault({ ...fresh, pageBytes: GROUP, vmas }, job, (to) => void sent.push(to));
    expect(end).toEqual({ signal: 0, code: 0 });
    expect(sent).toEqual([]);
  });
});

describe('invalidate versus pin', () => {
  /** The frame of a page in the cache, -1 for none. */
  const frameAt = ({ file }: FileWorld, page: number): number => {
    const folio = file.cache.range().find(({ index, order }) => index <= page && page < index + 2 ** order);
    return folio === undefined ? -1 : folio.pfn + page - folio.index;
  };

  it('takes a pinned folio out of the cache: its holder keeps the old memory, and who reads again finds other memory', () => {
    fc.assert(
      fc.property(fc.nat(15), (page) => {
        const world = new FileWorld({ policy: 'drop-and-re-read', sizeBytes: GROUP });
        const file = { file: 'a', request: 1 };
        world.tell({ type: 'READ_FILE', ...file, offsetBytes: 0, lengthBytes: GROUP });
        const old = frameAt(world, page);
        world.tell({ type: 'PIN_PAGES', file: 'a', holder: 'nic', firstIndex: page, endIndex: page + 1 });
        // A mapping of larger pages drops the small folios (`invalidate_inode_pages2_range`).
        expect(world.map('mm:2', 4).errno).toBe(0);
        expect([frameAt(world, page), world.refs.get(old)]).toEqual([-1, 1]);
        world.fault('mm:2', 4, page);
        expect([-1, old]).not.toContain(frameAt(world, page));
        expect(world.refs.get(old)).toBe(1);
        world.tell({ type: 'UNPIN_PAGES', file: 'a', holder: 'nic' });
        expect(world.refs.get(old)).toBe(0);
      }),
    );
  });
});

describe('split storm', () => {
  /** What becomes of one 4K page inside a 64K one: copy-on-write, a hint, a merge, poison, write protection. */
  const storms = fc.oneof(
    fc.record({ kind: fc.constant('replace' as const), at: fc.nat(15), pfn: fc.integer({ min: 1024, max: 4096 }) }),
    fc.record({ kind: fc.constant('clear' as const), at: fc.nat(15) }),
    fc.record({ kind: fc.constant('protect' as const), at: fc.nat(15) }),
    fc.record({ kind: fc.constant('age' as const), at: fc.nat(15) }),
    fc.record({ kind: fc.constant('whole' as const), pfn: fc.integer({ min: 64, max: 256 }) }),
  );
  type Storm = typeof storms extends fc.Arbitrary<infer S> ? S : never;

  function op(storm: Storm, tables: Tables): TableOp {
    if (storm.kind === 'whole') {
      const there = tables.linux.get(VA);
      return {
        op: 'set',
        runs: [{ va: VA, pfn: storm.pfn * 16, nr: 16, flags: CLEAN }],
        expects: there === 0 ? -1 : -2,
      };
    }
    const startVa = VA + storm.at * PAGE;
    const range = { startVa, endVa: startVa + PAGE };
    if (storm.kind === 'clear') return take(storm.at);
    if (storm.kind === 'age') return { op: 'age', ...range, young: true, dirty: true };
    const protection = PTE.VALID | PTE.READONLY;
    if (storm.kind === 'protect')
      return { op: 'protect', ranges: [{ ...range, protection, anonProtection: protection }] };
    return { op: 'set', runs: [{ va: startVa, pfn: storm.pfn, nr: 1, flags: CLEAN }], expects: 256 + storm.at };
  }

  function agrees({ linux, native, untranslatable }: TableOutcome): void {
    const group = translateGroup(linux, VA, GROUP);
    // What cannot be one native entry is said, and the MMU leaves the native table; it is never half there.
    expect(untranslatable === '').toBe(group.ok);
    if (!group.ok || native === null) return;
    const entry = native.get(VA);
    expect(isValid(entry)).toBe(isValid(group.pte));
    expect(isDirty(entry)).toBe(isDirty(group.pte));
  }

  it('leaves a native entry that is whole, one that is absent, or a table that says it cannot follow', () => {
    fc.assert(
      fc.property(fc.array(storms, { minLength: 1, maxLength: 12 }), (list) => {
        let tables: Tables = onePage();
        for (const storm of list) {
          const done = operate(tables, op(storm, tables));
          agrees(done);
          // As the MMU does: on the Linux table from then on.
          if (done.untranslatable !== '') return;
          tables = done;
        }
      }),
    );
  });
});
