/** Random topologies that are in order, as files have them: plain data of every part of the form. */
import fc from 'fast-check';

/** Plain data of a topology. */
export interface Made {
  [field: string]: unknown;
  cpus: number;
  kernelPageSize: Size;
  processes: MadeProcess[];
}

export interface MadeProcess {
  [field: string]: unknown;
  pid: number;
  pageSize: Size;
}

type Size = '4K' | '16K' | '64K';

const SIZES: readonly Size[] = ['4K', '16K', '64K'];
/** The module that defines the actors of a user's own. */
export const DEVICES = new URL('../wrong/modules/devices.mjs', import.meta.url).pathname;
/** Where programs map what they touch; one after the other. */
const MAPPED = 0x2_0000_0000;
const AREA_BYTES = 0x10_0000;

/** A field that is there as often as not. */
function maybe(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(fields, { requiredKeys: [] });
}

function oneOf(...values: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.constantFrom(...values);
}

/** What a program does with memory that it has mapped. */
function stepsAt(addr: number): fc.Arbitrary<object[]> {
  const at = `0x${addr.toString(16)}`;
  const range = fc.record({ addr: oneOf(at, addr), lengthBytes: oneOf('64K', '128K', 0x10000) });
  const step = fc.oneof(
    range.map((area) => ({ op: 'store', ...area, strideBytes: '16K' })),
    range.map((area) => ({ op: 'load', ...area })),
    range.map((area) => ({ op: 'madvise', ...area, advice: 'DONTNEED' })),
    range.map((area) => ({ op: 'mprotect', ...area, prot: 'rw' })),
    fc.integer({ min: 1, max: 100_000 }).map((cycles) => ({ op: 'nanosleep', cycles })),
  );
  const flags = 'PRIVATE|ANONYMOUS|FIXED';
  return fc
    .array(step, { minLength: 1, maxLength: 6 })
    .map((steps) => [{ op: 'mmap', addr: at, lengthBytes: '1M', flags }, ...steps]);
}

const programArb = fc
  .tuple(stepsAt(MAPPED), fc.oneof(fc.constant([]), stepsAt(MAPPED + AREA_BYTES)))
  .map((parts) => parts.flat());

function processArb(index: number, least: Size, cpus: number): fc.Arbitrary<MadeProcess> {
  const sizes = SIZES.slice(SIZES.indexOf(least));
  const fields = maybe({
    cpu: fc.nat({ max: cpus - 1 }),
    startCycles: fc.nat({ max: 1_000_000 }),
    signals: oneOf('die', 'skip'),
    layout: fc.constant('64K'),
    memlock: oneOf('1M', 65_536),
    dataLimit: oneOf('64M'),
  });
  return fc
    .tuple(fc.constantFrom(...sizes), programArb, fields)
    .map(([pageSize, program, rest]) => ({ pid: index + 1, pageSize, program, ...rest }));
}

/** Parts that any topology may ask for. */
const partsArb = maybe({
  description: fc.constant('made'),
  chooser: oneOf('time-order', 'seeded-random'),
  seed: fc.nat({ max: 1000 }),
  pageCache: oneOf('drop-and-re-read', 'sticky-order', 'convert-at-first-mmap', 'large-folios-to-eof'),
  nativeTables: fc.boolean(),
  quantumCycles: oneOf(50_000, 3_000_000),
  asidBits: oneOf(8, 16),
  stackLimit: oneOf('1M', '8M'),
  core: oneOf('tlb-reference', 'cortex-a76', 'neoverse-n1', 'neoverse-v1', 'neoverse-v2', 'neoverse-n2'),
  memory: oneOf('512M', '2G'),
  design: maybe({
    kpti: fc.boolean(),
    contpte: fc.boolean(),
    nativeFill: oneOf('eager', 'lazy'),
    zeroPage: oneOf('process-page', 'allocate'),
    contiguousTlb: oneOf('per-page', 'per-group'),
    crossGranuleFlush: oneOf('by-va', 'asid'),
    thp: maybe({
      enabled: oneOf('always', 'never', 'madvise'),
      sizes: oneOf({ '64K': 'always' }, { '32K': 'madvise' }),
    }),
  }),
  costs: maybe({ diskLatency: fc.nat({ max: 100_000 }), ipi: fc.nat({ max: 5000 }) }),
  files: fc.constant([{ path: '/srv/data', size: '1M', kind: 'xfs', cached: true }]),
  faultPlan: fc.constant([
    { wire: { from: '*', to: 'tlb:*', type: 'TLBI' }, op: 'delay', delayCycles: 50 },
    { wire: { from: 'mm:*', to: '*' }, op: 'observe', name: 'asked' },
  ]),
  uaccess: maybe({ futexKeys: oneOf('kernel-page', 'process-page') }),
  procfs: maybe({ policy: oneOf('translate', 'defeature') }),
  memoryFailure: maybe({ retirement: oneOf('frame', 'folio'), earlyKill: fc.boolean() }),
  gup: fc.constant({ holders: ['camera'] }),
  userfaultfd: fc.constant({ descriptors: ['migration'] }),
  pipes: fc.constant([{ name: 'stdin' }]),
  reclaim: maybe({ swappiness: fc.nat({ max: 200 }), swap: fc.record({ size: oneOf('16M', '64M') }) }),
  limits: fc.constant({ events: 1_000_000 }),
});

interface Device {
  process: number;
  times: number;
  streams: number | null;
}

/** Cards with their SMMUs, which walk the tables of some process. */
function withDevices(data: Made, devices: readonly Device[]): Made {
  if (devices.length === 0) return data;
  const actors = devices.flatMap(({ process, streams }, at) => {
    const walked = data.processes[process % data.processes.length]?.pid ?? 1;
    const ports = { tables: `mmu:${walked}`, device: `nic:${at}` };
    return [
      { id: `smmu:${at}`, ports, ...(streams === null ? {} : { input: { streams } }) },
      { id: `nic:${at}`, ports: { memory: `smmu:${at}` } },
    ];
  });
  const messages = devices.map(({ times }, at) => ({ to: `nic:${at}`, type: 'RING', atCycles: 300_000, times }));
  return { ...data, uses: [DEVICES], actors, messages };
}

/** Topologies that can run. */
export const madeTopologies: fc.Arbitrary<Made> = fc
  .record({ cpus: fc.integer({ min: 1, max: 3 }), kernelPageSize: fc.constantFrom(...SIZES), parts: partsArb })
  .chain(({ cpus, kernelPageSize, parts }) => {
    const count = fc.integer({ min: 1, max: 3 });
    const processes = count.chain((length) =>
      fc.tuple(...Array.from({ length }, (_, index) => processArb(index, kernelPageSize, cpus))),
    );
    const device = fc.record({
      process: fc.nat({ max: 2 }),
      times: fc.nat({ max: 3 }),
      streams: fc.option(fc.integer({ min: 1, max: 4 })),
    });
    const data = processes.map((each): Made => ({ ...parts, cpus, kernelPageSize, processes: each }));
    return fc.tuple(data, fc.array(device, { maxLength: 2 })).map(([made, devices]) => withDevices(made, devices));
  });
