/**
 * Laws of selecting a page size, on random lives of processes under random designs.
 *
 * @models S-18 S-19
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, type Decision, type SelectionCommand } from '../../src/mm/selection/decide.ts';
import { defaultSelection, PER_QUERY, type SelectionSettings } from '../../src/mm/selection/settings.ts';
import {
  callPageBytes,
  evolve,
  firstTask,
  memoryPageBytes,
  mismatches,
  noTasks,
  type SelectionState,
  taskOf,
} from '../../src/mm/selection/state.ts';
import '../support/propertySeed.ts';
import { IMAGES, K16, K4, K64, PER_16K, PER_64K } from './world.ts';

const anyCommand: fc.Arbitrary<SelectionCommand> = fc.oneof(
  fc.record({
    type: fc.constant('personality' as const),
    tid: fc.integer({ min: 1, max: 4 }),
    persona: fc.constantFrom(0, PER_16K, PER_64K, PER_64K + PER_16K, PER_QUERY, 0x40000),
  }),
  fc.record({
    type: fc.constant('prefer' as const),
    tid: fc.integer({ min: 1, max: 4 }),
    which: fc.constantFrom('once' as const, 'inherited' as const),
    pageBytes: fc.constantFrom(0, K4, 8192, K16, K64),
  }),
  fc.record({
    type: fc.constant('clone' as const),
    tid: fc.integer({ min: 1, max: 4 }),
    child: fc.constant(0),
    shares: fc.constantFrom('nothing' as const, 'memory' as const, 'thread' as const),
    pageBytes: fc.constantFrom(0, 0, K16, K64),
    alignedTo: fc.constantFrom(K4, K64),
  }),
  fc.record({
    type: fc.constant('exec' as const),
    tid: fc.integer({ min: 1, max: 4 }),
    path: fc.constantFrom('/bin/none', ...IMAGES.map(({ path }) => path)),
    longestArgumentBytes: fc.constantFrom(0, 200_000),
  }),
  fc.record({ type: fc.constant('exit' as const), tid: fc.integer({ min: 1, max: 4 }) }),
);

const anySettings: fc.Arbitrary<SelectionSettings> = fc.record({
  kernelPageBytes: fc.constantFrom(K4, K16),
  personality: fc.constantFrom('next-exec' as const, 'absent' as const),
  prctl: fc.boolean(),
  elf: fc.constantFrom('note' as const, 'p-align' as const, 'absent' as const),
  clone: fc.constantFrom('next-exec' as const, 'at-once' as const, 'absent' as const),
  setId: fc.constantFrom('clear' as const, 'keep' as const),
  misfit: fc.constantFrom('kill' as const, 'refuse' as const, 'copy' as const, 'kernel-page' as const),
});

/** Plays random commands; `look` sees the state before and after each. */
function live(
  settings: SelectionSettings,
  commands: readonly SelectionCommand[],
  look: (before: SelectionState, after: SelectionState, decision: Decision, command: SelectionCommand) => void,
): void {
  let state = firstTask(noTasks, 1, settings.kernelPageBytes);
  let tids = 1;
  for (const given of commands) {
    const command = given.type === 'clone' ? { ...given, child: tids + 1 } : given;
    const decision = decide(state, command, settings, IMAGES);
    if (decision.events.some(({ type }) => type === 'cloned')) tids += 1;
    const after = decision.events.reduce(evolve, state);
    look(state, after, decision, command);
    state = after;
  }
}

const lives = fc.array(anyCommand, { maxLength: 30 });

describe('laws', () => {
  it('a size is that of its memory for as long as the memory lives, and every task has the size of its memory', () => {
    fc.assert(
      fc.property(anySettings, lives, (settings, commands) => {
        live(settings, commands, (before, after) => {
          for (const { id, pageBytes } of before.mms) {
            const still = after.mms.find((mm) => mm.id === id);
            if (still !== undefined) expect(still.pageBytes).toBe(pageBytes);
          }
          expect(mismatches(after, settings)).toEqual([]);
          for (const { tid } of after.tasks) {
            expect(memoryPageBytes(after, tid)).toBeGreaterThanOrEqual(settings.kernelPageBytes);
            expect(callPageBytes(after, tid, settings)).toBe(memoryPageBytes(after, tid));
          }
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('only execve, and clone where it acts at once, give a task another size', () => {
    fc.assert(
      fc.property(anySettings, lives, (settings, commands) => {
        live(settings, commands, (before, after, { events, errno }, command) => {
          if (errno !== '') expect(after).toBe(before);
          const executed = events.some(({ type }) => type === 'executed');
          for (const { tid, mm } of after.tasks) {
            const was = taskOf(before, tid);
            if (was === null || executed) continue;
            expect([tid, mm, memoryPageBytes(after, tid)]).toEqual([tid, was.mm, memoryPageBytes(before, tid)]);
          }
          if (command.type === 'clone' && errno === '' && settings.clone !== 'at-once') {
            expect(memoryPageBytes(after, command.child)).toBe(memoryPageBytes(before, command.tid));
          }
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('no address space is without a task and no task without one, and execve leaves one task in its group', () => {
    fc.assert(
      fc.property(anySettings, lives, (settings, commands) => {
        live(settings, commands, (_, after, { events }) => {
          expect(new Set(after.mms.map(({ id }) => id))).toEqual(new Set(after.tasks.map(({ mm }) => mm)));
          for (const event of events) {
            if (event.type !== 'executed') continue;
            const task = taskOf(after, event.tid);
            expect(after.tasks.filter(({ group }) => group === task?.group)).toEqual([task]);
            expect(task?.oncePageBytes).toBe(0);
          }
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('a caller has no say in the size of a set-user-ID program', () => {
    fc.assert(
      fc.property(anySettings, lives, (settings, commands) => {
        const clearing = { ...settings, setId: 'clear' as const };
        live(clearing, commands, (before, _after, { events }) => {
          for (const event of events) {
            const program = event.type === 'executed' ? IMAGES.find(({ path }) => path === event.path) : undefined;
            if (event.type !== 'executed' || program?.setId !== true) continue;
            const fresh = firstTask(noTasks, event.tid, settings.kernelPageBytes);
            const command = { type: 'exec' as const, tid: event.tid, path: event.path, longestArgumentBytes: 0 };
            const [alone] = decide(fresh, command, clearing, IMAGES).events;
            expect(alone).toMatchObject({ pageBytes: event.pageBytes, by: event.by });
            expect(before.tasks.length).toBeGreaterThan(0);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it('do not hold where personality acts at once: the check finds it', () => {
    const settings = { ...defaultSelection, personality: 'at-once' as const };
    let found = 0;
    fc.assert(
      fc.property(lives, (commands) => {
        live(settings, commands, (_, after) => {
          found += mismatches(after, settings).length;
        });
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(0);
    const commands: SelectionCommand[] = [{ type: 'personality', tid: 1, persona: PER_64K }];
    live(settings, commands, (_, after) => {
      expect([mismatches(after, settings), callPageBytes(after, 1, settings), memoryPageBytes(after, 1)]).toEqual([
        [1],
        K64,
        K4,
      ]);
    });
  });
});
