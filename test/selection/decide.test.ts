/**
 * How a program comes by its page size: each selector by itself, their order, and laws on random lives of processes.
 *
 * @models S-18 S-19 L-11 X-03 T-04 T-13
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ProgramHeader, PT } from '../../src/mm/elf/elfFile.ts';
import { decide, type Decision, type SelectionCommand } from '../../src/mm/selection/decide.ts';
import { areasOf, type ProgramImage } from '../../src/mm/selection/image.ts';
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

const K4 = 4096;
const K16 = 16384;
const K64 = 65536;
const PER_64K = 0x40000000;
const PER_16K = 0x20000000;

function segment(vaddr: number, offset: number, prot: number, align: number): ProgramHeader {
  return { type: PT.LOAD, vaddr, offset, fileBytes: 0x2000, memoryBytes: 0x2000, align, prot };
}

function image(path: string, more: Partial<ProgramImage> = {}): ProgramImage {
  const headers = [segment(0x400000, 0, 5, K64), segment(0x420000, 0x20000, 3, K64)];
  const plain = {
    type: 'exec' as const,
    headers,
    sizeBytes: 0x40000,
    notedPageBytes: 0,
    interpreter: null,
    setId: false,
  };
  return { path, ...plain, ...more };
}

/** Linked for 4K: its data does not agree with the file at 64K. */
const misfit = [segment(0x400000, 0, 5, K4), segment(0x403000, 0x2000, 3, K4)];
/** Linked for 4K, in one stretch of the file: at 64K code and data share a page. */
const shared = [segment(0x400000, 0, 5, K4), segment(0x403000, 0x3000, 3, K4)];
const IMAGES: ProgramImage[] = [
  image('/bin/plain'),
  image('/bin/noted', { notedPageBytes: K64 }),
  image('/bin/small', { headers: misfit }),
  image('/bin/shared', { headers: shared }),
  image('/bin/su', { setId: true }),
  image('/bin/su-noted', { setId: true, notedPageBytes: K16 }),
  image('/bin/linked', { interpreter: '/lib/ld.so' }),
  image('/bin/linked-small', { interpreter: '/lib/ld-small.so' }),
  image('/bin/linked-noted', { interpreter: '/lib/ld-16k.so' }),
  image('/bin/lost', { interpreter: '/lib/none.so' }),
  image('/lib/ld.so', { type: 'dyn', headers: [segment(0, 0, 5, K64)] }),
  image('/lib/ld-small.so', { type: 'dyn', headers: misfit }),
  image('/lib/ld-16k.so', { type: 'dyn', headers: [segment(0, 0, 5, K64)], notedPageBytes: K16 }),
];

/** Plays commands one after the other on one process of 4K pages. */
class World {
  state: SelectionState = firstTask(noTasks, 1, K4);
  private readonly settings: SelectionSettings;
  constructor(settings: Partial<SelectionSettings> = {}) {
    this.settings = { ...defaultSelection, ...settings };
  }
  do(command: SelectionCommand): Decision {
    const decision = decide(this.state, command, this.settings, IMAGES);
    for (const event of decision.events) this.state = evolve(this.state, event);
    return decision;
  }
  exec(path: string, tid = 1, longestArgumentBytes = 0): Decision {
    return this.do({ type: 'exec', tid, path, longestArgumentBytes });
  }
  clone(child: number, shares: 'nothing' | 'memory' | 'thread', pageBytes = 0, tid = 1): Decision {
    return this.do({ type: 'clone', tid, child, shares, pageBytes, alignedTo: K64 });
  }
  size(tid = 1): number {
    return memoryPageBytes(this.state, tid);
  }
}

const selectors: [string, SelectionCommand][] = [
  ['personality', { type: 'personality', tid: 1, persona: PER_64K }],
  ['a preference', { type: 'prefer', tid: 1, which: 'inherited', pageBytes: K64 }],
  ['a preference for once', { type: 'prefer', tid: 1, which: 'once', pageBytes: K64 }],
];

