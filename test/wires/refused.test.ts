import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { logMeta, openMeta } from '../../src/topology/meta.ts';
import { parseTopology } from '../../src/topology/schema.ts';
import { faultyRun } from './held.ts';

/** The error that a fault plan is refused with before the run, in one line. */
function refusal(entry: unknown): string {
  try {
    const { topology, traces } = faultyRun([entry]);
    buildTopology(topology, traces);
  } catch (error) {
    if (error instanceof GranuleError) return `${error.code}: ${error.message} (${error.where})`;
    throw error;
  }
  return 'accepted';
}

const zone = { from: '*', to: 'zone' };

describe('a fault plan', () => {
  it.each([
    [{ op: 'dorp', wire: zone }, /^TOPOLOGY_INVALID: .*"dorp"; did you mean drop.*faultPlan\.0\.op/],
    [{ op: 'delay', wire: zone }, /^TOPOLOGY_INVALID: .*faultPlan\.0\.delayCycles/],
    [{ op: 'drop', wire: zone, nht: 3 }, /^TOPOLOGY_INVALID: .*"nht".*faultPlan\.0/],
    [{ op: 'drop', wire: zone, where: { va: { less: 'x' } } }, /"x" is no number.*faultPlan\.0\.where\.va\.less/],
    [{ op: 'drop', wire: zone, where: { va: {} } }, /a test is one of.*faultPlan\.0\.where/],
    [{ op: 'drop', wire: zone, nth: 2, probability: 0.5 }, /not both.*faultPlan\.0\.probability/],
    [{ op: 'hold', wire: zone, fromCycles: 5 }, /hold takes fromCycles and untilCycles, or nth and forCycles/],
    [{ op: 'hold', wire: zone, fromCycles: 5, untilCycles: 5 }, /before it begins.*faultPlan\.0\.untilCycles/],
    [{ op: 'filter', wire: zone }, /keep or drop/],
    [{ op: 'stop' }, /stop takes atSeq, or a wire/],
    [{ op: 'drop', wire: { from: '*', to: 'tbl:0' } }, /^TOPOLOGY_ACTOR_UNKNOWN: the rule drop.*"tbl:0".*mean tlb:0/],
    [{ op: 'drop', wire: { from: 'mmu:7', to: '*' } }, /^TOPOLOGY_ACTOR_UNKNOWN: .*sends here; did you mean mmu:1/],
    [{ op: 'drop', wire: { ...zone, type: 'TLBI' } }, /^TOPOLOGY_NO_TAKER: .*TLBI.*faultPlan\.0\.wire\.type/],
    [{ op: 'inject', wire: zone, to: 'process:3', message: { type: 'STOP' } }, /^TOPOLOGY_ACTOR_UNKNOWN: .*process:3/],
    [{ op: 'inject', wire: zone, to: 'process:1', message: { type: 'HALT' } }, /^TOPOLOGY_NO_TAKER: .*HALT/],
    [{ op: 'answer', wire: { from: 'mm:*', to: 'zone' }, message: { type: 'TLBI' } }, /^TOPOLOGY_NO_TAKER: .*answers/],
    [{ plan: 'lost-tlib' }, /no fault plan "lost-tlib"; did you mean lost-tlbi/],
    [{ plan: 'allocation-failure-at' }, /the fault plan allocation-failure-at: .*faultPlan\.0\.nth/],
    [{ plan: 'lost-tlbi', cpu: 7 }, /of the fault plan lost-tlbi is about "tlb:7".*did you mean tlb:0/],
    [{ plan: 'pin-held-for-ever', file: '/none' }, /^TOPOLOGY_ACTOR_UNKNOWN: [^]*file:\/none/],
    ['x', /an entry is a rule with an op, or a named plan/],
  ])('%j is refused before the run', (entry, expected) => {
    expect(refusal(entry)).toMatch(expected);
  });

  it('goes into the header as rules, which mean the same when they are read again', () => {
    const { topology, traces } = faultyRun([
      { plan: 'lost-tlbi', nth: 3 },
      { wire: zone, op: 'drop', nth: 1 },
    ]);
    const [first, second] = topology.faultPlan;
    expect(first).toMatchObject({ op: 'answer', nth: 3, named: { plan: 'lost-tlbi', nth: 3 } });
    expect(second).toEqual({ wire: zone, op: 'drop', nth: 1 });
    const meta: unknown = JSON.parse(JSON.stringify(logMeta(topology, traces)));
    const again = openMeta(meta as ReturnType<typeof logMeta>).topology;
    expect(JSON.stringify(again)).toBe(JSON.stringify(topology));
  });

  it('leaves what earlier versions wrote as it was', () => {
    const rules = [
      { wire: { from: '*', to: '*' }, op: 'observe', name: 'all' },
      { wire: { from: '*', to: '*' }, op: 'delay', delayCycles: 300, probability: 0.3, seed: 5 },
      { wire: zone, op: 'reorder', windowCycles: 900, probability: 0.5, seed: 6 },
      { wire: { from: 'mm*', to: '*' }, op: 'duplicate', delayCycles: 0, nth: 9 },
      { wire: { from: '*', to: 'disk', type: 'READ_BLOCKS' }, op: 'drop', nth: 2 },
    ];
    const processes = [{ pid: 1, pageSize: '4K', trace: 'true-kernel' }];
    const written = parseTopology({ name: 'old', processes, faultPlan: rules }, 'test').faultPlan;
    // To the byte: a header is hashed. The wire and the operator have always come first.
    expect(JSON.stringify(written)).toBe(JSON.stringify(rules));
    const [turned] = parseTopology(
      { name: 'old', processes, faultPlan: [{ seed: 6, op: 'drop', probability: 0.1, wire: zone }] },
      'test',
    ).faultPlan;
    expect(Object.keys(turned ?? {})).toEqual(['wire', 'op', 'seed', 'probability']);
  });
});
