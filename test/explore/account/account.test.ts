/** Accounts: who did what in which order, told of any model and of logs, in Markdown and in 72 columns. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Account } from '../../../src/explore/account/account.ts';
import { logAccount } from '../../../src/explore/account/logAccount.ts';
import { countsText, initiatorOf, whatMatters } from '../../../src/explore/account/matters.ts';
import { modelAccount } from '../../../src/explore/account/modelAccount.ts';
import { settingOf } from '../../../src/explore/account/setting.ts';
import { markdownOf, plainTextOf } from '../../../src/explore/account/tell.ts';
import { classic, classics, MENDED } from '../../../src/explore/classics/index.ts';
import { openKept } from '../../../src/explore/corpus/kept.node.ts';
import { exploreAll } from '../../../src/explore/search/explore.ts';
import { shrinkPath } from '../../../src/explore/shrink/shrinkPath.ts';
import type { LogRecord } from '../../../src/log/record.ts';
import { causeChain } from '../../../src/timeline/why.ts';
import { parseTopology } from '../../../src/topology/schema.ts';
import { PROJECT } from '../../cli/harness.ts';

function accountOfClassic(name: string): Account {
  const model = classic(name);
  const [discovery] = exploreAll(model).discoveries;
  if (discovery === undefined) throw new Error(`nothing is found in ${name}`);
  return modelAccount(model, shrinkPath(model, discovery));
}

describe('the account of a way through a model', () => {
  test('tells each action by what it says of itself, turn by turn', () => {
    expect(markdownOf(accountOfClassic('lost-update'))).toBe(MARKDOWN);
  });

  test('is the same as text of 72 columns', () => {
    expect(plainTextOf(accountOfClassic('lost-update'))).toBe(TEXT);
  });

  test.each(Object.keys(classics).filter((name) => !name.endsWith(MENDED)))(
    'of %s has no line that is too wide',
    (name) => {
      const lines = plainTextOf(accountOfClassic(name)).split('\n');
      expect(lines.filter((line) => line.length > 72 && line.trim().includes(' '))).toEqual([]);
    },
  );
});

/** A log of the corpus: the one of a process whose table is freed while a walker is in it. */
const kept = await openKept(join(PROJECT, 'fixtures/findings/gup-fast-table-freed'));

describe('what matters of a log', () => {
  test('are the causes of the last event, and what its actors handled while a cause was on its way', () => {
    const { reader } = kept;
    const matters = whatMatters(reader, [reader.lastSeq]);
    const causes = new Set(causeChain(reader, reader.lastSeq).map(({ seq }) => seq));
    expect(matters.filter(({ isCause }) => isCause).map(({ record }) => record.seq)).toEqual(
      [...causes].sort((a, b) => a - b),
    );
    // The table is freed by munmap, which is no cause of the walk that reads it.
    const freed = matters.find(({ record }) => record.type === 'KFREE');
    expect(freed).toMatchObject({ who: 'cpu:munmap', isCause: false });
    const seqs = matters.map(({ record }) => record.seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  test('is told with what was left out as counts, so that every event is accounted for', () => {
    const { reader, model, finding } = kept;
    const account = logAccount({
      reader,
      traces: model.traces,
      discovery: finding,
      property: { says: '' },
      found: [],
      next: [],
    });
    const told = account.steps.length;
    const counted = account.steps.flatMap(({ before }) =>
      (/(\d+) other event/.exec(before) ?? []).slice(1, 2).map(Number),
    );
    expect(told + counted.reduce((sum, count) => sum + count, 0)).toBe(reader.records);
    expect(account.fault).toBe(finding.fault);
    expect(account.steps.at(-1)?.text).toMatch(/^23, cpu:gup to memory: LOAD /);
  });

  test('names who began an event: a process or a daemon, not who handed it on', () => {
    const at = (seq: number, from: string, to: string): LogRecord => {
      return { seq, timeCycles: 0, from, to, cause: seq - 1, type: 'X', payload: {} };
    };
    expect(initiatorOf([at(2, 'mm:7', 'zone'), at(1, 'mmu:7', 'mm:7'), at(0, 'process:7', 'abi')])).toBe('process 7');
    expect(initiatorOf([at(1, 'kswapd', 'mmu:7'), at(0, 'zone', 'kswapd')])).toBe('kswapd');
    expect(initiatorOf([at(0, 'outside', 'zone')])).toBe('outside');
  });

  test('counts the rest by receiver, most first', () => {
    expect(countsText(['b', 'a', 'c', 'b'].map((to) => ({ to })))).toBe('4 other events: 2 to b, 1 to a, 1 to c');
  });
});

test('a setting names what differs from the default and nothing else', () => {
  const process = {
    pid: 1,
    pageSize: '64K',
    cpu: 1,
    program: [
      { op: 'store', addr: '0x500000' },
      { op: 'brk', addr: '0x600000' },
    ],
  };
  const plain = { name: 'set', cpus: 2, memory: '4M', core: 'tlb-small', processes: [process] };
  const kernel = 'a kernel of 4K pages with 4 MiB, 2 CPUs (tlb-small)';
  const first = 'process 1: pages of 64K, on CPU 1: store, brk';
  expect(settingOf(parseTopology(plain, 'test'))).toEqual([kernel, first]);
  const other = {
    ...plain,
    pageCache: 'sticky-order',
    design: { crossGranuleTlbi: 'ignored' },
    gup: { holders: ['dev'], tableFree: 'immediate' },
    files: [{ path: '/a', size: '64K', cached: true }],
    costs: { diskLatency: 7 },
  };
  expect(settingOf(parseTopology(other, 'test'))).toEqual([
    kernel,
    first,
    'file /a: 64 KiB, in the page cache',
    'pageCache: sticky-order, where the default is drop-and-re-read',
    'costs.diskLatency: 7',
    'design.crossGranuleTlbi: ignored, where the default is honoured',
    'gup.holders: ["dev"], where the default is []',
    'gup.tableFree: immediate, where the default is deferred',
  ]);
});

const MARKDOWN = `# lost-update: nothing-lost is broken in the end

both additions are in x

**Seen instead:** x is 1

## What happened

4 actions.

**x**

1. \`a reads x\`
2. \`b reads x\`
3. \`a sets x to one more than it read\`
4. \`b sets x to one more than it read\`

## How it was shrunk

- 4 actions with 0 changes of owner shrunk to 4 with 0; none of them can be left out
`;

const TEXT = `lost-update: nothing-lost is broken in the end
==============================================

both additions are in x

Seen instead: x is 1

What happened
-------------
4 actions.

x:
   1. a reads x
   2. b reads x
   3. a sets x to one more than it read
   4. b sets x to one more than it read

How it was shrunk
-----------------
  4 actions with 0 changes of owner shrunk to 4 with 0; none of them can
    be left out
`;
