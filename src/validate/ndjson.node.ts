/** Reads the files that hold what real kernels answered: one JSON object a line, plain or compressed with gzip. */
import { createReadStream, statSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { GranuleError } from '../errors.ts';

/** No line of these formats is this long: it is some other file, and must not be gathered up in memory. */
const LINE_CHARACTERS_MAX = 1 << 22;
/** How much of an offending line an error shows. */
const SHOWN_CHARACTERS = 80;
/** Every gzip file begins so (RFC 1952). */
const GZIP_MAGIC = [0x1f, 0x8b];

/** A line of such a file. */
export interface AnswerLine {
  file: string;
  /** From 1. */
  line: number;
  value: unknown;
}

/** How much of a file has been read. */
export interface ReadProgress {
  readBytes: number;
  fileBytes: number;
}

/**
 * The error for a line that is not what the format says.
 *
 * @example
 * ```ts
 * malformedAnswer({ file: 'a.ndjson', line: 3 }, 'no seq').format().startsWith('ANSWERS_MALFORMED: no seq (a.ndjson:3)'); // true
 * ```
 */
export function malformedAnswer(at: { file: string; line: number }, what: string): GranuleError {
  return new GranuleError('ANSWERS_MALFORMED', what, `${at.file}:${at.line}`);
}

/**
 * The error for a line that does not fit a schema: it names the first field that does not.
 *
 * @example
 * ```ts
 * const error = { issues: [{ path: ['maps', 0], message: 'no area' }] };
 * misfit({ file: 'a.ndjson', line: 3 }, error).format().startsWith('ANSWERS_MALFORMED: maps.0: no area'); // true
 * ```
 */
export function misfit(
  at: { file: string; line: number },
  { issues: [issue] }: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
): GranuleError {
  const field = issue?.path.map(String).join('.') ?? '';
  return malformedAnswer(at, `${field === '' ? '' : `${field}: `}${issue?.message ?? 'not what the format says'}`);
}

function parseLine(file: string, line: number, text: string): AnswerLine {
  try {
    return { file, line, value: JSON.parse(text) as unknown };
  } catch {
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
    throw malformedAnswer({ file, line }, `not JSON: ${JSON.stringify(shown)}`);
  }
}

function readError(error: unknown, path: string, line: number): unknown {
  if (error instanceof GranuleError || !(error instanceof Error) || !('code' in error)) return error;
  const code = String(error.code);
  if (code === 'ENOENT') return new GranuleError('FILE_NOT_FOUND', 'there is no such file', path);
  if (code.startsWith('Z_')) return new GranuleError('TRACE_GZIP_BROKEN', error.message, `${path}, after line ${line}`);
  return new GranuleError('FILE_UNREADABLE', `cannot read (${code})`, path);
}

async function* chunksOf(path: string, progress: ReadProgress): AsyncGenerator<string> {
  const stat = statSync(path);
  if (stat.isDirectory()) throw new GranuleError('FILE_UNREADABLE', 'it is a folder', path);
  progress.fileBytes = stat.size;
  const source = createReadStream(path);
  source.on('data', (chunk) => {
    progress.readBytes += chunk.length;
  });
  source.pause();
  const zipped = await startsAsGzip(path);
  const bytes = zipped ? source.pipe(createGunzip()) : source;
  // A pipe hands errors of its source to nobody.
  if (bytes !== source) source.once('error', (error) => bytes.destroy(error));
  const decoder = new TextDecoder();
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk as Buffer, { stream: true });
    yield decoder.decode();
  } finally {
    source.destroy();
  }
}

async function startsAsGzip(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: GZIP_MAGIC.length - 1 })) {
    return Buffer.from(GZIP_MAGIC).equals(chunk as Buffer);
  }
  return false;
}

/**
 * The lines of a file, one by one; empty lines are passed over. `progress` is kept up to date on the way.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE; TRACE_GZIP_BROKEN; ANSWERS_MALFORMED with file and line
 * @example
 * ```ts
 * const lines: number[] = [];
 * for await (const { line } of readAnswers('fixtures/oracle/abi-4K.ndjson.gz')) lines.push(line);
 * lines.length; // 12400
 * ```
 */
export async function* readAnswers(
  path: string,
  progress: ReadProgress = { readBytes: 0, fileBytes: 0 },
): AsyncGenerator<AnswerLine> {
  let line = 0;
  let found = 0;
  let rest = '';
  try {
    for await (const chunk of chunksOf(path, progress)) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_CHARACTERS_MAX) throw malformedAnswer({ file: path, line: line + 1 }, 'an endless line');
      for (const text of lines) {
        line += 1;
        if (text.trim() === '') continue;
        found += 1;
        yield parseLine(path, line, text);
      }
    }
  } catch (error) {
    throw readError(error, path, line);
  }
  if (rest.trim() !== '') yield parseLine(path, line + 1, rest);
  else if (found === 0) throw malformedAnswer({ file: path, line: 1 }, 'not one line');
}
