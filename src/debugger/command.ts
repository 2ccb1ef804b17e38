/** What a command of the debugger is. */
import type { Said, Saying } from './said.ts';
import type { Session } from './session.ts';

/** What may stand behind a command's name, for completion. */
export type Completes = 'actor' | 'path' | 'moment' | 'query' | 'point' | 'command' | 'type';

/** A command, as a row of the table. */
export interface Command {
  readonly name: string;
  readonly aliases: readonly string[];
  /** What stands behind the name. */
  readonly usage: string;
  /** What it does, in one sentence. */
  readonly says: string;
  /** Whether Enter does it again. */
  readonly repeats: boolean;
  readonly completes: readonly Completes[];
  /**
   * Does it.
   *
   * @param rest what stands behind the name
   * @throws GranuleError
   */
  run(session: Session, rest: string): Iterable<Said>;
}

/** A row of the table as a file of commands writes it. */
export type CommandRow = Pick<Command, 'name' | 'says' | 'run'> &
  Partial<Pick<Command, 'aliases' | 'usage' | 'repeats' | 'completes'>>;

/**
 * A command from what a file says of it.
 *
 * @example
 * ```ts
 * commandOf({ name: 'nothing', says: 'Does nothing.', run: () => [] }).repeats; // false
 * ```
 */
export function commandOf(row: CommandRow): Command {
  return { aliases: [], usage: '', repeats: false, completes: [], ...row };
}

/**
 * A command that says one thing at once.
 *
 * @example
 * ```ts
 * textOf(saysAtOnce(() => 'done\n')); // 'done\n'
 * ```
 */
export function* saysAtOnce(work: () => string): Saying {
  yield work();
}
