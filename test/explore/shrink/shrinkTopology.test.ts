/** Topologies shrunk: what is needed stays, everything else goes, and what is left can still be built. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GranuleError } from '../../../src/errors.ts';
import { listAt, type PlainTopology } from '../../../src/explore/shrink/reducers/plain.ts';
import { isFields } from '../../../src/topology/form/fields.ts';
import { shrinkTopology, topologyReducers } from '../../../src/explore/shrink/shrinkTopology.ts';
import { loadTraces } from '../../../src/topology/load.node.ts';
import { runTopology } from '../../../src/topology/run.ts';
import { parseTopology } from '../../../src/topology/schema.ts';

const BASE = 0x2_0000_0000;

/** Parsed as the commands do, so that what no command would take counts as nothing found. */
function stepsIn(topology: PlainTopology): string[] {
  return parseTopology(topology, 'test').processes.flatMap(
    ({ pid, program }) => program?.map(({ op }) => `${pid} ${op}`) ?? [],
  );
}

const wide: PlainTopology = {
  name: 'wide',
  cpus: 4,
  memory: '256M',
  core: 'neoverse-v2',
  design: { kpti: true, untranslatable: 'fail' },
  gup: { holders: ['dev', 'rdma'], tableFree: 'immediate' },
  ksm: {},
  files: [
    { path: '/a', size: '256K' },
    { path: '/b', size: '1M' },
  ],
  faultPlan: [
    { from: 'tlb:0', to: 'mmu:1', op: 'delay', cycles: 5 },
    { from: 'tlb:0', to: 'mmu:2', op: 'delay', cycles: 5 },
  ],
  processes: [
    {
      pageSize: '64K',
      children: [3],
      signals: 'skip',
      program: [
        { op: 'mmap', addr: BASE, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
        { op: 'store', addr: BASE, lengthBytes: '256K' },
        { op: 'fork', childPid: 3 },
        { op: 'store', addr: BASE },
        { op: 'madvise', addr: BASE, lengthBytes: '64K', advice: 'DONTNEED' },
      ],
    },
    {
      pageSize: '4K',
      cpu: 3,
      program: [
        { op: 'load', addr: 0x500000 },
        { op: 'brk', addr: 0x600000 },
      ],
    },
    { pid: 3, pageSize: '64K', forked: true, program: [{ op: 'load', addr: BASE }] },
  ],
};

describe('a shrunk topology', () => {
  test('keeps what is needed and loses all else, and says what went', () => {
    const breaks = (topology: PlainTopology): string | null => {
      const steps = stepsIn(topology);
      const gup = topology['gup'] as { tableFree?: string } | undefined;
      return steps.includes('2 brk') && gup?.tableFree === 'immediate' ? 'found' : null;
    };
    const made = shrinkTopology(wide, { begin: 'found', breaks });
    expect(made.topology).toEqual({
      name: 'wide',
      cpus: 1,
      memory: '1M',
      core: 'neoverse-v2',
      gup: { tableFree: 'immediate' },
      files: [],
      faultPlan: [],
      processes: [{ pid: 2, pageSize: '4K', program: [{ op: 'brk', addr: 0x600000 }] }],
    });
    expect(made.isMinimal).toBe(true);
    expect(made.taken).toEqual(
      expect.arrayContaining([
        'processes 1, 3',
        'ksm',
        'gup.holders',
        'design',
        'cpus 4 to 1',
        'step of process 2: load',
        'cpu of process 2',
      ]),
    );
  });

  test('of a process that forks keeps who is forked, and lengths go to the least', () => {
    const breaks = (topology: PlainTopology): string | null => {
      const steps = stepsIn(topology);
      return steps.includes('1 fork') && steps.includes('1 mmap') && steps.includes('3 load') ? 'found' : null;
    };
    const { topology } = shrinkTopology(wide, { begin: 'found', breaks });
    expect(listAt(topology, ['processes'])).toEqual([
      {
        pid: 1,
        pageSize: '64K',
        children: [3],
        program: [
          { op: 'mmap', addr: BASE, lengthBytes: '4K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
          { op: 'fork', childPid: 3 },
        ],
      },
      { pid: 3, pageSize: '64K', forked: true, program: [{ op: 'load', addr: BASE }] },
    ]);
  });

  test('lets nothing be taken away that any reducer knows, whatever the condition is', () => {
    const hash = (text: string, salt: number): number => {
      let sum = salt;
      for (const letter of text) sum = (sum * 31 + letter.charCodeAt(0)) % 1_000_003;
      return sum;
    };
    fc.assert(
      fc.property(fc.nat(1e6), (salt) => {
        const whole = JSON.stringify(wide);
        const breaks = (topology: PlainTopology): number | null => {
          const text = JSON.stringify(topology);
          return text === whole || hash(text, salt) % 4 === 0 ? text.length : null;
        };
        const made = shrinkTopology(wide, { begin: 0, breaks, tries: 1e5 });
        expect(made.isMinimal).toBe(true);
        for (const { reductions } of topologyReducers) {
          for (const { topology } of reductions(made.topology)) {
            if (JSON.stringify(topology) !== JSON.stringify(made.topology)) expect(breaks(topology)).toBe(null);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('is as far as its tries went, and says so', () => {
    const made = shrinkTopology(wide, { begin: 'found', breaks: () => 'found', tries: 3 });
    expect(made.isMinimal).toBe(false);
    expect(made.tries).toBe(3);
    expect(made.taken).toHaveLength(3);
  });

  test('of errors that are no statement about a topology is told', () => {
    const breaks = (): never => {
      throw new TypeError('a fault of the search');
    };
    expect(() => shrinkTopology(wide, { begin: 'found', breaks })).toThrow(TypeError);
  });
});

/** The message of the law that one of the first orders breaks, of those that seeds give. */
function lawBroken(topology: PlainTopology, seeds: number): string | null {
  for (let seed = 0; seed < seeds; seed++) {
    const read = parseTopology({ ...topology, chooser: 'seeded-random', seed }, 'test');
    try {
      runTopology({ topology: read, traces: loadTraces(read, { folders: [] }), writer: null, checked: true });
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      if (error.code === 'LAW_BROKEN') return error.message;
      return null;
    }
  }
  return null;
}

test('a race of real actors is still there in what is left of its topology', () => {
  // A walk without a lock reads a table that munmap has freed at once; the rest is there to be taken away.
  const racing: PlainTopology = {
    name: 'racing',
    cpus: 2,
    memory: '64M',
    ksm: {},
    gup: { holders: ['dev', 'rdma'], tableFree: 'immediate' },
    processes: [
      {
        pid: 1,
        pageSize: '64K',
        signals: 'skip',
        program: [
          { op: 'mmap', addr: BASE, lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
          { op: 'store', addr: BASE },
          { op: 'load', addr: BASE },
          { op: 'gup_test', holder: 'dev', addr: BASE, lengthBytes: '16K', wait: false },
          { op: 'munmap', addr: BASE, lengthBytes: '64K' },
          { op: 'brk', addr: 0x500000 },
        ],
      },
      { pid: 2, pageSize: '64K', program: [{ op: 'load', addr: 0x500000 }] },
    ],
  };
  const breaks = (topology: PlainTopology): string | null => lawBroken(topology, 8);
  const begin = breaks(racing);
  expect(begin).toMatch(/has read a page table that is free/);
  const { topology, found } = shrinkTopology(racing, { begin: begin ?? '', breaks, tries: 40 });
  expect(found).toMatch(/has read a page table that is free/);
  expect(topology).toMatchObject({ gup: { tableFree: 'immediate' }, processes: [{ pid: 1 }] });
  expect(topology['ksm']).toBe(undefined);
  const [first] = listAt(topology, ['processes']).filter(isFields);
  expect(listAt(first ?? {}, ['program']).length).toBeLessThan(6);
  expect(lawBroken({ ...topology, gup: { holders: ['dev'] } }, 8)).toBe(null);
});
