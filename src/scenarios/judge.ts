/** What a scenario comes to: its rules asked of what was measured. Nothing here knows any verdict by itself. */
import { GranuleError } from '../errors.ts';
import { type FigureValue, type Lookup, readFigures } from './expression.ts';
import { type Scenario, UNDECIDED, type VerdictName } from './schema.ts';
import { readSentence, type Sentence } from './sentence.ts';
import type { Evidence, MeasuredFigure, Series, StepResult } from './steps/step.ts';

/** A sentence that was said, with what is behind it. */
export interface Claim {
  readonly text: string;
  /** The events and commands behind its figures, each once. */
  readonly evidence: readonly Evidence[];
}

/** An alternative, and whether the figures say that it answers. */
export interface JudgedAnswer {
  readonly name: string;
  /** Null: it was not measured. */
  readonly answers: boolean | null;
  readonly claim: Claim;
}

/** A figure of the table. */
export interface ShownFigure {
  readonly name: string;
  readonly value: FigureValue;
  readonly evidence: readonly Evidence[];
}

/** A scenario, judged. */
export interface Verdict {
  readonly id: string;
  readonly question: string;
  readonly verdict: VerdictName | typeof UNDECIDED;
  readonly expected: VerdictName;
  /** The sentence of the rule that decided, or the reason why nothing can. */
  readonly because: Claim;
  readonly claims: readonly Claim[];
  readonly answers: readonly JudgedAnswer[];
  readonly figures: readonly ShownFigure[];
  readonly limits: string;
  readonly workload: string;
  /** What each step did, in one line. */
  readonly steps: readonly { readonly name: string; readonly account: string; readonly logs: readonly string[] }[];
  readonly charts: readonly Chart[];
}

/** A chart of series. */
export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly ChartLine[];
}

/** A line of a chart. */
export interface ChartLine extends Series {
  readonly name: string;
}

/** The figures of a scenario: those of its steps, and those made of them. */
class FigureTable {
  readonly #scenario: Scenario;
  readonly #results: ReadonlyMap<string, StepResult>;
  /** Names that are being worked out, so that one made of itself is told. */
  readonly #open = new Set<string>();

  constructor(scenario: Scenario, results: ReadonlyMap<string, StepResult>) {
    this.#scenario = scenario;
    this.#results = results;
  }

  get lookup(): Lookup {
    return (name) => this.#value(name);
  }

  #value(name: string): FigureValue {
    const made = this.#scenario.figures[name];
    if (made === undefined) return this.#measured(name).value;
    if (this.#open.has(name)) throw this.#fault(`the figure ${name} is made of itself`);
    this.#open.add(name);
    try {
      return readFigures(made).value(this.lookup);
    } finally {
      this.#open.delete(name);
    }
  }

  #fault(what: string): GranuleError {
    return new GranuleError('SCENARIO_FIGURE', what, this.#scenario.id);
  }

  #measured(name: string): MeasuredFigure {
    const dot = name.indexOf('.');
    const step = this.#results.get(name.slice(0, dot));
    const figure = step?.figures[name.slice(dot + 1)];
    if (figure === undefined) throw this.#fault(`there is no figure ${name}`);
    return figure;
  }

  /** The evidence of figures, each once, in order. */
  evidence(names: readonly string[]): Evidence[] {
    const found = new Map<string, Evidence>();
    for (const name of measuredNames(this.#scenario, names)) {
      const { evidence } = this.#measured(name);
      found.set(evidence.command, evidence);
    }
    return [...found.values()];
  }
}

/** The figures of steps behind names, those that others are made of included. */
function measuredNames(scenario: Scenario, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const made = scenario.figures[name];
    return made === undefined ? [name] : measuredNames(scenario, readFigures(made).names);
  });
}

/** All sentences and conditions of a scenario. */
function textsOf({ verdict, claims, answers }: Scenario): { sentences: string[]; conditions: string[] } {
  const sentences = [...verdict, ...claims, ...answers].map(({ says }) => says);
  const conditions = [...verdict, ...claims, ...answers].flatMap(({ when }) => (when === undefined ? [] : [when]));
  return { sentences, conditions };
}

