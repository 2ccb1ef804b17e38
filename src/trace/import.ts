import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { GranuleError } from '../errors.ts';
import { inputError } from './gtrReader.ts';
import { GtrWriter } from './gtrWriter.ts';
import { importerFor } from './importer.ts';
import { LineFeeder } from './lines.ts';
import type { LineParser } from './lines.ts';
import type { TraceFacts } from './traceWorld.ts';
import { TraceWorld } from './traceWorld.ts';

/** Compressed bytes a read brings: a few of them keep the thread pool busy. */
const READ_BYTES = 1 << 18;
/** Text a chunk of gunzip holds: large enough that the cost of a chunk vanishes, small enough for the cache. */
const TEXT_BYTES = 1 << 20;
/** Text that the format is told from. */
const HEAD_BYTES = 1 << 16;
const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * How far an import has come.
 *
 * @example
 * ```ts
 * const progress: ImportProgress = { bytesRead: 10, bytesTotal: 100, lines: 2, references: 2 };
 * progress.bytesRead / (progress.bytesTotal ?? 1); // 0.1
 * ```
 */
export interface ImportProgress {
  /** Bytes of the input taken so far, as they lie on disk. */
  bytesRead: number;
  /** Null for a stream whose length is unknown. */
  bytesTotal: number | null;
  lines: number;
  references: number;
}

/**
 * Options of an import.
 *
 * @example
 * ```ts
 * const options: ImportOptions = { out: 'a.gtr', format: 'plain' };
 * options.format; // 'plain'
 * ```
 */
export interface ImportOptions {
  /** Path of the .gtr to write. */
  out: string;
  /** Overrides the detection of the format: `lackey`, `perf-script` or `plain`. */
  format?: string | undefined;
  /** Name of the trace; the base name of the input when left out. */
  name?: string | undefined;
  /** Called after every chunk of text. */
  progress?: ((progress: ImportProgress) => void) | undefined;
  /** The input may end in the middle of a line, which is then dropped: a recording that was stopped. */
  mayBeCut?: boolean | undefined;
  /** The real size in bytes of a file that the program did not change, if known: a recorder can look. */
  sizeOf?: ((path: string) => number | null) | undefined;
  /** Ends with the piece of text in which so many references are reached: the first part of a program. */
  referencesMost?: number | undefined;
}

/**
 * What an import made.
 *
 * @example
 * ```ts
 * const done: ImportResult = { out: 'a.gtr', hash: '', runs: 1, references: 1, lines: 1, textBytes: 20, fileBytes: 400 };
 * done.textBytes / done.fileBytes; // 0.05
 * ```
 */
export interface ImportResult {
  out: string;
  hash: string;
  runs: number;
  references: number;
  lines: number;
  /** Size of the text, decompressed, and of the .gtr. */
  textBytes: number;
  fileBytes: number;
}

/**
 * Imports a file of trace text, gzipped or not, `-` for standard input, into a .gtr.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE, TRACE_MALFORMED, TRACE_GZIP_BROKEN, TRACE_EMPTY,
 *   OUTPUT_UNWRITABLE, DISK_FULL, USAGE. After any of them `out` is as it was before.
 * @example
 * ```ts
 * const done = await importTrace('fixtures/traces/true-kernel.lackey.gz', { out: 'true.gtr' });
 * done.references; // 167440
 * ```
 */
export async function importTrace(path: string, options: ImportOptions): Promise<ImportResult> {
  if (path === '-') return importStream(process.stdin, '<stdin>', null, options);
  try {
    const { size } = await stat(path);
    const stream = createReadStream(path, { highWaterMark: READ_BYTES });
    return await importStream(stream, path, size, options);
  } catch (error) {
    throw inputError(error, path);
  }
}

/**
 * Imports trace text from a stream, as `importTrace` does; `file` names it in errors.
 *
 * @example
 * ```ts
 * const text = Readable.from([Buffer.from('400123 R\n')]);
 * (await importStream(text, 'pipe', null, { out: 'one.gtr' })).references; // 1
 * ```
 */
