import { describe, expect, it } from 'vitest';
import { REPORTS_HELD, ReportWriter } from '../../src/timeline/shareReport.ts';

const whole = { misfit: null, thrown: null };

function reportOf(writer: ReportWriter, words: readonly number[]): Float64Array {
  for (const word of words) writer.push(word);
  return writer.take(whole).words;
}

describe('the reports of a share', () => {
  it('stay as they are while as many further ones are written as may be held', () => {
    const writer = new ReportWriter();
    const first = reportOf(writer, [1, 2, 3]);
    for (let held = 1; held < REPORTS_HELD; held++) reportOf(writer, [held * 10]);
    expect([...first]).toEqual([1, 2, 3]);
  });

  it('are written where those before the ones that may be held were', () => {
    const writer = new ReportWriter();
    const first = reportOf(writer, [1, 2, 3]);
    for (let held = 1; held < REPORTS_HELD; held++) reportOf(writer, [held]);
    const next = reportOf(writer, [7, 8]);
    expect([...next]).toEqual([7, 8]);
    expect(next.buffer).toBe(first.buffer);
  });

  it('grow with what is written, and keep the room', () => {
    const writer = new ReportWriter();
    const many = Array.from({ length: 300_000 }, (_, word) => word);
    const large = reportOf(writer, many);
    expect(large.length).toBe(many.length);
    expect(large.at(-1)).toBe(many.length - 1);
    for (let held = 1; held < REPORTS_HELD; held++) reportOf(writer, []);
    expect(reportOf(writer, [5]).buffer).toBe(large.buffer);
  });
});
