/** What a detector says of a mutant, and how it reads what went wrong. */
import { GranuleError } from '../../../src/errors.ts';

/** Who notices. */
export type DetectorName =
  /** Answers that real kernels gave. */
  | 'kernel answers'
  | 'interfaces'
  /** Calls worked out from the kernel's functions. */
  | 'worked out'
  /** Checked mode. */
  | 'law 7'
  | 'law 8'
  | 'law of page sizes'
  /** The model's own invariants, or an exception. */
  | 'invariant'
  /** What is left when nothing is to deliver: stuck processes, frames that nobody owns; a run that never ends. */
  | 'end of run'
  /** A shadow of all contents: nothing that was written is lost. */
  | 'contents'
  /** A process and a plain kernel of its page size. */
  | 'same as kernel'
  /** Tests of the project, by name. */
  | 'test';

/** What was noticed first. */
export interface Verdict {
  readonly by: DetectorName;
  /** The run that shows it. */
  readonly run: string;
  /** The event or step, where there is one. */
  readonly at: number | null;
  readonly text: string;
}

/** Characters of a text that a table keeps. */
const TEXT_MOST = 220;

/** One line, not too long. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > TEXT_MOST ? `${line.slice(0, TEXT_MOST)}...` : line;
}

/** The verdict on what a run threw. */
export function verdictOf(error: unknown, run: string): Verdict {
  const text = error instanceof Error ? error.message : String(error);
  const law = /^law (7|8|of page sizes|of a definition) after event (\d+)/.exec(text.replace(/^LAW_BROKEN: /, ''));
  const at = law?.[2] ?? /after (?:seq|event) (\d+)/.exec(text)?.[1];
  return { by: detectorOf(error, text, law?.[1]), run, at: at === undefined ? null : Number(at), text: oneLine(text) };
}

function detectorOf(error: unknown, text: string, law: string | undefined): DetectorName {
  if (law === '7' || law === '8') return `law ${law}`;
  if (law !== undefined) return 'law of page sizes';
  if (text.startsWith('lost data')) return 'contents';
  if (text.startsWith('after seq') || (error instanceof GranuleError && error.code === 'RUN_LIMIT'))
    return 'end of run';
  return 'invariant';
}
