/** Compares what the model says of a program with what a kernel said. */
import { PROGRAM_FIELDS, type ProgramField, type ProgramFigures, type ProgramLine } from './programLine.ts';

/** The share by which a figure of a whole program may differ: what lies within it is explained in docs/validation.md. */
export const PROGRAM_TOLERANCE = 0.15;

/** One figure held against the kernel's. */
export interface ProgramCheck {
  field: ProgramField;
  kernel: number;
  model: number;
  /** (model - kernel) / kernel. */
  deviation: number;
  agrees: boolean;
}

/** A line with what came of it. */
export interface ProgramOutcome {
  line: ProgramLine;
  checks: ProgramCheck[];
  /** What the model says, compared or not. */
  model: ProgramFigures;
  ends: readonly string[];
  passed: boolean;
}

/**
 * Holds a line against the model.
 *
 * @example
 * ```ts
 * const value = { kernel: '4K', cache: 'warm', program: 'sqlite3', minflt: 100 };
 * const line = parseProgramLine({ file: 'x', line: 1, value });
 * compareProgram(line, { minflt: 110 }, []).checks[0].deviation; // 0.1
 * compareProgram(line, { minflt: 120 }, []).passed; // false
 * ```
 */
export function compareProgram(line: ProgramLine, model: ProgramFigures, ends: readonly string[]): ProgramOutcome {
  const checks = PROGRAM_FIELDS.flatMap((field): ProgramCheck[] => {
    const kernel = line.answer[field];
    if (kernel === undefined) return [];
    const said = model[field] ?? 0;
    const deviation = kernel === 0 ? (said === 0 ? 0 : 1) : (said - kernel) / kernel;
    return [{ field, kernel, model: said, deviation, agrees: Math.abs(deviation) <= PROGRAM_TOLERANCE }];
  });
  return { line, checks, model, ends, passed: ends.length === 0 && checks.every(({ agrees }) => agrees) };
}
