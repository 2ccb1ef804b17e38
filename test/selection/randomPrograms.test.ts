/**
 * Random programs that select, execute, fork their memory away and ask, in the modelled system with its laws looked at after
 * every event: each answer is what the rules of `src/mm/selection` say by themselves.
 *
 * @models S-18 S-19 S-26
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRNO } from '../../src/mm/abi/numbers.ts';
import { decide, type SelectionCommand } from '../../src/mm/selection/decide.ts';
import type { ProgramImage } from '../../src/mm/selection/image.ts';
import { evolve, firstTask, memoryPageBytes, noTasks } from '../../src/mm/selection/state.ts';
import type { TraceCall } from '../../src/mm/runs.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { selectionInput } from '../../src/topology/parts/selection.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology, type Topology } from '../../src/topology/schema.ts';
import '../support/propertySeed.ts';

const BASE = loadTopology('select-elf-note');

type Step = Record<string, unknown> & { op: string };

const persona = fc.constantFrom(0, 0x20000000, 0x40000000, 0x60000000, 0xffffffff);
const paths = fc.constantFrom('/bin/noted', '/bin/plain', '/bin/su', '/bin/none');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('personality'), persona }),
  fc.record({
    op: fc.constant('prefer_page'),
    which: fc.constantFrom('once', 'inherited'),
    pageBytes: fc.constantFrom(0, 4096, 8192, 16384, 65536),
  }),
  fc.record({ op: fc.constant('exec'), file: paths, longestArgumentBytes: fc.constantFrom(0, 300_000) }),
  fc.constant({ op: 'auxval' }),
  // Memory of the program is touched in between, so that there is something to tear down.
  fc.constant({ op: 'mmap', addr: '0x10000000', lengthBytes: '64K', flags: 'PRIVATE|ANONYMOUS|FIXED' }),
  fc.constant({ op: 'store', addr: '0x10000000', lengthBytes: '64K', strideBytes: '16K' }),
);

/** What a program is told, call by call: the result, or the errno as a negative number. */
function played(topology: Topology): number[] {
  const answers: number[] = [];
  let asked: TraceCall | null = null;
  runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
    freeze: true,
    onRecord: ({ type, payload }) => {
      if (type === 'SYSCALL') asked = (payload as { call: TraceCall }).call;
      if (type !== 'SYSRET' || asked === null) return;
      const { result, errno } = payload as { result: number; errno: number };
      if (['personality', 'prefer_page', 'exec', 'auxval'].includes(asked.op))
        answers.push(errno === 0 ? result : -errno);
    },
  });
  return answers;
}

function commandOf(step: Step): SelectionCommand | null {
  if (step.op === 'personality') return { type: 'personality', tid: 1, persona: step['persona'] as number };
  if (step.op === 'prefer_page') {
    const { which, pageBytes } = step as unknown as { which: 'once' | 'inherited'; pageBytes: number };
    return { type: 'prefer', tid: 1, which, pageBytes };
  }
  if (step.op !== 'exec') return null;
  const { file: path, longestArgumentBytes } = step as unknown as { file: string; longestArgumentBytes: number };
  return { type: 'exec', tid: 1, path, longestArgumentBytes };
}

/** The same, by the rules alone. */
function decided(steps: readonly Step[], topology: Topology): number[] {
  const { settings, images } = selectionInput(topology.selection, topology.kernelPageSize).selection ?? { images: [] };
  if (settings === undefined) return [];
  const programs: readonly ProgramImage[] = images;
  let state = firstTask(noTasks, 1, 4096);
  return steps.flatMap((step) => {
    if (step.op === 'auxval') return [memoryPageBytes(state, 1)];
    const command = commandOf(step);
    if (command === null) return [];
    const { events, errno, result } = decide(state, command, settings, programs);
    state = events.reduce(evolve, state);
    return [errno === '' ? result : -ERRNO[errno]];
  });
}

describe('random programs', () => {
  it('are answered as the rules say, and the laws hold at every event', () => {
    const design = fc.record({
      personality: fc.constantFrom('next-exec', 'absent'),
      prctl: fc.boolean(),
      elf: fc.constantFrom('note', 'p-align', 'absent'),
      setId: fc.constantFrom('clear', 'keep'),
      nativeTables: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 14 }), design, (steps, { nativeTables, ...choices }) => {
        // A store before the first mapping, or after execve has taken it away, would end the program.
        const program: Step[] = [];
        let mapped = false;
        for (const step of steps) {
          if (step.op === 'mmap') mapped = true;
          if (step.op === 'exec') mapped = false;
          if (step.op !== 'store' || mapped) program.push(step);
        }
        program.push({ op: 'auxval' });
        const selection = { ...BASE.selection, ...choices };
        const process = { pid: 1, pageSize: '4K', program };
        const topology = parseTopology({ ...BASE, nativeTables, selection, processes: [process] }, 'test');
        expect(played(topology)).toEqual(decided(program, topology));
      }),
      { numRuns: 60 },
    );
  });
});
