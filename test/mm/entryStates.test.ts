/**
 * Every state that Linux keeps for a 4K page, put on one page of a process page and on all of them: through the operation of
 * the tables, for 16K and 64K.
 *
 * @models D-07 D-05
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EntryState, entryStates } from '../../src/mm/entryStates.ts';
import { PageTable } from '../../src/mm/pageTable.ts';
import { flagsOf, isPresent, isValid, packPte, PTE, pfnOf } from '../../src/mm/pte.ts';
import { operate, type Tables } from '../../src/mm/tableOps.ts';
import '../support/propertySeed.ts';

const VA = 0x4000_0000;
const BASE = PTE.VALID | PTE.WRITE | PTE.YOUNG | PTE.DIRTY | PTE.ANON | PTE.EXCLUSIVE;
const GRANULES = [16384, 65536];

function mapped(granuleBytes: number): Tables {
  const empty = { linux: PageTable.empty(4096), native: PageTable.empty(granuleBytes) };
  const runs = [{ va: VA, pfn: 64, nr: 2 * (granuleBytes / 4096), flags: BASE }];
  return operate(empty, { op: 'set', runs, expects: -1 });
}

function stateful(flags: number, { sets, clears }: EntryState): number {
  return (flags & ~clears) | sets;
}

/** Puts a state on some pages, counted from the first. */
function put(tables: Tables, state: EntryState, pages: readonly number[]) {
  const changes = pages.map((page) => {
    const pte = tables.linux.get(VA + page * 4096);
    const seen = { pfn: pfnOf(pte), flags: flagsOf(pte) };
    const to = { pfn: seen.pfn, flags: stateful(seen.flags, state) };
    return { va: VA + page * 4096, nr: 1, expects: seen, to };
  });
  return operate(tables, { op: 'exchange', changes });
}

const rows = Object.entries(entryStates);
const all = (granuleBytes: number): number[] => Array.from({ length: granuleBytes / 4096 }, (_, page) => page);

describe.each(GRANULES)('in process pages of %i bytes', (granuleBytes) => {
  it.each(rows)('%s on one page of a group is what the table says', (_name, state) => {
    for (const page of [0, 1, granuleBytes / 4096 - 1]) {
      const after = put(mapped(granuleBytes), state, [page]);
      const wanted = state.mixed === '' ? '' : `${state.mixed} at 0x${VA.toString(16)}`;
      expect(after.untranslatable).toBe(wanted);
      // The neighbour is none of its business.
      expect(isValid(after.native?.get(VA + granuleBytes) ?? 0)).toBe(true);
    }
  });

  it.each(rows)('%s on every page of a group is translated', (name, state) => {
    const after = put(mapped(granuleBytes), state, all(granuleBytes));
    expect(after.untranslatable, name).toBe('');
    expect(isValid(after.native?.get(VA) ?? 0)).toBe(state.wholeIsValid);
  });

  it('a permission that changes on the way is broken before it is made only where the frame changes', () => {
    for (const [, state] of rows) {
      if (!state.wholeIsValid) continue;
      expect(put(mapped(granuleBytes), state, all(granuleBytes)).nativeBroken).toEqual([]);
    }
  });

  it('any mixture is translated exactly if no page differs in what hardware looks at', () => {
    const names = Object.keys(entryStates);
    const states = fc.array(fc.constantFrom('', ...names), {
      minLength: granuleBytes / 4096,
      maxLength: granuleBytes / 4096,
    });
    fc.assert(
      fc.property(states, (chosen) => {
        let tables: Tables = mapped(granuleBytes);
        const wanted: number[] = [];
        for (const [page, name] of chosen.entries()) {
          const state = entryStates[name];
          const before = tables.linux.get(VA + page * 4096);
          wanted.push(state === undefined ? flagsOf(before) : stateful(flagsOf(before), state));
        }
        const changes = wanted.map((flags, page) => ({
          va: VA + page * 4096,
          nr: 1,
          expects: { pfn: 64 + page, flags: BASE },
          to: { pfn: 64 + page, flags },
        }));
        const after = operate(tables, { op: 'exchange', changes });
        tables = after;
        const seen = wanted.map((flags) => {
          if (!isValid(flags)) return 'invalid';
          return `${flags & (PTE.WRITE | PTE.EXEC | PTE.SPECIAL | PTE.ANON)}`;
        });
        const uniform = new Set(seen).size === 1;
        expect(after.untranslatable === '', seen.join(' ')).toBe(uniform);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the bit of userfaultfd', () => {
  const readOnly = PTE.VALID | PTE.READONLY | PTE.YOUNG | PTE.ANON;

  it('may differ within a group where it takes no permission away, and stays in the Linux entries', () => {
    const empty = { linux: PageTable.empty(4096), native: PageTable.empty(65536) };
    const tables = operate(empty, {
      op: 'set',
      runs: [{ va: VA, pfn: 64, nr: 16, flags: readOnly }],
      expects: -1,
    });
    const seen = { pfn: 66, flags: readOnly };
    const to = { pfn: 66, flags: readOnly | PTE.UFFD_WP };
    const after = operate(tables, { op: 'exchange', changes: [{ va: VA + 0x2000, nr: 1, expects: seen, to }] });
    expect(after.untranslatable).toBe('');
    expect(flagsOf(after.linux.get(VA + 0x2000)) & PTE.UFFD_WP).toBe(PTE.UFFD_WP);
    expect(flagsOf(after.native?.get(VA) ?? 0) & PTE.UFFD_WP).toBe(0);
  });

  it('keeps an entry from becoming writable by mprotect, and is lost by a move and in a child', () => {
    const linux = PageTable.empty(4096).edit();
    const protectedPage = PTE.VALID | PTE.READONLY | PTE.YOUNG | PTE.ANON | PTE.EXCLUSIVE | PTE.UFFD_WP;
    linux.set(VA, packPte(64, protectedPage));
    const tables = { linux: linux.done(), native: null };
    const writable = PTE.VALID | PTE.WRITE | PTE.READONLY;
    const range = { startVa: VA, endVa: VA + 4096 };
    const ranges = [{ ...range, protection: PTE.VALID | PTE.READONLY, anonProtection: writable }];
    expect(flagsOf(operate(tables, { op: 'protect', ranges }).linux.get(VA)) & PTE.WRITE).toBe(0);
    const moved = operate(tables, { op: 'move', fromVa: VA, toVa: VA + 0x10000, lengthBytes: 4096 });
    expect(flagsOf(moved.linux.get(VA + 0x10000)) & PTE.UFFD_WP).toBe(0);
    const [child] = operate(tables, { op: 'copy', ranges: [{ ...range, always: true }] }).set;
    expect(child.flags & PTE.UFFD_WP).toBe(0);
  });
});

it('no row is without a rule, a source, and an entry of its own', () => {
  for (const [name, { rule, source, sets, clears }] of rows) {
    expect(rule.length, name).toBeGreaterThan(20);
    expect(source).toMatch(/^(?:\w[\w-]*\/)+[\w-]+\.[ch]:\w+/);
    expect(stateful(BASE, { sets, clears } as EntryState)).not.toBe(BASE);
  }
  const entries = rows.filter(([, { keptIn }]) => keptIn === 'entry');
  const flags = entries.map(([, state]) => stateful(BASE, state));
  expect(new Set(flags).size).toBe(flags.length);
  expect(flags.filter((each) => !isPresent(each)).every((each) => (each & PTE.SWAP) !== 0)).toBe(true);
});
