/** All commands of the debugger, and how a line is done. */
import { formatTable } from '../report/table.ts';
import { didYouMean } from '../topology/faultPlans/near.ts';
import { aroundCommands } from './around.ts';
import { causeCommands } from './causes.ts';
import { choiceCommands } from './choices.ts';
import { type Command, commandOf, saysAtOnce } from './command.ts';
import { conditionCommands } from './conditions.ts';
import { lookCommands } from './looks.ts';
import { memoryCommands } from './memory.ts';
import { moveCommands } from './moves.ts';
import { placeCommands } from './places.ts';
import type { Saying } from './said.ts';
import type { Session } from './session.ts';
import { usage } from './words.ts';

/** Below the list of commands. */
const HINT =
  'A beginning of a name that fits one command will do. Enter does a move again. docs/debugger.md tells more.';

const help = commandOf({
  name: 'help',
  aliases: ['h', '?'],
  usage: '[COMMAND]',
  says: 'lists the commands, or tells of one',
  completes: ['command'],
  run: (_session, rest) => saysAtOnce(() => (rest === '' ? listText() : oneText(commandNamed(rest)))),
});

/** The commands by what they are about. */
export const commandGroups: readonly { readonly title: string; readonly commands: readonly Command[] }[] = [
  { title: 'Moving', commands: moveCommands },
  { title: 'Stopping', commands: conditionCommands },
  { title: 'Moments', commands: placeCommands },
  { title: 'Asking why', commands: causeCommands },
  { title: 'Other orders', commands: choiceCommands },
  { title: 'Looking', commands: lookCommands },
  { title: 'Memory', commands: memoryCommands },
  { title: 'Around', commands: [...aroundCommands, help] },
];

const all = commandGroups.flatMap(({ commands }) => commands);

function headOf({ name, aliases, usage: behind }: Command): string {
  const names = [name, ...aliases].join(', ');
  return behind === '' ? names : `${names} ${behind}`;
}

function listText(): string {
  const parts = commandGroups.map(({ title, commands }) => {
    const rows = commands.map((command) => [headOf(command), command.says]);
    return `${title}\n${formatTable(rows, { header: false, indent: '  ', align: ['left', 'left'] })}`;
  });
  return `${parts.join('\n')}\n${HINT}\n`;
}

function oneText(command: Command): string {
  return `${headOf(command)}\n  ${command.says}${command.repeats ? '; Enter does it again' : ''}\n`;
}

/**
 * The command of a name, of one of its short forms, or of the beginning of a name that fits no other.
 *
 * @throws GranuleError USAGE
 * @example
 * ```ts
 * commandNamed('rs').name; // 'reverse-step'
 * commandNamed('bookm').name; // 'bookmark'
 * commandNamed('stepp'); // throws USAGE
 * ```
 */
export function commandNamed(name: string): Command {
  const exact = all.find((command) => command.name === name || command.aliases.includes(name));
  if (exact !== undefined) return exact;
  const fits = all.filter((command) => command.name.startsWith(name));
  if (fits.length === 1 && fits[0] !== undefined) return fits[0];
  const names = fits.map((command) => command.name);
  if (fits.length > 1) throw usage(`"${name}" may be ${names.join(', ')}`, 'Write more of it.');
  const near = didYouMean(
    name,
    all.map((command) => command.name),
  );
  throw usage(`there is no command "${name}"${near}`, 'Try "help".');
}

/**
 * Does a line: a command with what stands behind it. An empty line does the last move again; a line that begins with `#` is a remark.
 *
 * @throws GranuleError from what it gives
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * textOf(lineOf(session, 'break FAULT')); // 'breakpoint 1: FAULT\n'
 * textOf(lineOf(session, 'continue')).split('\n')[0]; // 'break 1: FAULT'
 * textOf(lineOf(session, 'print type')); // '"FAULT"\n'
 * ```
 */
export function* lineOf(session: Session, line: string): Saying {
  const text = line.trim() === '' ? session.again : line.trim();
  if (text === '' || text.startsWith('#')) return;
  const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const command = commandNamed(name);
  session.again = command.repeats ? text : '';
  yield* command.run(session, rest.trim());
}
