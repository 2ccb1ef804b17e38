import { GranuleError } from '../../src/errors.ts';

/** How something is refused, as the command line says it. */
export function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof GranuleError) return error.format();
    throw error;
  }
  return 'not refused';
}
