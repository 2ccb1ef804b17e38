import { describe, expect, it } from 'vitest';
import { faultyRun, heldRun, recordsOf } from './held.ts';

describe('inject', () => {
  it('sends a message from outside on the nth match, caused by the event that sent the match', () => {
    const wire = { from: 'process:1', to: 'abi', type: 'SYSCALL' };
    const stop = { wire, op: 'inject', nth: 2, to: 'process:2', message: { type: 'STOP' }, delayCycles: 77 };
    const go = { wire, op: 'inject', nth: 4, to: 'process:2', message: { type: 'CONTINUE' } };
    const records = recordsOf(heldRun(faultyRun([stop, go])));
    const calls = records.filter(({ from, type }) => from === 'process:1' && type === 'SYSCALL');
    const stopped = records.find(({ type }) => type === 'STOP');
    expect(stopped).toMatchObject({ from: 'outside', to: 'process:2', cause: calls[1]?.cause, payload: {} });
    expect(records.filter(({ type }) => type === 'STOP')).toHaveLength(1);
    const sentAt = records[calls[1]?.cause ?? 0]?.timeCycles ?? 0;
    expect(stopped?.timeCycles).toBe(sentAt + 77);
    expect(records.find(({ type }) => type === 'CONTINUE')?.cause).toBe(calls[3]?.cause);
  });

  it('sends on every match, and what it sends meets the rules behind it', () => {
    const wire = { from: 'mm:1', to: 'zone', type: 'ALLOC' };
    const nudge = { wire, op: 'inject', to: 'process:2', message: { type: 'CONTINUE' } };
    const late = {
      wire: { from: 'outside', to: 'process:2', type: 'CONTINUE' },
      op: 'delay',
      delayCycles: 5000,
      nth: 1,
    };
    const all = recordsOf(heldRun(faultyRun([nudge])));
    const asked = all.filter(({ from, type }) => from === 'mm:1' && type === 'ALLOC').length;
    expect(asked).toBeGreaterThan(3);
    expect(all.filter(({ type }) => type === 'CONTINUE')).toHaveLength(asked);
    const timesOf = (plan: unknown): number[] =>
      recordsOf(heldRun(faultyRun(plan)))
        .filter(({ type }) => type === 'CONTINUE')
        .map(({ timeCycles }) => timeCycles);
    const [plain, before, behind] = [timesOf([nudge]), timesOf([late, nudge]), timesOf([nudge, late])];
    expect(before).toEqual(plain);
    expect(new Set(behind)).toEqual(new Set([(plain[0] ?? 0) + 5000, ...plain.slice(1)]));
  });
});
