/**
 * Random programs with objects and devices, under every order of delivery that channels allow: the laws hold at every
 * event, nothing is lost, and whatever a process can reach in an area of a device is the device's unless it leaks by
 * choice.
 *
 * @models D-20 S-29 S-33 S-47 T-10
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SmallMemory } from '../../src/mm/objects/driverShapes.ts';
import { foreignFrames } from '../../src/topology/exposure.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';
import { BASE, type Step } from './support/programs.ts';

const K = 1024;
const ZERO_FRAMES = 16;

/** Objects by the name that programs give them, and devices. */
const MAKERS: Step[] = [
  { op: 'perf_event_open', file: 'perf' },
  { op: 'io_uring_setup', file: 'uring', entries: 64 },
  { op: 'bpf_map_create', file: 'ringbuf', mapType: 'ringbuf', maxEntries: 64 * K },
  { op: 'bpf_map_create', file: 'array', mapType: 'array', maxEntries: 5000 },
  { op: 'bpf_map_create', file: 'arena', mapType: 'arena', maxEntries: 64 },
  { op: 'packet_ring', file: 'tap', blockBytes: 64 * K, blocks: 2, frameBytes: 2048, frames: 64 },
];
const FILES = ['perf', 'uring', 'ringbuf', 'array', 'arena', 'tap', 'driver:regs', 'driver:ram', 'driver:fault'];
/** Lengths that suit one object or the other on a kernel of one size or the other. */
const LENGTHS = [4, 8, 20, 36, 64, 128, 192, 320, 576].map((kib) => kib * K);
const PLACES = [0, 1, 2, 3].map((at) => BASE + at * 1024 * K);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...MAKERS) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('mmap'),
      addr: fc.constantFrom(0, ...PLACES),
      lengthBytes: fc.constantFrom(...LENGTHS),
      prot: fc.constantFrom('r', 'rw'),
      flags: fc.constantFrom('SHARED', 'SHARED', 'SHARED|FIXED', 'PRIVATE'),
      file: fc.constantFrom(...FILES),
      offsetBytes: fc.constantFrom(0, 0, 0, 4 * K, 64 * K, 0x10000000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('load', 'store'), fc.constantFrom(...PLACES), fc.nat(40))
      .map(([op, addr, page]) => ({ op, addr: addr + page * 16 * K })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...PLACES), fc.nat(8), fc.integer({ min: 1, max: 9 }))
      .map(([addr, from, pages]) => {
        return { op: 'munmap', addr: addr + from * 64 * K, lengthBytes: pages * 64 * K };
      }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...PLACES), fc.nat(8), fc.constantFrom('r', 'rw')).map(([addr, from, prot]) => {
      return { op: 'mprotect', addr: addr + from * 64 * K, lengthBytes: 64 * K, prot };
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...PLACES).map((addr) => {
      return { op: 'madvise', addr, lengthBytes: 128 * K, advice: 'DONTNEED' };
    }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'io_setup', file: 'aio', requests: 200 }) },
);

const pageSize = fc.constantFrom('4K', '16K', '64K');

function topologyOf(
  programs: { program: Step[]; pageSize: string; forks: boolean }[],
  choices: { pages: 'process-page' | 'kernel-page'; small: SmallMemory; seed: number; vdso: boolean; beside: object },
): Topology {
  const { pages, small, seed, vdso, beside } = choices;
  const processes = programs.flatMap(({ program, forks, ...rest }, at) => {
    const own = { signals: 'skip' as const, ...rest };
    const first = [...program];
    if (!forks) return [{ ...own, pid: at + 1, program: first }];
    const child = at + 101;
    const half = Math.floor(program.length / 2);
    const parent = [...program.slice(0, half), { op: 'fork', childPid: child }, ...program.slice(half)];
    return [
      { ...own, pid: at + 1, program: parent, children: [child] },
      { ...own, pid: child, forked: true, program: [...program.slice(half), { op: 'brk', addr: 0 }] },
    ];
  });
  const devices = [
    { name: 'regs', registers: 0xa003000, lengthBytes: 20 * K, small, shape: 'vm_iomap_memory' },
    { name: 'ram', lengthBytes: 20 * K, small, shape: 'vm_map_pages' },
    { name: 'fault', lengthBytes: 100 * K, small, shape: 'fault_page' },
  ];
  return parseTopology(
    {
      name: 'random',
      memory: '32M',
      cpus: 2,
      limits: { events: 200_000 },
      chooser: 'seeded-random',
      seed,
      objects: { pages, vdso },
      drivers: devices,
      processes,
      ...beside,
    },
    'test',
  );
}

describe('random programs with objects and devices', () => {
  test('keep the laws, lose nothing, and show nothing that is not theirs unless they leak', () => {
    let signals = 0;
    let mapped = 0;
    const programs = fc.array(
      fc.record({ program: fc.array(step, { minLength: 6, maxLength: 24 }), pageSize, forks: fc.boolean() }),
      { minLength: 1, maxLength: 2 },
    );
    const choices = fc.record({
      pages: fc.constantFrom<'process-page' | 'kernel-page'>('process-page', 'kernel-page'),
      small: fc.constantFrom<SmallMemory>('refuse', 'pad', 'driver', 'leak'),
      seed: fc.nat(1000),
      vdso: fc.boolean(),
      // With little memory, with kswapd, and with compaction: pages of objects stay where they are.
      beside: fc.constantFrom(
        {},
        {},
        { memory: '4M' },
        { memory: '4M', reclaim: {} },
        { memory: '4M', zone: {} },
        { design: { untranslatable: 'fail' } },
      ),
    });
    fc.assert(
      fc.property(programs, choices, (written, chosen) => {
        const topology = topologyOf(written, chosen);
        const { system } = runTopology({
          topology,
          traces: loadTraces(topology, { folders: [] }),
          writer: null,
          checked: true,
          freeze: true,
          onRecord: ({ type, payload }, running) => {
            if (type === 'ABORT') signals++;
            if (type === 'OBJECT_MAPPED' && (payload as { errno: number }).errno === 0) mapped++;
            if (chosen.small !== 'leak' && type === 'SYSCALL') expect(foreignFrames(running)).toEqual([]);
          },
        });
        const { objects, waits } = system.snapshot('object').context;
        expect(waits).toEqual({});
        // The vDSO stays, as part of the kernel's image; so does the RAM of devices.
        const kept = Object.keys(objects as object).filter((file) => !file.startsWith('object:vdso.'));
        expect(kept).toEqual([]);
        const held = Object.values(
          objects as Record<string, { pages: (number | null)[]; sizes: { objectPageBytes: number } }>,
        );
        const vdsoFrames = held.reduce((sum, { pages, sizes }) => {
          return sum + pages.filter((pfn) => pfn !== null).length * (sizes.objectPageBytes / 4096);
        }, 0);
        const ramFrames = ['ram', 'fault'].reduce((sum, name) => {
          return sum + (system.snapshot(`driver:${name}`).context.frames as number[]).length;
        }, 0);
        expect(system.snapshot('zone').context.folios.frames).toBe(ZERO_FRAMES + vdsoFrames + ramFrames);
      }),
      { numRuns: 150 },
    );
    expect(signals).toBeGreaterThan(20);
    expect(mapped).toBeGreaterThan(20);
  });
});
