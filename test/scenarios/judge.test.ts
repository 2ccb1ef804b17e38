/** Expressions, sentences and verdicts: what is said follows from figures, and from nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { readFigures } from '../../src/scenarios/expression.ts';
import { citedFigures, judge } from '../../src/scenarios/judge.ts';
import { parseScenario, type Scenario } from '../../src/scenarios/schema.ts';
import { readSentence } from '../../src/scenarios/sentence.ts';
import { eventEvidence, type StepResult } from '../../src/scenarios/steps/step.ts';

const value = (text: string, figures: Record<string, number | string> = {}): unknown =>
  readFigures(text).value((name) => figures[name] ?? `no ${name}`);

/** An expression as a tree, with its value as JavaScript has it. */
const tree = fc.letrec<{ sum: { text: string; value: number } }>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 9999 }).map((number) => ({ text: String(number), value: number })),
    fc.tuple(tie('sum'), fc.constantFrom('+', '-', '*'), tie('sum')).map(([left, sign, right]) => ({
      text: `(${left.text} ${sign} ${right.text})`,
      value:
        sign === '+' ? left.value + right.value : sign === '-' ? left.value - right.value : left.value * right.value,
    })),
  ),
}));

describe('expressions over figures', () => {
  it('reckon as arithmetic does', () => {
    fc.assert(fc.property(tree.sum, ({ text, value: wanted }) => value(text) === wanted));
  });

  it('bind products closer than sums, sums closer than comparisons, and those closer than and, or', () => {
    expect(value('1 + 2 * 3 == 7 && 4 - 1 - 1 == 2')).toBe(true);
    expect(value('1 > 2 || 3 > 2 && 2 > 1')).toBe(true);
    expect(value('!(1 == 1) || 2M == 2097152')).toBe(true);
    expect(value('min(3, a.b) + max(1, 2)', { 'a.b': 5 })).toBe(5);
    expect(value('a.end == "exited"', { 'a.end': 'exited' })).toBe(true);
  });

  it('name what they need', () => {
    expect(readFigures('a.x / b.y.z + a.x').names).toEqual(['a.x', 'b.y.z']);
  });

  it.each(['', '1 +', '(1', '1 2', 'a[0] > 1', 'min(1', "'open"])('refuse %j with the place', (text) => {
    expect(() => readFigures(text)).toThrow(expect.objectContaining({ code: 'SCENARIO_INVALID' }));
  });

  it('do not reckon with words, nor divide by nothing', () => {
    for (const text of ['a.x + 1', '1 / 0'])
      expect(() => value(text, { 'a.x': 'word' })).toThrow(expect.objectContaining({ code: 'SCENARIO_FIGURE' }));
  });
});

describe('sentences', () => {
  it('have figures in the form that is asked for', () => {
    const said = readSentence('{a.n} pages, {a.b:bytes}, {a.p:%}, {a.n / 4:x}; {a.w}').said(
      (name) => ({ 'a.n': 1234, 'a.b': 65536, 'a.p': 0.471, 'a.w': 'exited' })[name] ?? 0,
    );
    expect(said).toBe('1,234 pages, 64 KiB, 47.1%, 309 times; exited');
  });
});

const result = (figures: Record<string, number | string>): StepResult => ({
  figures: Object.fromEntries(
    Object.entries(figures).map(([name, figure], at) => [
      name,
      { value: figure, evidence: eventEvidence('logs/run.glog', at) },
    ]),
  ),
  series: {},
  logs: ['logs/run.glog'],
  account: 'a run',
  seconds: 0,
});

const made = (change: object = {}): Scenario =>
  parseScenario(
    {
      id: 'S-38',
      question: 'Does it?',
      steps: { run: { run: 'plain-4k' } },
      figures: { double: '2 * run.falls' },
      verdict: [
        { is: 'breaks', when: 'double > 10', says: 'Falls {double}.' },
        { is: 'costs', when: 'run.falls > 0', says: 'Costs {run.falls}.' },
        { is: 'holds', when: 'run.falls == 0', says: 'Never in {run.calls}.' },
      ],
      expected: 'holds',
      claims: [{ says: 'Many: {run.calls}.', when: 'run.calls > 100' }],
      answers: [
        { name: 'other', when: 'run.falls < 3', says: '{run.falls}' },
        { name: 'unknown', says: 'not tried' },
      ],
      ...change,
    },
    'test',
  );

describe('a verdict', () => {
  const of = (falls: number, calls = 5) => judge(made(), new Map([['run', result({ falls, calls })]]));

  it('is that of the first rule whose condition holds', () => {
    expect([0, 1, 5, 6].map((falls) => of(falls).verdict)).toEqual(['holds', 'costs', 'costs', 'breaks']);
    expect(of(6).because.text).toBe('Falls 12.');
  });

  it('is undecided where no rule applies, and is never the expected one then', () => {
    const { verdict, expected } = of(-1);
    expect([verdict, verdict === expected]).toEqual(['undecided', false]);
  });

  it('follows figures and nothing else: the same figures, the same verdict', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 200 }), (falls, calls) => {
        const { verdict, claims, answers } = of(falls, calls);
        expect(verdict).toBe(falls > 5 ? 'breaks' : falls > 0 ? 'costs' : 'holds');
        expect(claims).toHaveLength(calls > 100 ? 1 : 0);
        expect(answers.map((answer) => answer.answers)).toEqual([falls < 3, null]);
      }),
    );
  });

  it('has the events behind its sentences, those of made figures included', () => {
    expect(of(6).because.evidence.map(({ command }) => command)).toEqual(['granule debug logs/run.glog --at 0']);
    expect(citedFigures(made())).toEqual(['run.calls', 'run.falls']);
  });

  it('is refused where a figure is not there, or is made of itself', () => {
    const bare = (): unknown => judge(made(), new Map([['run', result({ calls: 1 })]]));
    expect(bare).toThrow(expect.objectContaining({ code: 'SCENARIO_FIGURE' }));
    const circle = made({ figures: { double: 'double + 1' } });
    expect(() => judge(circle, new Map([['run', result({ falls: 1, calls: 1 })]]))).toThrow(GranuleError);
  });
});
