/** What every command is handed: streams, colours, the exit code, and how options are read. */
import { InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import type { ResolvedForm } from '../topology/form/resolve.ts';
import { parseSize } from '../topology/schema.ts';
import { GRANULES } from '../arch/granule.ts';
import { type CliIo, Output, pathIn, wantsColours } from './io.ts';
import { Progress, type ProgressOptions } from './progress.ts';

/** Colours of one stream: functions that leave text alone where none are wanted. */
export type Colours = ReturnType<typeof pc.createColors>;

/**
 * One invocation of the command line.
 *
 * @example
 * ```ts
 * const cli = new Cli(textIo('/data'));
 * cli.path('a.glog'); // '/data/a.glog'
 * cli.exitCode; // 0
 * ```
 */
export class Cli {
  readonly io: CliIo;
  readonly out: Output;
  /** Of standard output. */
  readonly colours: Colours;
  /** 1 when a check failed; failures that are thrown bring their own. */
  exitCode = 0;
  /** The progress line that is up, to be taken away before anything else is said. */
  #progress: Progress | null = null;

  constructor(io: CliIo) {
    this.io = io;
    this.out = new Output(io.stdout);
    this.colours = pc.createColors(wantsColours(io.stdout, io.env));
    io.stderr.on('error', () => undefined);
  }

  /** A path that the user gave. */
  path(path: string): string {
    return path === '-' ? path : pathIn(this.io.cwd, path);
  }

  /** A progress line on standard error; with `lines`, whole lines now and then where that is no terminal. */
  progress(options: ProgressOptions = {}): Progress {
    this.#progress = new Progress(this.io.stderr, undefined, options);
    return this.#progress;
  }

  /** Says something on standard error that is no failure. */
  note(text: string): void {
    this.#progress?.end();
    this.io.stderr.write(`${text}\n`);
  }

  /** Prints a value as JSON on one line. */
  json(value: unknown): void {
    this.out.write(`${JSON.stringify(value)}\n`);
  }
}

/**
 * Reads an option that is a non-negative whole number: a seq, a time, a limit.
 *
 * @example
 * ```ts
 * wholeNumber('1000'); // 1000
 * ```
 */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It must be a whole number of 0 or more.');
  }
  return value;
}

/**
 * The option of the commands that run statecharts: who runs them. What comes out is the same.
 *
 * @example
 * ```ts
 * interpreterOption().defaultValue; // 'compiled'
 * ```
 */
export function interpreterOption(): Option {
  const about = 'who runs the statecharts: tables made of them, or XState itself; the result is the same';
  return new Option('--interpreter <NAME>', about).choices(['compiled', 'xstate']).default('compiled');
}

/**
 * Reads a page size: 4K, 16K or 64K, or their bytes.
 *
 * @example
 * ```ts
 * pageSize('64K'); // 65536
 * ```
 */
export function pageSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null || !GRANULES.some((granule) => granule === bytes)) {
    throw new InvalidArgumentError('A page size is 4K, 16K or 64K.');
  }
  return bytes;
}

/**
 * Reads the page size to lay a program out for: 16K or 64K.
 *
 * @example
 * ```ts
 * layoutSize('16K'); // 16384
 * ```
 */
export function layoutSize(text: string): 16384 | 65536 {
  const bytes = pageSize(text);
  if (bytes === 16384 || bytes === 65536) return bytes;
  throw new InvalidArgumentError('Programs are recorded in a 4K layout; give 16K or 64K.');
}

/**
 * Reads an option that may be given again: all its values, in order.
 *
 * @example
 * ```ts
 * collect('2=b.gtr', ['1=a.gtr']); // ['1=a.gtr', '2=b.gtr']
 * ```
 */
export function collect(value: string, values: readonly string[] = []): string[] {
  return [...values, value];
}

/**
 * Does something with a topology; a failure names the place in its file.
 *
 * @throws whatever is thrown, with the place where it is about a field of the topology
 * @example
 * ```ts
 * atPlace(loadForm('plain-4k'), () => 7); // 7
 * ```
 */
export function atPlace<T>({ placed }: Pick<ResolvedForm, 'placed'>, what: () => T): T {
  try {
    return what();
  } catch (error) {
    throw placed(error);
  }
}
