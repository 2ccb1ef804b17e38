import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CpuSlots, RunQueue } from '../../machines/runQueue.ts';

const CPUS = 4;
const AFFINITY = [
  { pid: 1, cpu: 0 },
  { pid: 2, cpu: 3 },
  { pid: 3, cpu: 3 },
];

describe('the run queue', () => {
  test('is a list in order of arrival, in which the first who may run on a CPU is found', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(8)), { maxLength: 60 }), (steps) => {
        let queue = RunQueue.fromPlain([], AFFINITY);
        let model: number[] = [];
        for (const [comes, pid] of steps) {
          queue = comes ? queue.with(pid) : queue.without(pid);
          if (!comes) model = model.filter((waiting) => waiting !== pid);
          else if (!model.includes(pid)) model.push(pid);
          for (let cpu = 0; cpu < CPUS; cpu++) {
            const mayRun = (waiting: number): boolean =>
              AFFINITY.every((entry) => entry.pid !== waiting || entry.cpu === cpu);
            expect(queue.firstFor(cpu)).toBe(model.find(mayRun));
          }
          const isFree = (waiting: number): boolean => AFFINITY.every((entry) => entry.pid !== waiting);
          expect(queue.anyAnywhere).toBe(model.some(isFree));
          expect(queue.toPlain()).toEqual(model);
        }
        expect(RunQueue.fromPlain(queue.toPlain(), AFFINITY).toPlain()).toEqual(model);
      }),
    );
  });
});

describe('the slots of CPUs', () => {
  test('know the first that idles', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(CPUS - 1), fc.option(fc.nat(9))), { maxLength: 30 }), (steps) => {
        const model = Array.from({ length: CPUS }, (): { pid: number | null; installedPid: number | null } => ({
          pid: null,
          installedPid: null,
        }));
        let slots = CpuSlots.fromPlain(model);
        for (const [cpu, pid] of steps) {
          model[cpu] = { pid, installedPid: pid };
          slots = slots.with(cpu, model[cpu]);
          const idle = model.findIndex((slot) => slot.pid === null);
          expect(slots.firstIdle).toBe(idle < 0 ? undefined : idle);
          expect(slots.isIdle(cpu)).toBe(pid === null);
        }
        expect(slots.toPlain()).toEqual(model);
        expect(slots.at(CPUS)).toBeUndefined();
      }),
    );
  });
});
