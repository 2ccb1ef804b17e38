/** `granule faults` and `granule run --fault`. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInFaultPlans } from '../../src/topology/faultPlans/index.ts';
import { Workplace } from './harness.ts';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  const process = { pid: 7, trace: 'true-kernel', pageSize: '64K' };
  writeFileSync(place.path('small.json'), JSON.stringify({ name: 'small', processes: [process] }));
});
afterEach(() => place.remove());

describe('granule faults', () => {
  it('lists every plan with its parameters, and one with what Linux does', async () => {
    const { code, stdout } = await place.run(['faults']);
    expect(code).toBe(0);
    for (const name of builtInFaultPlans.keys()) expect(stdout).toMatch(new RegExp(`^${name}$`, 'm'));
    expect(stdout).toMatch(/^ {4}seq \(required\): /m);
    const one = await place.run(['faults', 'cpu-stall']);
    expect(one.stdout).toMatch(/^ {2}Linux: .*soft lockup/m);
    const listed: unknown = JSON.parse((await place.run(['faults', '--json'])).stdout);
    expect(listed).toHaveLength(builtInFaultPlans.size);
    const none = await place.run(['faults', 'cpu-stal']);
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/did you mean cpu-stall\?/)]);
  });
});

describe('granule run --fault', () => {
  it('adds plans, which the log holds, and says what came of them', async () => {
    const faults = ['--fault', 'slow-disk:cycles=9000000', '--fault', 'crash-at-seq:seq=700'];
    const { code, stdout } = await place.run(['run', 'small.json', ...faults]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fault plan: slow-disk: delay disk -> disk IO_DONE, delayCycles=9000000: \d+ matched$/m);
    expect(stdout).toMatch(/^power failed behind event 700: faultPlan\.1, crash-at-seq$/m);
    const info = await place.run(['info', 'small.glog']);
    expect(info.stdout).toMatch(/^fault plan +crash-at-seq: stop, atSeq=700$/m);
    const replayed = await place.run(['replay', 'small.glog']);
    expect([replayed.code, replayed.stdout]).toEqual([0, expect.stringMatching(/701 events/)]);
    const json = await place.run(['run', 'small.json', '--no-log', '--json', ...faults]);
    expect(JSON.parse(json.stdout)).toMatchObject({ events: 701, stoppedBy: { rule: 1, plan: 'crash-at-seq' } });
    expect(JSON.parse(json.stdout)).toMatchObject({
      faults: [
        { plan: 'slow-disk', op: 'delay', matched: expect.any(Number) as unknown },
        { plan: 'crash-at-seq', op: 'stop', matched: 0 },
      ],
    });
  });

  it('says which rule never got to strike', async () => {
    const { stdout } = await place.run(['run', 'small.json', '--no-log', '--fault', 'lost-tlbi:nth=900']);
    expect(stdout).toMatch(/^fault plan: lost-tlbi: .*: \d+ matched, which is not the 900th yet$/m);
    const late = await place.run(['run', 'small.json', '--no-log', '--fault', 'crash-at-seq:seq=900000']);
    expect(late.stdout).toMatch(/^fault plan: crash-at-seq: stop, atSeq=900000: the run had ended before$/m);
    const first = await place.run(['run', 'small.json', '--no-log', '--fault', 'allocation-failure-at:nth=1']);
    expect(first.stdout).toMatch(/^fault plan: allocation-failure-at: .*: \d+ matched, the 1st struck$/m);
  });

  it.each([
    ['slow-disk:cycles', /^USAGE: "slow-disk:cycles" is no PLAN/],
    ['slow-disk:cycle=3', /^TOPOLOGY_INVALID: .*"cycle".*Did you mean "cycles"/],
    ['slow-disk:cycles=-3', /^TOPOLOGY_INVALID: .*--fault slow-disk:cycles=-3: cycles/],
    ['crash-at-seq', /^TOPOLOGY_INVALID: .*"seq" is missing.*\(--fault crash-at-seq: seq\)/],
    ['slow-dish', /^TOPOLOGY_INVALID: .*did you mean slow-disk/],
    ['lost-tlbi:cpu=4', /^TOPOLOGY_ACTOR_UNKNOWN: .*"tlb:4".*tlb:0/],
  ])('refuses %s', async (fault, expected) => {
    const { code, stderr } = await place.run(['run', 'small.json', '--fault', fault]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(expected)]);
  });
});
