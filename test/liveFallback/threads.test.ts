/**
 * Threads: processes that share an address space (CLONE_VM), on several CPUs.
 *
 * @models S-39
 */
import { describe, expect, test } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { loadTraces } from '../../src/topology/load.node.ts';
import { BASE, mapped, ran, resultsOf } from '../gup/support.ts';

const half = (at: number) => ({ op: 'store', addr: BASE + at, lengthBytes: '512K', strideBytes: 4096 });

function world(more: object = {}, cpus: (number | undefined)[] = [0, 1, undefined]) {
  const main = [mapped('1M'), { op: 'clone', tid: 11 }, { op: 'clone', tid: 12 }, half(0)];
  const programs = [main, [half(0x80000)], [half(0x40000)]];
  return ran({
    cpus: 2,
    ...more,
    processes: programs.map((program, at) => ({
      pid: at === 0 ? 1 : 10 + at,
      program,
      pageSize: '64K',
      ...(cpus[at] === undefined ? {} : { cpu: cpus[at] }),
      ...(at === 0 ? {} : { threadOf: 1 }),
    })),
  });
}

describe('threads', () => {
  test('share pages, page tables and ASID; each page is faulted in once', () => {
    const { mm, records, system } = world();
    expect(mm(1).minorFaults).toBe(16 + 1);
    expect(
      new Set(
        records
          .filter(({ type }) => type === 'ACTIVATE')
          .map(({ payload }) => (payload as unknown as { asid: number }).asid),
      ).size,
    ).toBe(1);
    expect(resultsOf(records, 1)).toEqual([BASE, 11, 12]);
    for (const pid of [1, 11, 12]) expect(system.snapshot(`process:${pid}`).value).toBe('zombie');
    // The last one takes the memory with it, and nobody before it.
    expect(
      records.filter(
        ({ type, payload }) =>
          type === 'MM_CALL' && (payload as unknown as { call: { op: string } }).call.op === 'exit',
      ),
    ).toHaveLength(1);
    expect(mm(1)).toMatchObject({ rssAnonPages: 0, pageBytes: 0 });
  });

  test('run under every order of delivery, on as many CPUs or fewer', () => {
    for (let seed = 0; seed < 8; seed++) {
      for (const cpus of [1, 2, 3]) {
        const { mm, zone } = world({ chooser: 'seeded-random', seed, cpus, quantumCycles: 1000 }, []);
        expect(mm(1)).toMatchObject({ rssAnonPages: 0 });
        expect(zone.buddy.freeFrames + zone.folios.frames).toBe(zone.totalPages);
      }
    }
  });

  test.each([
    [{ threadOf: 9 }, /no process:9/],
    [{ threadOf: 2 }, /a thread itself/],
    [{ threadOf: 1, pageSize: '4K' }, /page size of its process/],
    [{ threadOf: 1, forked: true }, /by clone/],
  ])('that cannot be, %j, are refused', (thread, words) => {
    const program = [half(0)];
    const processes = [
      { pid: 1, program, pageSize: '64K' },
      { pid: 2, program, pageSize: '64K', threadOf: 1 },
      { pid: 3, program, pageSize: '64K', ...thread },
    ];
    const topology = parseTopology({ name: 'threads', processes }, 'test');
    const build = (): unknown => buildTopology(topology, loadTraces(topology, { folders: [] }));
    expect(build).toThrow(GranuleError);
    expect(build).toThrow(words);
  });
});
