/** Commands in documents: what their lines are, and how they are run in the folder of a page. */
import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import type { Workplace } from '../../cli/harness.ts';

/** One command of a document with what it says that it prints. */
export interface Command {
  readonly line: number;
  readonly command: string;
  readonly prints: readonly string[];
}

/** The commands of a block: each line of `sh`, each line behind `$ ` of `console`. A `\` at the end of a line goes on. */
export function commandsIn(fence: { language: string; line: number; text: string }): Command[] {
  const commands: { line: number; command: string; prints: string[] }[] = [];
  const lines = fence.text.split('\n').slice(0, -1);
  for (const [index, text] of lines.entries()) {
    const last = commands.at(-1);
    if (last?.command.endsWith('\\') === true && last.prints.length === 0) {
      last.command = `${last.command.slice(0, -1)}${text.trim()}`;
    } else if (fence.language === 'console' && !text.startsWith('$ ')) last?.prints.push(text);
    else if (text.trim() !== '') {
      commands.push({ line: fence.line + 1 + index, command: text.replace(/^\$ /, ''), prints: [] });
    }
  }
  return commands.filter(({ command }) => !command.startsWith('#'));
}

/** The words of a command line; quotes hold one together. */
export function wordsOf(command: string): string[] {
  const bare = command.replace(/\s#\s.*$/, '');
  return Array.from(
    bare.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g),
    ([, single, double, plain]) => single ?? double ?? plain ?? '',
  );
}

const FAILED = z.object({ status: z.number(), stdout: z.string(), stderr: z.string() });

/** Runs a command line: granule in this process, others by the shell. */
export async function runCommand(place: Workplace, command: string): Promise<{ code: number; text: string }> {
  const [program, ...args] = wordsOf(command.replace(/^npx granule /, 'granule '));
  if (program === 'granule') {
    const { code, stdout, stderr } = await place.run(args);
    // Where a reader is in the folder of the page, its paths are short.
    return { code, text: `${stdout}${stderr}`.replaceAll(`${place.folder}/`, '') };
  }
  try {
    const text = execFileSync('sh', ['-c', command], { cwd: place.folder, encoding: 'utf8', stdio: 'pipe' });
    return { code: 0, text };
  } catch (error) {
    const { status, stdout, stderr } = FAILED.parse(error);
    return { code: status, text: stdout + stderr };
  }
}
