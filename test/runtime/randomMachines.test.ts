import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { CompiledMachine } from '../../src/runtime/compiledMachine.ts';
import { adaptMachine } from '../../src/runtime/xstateAdapter.ts';
import { runAdapted, runReal } from './support/actors.ts';
import { eventsOf, machineArb, machineOf } from './support/randomMachine.ts';

it('any machine gives with both interpreters the snapshots, the sends and the exceptions of createActor', () => {
  const turn = vi.spyOn(CompiledMachine.prototype, 'turn');
  let compiled = 0;
  let turns = 0;
  let turnsCompiled = 0;
  let ended = 0;
  const cases = 1000;
  fc.assert(
    fc.property(machineArb, (random) => {
      const machine = machineOf(random);
      const events = eventsOf(machine, random);
      const real = runReal(machine, events);
      expect(runAdapted(machine, events, 'xstate')).toEqual(real);
      expect(runAdapted(machine, events, 'compiled')).toEqual(real);
      // The second actor of a machine begins as the first did.
      expect(runAdapted(machine, events, 'compiled')).toEqual(real);
      // What the tables throw is thrown by XState too, or it is a mistake of theirs that the fallback hides.
      if (turn.mock.results.some(({ type }) => type === 'throw')) expect(real.error).not.toBeNull();
      if (adaptMachine(machine).compiled !== null) compiled++;
      if (real.error !== null) ended++;
      turns += turn.mock.results.length;
      turnsCompiled += turn.mock.results.filter(({ value }) => value !== null && value !== undefined).length;
      turn.mockClear();
    }),
    { numRuns: cases },
  );
  turn.mockRestore();
  // Else the machines would say little of the compiler.
  expect(compiled).toBeGreaterThan(cases / 2);
  expect(turnsCompiled).toBeGreaterThan(turns / 2);
  expect(ended).toBeGreaterThan(0);
});
