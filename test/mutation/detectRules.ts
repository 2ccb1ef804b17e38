/**
 * The program that runs the mutants of layer 1: rules are data, so one process puts them into its table one after the other. Each
 * meets what kernels answered to its call first, then what was worked out. One line of JSON a mutant; `SHARE` is `1/2` and the like.
 */
import { type AbiRule, abiRules, type RuledCall } from '../../src/mm/abi/rules.ts';
import { type AbiSequence, readAbiFile } from '../../src/validate/abiFile.node.ts';
import { abiWorld } from '../../src/validate/abiRun.ts';
import { questionFault, steps } from '../mm/support/interfaces.ts';
import { playSequence } from './detectors/kernelAnswers.ts';
import { oneLine, type Verdict, verdictOf } from './detectors/verdict.ts';
import { workedOutCases } from './detectors/workedOut.ts';
import { type RuleMutant, ruleMutants } from './mutants/rules.ts';

/** Of the sequences that have a call, so many are played. */
const SEQUENCES_MOST = 24;
const SIZES = [65536, 16384];
const KERNEL = 4096;

const sequences = new Map<number, AbiSequence[]>();
for (const pageBytes of SIZES) {
  const list: AbiSequence[] = [];
  for await (const sequence of readAbiFile(`fixtures/oracle/abi-${pageBytes / 1024}K.ndjson.gz`)) list.push(sequence);
  sequences.set(pageBytes, list);
}

function bySequences(op: string, pageBytes: number): Verdict | null {
  const size = `${pageBytes / 1024}K`;
  const having = (sequences.get(pageBytes) ?? []).filter((one) => one.steps.some(({ action }) => action.op === op));
  for (const sequence of having.slice(0, SEQUENCES_MOST)) {
    const run = `abi-${size} on 4K, sequence ${sequence.seq}`;
    try {
      const verdict = playSequence(sequence, abiWorld(pageBytes, KERNEL), run);
      if (verdict !== null) return verdict;
    } catch (error) {
      return verdictOf(error, run);
    }
  }
  return null;
}

/** The program of fixed questions about calls, as one process. */
function byQuestions(op: string, pageBytes: number): Verdict | null {
  if (!steps.some(({ action }) => action.op === op)) return null;
  const size = `${pageBytes / 1024}K`;
  const run = `interfaces.json, ${size} on 4K`;
  try {
    const fault = questionFault(pageBytes, KERNEL);
    return fault === null ? null : { by: 'interfaces', run, at: null, text: oneLine(fault) };
  } catch (error) {
    return verdictOf(error, run);
  }
}

function verdictOn({ op }: RuleMutant): Verdict | null {
  for (const pageBytes of SIZES) {
    const verdict = bySequences(op, pageBytes) ?? byQuestions(op, pageBytes);
    if (verdict !== null) return verdict;
  }
  return workedOutCases(op);
}

/** Runs something with one row of the table replaced. */
function withRow<T>(op: RuledCall['op'], row: AbiRule, run: () => T): T {
  const rules = abiRules as Record<string, AbiRule>;
  const whole = rules[op];
  rules[op] = row;
  try {
    return run();
  } finally {
    rules[op] = whole;
  }
}

const [share = 1, shares = 1] = (process.env['SHARE'] ?? '1/1').split('/').map(Number);
const only = process.env['ONLY'] === undefined ? null : new Set(process.env['ONLY'].split(' '));
for (const [at, mutant] of ruleMutants.filter(({ name }) => only === null || only.has(name)).entries()) {
  if (at % shares !== share - 1) continue;
  const began = performance.now();
  const verdict = withRow(mutant.op, mutant.row, () => verdictOn(mutant));
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ name: mutant.name, verdict, seconds })}\n`);
}
