/**
 * The text that strace prints, call by call: with or without a pid (`-f`), times (`-t`, `-r`, `-T`), paths of descriptors
 * (`-y`), and calls that another thread interrupts (`<unfinished ...>`, `<... NAME resumed>`).
 *
 * @models S-20
 */

/** A call as strace printed it. */
export interface StraceCall {
  /** Line of the file, from 1 on, where the call began. */
  line: number;
  /** 0 where lines have no pid. */
  pid: number;
  name: string;
  /** What stood between the parentheses, cut at its commas. */
  args: string[];
  /** Null where there was no answer: the process ended, or exec replaced it. */
  result: number | null;
  /** Name of the errno, empty without one. */
  errno: string;
}

const PID = /^(?:\[pid +(\d+)\] +|(\d+) +)/;
const TIME = /^(?:\d{2}:\d{2}:\d{2}(?:\.\d+)? +|\d+\.\d+ +(?:\(\+ *\d+\.\d+\) +)?|\(\+ *\d+\.\d+\) +)/;
const NAME = /^([a-z_][a-z_0-9]*)\(/;
const UNFINISHED = /\s*<unfinished \.\.\.>\s*(?:\))?\s*$/;
const RESUMED = /^<\.\.\. ([a-z_][a-z_0-9]*) resumed>\s*/;
const SECONDS = /\s+<\d+\.\d+>$/;

/** Whether a line of text is one that strace would print. */
const CALL_LINE = /^(?:\[pid +\d+\] +|\d+ +)?(?:[\d:.()+ ]+ )?[a-z_][a-z_0-9]*\(.*(?:\)\s+= |<unfinished \.\.\.>)/;

/**
 * Whether text is strace's: one of its first lines is a call with an answer.
 *
 * @example
 * ```ts
 * looksLikeStrace(['27802 brk(NULL)                         = 0x564f9af89000']); // true
 * looksLikeStrace(['I  0401000,3']); // false
 * ```
 */
export function looksLikeStrace(lines: readonly string[]): boolean {
  return lines.some((line) => CALL_LINE.test(line));
}

/**
 * Puts calls together from lines. A line that is no call (a signal, an exit, a message of strace) gives none.
 *
 * @example
 * ```ts
 * const text = new StraceText();
 * text.line('7 munmap(0x7f00, 4096 <unfinished ...>'); // null
 * text.line('7 <... munmap resumed>)          = 0')?.args; // ['0x7f00', '4096']
 * ```
 */
export class StraceText {
  /** Lines taken so far. */
  lines = 0;
  /** Lines that are neither a call nor anything else that strace prints. */
  strange = 0;
  private readonly waiting: Map<number, { text: string; line: number }> = new Map();

  line(text: string): StraceCall | null {
    this.lines += 1;
    const pidMatch = PID.exec(text);
    const pid = Number(pidMatch?.[1] ?? pidMatch?.[2] ?? 0);
    let rest = text.slice(pidMatch?.[0].length ?? 0);
    rest = rest.slice(TIME.exec(rest)?.[0].length ?? 0);
    if (/^(?:---|\+\+\+|strace:)/.test(rest) || rest.trim() === '') return null;
    if (UNFINISHED.test(rest)) {
      const head = rest.replace(UNFINISHED, '');
      if (NAME.test(head)) this.waiting.set(pid, { text: head, line: this.lines });
      else this.strange += 1;
      return null;
    }
    const resumed = RESUMED.exec(rest);
    if (resumed === null) return this.whole(rest, pid, this.lines);
    const started = this.waiting.get(pid);
    this.waiting.delete(pid);
    if (started === undefined) return null;
    const tail = rest.slice(resumed[0].length);
    return this.whole(started.text + tail, pid, started.line);
  }

  /** The calls that wait for their answer: a child may be seen before the clone that made it has returned. */
  unfinished(): { pid: number; text: string }[] {
    return [...this.waiting].map(([pid, { text }]) => ({ pid, text }));
  }

  private whole(text: string, pid: number, line: number): StraceCall | null {
    const name = NAME.exec(text)?.[1];
    if (name === undefined) {
      this.strange += 1;
      return null;
    }
    const { args, end } = argumentsOf(text, name.length + 1);
    const answer = /^\s*=\s+(.*)$/.exec(text.slice(end).replace(SECONDS, ''))?.[1] ?? null;
    if (end < 0 || answer === null) {
      this.strange += 1;
      return null;
    }
    const value = /^(-?(?:0x[0-9a-f]+|\d+))/.exec(answer)?.[1];
    const errno = /^-1 (E[A-Z0-9]+)/.exec(answer)?.[1] ?? '';
    return { line, pid, name, args, result: value === undefined ? null : Number(value), errno };
  }
}

const OPENS = '([{';
const CLOSES = ')]}';

/** Cuts arguments at the commas that are in no string, bracket or path; `end` is after the closing parenthesis, -1 without. */
function argumentsOf(text: string, from: number): { args: string[]; end: number } {
  const args: string[] = [];
  let depth = 0;
  let start = from;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '<' && /[\dD]/.test(text[at - 1] ?? '')) at = endOfPath(text, at);
    else if (OPENS.includes(char)) depth += 1;
    else if (CLOSES.includes(char)) {
      if (depth === 0) {
        const last = text.slice(start, at).trim();
        if (last !== '' || args.length > 0) args.push(last);
        return { args, end: at + 1 };
      }
      depth -= 1;
    } else if (char === ',' && depth === 0) {
      args.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return { args, end: -1 };
}

/** Index of the quote that ends a string. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

/** Index of the `>` that ends the path of a descriptor: the one before a comma, a closing bracket or the end. */
function endOfPath(text: string, from: number): number {
  const end = />(?=[,)\]}\s]|$)/g;
  end.lastIndex = from;
  return end.exec(text)?.index ?? from;
}
