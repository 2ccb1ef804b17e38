/** All mutants. */
import type { Mutant } from '../mutant.ts';
import { answerMutants } from './answers.ts';
import { maintenanceMutants } from './maintenance.ts';
import { memoryMutants } from './memory.ts';
import { ruleMutants } from './rules.ts';
import { tableMutants } from './tables.ts';

/** Mutants of sources: each is a program of its own. */
export const sourceMutants: readonly Mutant[] = [
  ...answerMutants,
  ...maintenanceMutants,
  ...tableMutants,
  ...memoryMutants,
];

/** In the order of the tables of `docs/mutation.md`. */
export const mutants: readonly Mutant[] = [...ruleMutants, ...sourceMutants];

/** One of them. */
export function mutantNamed(name: string): Mutant {
  const found = mutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`there is no mutant ${name}`);
  return found;
}
