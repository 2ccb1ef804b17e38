/** Workloads as they are written: what is taken, what is refused, and what a header and a command make of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { logMeta, openMeta } from '../../src/topology/meta.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { workloadTrace } from '../../src/trace/workloads/workload.ts';
import { workloadSchema } from '../../src/trace/workloads/workloadSchema.ts';
import { Workplace } from '../cli/harness.ts';
import { SAMPLES } from './samples.ts';

function refusal(process: object): string {
  try {
    parseTopology({ name: 'wrong', processes: [{ pid: 1, pageSize: '4K', ...process }] }, 'wrong.json');
  } catch (error) {
    if (error instanceof GranuleError) return error.format();
    throw error;
  }
  return 'none';
}

describe('a workload', () => {
  it('has its defaults filled in, and means the same when it is read again', () => {
    for (const sample of Object.values(SAMPLES)) {
      const read = workloadSchema.parse(sample);
      expect(workloadSchema.parse(JSON.parse(JSON.stringify(read)))).toEqual(read);
    }
    expect(workloadSchema.parse({ pattern: 'random', lengthBytes: '1M', accesses: 5 })).toEqual({
      pattern: 'random',
      lengthBytes: 2 ** 20,
      accesses: 5,
      access: 'modify',
      initialise: true,
      seed: 1,
    });
  });

  it.each<[string, object, RegExp]>([
    ['no such pattern', { pattern: 'zip' }, /zip.*processes\.0\.workload/],
    ['an operand that there is not', { ...SAMPLES.seq, laps: 3 }, /laps.*processes\.0\.workload/],
    ['a size that is none', { pattern: 'seq', lengthBytes: 'much' }, /much.*processes\.0\.workload/],
    ['an operand that is missing', { pattern: 'seq' }, /lengthBytes/],
    ['an exponent of four places', { ...SAMPLES.zipf, exponent: 0.9999 }, /three places/],
    [
      'sizes that are not a hundred percent',
      { ...SAMPLES.allocator, sizes: [{ leastBytes: 1, mostBytes: 2, percent: 9 }] },
      /100 percent/,
    ],
    ['more elements than fit', { pattern: 'pointer-chase', lengthBytes: '64G', accesses: 1 }, /elements/],
    ['more than the range of a pattern', { pattern: 'seq', lengthBytes: '2T' }, /2T.* to 1099511627776/],
    ['objects that eden has no room for', { ...SAMPLES['jvm-heap'], objectBytes: '512K' }, /eighth of the young/],
    ['more blocks than heaps', { ...SAMPLES.allocator, slots: 2 ** 20, arenas: 64 }, /68719476736 bytes at most/],
    ['a part without a share', { mixture: [SAMPLES.seq] }, /share/],
    ['a part that forks', { mixture: [{ share: 1, ...SAMPLES.cow }] }, /cow/],
    ['a stage that forks', { sequence: [SAMPLES['fork-server']] }, /fork-server.*part/],
    [
      'a mistake deep inside',
      { sequence: [{ mixture: [{ share: 1, sequence: [{ pattern: 'seq', lengthBytes: 0 }] }] }] },
      /size/,
    ],
    ['nothing at all', {}, /workload/],
  ])('is refused with its place: %s', (_what, workload, message) => {
    expect(refusal({ workload })).toMatch(message);
    expect(refusal({ workload })).toMatch(/^TOPOLOGY_INVALID/);
  });

  it('stands in the place of a trace and a program', () => {
    expect(refusal({})).toMatch(/trace, a program or a workload/);
    expect(refusal({ workload: SAMPLES.seq, program: [{ op: 'brk', addr: 0 }] })).toMatch(/not both/);
    expect(refusal({ workload: SAMPLES.seq })).toBe('none');
  });

  it('is in the header, and its trace under its name and hash', () => {
    const topology = loadTopology('mixed-jvms');
    const traces = loadTraces(topology, { folders: [] });
    const meta = openMeta(JSON.parse(JSON.stringify(logMeta(topology, traces))) as ReturnType<typeof logMeta>);
    expect(meta.topology).toEqual(topology);
    const { workload } = topology.processes[1];
    expect(meta.traces[1]).toMatchObject({ name: 'jvm-heap', hash: workload && workloadTrace(workload, 65536).hash });
    expect(meta.traces[2]).toMatchObject({ name: 'mixture of jvm-heap, mmap-file-scan', layoutBytes: 65536 });
  });

  it('leaves no field in the header of a process without one', () => {
    const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'test');
    const fields = ['workload', 'start', 'stop', 'pause', 'resume', 'pin'];
    expect(Object.keys(topology.processes[0]).filter((field) => fields.includes(field))).toEqual([]);
  });
});

describe('granule make-trace', () => {
  let place: Workplace;
  beforeAll(() => void (place = new Workplace()));
  afterAll(() => place.remove());

  it('writes any pattern, with its operands, for any page size', async () => {
    const args = ['make-trace', 'pointer-chase', '--bytes', '256K', '--accesses', '500', '--with', 'lineBytes=128'];
    const { stdout } = await place.run([...args, '--page-size', '64K', '--seed', '3', '--json']);
    const workload = { pattern: 'pointer-chase', lengthBytes: '256K', accesses: 500, lineBytes: 128, seed: 3 } as const;
    expect(JSON.parse(stdout)).toMatchObject({ hash: workloadTrace(workloadSchema.parse(workload), 65536).hash });
    expect((await place.run(['info', 'pointer-chase.gtr'])).stdout).toContain('pointer-chase~64K');
  });

  it('takes text and JSON as operands', async () => {
    const args = ['make-trace', 'allocator', '--with', 'operations=50', '--with', 'slots=9', '--out', 'a.gtr'];
    const sizes = [{ leastBytes: 64, mostBytes: '1K', percent: 100 }];
    const ran = await place.run([...args, '--with', `sizes=${JSON.stringify(sizes)}`, '--json']);
    const workload = workloadSchema.parse({ pattern: 'allocator', operations: 50, slots: 9, sizes });
    expect(JSON.parse(ran.stdout)).toMatchObject({ hash: workloadTrace(workload, 4096).hash });
  });

  it('refuses operands that a pattern has not', async () => {
    const heap = ['make-trace', 'jvm-heap', '--accesses', '5'];
    expect((await place.run(heap)).stderr).toMatch(/^USAGE: jvm-heap has no accesses/);
    expect((await place.run(['make-trace', 'zipf', '--with', 'exponent'])).stderr).toMatch(/^USAGE: .*NAME=VALUE/);
    expect((await place.run(['make-trace', 'zipf', '--with', 'exponent=much'])).stderr).toMatch(/^USAGE: .*exponent/);
  });
});
