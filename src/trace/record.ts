import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';

import { GranuleError } from '../errors.ts';
import { importStream } from './import.ts';
import type { ImportProgress, ImportResult } from './import.ts';

/** Descriptor that Valgrind writes its log to: the first one after the program's own three. */
const LOG_DESCRIPTOR = 3;
const VALGRIND_OPTIONS = [
  '--tool=lackey',
  '--trace-mem=yes',
  '--trace-syscalls=yes',
  '--child-silent-after-fork=yes',
  `--log-fd=${LOG_DESCRIPTOR}`,
];
/** A child of the program may hold the log open for ever: after so long without a byte the recording is over. */
const QUIET_MILLISECONDS = 500;
/** Log that may wait for the parser. */
const LOG_BYTES = 1 << 20;
/** Valgrind's way to say that it could not start the program. */
const NOT_STARTED = new Set([126, 127]);

/**
 * Options of a recording.
 *
 * @example
 * ```ts
 * const options: RecordOptions = { command: ['/bin/true'], out: 'true.gtr' };
 * options.command[0]; // '/bin/true'
 * ```
 */
export interface RecordOptions {
  /** The program and its arguments. */
  command: string[];
  /** Path of the .gtr to write. */
  out: string;
  name?: string | undefined;
  /** Lines and references so far; `bytesTotal` is null. */
  progress?: ((progress: ImportProgress) => void) | undefined;
  /** Stops the program once so many references are recorded, or a few more. */
  referencesMost?: number | undefined;
  /** Stops the program with SIGINT; what was recorded until then is kept. */
  stop?: AbortSignal | undefined;
  /** Valgrind's program; `valgrind` on the PATH when left out. */
  valgrind?: string | undefined;
}

/**
 * What a recording made, and how its program ended.
 *
 * @example
 * ```ts
 * const ended: Pick<RecordResult, 'exitStatus' | 'exitSignal'> = { exitStatus: 0, exitSignal: null };
 * ended.exitStatus; // 0
 * ```
 */
export interface RecordResult extends ImportResult {
  /** Null when a signal ended the program. */
  exitStatus: number | null;
  exitSignal: string | null;
}

/**
 * Runs a program under Valgrind and keeps its accesses and system calls as a .gtr, imported as they come. The program has the
 * terminal to itself: standard input, output and errors are its own. Its child processes run, and are not recorded. When
 * Ctrl-C or `stop` ends it, the trace holds what happened until then.
 *
 * Files that the program did not change get their real size.
 *
 * @throws GranuleError VALGRIND_MISSING, COMMAND_FAILED when the program could not be started, USAGE, TRACE_MALFORMED,
 *   OUTPUT_UNWRITABLE, DISK_FULL
 * @example
 * ```ts
 * await record({ command: [], out: 'true.gtr' }); // throws USAGE
 * ```
 */
export async function record(options: RecordOptions): Promise<RecordResult> {
  const { command, out, name, progress, referencesMost, stop, valgrind = 'valgrind' } = options;
  const [program] = command;
  if (program === undefined) throw new GranuleError('USAGE', 'there is no command to record', 'record');
  const child = spawn(valgrind, [...VALGRIND_OPTIONS, '--', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const ended = endOf(child, valgrind);
  const release = holdSignals(child, stop);
  try {
    // An `error` instead of `spawn` rejects `ended`: there is no log then.
    await Promise.race([new Promise((resolve) => child.once('spawn', resolve)), ended]);
    const imported = await importStream(logOf(child, ended), `valgrind ${program}`, null, {
      out,
      name: name ?? (program.split('/').pop() || program),
      format: 'lackey',
      progress,
      mayBeCut: true,
      sizeOf,
      referencesMost,
    });
    // What goes on behind the limit has nobody to write to.
    if (referencesMost !== undefined && imported.references >= referencesMost) child.kill('SIGKILL');
    const { status, signal } = await ended;
    return { ...imported, exitStatus: status, exitSignal: signal };
  } catch (error) {
    child.kill('SIGKILL');
    const { status } = await ended;
    const unheard = error instanceof GranuleError && error.code === 'TRACE_EMPTY';
    if (!unheard) throw error;
    const why = status !== null && NOT_STARTED.has(status) ? 'could not be started' : 'ended before its first access';
    throw new GranuleError('COMMAND_FAILED', `the command ${why} (status ${status ?? 'unknown'})`, command.join(' '));
  } finally {
    release();
  }
}

interface Ending {
  status: number | null;
  signal: string | null;
}

function endOf(child: ChildProcess, valgrind: string): Promise<Ending> {
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('exit', (status, signal) => resolve({ status, signal }));
    child.once('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      const code = missing ? 'VALGRIND_MISSING' : 'COMMAND_FAILED';
      reject(new GranuleError(code, missing ? 'Valgrind is not installed' : error.message, valgrind));
    });
  });
  // Whoever reads the log sees the failure first; this promise may be looked at later.
  ended.catch(() => {});
  return ended;
}

/** The log, up to its end, or until the program is gone and nothing more comes. */
function logOf(child: ChildProcess, ended: Promise<Ending>): Readable {
  const pipe = child.stdio[LOG_DESCRIPTOR];
  if (!(pipe instanceof Readable)) throw new GranuleError('COMMAND_FAILED', 'there is no pipe to Valgrind', 'record');
  const log = new PassThrough({ highWaterMark: LOG_BYTES });
  let received = 0;
  pipe.on('data', (chunk: Buffer) => (received += chunk.length));
  pipe.pipe(log);
  const watch = (): void => {
    let before = -1;
    const timer = setInterval(() => {
      if (log.writableEnded || log.destroyed) clearInterval(timer);
      else if (received === before && !log.writableNeedDrain) {
        pipe.unpipe(log);
        pipe.destroy();
        log.end();
      }
      before = received;
    }, QUIET_MILLISECONDS);
  };
  ended.then(watch, () => log.end());
  return log;
}

/** Ctrl-C reaches the program through the terminal; this process must outlive it to finish the trace. */
function holdSignals(child: ChildProcess, stop: AbortSignal | undefined): () => void {
  const interrupt = (): void => {
    // A signal to this process alone: pass it on when the terminal has not.
    setTimeout(
      () => child.exitCode === null && child.signalCode === null && child.kill('SIGINT'),
      QUIET_MILLISECONDS,
    ).unref();
  };
  const terminate = (): void => void child.kill('SIGTERM');
  const abort = (): void => void child.kill('SIGINT');
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  stop?.addEventListener('abort', abort);
  return () => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
    stop?.removeEventListener('abort', abort);
  };
}

/** Size of a regular file, by its path or, for a bare program name, on the PATH; null when there is none. */
function sizeOf(path: string): number | null {
  const folders = path.includes('/') ? [''] : ['', ...(process.env.PATH ?? '').split(delimiter)];
  for (const folder of folders) {
    const found = statSync(folder === '' ? path : join(folder, path), { throwIfNoEntry: false });
    if (found?.isFile() === true) return found.size;
  }
  return null;
}
