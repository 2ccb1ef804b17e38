/**
 * A system call as Valgrind printed it, with its result.
 *
 * @example
 * ```ts
 * const call: PrintedCall = { tid: 1, number: 3, name: 'close', argumentText: ' 4 ', result: 0 };
 * call.name; // 'close'
 * ```
 */
export interface PrintedCall {
  tid: number;
  /** The architecture's number of the call. */
  number: number;
  /** Linux's name, without Valgrind's `sys_`. */
  name: string;
  /** What stood between the parentheses. */
  argumentText: string;
  /** Null when the call failed. */
  result: number | null;
}

/** Calls that Valgrind 3.19 does not know, so that it prints their x86-64 number alone (arch/x86/entry/syscalls). */
const UNPRINTED_NAMES: ReadonlyMap<number, string> = new Map([
  [325, 'mlock2'],
  [334, 'rseq'],
  [435, 'clone3'],
]);
/** A call has at most a few paths of 4096 bytes; more text than this is something else. */
const CALL_CHARS = 65_536;
const HEAD = /^SYSCALL\[(\d+),(\d+)\]\(\s*(\d+)\) ?/;
const COMPLETION = /^\.\.\. \[async\] --> /;
/** What ends the text of a call: `[sync] --> Success(0x0)`, ` --> [pre-fail] Failure(0x2)`, ` --> [async] ... `. */
const RESULT =
  /(?:\[sync\]|\s)? ?--> (?:\[[a-z-]+\] )?(?:(Success)\(0x([0-9a-f]+)[^)]*\)|(Failure)\([^)]*\)|NoWriteResult|(\.\.\.))\s*$/;
const CALL = /^([a-z_0-9]+)(?:\[[^\]]*\])? ?\(([\s\S]*)\)/;

interface Started {
  number: number;
  body: string;
}

/**
 * Puts system calls together from Valgrind's `--trace-syscalls=yes` text (syswrap-main.c): one line, or a line that ends in
 * `[async] ...` and a later one with the result, or text that goes on over several lines because a warning or a newline in
 * a path broke it. A call is told when its result is known.
 *
 * @example
 * ```ts
 * const text = new CallText();
 * text.line('SYSCALL[9,1](3) sys_close ( 4 )[sync] --> Success(0x0) ').call?.name; // 'close'
 * ```
 */
export class CallText {
  /** The process that makes the calls; 0 before the first. */
  pid = 0;
  private readonly waiting: Map<number, Started> = new Map();
  private partial: { tid: number; number: number; text: string } | null = null;

  /**
   * Takes a line. `taken` is false for one that is no text of a call; `foreign` is true for a call of another process;
   * `call` is what the line completed.
   */
  line(text: string): { taken: boolean; foreign?: boolean; call?: PrintedCall } {
    const head = HEAD.exec(text);
    if (head === null) {
      if (this.partial === null || this.partial.text.length > CALL_CHARS) return { taken: false };
      this.partial.text += `\n${text}`;
      return this.finishPartial();
    }
    const pid = Number(head[1]);
    if (this.pid !== 0 && pid !== this.pid) return { taken: true, foreign: true };
    this.pid = pid;
    const [tid, number] = [Number(head[2]), Number(head[3])];
    const rest = text.slice(head[0].length);
    const started = this.waiting.get(tid);
    if (COMPLETION.test(rest) && started !== undefined) {
      this.waiting.delete(tid);
      const result = RESULT.exec(rest);
      return { taken: true, call: callOf(tid, started.number, started.body, result) };
    }
    this.partial = { tid, number, text: rest };
    return this.finishPartial();
  }

  /** The call that never got a result, if the last one did not: a successful execve returns to another program. */
  unfinished(): PrintedCall | null {
    if (this.partial === null) return null;
    return callOf(this.partial.tid, this.partial.number, this.partial.text, null);
  }

  private finishPartial(): { taken: boolean; call?: PrintedCall } {
    const { partial } = this;
    if (partial === null) return { taken: false };
    const result = RESULT.exec(partial.text);
    if (result === null) return { taken: true };
    this.partial = null;
    const body = partial.text.slice(0, result.index);
    if (result[4] === undefined) return { taken: true, call: callOf(partial.tid, partial.number, body, result) };
    this.waiting.set(partial.tid, { number: partial.number, body });
    return { taken: true };
  }
}

function callOf(tid: number, number: number, body: string, result: RegExpExecArray | null): PrintedCall {
  const match = CALL.exec(body);
  const printed = match === null || body.startsWith('unimplemented') ? '' : match[1].replace(/^sys_/, '');
  const name = printed === '' ? (UNPRINTED_NAMES.get(number) ?? `syscall_${number}`) : printed;
  const value = result?.[1] === 'Success' ? Number.parseInt(result[2], 16) : null;
  return { tid, number, name, argumentText: match?.[2] ?? '', result: value };
}

/**
 * The numbers among a call's arguments: decimal, hex with 0x, and addresses with the text they point at in parentheses,
 * `0x4034bb0(/etc/passwd)`, whose text is in `texts` by the argument's place.
 *
 * @example
 * ```ts
 * parseArguments('4294967196, 0x40(/a, b), 524288').texts[1]; // '/a, b'
 * ```
 */
export function parseArguments(text: string): { numbers: number[]; texts: string[] } {
  const numbers: number[] = [];
  const texts: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    // The text may hold anything, so it ends at the last parenthesis that something other than a text follows.
    const pointed = /^(0x[0-9a-f]+)\(([\s\S]*?)\)(?=$|, (?:0x[0-9a-f]+|-?\d+)(?:[,(]|$))/.exec(rest);
    const plain = /^[^,]*/.exec(rest)?.[0] ?? '';
    numbers.push(Number(pointed === null ? plain.trim() : pointed[1]));
    if (pointed !== null) texts[numbers.length - 1] = pointed[2];
    rest = rest
      .slice((pointed?.[0] ?? plain).length)
      .replace(/^, ?/, '')
      .trimStart();
  }
  return { numbers, texts };
}
