/**
 * Memory of real trees and programs: rounding, policies, published figures.
 *
 * @models S-15 S-51 X-06 S-14
 */
import { mkdirSync, mkdtempSync, linkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { cachedBytes, type FileTree, fileCount, treeOfFiles } from '../../../src/report/memoryStudy/fileTree.ts';
import { publishedForm, publishedReserves } from '../../../src/report/memoryStudy/reserves.ts';
import { againstPublished, studyTree } from '../../../src/report/memoryStudy/study.ts';
import { storedTrees, treeOfFolder } from '../../../src/report/memoryStudy/treeFiles.node.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { parseTopology } from '../../../src/topology/schema.ts';
import type { FileContext } from '../../../machines/index.ts';
import { errorOf } from '../../trace/helpers.ts';

const folder = mkdtempSync(join(tmpdir(), 'granule-tree-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = fc.array(
  fc.record({ path: fc.constantFrom('etc/a', 'usr/bin/b', 'lib/c.so.1'), bytes: fc.nat(300_000) }),
  {
    minLength: 1,
    maxLength: 50,
  },
);

describe('a tree of files', () => {
  it('takes what its files take one by one, at every page size', () => {
    fc.assert(
      fc.property(files, (list) => {
        const tree = treeOfFiles('made', '', list);
        for (const pageBytes of [4096, 16384, 65536]) {
          const each = list.reduce((sum, { bytes }) => sum + Math.ceil(bytes / pageBytes) * pageBytes, 0);
          expect(cachedBytes(tree, pageBytes)).toBe(each);
          expect(cachedBytes(tree, pageBytes, 'mapped') + cachedBytes(tree, pageBytes, 'read')).toBe(each);
        }
        expect(fileCount(tree)).toBe(list.length);
      }),
    );
  });

  it('grows with the page by less than a page for each file, and a policy never takes more than a kernel of 64K', () => {
    fc.assert(
      fc.property(files, (list) => {
        const study = studyTree(treeOfFiles('made', '', list));
        expect(study.cache64K - study.cache4K).toBeLessThan(65536 * list.length);
        for (const { bytes } of study.policies) {
          expect(bytes).toBeGreaterThanOrEqual(study.cache4K);
          expect(bytes).toBeLessThanOrEqual(study.cache64K);
        }
      }),
    );
  });

  it('of a folder counts a file with two names once, follows no links, and goes down', async () => {
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin', 'tool'), Buffer.alloc(5000));
    writeFileSync(join(folder, 'notes'), Buffer.alloc(10));
    linkSync(join(folder, 'notes'), join(folder, 'notes-again'));
    symlinkSync('notes', join(folder, 'link'));
    const tree = treeOfFolder(folder);
    expect(tree.sizes).toEqual([
      [1, 1, 0],
      [2, 1, 1],
    ]);
    expect(tree.bytes).toBe(5010);
    expect((await errorOf(async () => treeOfFolder(join(folder, 'none')))).code).toBe('FILE_UNREADABLE');
  });
});

/** Page cache in bytes once processes of these page sizes have read `read` and mapped `mapped` on a 4K kernel. */
function playedBytes(policy: string, pageSizes: readonly number[], sizes: { read: number; mapped: number }): number {
  const map = { op: 'mmap' as const, addr: '0x300000000', lengthBytes: sizes.mapped, prot: 'r' };
  const program = [
    { op: 'mmap' as const, addr: '0x200000000', lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'read' as const, file: '/data/read', buffer: '0x200000000', lengthBytes: sizes.read },
    { ...map, flags: 'PRIVATE|FIXED', file: '/data/mapped' },
    { op: 'load' as const, addr: '0x300000000', lengthBytes: sizes.mapped },
  ];
  const topology = parseTopology(
    {
      name: 'played',
      kernelPageSize: '4K',
      pageCache: policy,
      files: [
        { path: '/data/read', size: sizes.read },
        { path: '/data/mapped', size: sizes.mapped },
      ],
      processes: pageSizes.map((pageSize, index) => {
        return { pid: index + 1, program, pageSize, startCycles: index * 100_000_000 };
      }),
    },
    'played',
  );
  const traces = loadTraces(topology, { folders: [] });
  const { system } = runTopology({ topology, traces, writer: null });
  let pages = 0;
  for (const [actor, snapshot] of system.snapshots()) {
    if (actor.startsWith('file:/data/')) pages += (snapshot.context as FileContext).cache.counts.pages;
  }
  return pages * 4096;
}

describe('the policies of a study', () => {
  const sizes = { read: 5000, mapped: 70_000 };
  const tree: FileTree = treeOfFiles('two', '', [
    { path: 'data/read', bytes: sizes.read },
    { path: 'lib/mapped.so', bytes: sizes.mapped },
  ]);
  const rows = studyTree(tree).policies;
  const bytesOf = (policy: string, mappedBy: string): number | undefined =>
    rows.find((row) => row.policy === policy && row.mappedBy === mappedBy)?.bytes;

  it.each([
    ['drop-and-re-read', 'processes of 64K', [65536]],
    ['drop-and-re-read', 'processes of 16K', [16384]],
    ['convert-at-first-mmap', 'processes of any size', [4096]],
    ['large-folios-to-eof', 'processes of any size', [65536]],
    ['sticky-order', '64K once, now 4K', [65536, 4096]],
  ])('take what the actors take: %s, %s', (policy, mappedBy, pageSizes) => {
    expect(playedBytes(policy, pageSizes, sizes)).toBe(bytesOf(policy, mappedBy));
  });
});

describe('published figures', () => {
  const kernel = storedTrees().find(({ name }) => name === 'linux-6.12');
  if (kernel === undefined) throw new Error('the kernel tree comes with the project');

  it('of a kernel tree ask for the same number of files of this kind at 16K and at 64K, within 2%', () => {
    const check = againstPublished(kernel);
    expect(check.published.growth16K).toBeCloseTo(0.0819, 3);
    expect(check.published.growth64K).toBeCloseTo(0.4714, 3);
    expect(Math.abs(check.disagreement)).toBeLessThan(0.02);
    expect(check.filesBy.at64K / fileCount(kernel)).toBeGreaterThan(1);
    expect(check.filesBy.at64K / fileCount(kernel)).toBeLessThan(1.25);
  });

  it('of the same tree come out within 5% once the bytes that the source lacks are in large files', () => {
    const { withLargeFiles } = againstPublished(kernel);
    expect(Math.abs(withLargeFiles.cache16K / 12_223_488 - 1)).toBeLessThan(0.05);
    expect(Math.abs(withLargeFiles.cache64K / 16_623_296 - 1)).toBeLessThan(0.05);
  });

  it('of watermarks come out to the last digit: 4K, 64K, and 64K with the patch', () => {
    for (const { kernel: name, marksMiB, published } of publishedReserves()) {
      if (published === null) continue;
      const { min, low, high } = marksMiB;
      const forms = [min, low, high].map((mib, at) => publishedForm(mib, published[at]));
      expect(forms, name).toEqual([...published]);
    }
  });

  it('of page blocks: 512M with 64K pages, and those of 4K where a 4K kernel runs 64K processes', () => {
    const [small, large, , proposal] = publishedReserves();
    expect([small.pageblockMiB, large.pageblockMiB, proposal.pageblockMiB]).toEqual([2, 512, 2]);
    expect(proposal.marksMiB).toEqual(small.marksMiB);
  });
});
