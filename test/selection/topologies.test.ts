/**
 * Selecting a page size in the modelled system: what programs are answered, that the laws hold in any order of delivery, that
 * logs replay, and that the design in which personality acts at once is found out.
 *
 * @models S-18 S-19 S-26 L-11 X-03 T-04 T-13
 */
import { describe, expect, it, test } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import type { TraceCall } from '../../src/mm/runs.ts';
import { runInMemory } from '../../src/timeline/inMemory.ts';
import { replay } from '../../src/timeline/replay.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';

interface Answer {
  pid: number;
  op: string;
  file: string;
  result: number;
  errno: number;
  signal: number;
}

function play(topology: Topology, checked = true) {
  const answers: Answer[] = [];
  const asked = new Map<number, TraceCall>();
  const { system } = runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked,
    onRecord: ({ type, to, payload }) => {
      if (type === 'SYSCALL') {
        const { pid, call } = payload as { pid: number; call: TraceCall };
        asked.set(pid, call);
      }
      if (type !== 'SYSRET') return;
      const pid = Number(to.slice('process:'.length));
      const call = asked.get(pid);
      const { result, errno, signal } = payload as { result: number; errno: number; signal: number };
      if (call === undefined || call.op === 'other' || call.op === 'exit') return;
      answers.push({ pid, op: call.op, file: 'file' in call ? (call.file ?? '') : '', result, errno, signal });
    },
  });
  return { system, answers };
}

/** What a process was told of its page size, of its execs and of the calls named, in order. */
function told(topology: Topology, pid: number, ops: readonly string[] = ['auxval', 'exec', 'munmap']): unknown[] {
  return play(topology)
    .answers.filter((answer) => answer.pid === pid && ops.includes(answer.op))
    .map(({ op, file, result, errno, signal }) => {
      if (op === 'auxval') return result;
      const what = op === 'exec' ? file : op;
      return signal !== 0 ? `${what}: signal ${signal}` : errno !== 0 ? `${what}: errno ${errno}` : what;
    });
}

const K4 = 4096;
const K64 = 65536;
const NAMES = ['select-by-personality', 'select-elf-note', 'failed-exec', 'linked-for-4k'];

describe.each(NAMES)('%s', (name) => {
  const topology = loadTopology(name);

  test('keeps the laws in any order of delivery, and leaves no frame behind', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const shuffled = parseTopology({ ...topology, chooser: 'seeded-random', seed }, 'test');
      const { system } = play(shuffled);
      const { framesByKind } = system.snapshot('zone').context.folios;
      expect([framesByKind.anon, framesByKind.table]).toEqual([0, 0]);
      expect(system.snapshot('abi').context.selection?.tasks.tasks).toEqual([]);
    }
  });

  test('replays from its log, and without native tables gives the same answers', () => {
    const traces = loadTraces(topology, { folders: [] });
    const log = runInMemory(topology, traces);
    expect(replay(log, traces).headHash).toBe(log.headHash);
    const plain = parseTopology({ ...topology, nativeTables: false }, 'test');
    for (const { pid } of topology.processes) expect(told(plain, pid)).toEqual(told(topology, pid));
  });
});

describe('personality', () => {
  it('selects the size of the next program and of its children, and no other', () => {
    const topology = loadTopology('select-by-personality');
    // The first munmap is of the 4K program: half of 8K may go. After execve half a page of 64K may not.
    expect(told(topology, 100)).toEqual([K4, K4, 'munmap', '/bin/work', K64, 'munmap: errno 22']);
    expect(told(topology, 101)).toEqual([K64, K64, '/bin/work', K4, 'munmap', '/bin/work', K64, 'munmap: errno 22']);
    const { system } = play(topology);
    expect(system.snapshot('process:100').context.pageBytes).toBe(K64);
  });

  it('is refused by a kernel without it, and where there are no programs to execute', () => {
    const topology = loadTopology('select-by-personality');
    const absent = parseTopology({ ...topology, selection: { ...topology.selection, personality: 'absent' } }, 'test');
    expect(told(absent, 100, ['personality', 'auxval'])).toEqual([K4, 'personality: errno 22', K4, K4]);
    const program = [
      { op: 'personality', persona: 'PER_64K_PAGES' },
      { op: 'exec', file: '/bin/none' },
      { op: 'auxval' },
    ];
    const without = parseTopology({ name: 'none', processes: [{ pid: 1, pageSize: '4K', program }] }, 'test');
    expect(told(without, 1, ['personality', 'auxval'])).toEqual(['personality: errno 22', K4]);
  });

  it('at once: calls are judged by a size that the memory has not, and the checked mode finds it', () => {
    const topology = loadTopology('select-at-once');
    const { answers } = play(topology, false);
    const before = answers.slice(
      0,
      answers.findIndex(({ op }) => op === 'exec'),
    );
    expect(before.find(({ op }) => op === 'auxval')?.result).toBe(K64);
    expect(before.find(({ op }) => op === 'munmap')?.errno).toBe(22);
    let broken = '';
    try {
      play(topology);
    } catch (error) {
      broken = error instanceof GranuleError ? `${error.code}: ${error.message}` : String(error);
    }
    expect(broken).toMatch(/^LAW_BROKEN: law of page sizes .* judged by 65536 bytes, its memory is of 4096$/);
    const later = parseTopology(
      { ...topology, selection: { ...topology.selection, personality: 'next-exec' } },
      'test',
    );
    expect(told(later, 100).slice(0, 2)).toEqual([K4, 'munmap']);
  });
});

