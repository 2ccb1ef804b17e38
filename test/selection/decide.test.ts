/**
 * How a program comes by its page size: each selector by itself, their order, and what fails.
 *
 * @models S-18 S-19 L-11 X-03 T-04 T-13
 */
import { describe, expect, it } from 'vitest';
import type { SelectionCommand } from '../../src/mm/selection/decide.ts';
import { areasOf } from '../../src/mm/selection/image.ts';
import { PER_QUERY, type SelectionSettings } from '../../src/mm/selection/settings.ts';
import { firstTask, noTasks, taskOf } from '../../src/mm/selection/state.ts';
import { image, K16, K4, K64, misfit, PER_16K, PER_64K, World } from './world.ts';

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
