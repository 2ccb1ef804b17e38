/** The one error that tells of all that is wrong with a topology, each with its place in the file. */
import { type ErrorCode, GranuleError } from '../../errors.ts';
import { FAULTS_MAX } from './faults.ts';

/** One thing that is wrong, as people and programs are told it. */
export interface PlacedFault {
  code: ErrorCode;
  what: string;
  /** File with line and column, or what names the data where it is in no file; then the path of the field. */
  where: string;
  next: string;
}

/**
 * A failure of one or several faults of a topology. Of one alone it is what any error is; of several, `message` has a line
 * for each, and `where` is the first one's.
 *
 * @example
 * ```ts
 * const fault = { code: 'TOPOLOGY_INVALID' as const, what: '0 is below 1', where: 'a.yaml:2:1: cpus', next: 'Mend it.' };
 * new TopologyError([fault]).format(); // 'TOPOLOGY_INVALID: 0 is below 1 (a.yaml:2:1: cpus). Mend it.'
 * ```
 */
export class TopologyError extends GranuleError {
  /** All of them, beyond the limit too. */
  readonly faults: readonly PlacedFault[];

  constructor(faults: readonly PlacedFault[]) {
    const [first] = faults;
    const codes = new Set(faults.map(({ code }) => code));
    const code = codes.size === 1 && first !== undefined ? first.code : 'TOPOLOGY_INVALID';
    if (faults.length === 1 && first !== undefined) super(code, first.what, first.where, first.next);
    else {
      const lines = faults.slice(0, FAULTS_MAX).map(({ where, what, next }) => `\n  ${where}: ${what}. ${next}`);
      const rest = faults.length > FAULTS_MAX ? `\n  and ${faults.length - FAULTS_MAX} more` : '';
      super(code, `there are ${faults.length} faults${lines.join('')}${rest}`, first?.where);
    }
    this.faults = faults;
  }

  /** One message, with a line for each fault where there are several. */
  override format(): string {
    if (this.faults.length === 1) return super.format();
    return `${this.code}: ${this.message}`;
  }
}
