/** Random sequences of calls and accesses, with shrinking over the list: steps go first, then arguments get simpler. */
import fc from 'fast-check';
import { type AbiAction, PROBE_FILE } from '../../../src/validate/abiStep.ts';
import { WINDOW } from '../../../src/validate/abiRun.ts';

/** A file on ext4 beside the tmpfs one of the oracle's sequences. */
export const DISK_FILE = '/data/probe.dat';

const BASE = WINDOW.startVa;
/** Calls fall into the first megabyte; mremap also moves to the one behind. */
const MEGABYTE = 2 ** 20;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
/** Units of arguments: mostly whole pages of 64K, and everything that is none in some page size. */
const units = fc.constantFrom(1, 512, 4096, 4096, 16384, 65536, 65536, 65536, 65536);
const HEAP_END = 0x540000;

function within(span: number): fc.Arbitrary<number> {
  return fc.tuple(units, fc.nat(span - 1)).map(([unit, at]) => Math.floor(at / unit) * unit);
}

const addr = within(MEGABYTE).map((at) => BASE + at);
const newAddr = within(2 * MEGABYTE).map((at) => BASE + MEGABYTE + at);
const lengthBytes = fc.oneof(
  { weight: 40, arbitrary: fc.tuple(units, fc.integer({ min: 1, max: 6 })).map(([unit, count]) => unit * count) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const range = { addr, lengthBytes };
const file = fc.constantFrom(PROBE_FILE, PROBE_FILE, DISK_FILE);
const offsetBytes = fc.constantFrom(0, 0, 0, 4096, 16384, 65536, 131072, 512);
const prot = fc.constantFrom(3, 3, 3, 1, 1, 0, 7, 5);

/** MAP_SHARED or MAP_PRIVATE; MAP_FIXED, MAP_FIXED_NOREPLACE or a hint; seldom POPULATE, LOCKED, NORESERVE, GROWSDOWN. */
const mapFlags = fc
  .tuple(
    fc.constantFrom(1, 2, 2),
    fc.constantFrom(0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x100000, 0),
    fc.constantFrom(0, 0, 0, 0, 0, 0x8000, 0x2000, 0x4000, 0x100),
  )
  .map((flags) => flags.reduce<number>((all, flag) => all | flag, 0));

const anonymousMap = fc.record({
  op: fc.constant('mmap' as const),
  ...range,
  prot,
  flags: mapFlags.map((flags) => flags | 0x20),
  file: fc.constant(null),
  offsetBytes: fc.constantFrom(0, 0, 0, 0, 0, 4096),
});
const fileMap = fc.record({ op: fc.constant('mmap' as const), ...range, prot, flags: mapFlags, file, offsetBytes });
const mremap = fc.record({
  op: fc.constant('mremap' as const),
  addr,
  oldLengthBytes: lengthBytes,
  newLengthBytes: lengthBytes,
  flags: fc.constantFrom(0, 0, 3, 3, 1, 5, 7, 2),
  newAddr,
});
const ADVICES = [0, 1, 2, 3, 4, 4, 4, 8, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 22, 23, 23, 25, 99];
const madvise = fc.record({ op: fc.constant('madvise' as const), ...range, advice: fc.constantFrom(...ADVICES) });
const fallocate = fc.record({
  op: fc.constant('fallocate' as const),
  file,
  mode: fc.constantFrom(KEEP_SIZE | PUNCH_HOLE, KEEP_SIZE | PUNCH_HOLE, 0, KEEP_SIZE, PUNCH_HOLE),
  offsetBytes: within(262144),
  lengthBytes,
});

function simple(op: 'munmap' | 'mincore' | 'mlock' | 'munlock'): fc.Arbitrary<AbiAction> {
  return fc.record({ op: fc.constant(op), ...range });
}

const access = fc.record({ op: fc.constantFrom('load' as const, 'store' as const, 'store' as const), addr });

/** One step. The weights are near those of the oracle's generator, with the calls that it does not make added. */
const step: fc.Arbitrary<AbiAction> = fc.oneof(
  { weight: 15, arbitrary: anonymousMap },
  { weight: 10, arbitrary: fileMap },
  { weight: 9, arbitrary: simple('munmap') },
  { weight: 13, arbitrary: fc.record({ op: fc.constant('mprotect' as const), ...range, prot }) },
  { weight: 8, arbitrary: mremap },
  { weight: 10, arbitrary: madvise },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('msync' as const), ...range, flags: fc.constantFrom(4, 1, 2, 5, 6, 8) }),
  },
  { weight: 7, arbitrary: simple('mincore') },
  { weight: 2, arbitrary: simple('mlock') },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('mlock2' as const), ...range, flags: fc.constantFrom(0, 1, 1, 2) }),
  },
  { weight: 3, arbitrary: simple('munlock') },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('mlockall' as const), flags: fc.constantFrom(1, 2, 3, 4, 5, 0) }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'munlockall' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('brk' as const),
      addr: within(MEGABYTE).map((at) => HEAP_END - 65536 + at),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('remap_file_pages' as const),
      ...range,
      prot: fc.constantFrom(0, 0, 0, 1),
      pgoff: fc.nat(4),
      flags: fc.constant(0),
    }),
  },
  { weight: 3, arbitrary: fallocate },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('ftruncate' as const), file, sizeBytes: within(400_000) }) },
  { weight: 26, arbitrary: access },
);

