/** Properties see what they are for: each is broken by a design or a state that breaks it, and by no other. */
import { describe, expect, test } from 'vitest';
import type { MmuContext } from '../../../machines/index.ts';
import { isFault } from '../../../src/explore/search/types.ts';
import { exploreAll } from '../../../src/explore/search/explore.ts';
import { fallbackKeeps } from '../../../src/explore/world/properties/fallbackKeeps.ts';
import { SAME_AS_KERNEL } from '../../../src/explore/world/properties/sameAsKernel.ts';
import { topologyModel } from '../../../src/explore/world/topologyModel.ts';
import type { Delivery } from '../../../src/explore/world/world.ts';
import { PageTable } from '../../../src/mm/pageTable.ts';
import { packPte, PTE } from '../../../src/mm/pte.ts';
import { defineProperty } from '../../../src/topology/definitions/defineProperty.ts';
import type { LawSight } from '../../../src/topology/lawSight.ts';
import { bareModel, type Case, named, walk, written } from './support.ts';

describe('same-as-kernel-of-its-size', () => {
  const tail = (fileTail: 'kernel-page' | 'process-page'): Case =>
    written({
      design: { fileTail },
      files: [{ path: 'short', size: '68K', cached: true, kind: 'tmpfs' }],
      processes: [
        {
          pid: 1,
          pageSize: '64K',
          program: [
            { op: 'mmap', addr: '0x300000000', lengthBytes: '128K', flags: 'SHARED|FIXED', file: 'short', prot: 'rw' },
            { op: 'load', addr: '0x300018000' },
          ],
        },
      ],
    });
  const looked = (of: Case) => {
    const model = topologyModel({ ...of, asked: [SAME_AS_KERNEL] });
    return exploreAll(model, { strategy: 'random', walks: 3, properties: [SAME_AS_KERNEL], livelocks: false });
  };

  test('is broken where a process gets a signal behind the end of a file that a kernel of its size would not send', () => {
    const [found] = looked(tail('kernel-page')).discoveries;
    expect(found.property).toBe(SAME_AS_KERNEL);
    expect(found.fault).toMatch(
      /^process:1 is told "signal 7, code 2, at 0x300018000" by its answer \d+, and would be told "result/,
    );
  });

  test('holds where the tail is mapped as such a kernel maps it', () => {
    expect(looked(tail('process-page')).discoveries).toEqual([]);
  });
});

describe('fallback-keeps', () => {
  const VA = 0x10000;
  const flags = PTE.VALID | PTE.WRITE | PTE.READONLY | PTE.YOUNG | PTE.ANON | PTE.EXCLUSIVE;
  const linuxOf = (own: number, pfn = 64): PageTable => {
    const edit = PageTable.empty(4096).edit();
    edit.setRange(VA, pfn, 16, own);
    return edit.done();
  };
  const native = PageTable.empty(65536).edit();
  native.set(VA, packPte(4, (flags & ~PTE.READONLY) | PTE.DIRTY));
  const base = { pid: 1, kernelPageBytes: 4096, current: null, native: native.done(), fallback: '' };
  const dirty = (flags & ~PTE.READONLY) | PTE.DIRTY;
  const stepped = (after: PageTable, message: object = { type: 'TLBI_DONE' }): string | null => {
    const sight = (mmu: Partial<MmuContext>): LawSight => ({
      actors: ['mmu:1'],
      snapshot: () => ({ context: mmu, value: 'idle' }) as never,
    });
    const delivery = { sent: { channel: { to: 'mmu:1' }, content: { message } }, number: 0 } as unknown as Delivery;
    const before = { ...base, linux: linuxOf(flags) };
    const is = { ...base, linux: after, native: null, fallback: 'torn' };
    return fallbackKeeps(['mmu:1']).step?.fault(sight(is), delivery, sight(before)) ?? null;
  };

  test('holds where the Linux entries have what was noted in the native one', () => {
    expect(stepped(linuxOf(dirty))).toBeNull();
  });

  test.each([
    ['the dirt', linuxOf(flags), /is clean, though it was written to/],
    ['the frame', linuxOf(dirty, 80), /is no longer that of frame 64/],
    ['the right to write', linuxOf(dirty & ~PTE.WRITE), /has other rights/],
    ['exclusivity', linuxOf(dirty & ~PTE.EXCLUSIVE), /has other rights/],
    ['the page', PageTable.empty(4096), /is no longer that of frame 64/],
  ])('is broken where a page loses %s', (_what, after, says) => {
    expect(stepped(after)).toMatch(says);
  });

  test('asks nothing of what the operation itself is about', () => {
    const message = { type: 'CLEAR_PTES', ranges: [{ startVa: VA, endVa: VA + 65536 }] };
    expect(stepped(PageTable.empty(4096), message)).toBeNull();
  });
});

