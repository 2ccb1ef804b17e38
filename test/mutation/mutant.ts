/** What a mutant is: the sources with one step of theirs taken away, as exact edits of text that must fit once and once only. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../support/tree.ts';

/** One replacement in one file; `find` stands there exactly once. */
export interface Edit {
  /** Path from the root of the project. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Which layer of the model loses something. */
export type MutantGroup =
  /** Layer 1: a step of the table of rules. */
  | 'rules'
  /** What is told to a process of another page size. */
  | 'answers'
  /** Maintenance of TLBs. */
  | 'maintenance'
  /** The two page tables, and what they say to each other. */
  | 'tables'
  /** Frames, and what an mm and the files tell others of the entries that went. */
  | 'memory';

/** One mutant. */
export interface Mutant {
  readonly name: string;
  readonly group: MutantGroup;
  /** What is gone, in words. */
  readonly removes: string;
  /** The function of Linux 6.12, or the passage of the architecture, that the step stands for. */
  readonly standsFor: string;
  readonly edits: readonly Edit[];
  /** The call whose recorded sequences are played first. */
  readonly op?: string;
}

/** How often a text occurs in another. */
export function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** A text with the edits of one file made in it. */
export function applied(text: string, edits: readonly Edit[]): string {
  let changed = text;
  for (const { file, find, replace } of edits) {
    const times = occurrences(changed, find);
    if (times !== 1) throw new Error(`${file} has this ${times} times, not once:\n${find}`);
    changed = changed.replace(find, () => replace);
  }
  return changed;
}

/** The edited sources by path from the root. */
export function mutatedSources({ edits }: Pick<Mutant, 'edits'>): Map<string, string> {
  const byFile = new Map<string, Edit[]>();
  for (const edit of edits) byFile.set(edit.file, [...(byFile.get(edit.file) ?? []), edit]);
  return new Map(
    [...byFile].map(([file, some]) => [file, applied(readFileSync(join(PROJECT_ROOT, file), 'utf8'), some)]),
  );
}

/** The line of a file that an edit begins in, as it is before. */
export function lineOf({ file, find }: Edit): number {
  const text = readFileSync(join(PROJECT_ROOT, file), 'utf8');
  return text.slice(0, text.indexOf(find)).split('\n').length;
}
