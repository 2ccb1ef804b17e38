/** What else could come next at a moment, and forks that take it. */
import { payloadLine } from '../report/recordText.ts';
import { formatTable } from '../report/table.ts';
import { type RecordedChoice, recordedChoices } from '../timeline/choices.ts';
import { type Command, commandOf, type CommandRow, saysAtOnce } from './command.ts';
import type { Saying } from './said.ts';
import type { Session } from './session.ts';
import { momentIn, usage, wordsOf } from './words.ts';

/** Characters of a payload in the list. */
const PAYLOAD_CHARACTERS = 60;
const HEAD = ['choice', 'comes as', 'from -> to', 'message', 'payload'];
const ALIGN = ['right', 'right', 'left', 'left', 'left'] as const;

function choicesOf(session: Session, at: number): readonly RecordedChoice[] {
  return recordedChoices(session.reader, session.view.run.traces, at);
}

function comesAs({ seq, isTaken }: RecordedChoice): string {
  if (isTaken) return `${String(seq)}, next`;
  return seq === null ? 'never' : String(seq);
}

function listText(session: Session, rest: string): string {
  const at = rest === '' ? session.seq : momentIn(session, rest);
  const choices = choicesOf(session, at);
  const where = at < session.reader.firstSeq ? 'before the first event' : `after seq ${at}`;
  if (choices.length === 0) return `nothing waits ${where}\n`;
  const rows = choices.map((choice) => {
    const { index, from, to, type, payload } = choice;
    return [String(index), comesAs(choice), `${from} -> ${to}`, type, payloadLine(payload, PAYLOAD_CHARACTERS)];
  });
  const others = choices.filter(({ isTaken }) => !isTaken).length;
  const said = `${choices.length} ${choices.length === 1 ? 'message' : 'messages'} may come next ${where}`;
  const how = others === 0 ? 'and the run takes it' : '"take N" forks with another one';
  return `${said}; ${how}\n${formatTable([HEAD, ...rows], { align: ALIGN })}`;
}

function* take(session: Session, rest: string): Saying {
  const [text = '', ...options] = wordsOf(rest);
  const choices = choicesOf(session, session.seq);
  const choice = /^\d+$/.test(text) ? choices[Number(text)] : undefined;
  if (choice === undefined) {
    const what = text === '' ? 'take needs the number of a choice' : `there is no choice ${text} here`;
    throw usage(what, choices.length === 0 ? 'Nothing waits here; go back first.' : 'Try "choices".');
  }
  if (choice.isTaken) {
    throw usage(`choice ${text} is what the run takes: nothing would be otherwise`, 'Take another one of "choices".');
  }
  const at = session.seq === session.startSeq ? 'start' : String(session.seq);
  yield { command: 'fork', args: [session.name, '--at', at, '--choice', text, ...options] };
}

const ROWS: readonly CommandRow[] = [
  {
    name: 'choices',
    aliases: ['ch'],
    usage: '[MOMENT]',
    says: 'lists the messages that may come next, here or at another moment, and as which event each one comes',
    completes: ['moment'],
    run: (session, rest) => saysAtOnce(() => listText(session, rest)),
  },
  {
    name: 'take',
    usage: 'N [OPTION...]',
    says: 'forks here with choice N coming next: granule fork LOG --at SEQ --choice N with these options',
    run: take,
  },
];

/** Other orders of the same run. */
export const choiceCommands: readonly Command[] = ROWS.map(commandOf);
