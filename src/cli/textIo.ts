/** Surroundings that keep what is printed: for programs that run commands themselves, and for tests. */
import { Writable } from 'node:stream';
import type { CliIo } from './io.ts';

/**
 * A stream that keeps its text. Set `isTTY` to make a command take it for a terminal.
 *
 * @example
 * ```ts
 * const stream = new TextStream();
 * stream.write('a');
 * stream.text; // 'a'
 * ```
 */
export class TextStream extends Writable {
  text = '';
  isTTY?: boolean;
  columns?: number;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/**
 * Surroundings for `main` in which commands run in the folder `cwd` and print into text.
 *
 * @example
 * ```ts
 * const io = textIo('/');
 * await main(['verify', 'no-such-file'], io); // 2
 * io.stderr.text.startsWith('FILE_NOT_FOUND: '); // true
 * ```
 */
export function textIo(cwd: string, env: CliIo['env'] = {}): CliIo & { stdout: TextStream; stderr: TextStream } {
  return { stdout: new TextStream(), stderr: new TextStream(), cwd, env };
}