describe('properties of a user', () => {
  const of = written({
    processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
  });
  const results = (properties: readonly ReturnType<typeof defineProperty>[]) =>
    exploreAll(topologyModel({ ...of, properties: properties as never }), {
      properties: properties.map(({ name }) => name),
      livelocks: false,
    });

  test('may watch what is delivered on the way, which is then part of the state', () => {
    const watch = {
      start: 0,
      next: (count: number, { message }: { message: { type: string } }) => count + (message.type === 'WALK' ? 1 : 0),
    };
    const property = defineProperty<number>({
      name: 'few-walks',
      kind: 'always',
      says: 'There are at most two walks.',
      watch,
      fault: (_sight, count) => (count <= 2 ? null : `there were ${count}`),
    });
    const { discoveries } = results([property as never]);
    expect(discoveries.map(({ fault }) => fault)).toEqual(['there were 3']);
  });

  test('are of the four kinds, and see contexts and values of actors', () => {
    const ends = defineProperty({
      name: 'it-ends',
      kind: 'eventually',
      says: 'The process ends.',
      fault: ({ valueOf }) => (valueOf('process:1') === 'zombie' ? null : 'it runs'),
    });
    const counted = defineProperty({
      name: 'has-a-page',
      kind: 'sometimes',
      says: 'It has a page of its own.',
      reads: ['mm:*'],
      fault: ({ look }) => (look('mm:1').rssAnonPages > 0 ? null : 'it has none'),
    });
    const left = defineProperty({
      name: 'nothing-left',
      kind: 'at-end',
      says: 'No frame is left to it.',
      fault: ({ contextOf }) =>
        (contextOf('mm:1') as { rssAnonPages: number }).rssAnonPages === 0 ? null : 'some are',
    });
    const { discoveries, unmet, complete } = results([ends, counted, left] as never);
    expect(complete).toBe(true);
    expect(unmet).toEqual([]);
    expect(discoveries.filter(isFault)).toEqual([]);
    expect(discoveries.map(({ property }) => property)).toEqual(['has-a-page']);
  });

  test('have names that a command line can say', () => {
    expect(() => defineProperty({ name: 'Not A Name', kind: 'always', says: '', fault: () => null })).toThrow(
      /"Not A Name" is no name/,
    );
  });
});

test('what says nothing of a system reads nobody in it, so that orders may be left out', () => {
  const reads = (of: Case): boolean =>
    topologyModel(of)
      .properties.find(({ name }) => name === 'pins-hold')
      ?.reads?.('zone') ?? true;
  expect(reads(named('two-processes.json'))).toBe(false);
  expect(reads(named('gup-vs-fork'))).toBe(true);
});

test('progress rises along every way, to its end', () => {
  const model = bareModel(named('two-processes.json'));
  const { worlds } = walk(model, 3, 1000);
  const progress = worlds.map(model.progress);
  expect(progress.every((each, at) => at === 0 || each >= progress[at - 1])).toBe(true);
  expect(progress.at(-1)).toBeGreaterThan(progress[0]);
});