describe('a selector', () => {
  it.each(selectors)('%s changes nothing until execve', (_, command) => {
    const world = new World();
    expect(world.do(command).errno).toBe('');
    expect(world.size()).toBe(K4);
    expect(world.exec('/bin/plain').events[0]).toMatchObject({ type: 'executed', pageBytes: K64 });
    expect(world.size()).toBe(K64);
  });

  it('of a file needs no caller, and its arguments are copied again', () => {
    const world = new World();
    expect(world.exec('/bin/noted').events[0]).toMatchObject({ by: 'file', pageBytes: K64, restaged: true });
    expect(world.exec('/bin/plain').events[0]).toMatchObject({ by: 'default', pageBytes: K4 });
    const linked = new World({ elf: 'p-align' });
    expect(linked.exec('/bin/plain').events[0]).toMatchObject({ by: 'file', pageBytes: K64 });
    expect(linked.exec('/bin/shared').events[0]).toMatchObject({ by: 'default', pageBytes: K4 });
  });

  it('for once comes first and is used up, then the preference, then personality, then the file', () => {
    const world = new World();
    world.do({ type: 'personality', tid: 1, persona: PER_16K });
    world.do({ type: 'prefer', tid: 1, which: 'inherited', pageBytes: K64 });
    world.do({ type: 'prefer', tid: 1, which: 'once', pageBytes: K4 });
    expect(world.exec('/bin/noted').events[0]).toMatchObject({ by: 'once', pageBytes: K4, restaged: false });
    expect(world.exec('/bin/noted').events[0]).toMatchObject({ by: 'inherited', pageBytes: K64 });
    world.do({ type: 'prefer', tid: 1, which: 'inherited', pageBytes: 0 });
    expect(world.exec('/bin/noted').events[0]).toMatchObject({ by: 'personality', pageBytes: K16 });
    world.do({ type: 'personality', tid: 1, persona: 0 });
    expect(world.exec('/bin/noted').events[0]).toMatchObject({ by: 'file', pageBytes: K64 });
  });

  it('is refused where it names a size that there is not, and then nothing is remembered', () => {
    const world = new World();
    expect(world.do({ type: 'personality', tid: 1, persona: PER_64K + PER_16K }).errno).toBe('EINVAL');
    expect(world.do({ type: 'prefer', tid: 1, which: 'once', pageBytes: 8192 }).errno).toBe('EINVAL');
    const large = new World({ kernelPageBytes: K16 });
    expect(large.do({ type: 'prefer', tid: 1, which: 'once', pageBytes: K4 }).errno).toBe('EINVAL');
    const without = new World({ personality: 'absent', prctl: false, clone: 'absent' });
    expect(without.do({ type: 'personality', tid: 1, persona: PER_64K }).errno).toBe('EINVAL');
    expect(without.do({ type: 'prefer', tid: 1, which: 'once', pageBytes: K64 }).errno).toBe('EINVAL');
    expect(without.clone(2, 'nothing', K64).errno).toBe('EINVAL');
    for (const { state } of [world, large, without]) expect(state).toEqual(firstTask(noTasks, 1, K4));
  });

  it('of personality can be asked for', () => {
    const world = new World();
    world.do({ type: 'personality', tid: 1, persona: PER_64K });
    expect(world.do({ type: 'personality', tid: 1, persona: PER_QUERY })).toMatchObject({
      result: PER_64K,
      events: [],
    });
  });
});

describe('fork, threads and vfork', () => {
  it('a child has the size of its parent’s memory, and its selections', () => {
    const world = new World();
    world.do({ type: 'prefer', tid: 1, which: 'inherited', pageBytes: K64 });
    world.clone(2, 'nothing');
    expect([world.size(2), taskOf(world.state, 2)?.inheritedPageBytes]).toEqual([K4, K64]);
    world.exec('/bin/plain', 2);
    expect([world.size(1), world.size(2)]).toEqual([K4, K64]);
    world.clone(3, 'nothing', 0, 2);
    expect(world.size(3)).toBe(K64);
  });

  it('threads select each for itself, and the one that executes ends the others', () => {
    const world = new World();
    world.clone(2, 'thread');
    world.do({ type: 'prefer', tid: 2, which: 'once', pageBytes: K64 });
    expect([taskOf(world.state, 1)?.oncePageBytes, world.size(1), world.size(2)]).toEqual([0, K4, K4]);
    world.exec('/bin/plain', 2);
    expect([taskOf(world.state, 1), world.size(2)]).toEqual([null, K64]);
  });

  it('a child of vfork shares memory until execve, and its parent keeps it', () => {
    const world = new World();
    world.clone(2, 'memory', K64);
    expect([world.size(1), world.size(2), world.state.mms.length]).toEqual([K4, K4, 1]);
    world.exec('/bin/plain', 2);
    expect([world.size(1), world.size(2), world.state.mms.length]).toEqual([K4, K64, 2]);
  });

  it('a size for clone at once wants memory of its own that fits', () => {
    const world = new World({ clone: 'at-once' });
    expect(world.clone(2, 'thread', K64).errno).toBe('EINVAL');
    expect(world.clone(2, 'memory', K64).errno).toBe('EINVAL');
    const odd = {
      type: 'clone' as const,
      tid: 1,
      child: 2,
      shares: 'nothing' as const,
      pageBytes: K64,
      alignedTo: K16,
    };
    expect(world.do(odd).errno).toBe('EINVAL');
    expect(world.do({ ...odd, alignedTo: K64 }).errno).toBe('');
    expect([world.size(1), world.size(2)]).toEqual([K4, K64]);
  });
});