interface ListContext {
  items: readonly fc.Value<AbiAction>[];
}

/** Lists of exactly so many steps, which shrink to shorter ones. */
class CallLists extends fc.Arbitrary<readonly AbiAction[]> {
  readonly #steps: number;

  constructor(steps: number) {
    super();
    this.#steps = steps;
  }

  override generate(random: fc.Random, biasFactor: number | undefined): fc.Value<readonly AbiAction[]> {
    return valueOf(Array.from({ length: this.#steps }, () => step.generate(random, biasFactor)));
  }

  override canShrinkWithoutContext(_value: unknown): _value is readonly AbiAction[] {
    return false;
  }

  override shrink(_value: readonly AbiAction[], context: unknown): fc.Stream<fc.Value<readonly AbiAction[]>> {
    const items = (context as ListContext | undefined)?.items ?? [];
    return fc.stream(shorter(items)).join(fc.stream(simpler(items)));
  }
}

function valueOf(items: readonly fc.Value<AbiAction>[]): fc.Value<readonly AbiAction[]> {
  const context: ListContext = { items };
  return new fc.Value(
    items.map((item) => item.value),
    context,
  );
}

/** Without the second half, without a quarter, ... and at last without one step. */
function* shorter(items: readonly fc.Value<AbiAction>[]): Generator<fc.Value<readonly AbiAction[]>> {
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = items.length; end > 0 && items.length > 1; end -= size) {
      yield valueOf([...items.slice(0, Math.max(0, end - size)), ...items.slice(end)]);
    }
  }
}

function* simpler(items: readonly fc.Value<AbiAction>[]): Generator<fc.Value<readonly AbiAction[]>> {
  for (const [at, item] of items.entries()) {
    for (const smaller of step.shrink(item.value, item.context)) {
      yield valueOf([...items.slice(0, at), smaller, ...items.slice(at + 1)]);
    }
  }
}

/** Sequences of so many random steps behind the two mappings that every sequence of the oracle begins with. */
export function callLists(steps: number): fc.Arbitrary<readonly AbiAction[]> {
  return new CallLists(steps);
}

/** The mappings that are there first: 512K of anonymous memory, and 256K of the tmpfs file, private or shared. */
export function firstMappings(shared: boolean): AbiAction[] {
  const first = { op: 'mmap' as const, prot: 3, offsetBytes: 0 };
  return [
    { ...first, addr: BASE, lengthBytes: 524288, flags: 0x32, file: null },
    { ...first, addr: BASE + 524288, lengthBytes: 262144, flags: shared ? 0x11 : 0x12, file: PROBE_FILE },
  ];
}
