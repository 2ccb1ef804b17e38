/** The debugger at a terminal: a prompt, lines with history and completion, colours, and Ctrl-C that stops a search. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { complete } from '../debugger/complete.ts';
import { lineOf } from '../debugger/commands.ts';
import { type HandOver, isQuit } from '../debugger/said.ts';
import type { Session } from '../debugger/session.ts';
import { GranuleError } from '../errors.ts';
import type { Cli, Colours } from './cli.ts';

/** Lines that are kept. */
const HISTORY_LINES = 1000;
/** A search goes on for so long before keys are looked at. */
const SLICE_MS = 30;

/** How a conversation is led. */
export interface Conversation {
  /** Print lines that do not come from a keyboard. */
  readonly echo: boolean;
  readonly handOver: (asked: HandOver) => Promise<void>;
}

/**
 * The prompt: where one is.
 *
 * @example
 * ```ts
 * promptOf({ seq: 12, startSeq: -1 }); // '(12) '
 * promptOf({ seq: -1, startSeq: -1 }); // '(start) '
 * ```
 */
export function promptOf({ seq, startSeq }: Pick<Session, 'seq' | 'startSeq'>): string {
  return `(${seq === startSeq ? 'start' : seq}) `;
}

const PAINTED: readonly { readonly line: RegExp; readonly paint: keyof Colours }[] = [
  { line: /^\s*\+ /, paint: 'green' },
  { line: /^\s*- /, paint: 'red' },
  { line: /^\s*~ /, paint: 'yellow' },
  { line: /^(?:break|watch) \d+: /, paint: 'magenta' },
  { line: /^=>/, paint: 'cyan' },
  { line: /^\s*\d+\s+[\d,]+ \S+ -> \S+\s+\S+/, paint: 'bold' },
  { line: /^\s{8}(?:sends|stays|\S+ ->) /, paint: 'dim' },
];

/**
 * Text with colours by what its lines are.
 *
 * @example
 * ```ts
 * coloured('  ~ context.brk: 1 -> 2\n', new Cli(textIo('/')).colours); // '  ~ context.brk: 1 -> 2\n'
 * ```
 */
export function coloured(text: string, colours: Colours): string {
  if (!colours.isColorSupported) return text;
  return text
    .split('\n')
    .map((line) => {
      const found = PAINTED.find((one) => one.line.test(line));
      const paint = found === undefined ? null : colours[found.paint];
      return typeof paint === 'function' ? paint(line) : line;
    })
    .join('\n');
}

/** One conversation: lines that wait, and whether the one that is done should stop. */
class Terminal {
  readonly #cli: Cli;
  readonly #session: Session;
  readonly #conversation: Conversation;
  readonly #lines: string[] = [];
  readonly #readline: Interface;
  readonly #isKeyboard: boolean;
  #wake: (() => void) | null = null;
  #isClosed = false;
  #isBusy = false;
  #isStopped = false;

