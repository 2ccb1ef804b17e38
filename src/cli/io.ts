/** What a command may touch of the outside: streams, folder, environment. Tests bring their own. */
import { isAbsolute, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A stream that output goes to. `isTTY` and `columns` are there when it is a terminal. */
export type OutputStream = Writable & { isTTY?: boolean; columns?: number };

/** A stream that input comes from. */
export type InputStream = Readable & { isTTY?: boolean };

/** The surroundings of one invocation. */
export interface CliIo {
  /** What commands that lead a conversation read; none where nobody is there to have one. */
  stdin?: InputStream;
  stdout: OutputStream;
  stderr: OutputStream;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Characters in a line when nobody says. */
const DEFAULT_COLUMNS = 100;
/** Text is handed on in pieces of this size: many small writes would cost more than the work itself. */
const CHUNK_CHARACTERS = 1 << 16;

/**
 * Standard output, safe against a reader that goes away: after that (`| head`) writing does nothing, and `open` is false.
 *
 * @example
 * ```ts
 * const output = new Output(new TextStream());
 * output.write('one line\n');
 * await output.flush();
 * output.open; // true
 * ```
 */
export class Output {
  readonly #stream: OutputStream;
  #pending = '';
  #open = true;
  #failure: Error | null = null;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    stream.on('error', (error: Error & { code?: string }) => {
      this.#open = false;
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') this.#failure = error;
    });
  }

  /** False once the reader has gone: a command that lists much stops then. */
  get open(): boolean {
    return this.#open;
  }

  /** Characters in a line. */
  get columns(): number {
    return this.#stream.columns ?? DEFAULT_COLUMNS;
  }

  /** Adds text; it may wait for more. Give it whole lines. */
  write(text: string): void {
    this.#pending += text;
  }

  /** Adds text and waits for the reader when much is pending; for lists of unknown length. */
  async stream(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= CHUNK_CHARACTERS) await this.flush();
  }

  /**
   * Hands on everything that was written.
   *
   * @throws what the stream failed with, a reader that has gone excepted
   */
  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = '';
    if (this.#open && text !== '') await this.#send(text);
    if (this.#failure !== null) throw this.#failure;
  }

  #send(text: string): Promise<void> {
    // The callback comes for failures too; the error itself goes to the listener above.
    return new Promise((resolve) => {
      this.#stream.write(text, () => resolve());
    });
  }
}

/**
 * A path as the user gave it, made absolute only when the invocation's folder is not that of the process.
 *
 * @example
 * ```ts
 * pathIn('/data', 'run.glog'); // '/data/run.glog'
 * pathIn('/data', '/tmp/run.glog'); // '/tmp/run.glog'
 * ```
 */
export function pathIn(cwd: string, path: string): string {
  return isAbsolute(path) || cwd === process.cwd() ? path : join(cwd, path);
}

/**
 * Whether a stream gets colours: a terminal, and no NO_COLOR (https://no-color.org).
 *
 * @example
 * ```ts
 * wantsColours(Object.assign(new TextStream(), { isTTY: true }), { NO_COLOR: '1' }); // false
 * ```
 */
export function wantsColours(stream: OutputStream, env: CliIo['env']): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