/**
 * The figures of steps that a scenario speaks of: the events behind these are looked for.
 *
 * @throws GranuleError SCENARIO_INVALID for an expression that cannot be read
 * @example
 * ```ts
 * const verdict = [{ is: 'holds' as const, when: 'run.all.fallbacks == 0', says: 'None of {run.all.calls} calls.' }];
 * const scenario = { id: 'S-38', question: '?', steps: { run: { run: 'plain-4k' } }, verdict, expected: 'holds' };
 * citedFigures(parseScenario(scenario, 'example')); // ['run.all.calls', 'run.all.fallbacks']
 * ```
 */
export function citedFigures(scenario: Scenario): string[] {
  const { sentences, conditions } = textsOf(scenario);
  const names = [
    ...sentences.flatMap((text) => readSentence(text).names),
    ...conditions.flatMap((text) => readFigures(text).names),
    ...Object.keys(scenario.figures),
  ];
  return [...new Set(measuredNames(scenario, names))].sort();
}

function claimOf(sentence: Sentence, conditions: readonly string[], table: FigureTable): Claim {
  const names = sentence.names.length > 0 ? sentence.names : conditions.flatMap((text) => readFigures(text).names);
  return { text: sentence.said(table.lookup), evidence: table.evidence(names) };
}

function holdsIn(condition: string, table: FigureTable): boolean {
  return Boolean(readFigures(condition).value(table.lookup));
}

function decided(scenario: Scenario, table: FigureTable): Pick<Verdict, 'verdict' | 'because'> {
  if (scenario.reason !== undefined)
    return { verdict: 'cannot be modelled', because: { text: scenario.reason, evidence: [] } };
  const rule = scenario.verdict.find(({ when }) => holdsIn(when, table));
  if (rule === undefined) {
    const conditions = scenario.verdict.map(({ when }) => when);
    const text = 'No rule of the scenario applies to these figures.';
    return { verdict: UNDECIDED, because: claimOf(readSentence(text), conditions, table) };
  }
  return { verdict: rule.is, because: claimOf(readSentence(rule.says), [rule.when], table) };
}

function shownFigures(scenario: Scenario, table: FigureTable): ShownFigure[] {
  const names = new Set([...Object.keys(scenario.figures), ...citedFigures(scenario)]);
  return [...names].map((name) => ({ name, value: table.lookup(name), evidence: table.evidence([name]) }));
}

function chartsOf({ charts }: Scenario, results: ReadonlyMap<string, StepResult>): Chart[] {
  return charts.map(({ title, unit, lines }) => ({
    title,
    unit,
    lines: lines.flatMap(({ name, step, series }) => {
      const found = results.get(step)?.series[series];
      return found === undefined ? [] : [{ name, ...found }];
    }),
  }));
}

/**
 * Judges a scenario by what its steps came to: the first rule whose condition holds decides; where none does it is undecided.
 *
 * @param results of the steps, by name
 * @throws GranuleError SCENARIO_FIGURE for a figure that no step has
 * @example
 * ```ts
 * const figure = { value: 0, evidence: { log: null, seq: null, command: 'granule scenarios S-38' } };
 * const result = { figures: { fallbacks: figure }, series: {}, logs: [], account: '', seconds: 0 };
 * const verdict = [{ is: 'holds' as const, when: 'run.fallbacks == 0', says: 'It never fell back.' }];
 * const scenario = { id: 'S-38', question: '?', steps: { run: { run: 'plain-4k' } }, verdict, expected: 'holds' };
 * judge(parseScenario(scenario, 'example'), new Map([['run', result]])).verdict; // 'holds'
 * ```
 */
export function judge(scenario: Scenario, results: ReadonlyMap<string, StepResult>): Verdict {
  const table = new FigureTable(scenario, results);
  const { id, question, expected, limits = '', workload = '' } = scenario;
  const answers = scenario.answers.map(({ name, when, says }): JudgedAnswer => {
    const claim = claimOf(readSentence(says), when === undefined ? [] : [when], table);
    return { name, answers: when === undefined ? null : holdsIn(when, table), claim };
  });
  const claims = scenario.claims
    .filter(({ when }) => when === undefined || holdsIn(when, table))
    .map(({ says, when }) => claimOf(readSentence(says), when === undefined ? [] : [when], table));
  return {
    id,
    question,
    expected,
    ...decided(scenario, table),
    claims,
    answers,
    figures: shownFigures(scenario, table),
    limits,
    workload,
    steps: [...results].map(([name, { account, logs }]) => ({ name, account, logs })),
    charts: chartsOf(scenario, results),
  };
}