  constructor(cli: Cli, session: Session, conversation: Conversation) {
    this.#cli = cli;
    this.#session = session;
    this.#conversation = conversation;
    const { stdin, stdout, env } = cli.io;
    if (stdin === undefined)
      throw new GranuleError(
        'USAGE',
        'there is nothing to read commands from',
        'granule debug',
        'Give -e or --command.',
      );
    this.#isKeyboard = stdin.isTTY === true && stdout.isTTY === true;
    const path = env['GRANULE_HISTORY'] ?? '';
    this.#readline = createInterface({
      input: stdin,
      terminal: this.#isKeyboard,
      historySize: HISTORY_LINES,
      removeHistoryDuplicates: true,
      history: keptLines(path),
      completer: (line: string) => complete(session, line),
      ...(this.#isKeyboard ? { output: stdout } : {}),
    });
    this.#readline.on('line', (line) => this.#take(line, path));
    this.#readline.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
    this.#readline.on('SIGINT', () => this.#interrupt());
  }

  #take(line: string, path: string): void {
    this.#lines.push(line);
    if (this.#isKeyboard && path !== '' && line.trim() !== '') appendFileSync(path, `${line}\n`);
    this.#wake?.();
  }

  /** Ctrl-C: stops what is being done, and lines that wait; where nothing is, forgets what was typed. */
  #interrupt(): void {
    if (this.#isBusy) {
      this.#isStopped = true;
      this.#lines.length = 0;
      return;
    }
    this.#cli.io.stdout.write('^C  ("quit" or Ctrl-D leaves)\n');
    // Ends the line that is being typed and throws it away.
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    this.#prompt();
  }

  #prompt(): void {
    if (!this.#isKeyboard || this.#isClosed) return;
    this.#readline.setPrompt(promptOf(this.#session));
    this.#readline.prompt();
  }

  /** Reads and does lines until there are none or one leaves. */
  async run(): Promise<void> {
    this.#prompt();
    for (;;) {
      const line = await this.#next();
      if (line === null) break;
      if (!this.#isKeyboard && this.#conversation.echo) this.#cli.out.write(`${promptOf(this.#session)}${line}\n`);
      if (await this.#done(line)) break;
      if (this.#lines.length === 0) this.#prompt();
    }
    this.#readline.close();
    await this.#cli.out.flush();
  }

  async #next(): Promise<string | null> {
    while (this.#lines.length === 0) {
      if (this.#isClosed) {
        if (this.#isKeyboard) this.#cli.out.write('\n');
        return null;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    return this.#lines.shift() ?? null;
  }

  /** Does a line; true where it leaves. At a keyboard a mistake is told, elsewhere it ends the command. */
  async #done(line: string): Promise<boolean> {
    this.#isBusy = true;
    this.#isStopped = false;
    try {
      return await this.#say(line);
    } catch (error) {
      if (!this.#isKeyboard || !(error instanceof GranuleError)) throw error;
      await this.#cli.out.flush();
      this.#cli.io.stderr.write(`${this.#cli.colours.red(error.format())}\n`);
      return false;
    } finally {
      this.#isBusy = false;
      await this.#cli.out.flush();
    }
  }

  async #say(line: string): Promise<boolean> {
    if (!this.#isKeyboard && line.trim() === '') return false;
    let sliceEnds = performance.now() + SLICE_MS;
    for (const said of lineOf(this.#session, line)) {
      if (isQuit(said)) return true;
      if (typeof said === 'string') await this.#cli.out.stream(coloured(said, this.#cli.colours));
      else if (said !== null) {
        await this.#cli.out.flush();
        await this.#conversation.handOver(said);
      }
      if (performance.now() < sliceEnds) continue;
      await this.#cli.out.flush();
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#isStopped) {
        this.#cli.out.write(`stopped; this is ${promptOf(this.#session)}\n`);
        return false;
      }
      sliceEnds = performance.now() + SLICE_MS;
    }
    return false;
  }
}

/** The lines of former conversations, newest first, as readline wants them. */
function keptLines(path: string): string[] {
  if (path === '' || !existsSync(path)) return [];
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-HISTORY_LINES).reverse();
}

/**
 * Leads a conversation over standard input until it ends or somebody leaves.
 *
 * @throws GranuleError USAGE where there is no standard input; from a line that is no keyboard's, what it failed with
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const session = new Session({ reader: made.log, traces: made.traces, name: 'one' });
 * const { Readable } = await import('node:stream');
 * const io = { ...textIo('/'), stdin: Readable.from(['step\nprint type\n']) };
 * await converse(new Cli(io), session, { echo: false, handOver: async () => {} });
 * io.stdout.text.split('\n').at(-2); // '"START"'
 * ```
 */
export async function converse(cli: Cli, session: Session, conversation: Conversation): Promise<void> {
  await new Terminal(cli, session, conversation).run();
}