describe('execve that fails', () => {
  const wanting = (settings: Partial<SelectionSettings> = {}, pageBytes = K64): World => {
    const world = new World(settings);
    world.do({ type: 'prefer', tid: 1, which: 'once', pageBytes });
    return world;
  };

  it.each([
    ['of a file that is not there', '/bin/none', 'ENOENT'],
    ['of an interpreter that is not there', '/bin/lost', 'ENOENT'],
    ['of an interpreter that says another size', '/bin/linked-noted', 'ELIBBAD'],
  ])('%s leaves all as it was, the choice for once as well', (_, path, errno) => {
    const world = wanting();
    const before = world.state;
    expect(world.exec(path)).toMatchObject({ errno, events: [] });
    expect(world.state).toBe(before);
  });

  it('by a string of more than 32 pages of the process: what is too long at 4K may be given at 64K', () => {
    expect(new World().exec('/bin/plain', 1, 131_073).errno).toBe('E2BIG');
    expect(wanting().exec('/bin/plain', 1, 131_073).errno).toBe('');
    expect(wanting().exec('/bin/plain', 1, 2_097_153).errno).toBe('E2BIG');
  });

  it('past the point of no return kills the process', () => {
    const world = wanting();
    expect(world.exec('/bin/small').events).toEqual([{ type: 'killed', tid: 1, path: '/bin/small' }]);
    expect([world.state.tasks, world.state.mms]).toEqual([[], []]);
    expect(wanting().exec('/bin/linked-small').events[0]?.type).toBe('killed');
  });

  it('is a choice of the design: refused before, copied, or run in pages of the kernel', () => {
    expect(wanting({ misfit: 'refuse' }).exec('/bin/small').errno).toBe('ENOEXEC');
    expect(wanting({ misfit: 'copy' }).exec('/bin/small').events[0]).toMatchObject({ pageBytes: K64, copied: true });
    expect(wanting({ misfit: 'kernel-page' }).exec('/bin/small').events[0]).toMatchObject({
      pageBytes: K4,
      by: 'default',
    });
    // Two segments on one page: a kernel of 64K pages loads it and says nothing.
    expect(wanting().exec('/bin/shared').events[0]).toMatchObject({ type: 'executed', copied: false });
    expect(wanting({ misfit: 'refuse' }).exec('/bin/shared').errno).toBe('ENOEXEC');
  });
});

describe('a set-user-ID program', () => {
  it('forgets what its caller selected, and heeds its own file', () => {
    const world = new World();
    for (const [, command] of selectors) world.do(command);
    expect(world.exec('/bin/su').events[0]).toMatchObject({ by: 'default', pageBytes: K4, forgets: true });
    expect(taskOf(world.state, 1)).toMatchObject({ persona: 0, oncePageBytes: 0, inheritedPageBytes: 0 });
    for (const [, command] of selectors) world.do(command);
    expect(world.exec('/bin/su-noted').events[0]).toMatchObject({ by: 'file', pageBytes: K16 });
  });

  it('is laid out by an untrusted caller where it keeps them', () => {
    const world = new World({ setId: 'keep' });
    world.do({ type: 'personality', tid: 1, persona: PER_64K });
    expect(world.exec('/bin/su').events[0]).toMatchObject({ by: 'personality', pageBytes: K64, forgets: false });
  });
});

describe('areas of a program', () => {
  it('are whole pages of its size, from the file or copied with merged rights', () => {
    const plain = areasOf(image('/a'), K64, false);
    expect(
      plain.map(({ addr, lengthBytes, prot, file, offsetBytes }) => [addr, lengthBytes, prot, file, offsetBytes]),
    ).toEqual([
      [0x400000, K64, 5, '/a', 0],
      [0x420000, K64, 3, '/a', 0x20000],
    ]);
    const copied = areasOf(image('/b', { headers: misfit }), K64, true);
    expect(copied.map(({ addr, lengthBytes, prot, file }) => [addr, lengthBytes, prot, file])).toEqual([
      [0x400000, K64, 7, null],
    ]);
  });
});

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