export async function importStream(
  stream: Readable,
  file: string,
  bytesTotal: number | null,
  options: ImportOptions,
): Promise<ImportResult> {
  // A stream may fail before anybody reads from it; whoever reads then hears of it.
  stream.on('error', () => {});
  const writer = await GtrWriter.create(options.out);
  const { referencesMost = Number.POSITIVE_INFINITY } = options;
  try {
    const world = new TraceWorld((block) => writer.add(block));
    const text = new TextImport(world, file, options.format);
    const counted = { bytes: 0 };
    for await (const chunk of textOfStream(stream, counted, file)) {
      text.feed(chunk);
      const { lines } = text;
      if (options.progress !== undefined) {
        options.progress({ bytesRead: counted.bytes, bytesTotal, lines, references: world.builder.referencesSoFar() });
      }
      await writer.ready();
      if (world.builder.referencesSoFar() >= referencesMost) break;
    }
    const facts = text.end((options.mayBeCut ?? false) || referencesMost < Number.POSITIVE_INFINITY);
    if (world.builder.referencesSoFar() === 0) {
      const what = `there is no memory access in its ${text.lines} lines`;
      throw new GranuleError('TRACE_EMPTY', what, file);
    }
    const files = world.files(facts, options.sizeOf);
    const done = await writer.finish({
      name: options.name ?? traceName(file),
      command: facts.command,
      pages: world.pages(),
      image: world.image(facts),
      files,
    });
    return { out: options.out, ...done, lines: text.lines, textBytes: text.bytes };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    stream.destroy();
  }
}

/**
 * The name of a trace by the file it came from: the base name without what says how it is stored.
 *
 * @example
 * ```ts
 * traceName('a/git-log-kernel.lackey.gz'); // 'git-log-kernel'
 * ```
 */
export function traceName(path: string): string {
  return basename(path).replace(/(?:\.(?:gz|lackey|txt|perf|trace|gtr))+$/, '');
}

/** Text going into a world: waits for enough of it to tell its format, then parses. */
class TextImport {
  bytes = 0;
  private readonly world: TraceWorld;
  private readonly file: string;
  private readonly format: string | undefined;
  private head: Uint8Array = new Uint8Array(0);
  private started: { feeder: LineFeeder; parser: LineParser; facts: () => TraceFacts } | null = null;

  constructor(world: TraceWorld, file: string, format: string | undefined) {
    this.world = world;
    this.file = file;
    this.format = format;
  }

  get lines(): number {
    return this.started?.parser.lines ?? 0;
  }

  feed(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.started !== null) {
      this.started.feeder.feed(chunk);
      this.world.builder.betweenChunks();
      return;
    }
    this.head = Buffer.concat([this.head, chunk]);
    if (this.head.length >= HEAD_BYTES) this.start();
  }

  end(cut: boolean): TraceFacts {
    const { feeder, facts } = this.started ?? this.start();
    feeder.end(cut);
    this.world.builder.end();
    return facts();
  }

  private start(): { feeder: LineFeeder; facts: () => TraceFacts } {
    const text = Buffer.from(this.head.subarray(0, HEAD_BYTES)).toString('latin1');
    const { parser, facts } = importerFor(text, this.format, this.file).open(this.world, this.file);
    this.started = { feeder: new LineFeeder(parser, this.file), parser, facts };
    this.started.feeder.feed(this.head);
    this.head = new Uint8Array(0);
    return this.started;
  }
}

/** The chunks of a stream, gunzipped when it begins as gzip does. */
async function* textOfStream(stream: Readable, counted: { bytes: number }, file: string): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let head: Uint8Array = new Uint8Array(0);
  let done = false;
  while (head.length < GZIP_MAGIC.length && !done) {
    const next = await chunks.next();
    done = next.done === true;
    if (!done) head = Buffer.concat([head, next.value]);
  }
  const input = prepended(head, chunks, counted);
  if (!GZIP_MAGIC.every((byte, index) => head[index] === byte)) {
    yield* input;
    return;
  }
  yield* gunzipped(input, file);
}

async function* prepended(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  counted: { bytes: number },
): AsyncGenerator<Uint8Array> {
  counted.bytes += head.length;
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    counted.bytes += next.value.length;
    yield next.value;
  }
}

/** Decompresses in the thread pool while the caller parses. zlib goes on with concatenated members by itself. */
async function* gunzipped(input: AsyncGenerator<Uint8Array>, file: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: TEXT_BYTES });
  let failed: unknown = null;
  const pumping = pump(input, gunzip).catch((error: unknown) => {
    failed = error;
    gunzip.destroy();
  });
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (failed === null && error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new GranuleError('TRACE_GZIP_BROKEN', `gzip says: ${error.message}`, file);
    }
    throw failed ?? error;
  } finally {
    gunzip.destroy();
    await pumping;
  }
  if (failed !== null) throw failed;
}

async function pump(input: AsyncGenerator<Uint8Array>, gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  for await (const chunk of input) {
    if (gunzip.destroyed) return;
    if (!gunzip.write(chunk)) await drained(gunzip);
  }
  gunzip.end();
}

function drained(gunzip: ReturnType<typeof createGunzip>): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      gunzip.off('drain', over);
      gunzip.off('close', over);
      resolve();
    };
    gunzip.on('drain', over);
    gunzip.on('close', over);
  });
}
