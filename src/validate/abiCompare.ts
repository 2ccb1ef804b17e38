/**
 * Holds the model's answers against a kernel's, field by field, and counts.
 *
 * @models S-41 S-46
 */
import type { AbiSequence } from './abiFile.node.ts';
import type { AbiRun, ModelAnswer } from './abiRun.ts';
import type { AbiAnswer, AbiStep, MapsArea } from './abiStep.ts';

/** What is compared, in the order of the tables. */
export const ABI_FIELDS = ['ret', 'err', 'signal', 'code', 'maps', 'vec', 'minflt'] as const;
/** One of them. */
export type AbiField = (typeof ABI_FIELDS)[number];

/** How often a field was compared, and how often it differed. */
export interface Agreement {
  checks: number;
  differences: number;
}

/** The state before and after a step on one side. */
export interface SideOfDifference {
  answer: AbiAnswer;
  mapsBefore: readonly MapsArea[] | null;
  mapsAfter: readonly MapsArea[] | null;
}

/** The first difference of a sequence. */
export interface AbiDifference {
  seq: number;
  step: AbiStep;
  /** None where the model threw behind its last answer. */
  fields: AbiField[];
  kernel: SideOfDifference;
  model: SideOfDifference | null;
  /** The event that brought the model's answer, or the last one where none came. */
  eventSeq: number;
  /** What the model threw, where it gave no answer to the step or threw behind the last one. */
  failure: string | null;
}

/** What came of one sequence. */
export interface AbiOutcome {
  seq: number;
  file: string;
  steps: number;
  events: number;
  checks: number;
  differences: number;
  first: AbiDifference | null;
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

/**
 * The fields of a step that the kernel's answer defines: a result or an errno, what an access raised, and minor faults
 * where it raised nothing.
 *
 * @example
 * ```ts
 * const nothing = { ret: null, err: null, vec: null, signal: null, code: null, minflt: null, maps: null };
 * definedFields({ ...nothing, signal: 0, minflt: 1 }); // ['signal', 'minflt']
 * ```
 */
export function definedFields(answer: AbiAnswer): AbiField[] {
  return ABI_FIELDS.filter((field) => answer[field] !== null);
}

/**
 * The fields in which two answers differ, of those that the first defines.
 *
 * @example
 * ```ts
 * const nothing = { ret: null, err: null, vec: null, signal: null, code: null, minflt: null, maps: null };
 * differingFields({ ...nothing, ret: 0 }, { ...nothing, err: 22 }); // ['ret']
 * ```
 */
export function differingFields(kernel: AbiAnswer, model: AbiAnswer | undefined): AbiField[] {
  const fields = definedFields(kernel);
  return model === undefined ? fields : fields.filter((field) => text(kernel[field]) !== text(model[field]));
}

/**
 * Counts agreement by operation and field, over any number of sequences.
 *
 * @example
 * ```ts
 * new AbiTally().rows(); // []
 * ```
 */
export class AbiTally {
  sequences = 0;
  failedSequences = 0;
  checks = 0;
  differences = 0;
  readonly #cells = new Map<string, Map<AbiField, Agreement>>();
  readonly #firsts = new Map<string, number>();

  /** Compares a sequence with what the model made of it. */
  add({ seq, file, steps }: AbiSequence, run: AbiRun): AbiOutcome {
    const outcome: AbiOutcome = {
      seq,
      file,
      steps: steps.length,
      events: run.events,
      checks: 0,
      differences: 0,
      first: null,
    };
    for (const [at, step] of steps.entries()) {
      const fields = differingFields(step.answer, run.answers[at]);
      this.#count(step, fields);
      outcome.checks += definedFields(step.answer).length;
      outcome.differences += fields.length;
      if (fields.length > 0) outcome.first ??= differenceOf(seq, steps, run, at, fields);
    }
    // What the model throws behind its last answer, a broken law say, is in no field, and is no agreement either.
    if (run.failure !== null) outcome.first ??= differenceOf(seq, steps, run, steps.length - 1, []);
    this.sequences += 1;
    this.checks += outcome.checks;
    this.differences += outcome.differences;
    const { first } = outcome;
    if (first !== null) {
      this.failedSequences += 1;
      const where = `${first.step.action.op} ${first.fields.length === 0 ? 'failure' : first.fields.join('+')}`;
      this.#firsts.set(where, (this.#firsts.get(where) ?? 0) + 1);
    }
    return outcome;
  }

  /** Agreement of every operation that was seen, in alphabetical order. */
  rows(): { op: string; fields: ReadonlyMap<AbiField, Agreement> }[] {
    return [...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([op, fields]) => ({ op, fields }));
  }

  /** Where sequences first went apart: operation and fields, with how many sequences did, most first. */
  firstDifferences(): { where: string; sequences: number }[] {
    const rows = [...this.#firsts].map(([where, sequences]) => ({ where, sequences }));
    return rows.sort((a, b) => b.sequences - a.sequences || (a.where < b.where ? -1 : 1));
  }

  #count({ action, answer }: AbiStep, differing: readonly AbiField[]): void {
    let cells = this.#cells.get(action.op);
    if (cells === undefined) this.#cells.set(action.op, (cells = new Map()));
    for (const field of definedFields(answer)) {
      const { checks, differences } = cells.get(field) ?? { checks: 0, differences: 0 };
      cells.set(field, { checks: checks + 1, differences: differences + (differing.includes(field) ? 1 : 0) });
    }
  }
}

/** The last maps that are known at or before a step; accesses have none of their own, and change none. */
function mapsAt(answers: readonly (AbiAnswer | undefined)[], at: number): readonly MapsArea[] | null {
  for (let index = at; index >= 0; index -= 1) {
    const maps = answers[index]?.maps ?? null;
    if (maps !== null) return maps;
  }
  return null;
}

function sideOf(answers: readonly AbiAnswer[], at: number): SideOfDifference {
  return { answer: answers[at], mapsBefore: mapsAt(answers, at - 1), mapsAfter: mapsAt(answers, at) };
}

function differenceOf(
  seq: number,
  steps: readonly AbiStep[],
  run: AbiRun,
  at: number,
  fields: AbiField[],
): AbiDifference {
  const kernel = sideOf(
    steps.map(({ answer }) => answer),
    at,
  );
  const found: ModelAnswer | undefined = run.answers[at];
  const isFailure = found === undefined || fields.length === 0;
  return {
    seq,
    step: steps[at],
    fields,
    kernel,
    model: found === undefined ? null : sideOf(run.answers, at),
    eventSeq: isFailure ? run.events - 1 : found.seq,
    failure: isFailure ? (run.failure?.format() ?? 'the process ended before') : null,
  };
}