describe('a note in the file', () => {
  it('selects for its own program alone, and a set-user-ID program forgets its caller', () => {
    expect(told(loadTopology('select-elf-note'), 100, ['auxval', 'exec'])).toEqual([
      '/bin/noted',
      K64,
      '/bin/plain',
      K4,
      '/bin/su',
      K4,
      '/bin/plain',
      K4,
    ]);
  });

  it('may be kept from a set-user-ID program, or not', () => {
    const topology = loadTopology('select-elf-note');
    const keep = parseTopology({ ...topology, selection: { ...topology.selection, setId: 'keep' } }, 'test');
    expect(told(keep, 100, ['auxval', 'exec']).slice(4)).toEqual(['/bin/su', K64, '/bin/plain', K64]);
  });
});

describe('a program linked for 4K', () => {
  const topology = loadTopology('select-elf-note');
  const endOf = (changed: Topology): unknown => {
    const { signal, signalVa } = play(changed).system.snapshot('process:200').context;
    return [signal, signalVa];
  };
  const withMisfit = (misfit: string): Topology =>
    parseTopology({ ...topology, selection: { ...topology.selection, misfit } }, 'test');

  it('whose code shares a page with its data runs at 4K, and dies at 64K where it executes', () => {
    expect(told(topology, 200, ['auxval', 'exec'])).toEqual(['/bin/shared', K4, '/bin/shared', K64]);
    expect(endOf(topology)).toEqual([11, 0x400000]);
  });

  it('is refused, or copied with merged rights, or run at 4K, as the design has it', () => {
    expect(told(withMisfit('refuse'), 200, ['auxval', 'exec'])).toEqual([
      '/bin/shared',
      K4,
      '/bin/shared: errno 8',
      K4,
      K4,
    ]);
    expect(told(withMisfit('copy'), 200, ['auxval', 'exec'])).toEqual(['/bin/shared', K4, '/bin/shared', K64, K64]);
    expect(told(withMisfit('kernel-page'), 200, ['auxval', 'exec'])).toEqual([
      '/bin/shared',
      K4,
      '/bin/shared',
      K4,
      K4,
    ]);
    for (const misfit of ['refuse', 'copy', 'kernel-page']) expect(endOf(withMisfit(misfit))).toEqual([0, 0]);
  });
});

describe('real programs at 64K', () => {
  const topology = loadTopology('linked-for-4k');
  const ends = (misfit: string): unknown[] => {
    const changed = parseTopology({ ...topology, selection: { ...topology.selection, misfit } }, 'test');
    const { system } = play(changed);
    return [100, 200, 300, 400].map((pid) => {
      const { signal, pageBytes, signalVa } = system.snapshot(`process:${pid}`).context;
      return signal === 0 ? pageBytes : `signal ${signal} at ${signalVa.toString(16)}`;
    });
  };

  it('run, are killed where they execute, or are killed by execve, as they are linked', () => {
    expect(ends('kill')).toEqual([K64, 'signal 11 at aaaa002a1000', 'signal 11 at 0', K64]);
  });

  it('all run with copies, and at 4K', () => {
    expect(ends('copy')).toEqual([K64, K64, K64, K64]);
    expect(ends('kernel-page')).toEqual([K64, K4, K4, K64]);
  });
});

describe('execve that fails', () => {
  const topology = loadTopology('failed-exec');

  it('before the point of no return leaves program, memory and the choice for once', () => {
    expect(told(topology, 100, ['auxval', 'exec', 'prefer_page'])).toEqual([
      'prefer_page',
      'prefer_page: errno 22',
      '/bin/none: errno 2',
      '/bin/other: errno 80',
      '/bin/work: errno 7',
      K4,
      '/bin/work',
      K64,
    ]);
    expect(play(topology).system.snapshot('process:100').context.signal).toBe(0);
  });

  it('past it kills the process', () => {
    expect(told(topology, 200, ['auxval', 'exec'])).toEqual(['/bin/small: signal 11']);
    expect(play(topology).system.snapshot('process:200').value).toBe('zombie');
  });
});
