/** `granule share`: one HTML file with the inspector, a log and its traces in it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { NamedBytes } from '../inspector/engine/requests.ts';
import { placeOf, placeText } from '../inspector/engine/place.ts';
import { sharedPage } from '../inspector/share.node.ts';
import type { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { formatBytes } from '../report/format.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { copyShared } from '../timeline/fork.ts';
import { traceFilesOfLog } from '../topology/load.node.ts';
import { openMeta } from '../topology/meta.ts';
import { type Cli, wholeNumber } from './cli.ts';
import { openLog, placesOf, TRACES_HELP } from './openLog.ts';

interface ShareOptions {
  at?: number;
  note?: string;
  place?: string;
  out: string;
  traces?: string;
}

/**
 * Bytes of a log and its traces at most. The page holds them as text, as the bytes of that text and once more in its worker, some five
 * times as much in all: with more than this a tab passes half a gigabyte, and browsers on small machines close it.
 */
export const SHARED_BYTES_MAX = 100 * 1024 * 1024;

const EXAMPLES = `
Examples:
  granule share mixed-page-sizes.glog --at 300 --note "here the 64K process falls back" --out fallback.html
  granule share mixed-page-sizes.glog --place "seq=300&actor=mm:200&right=memory" --out memory.html

The file opens from the disk in any browser, and fetches nothing. --place is the part of the inspector's address behind #.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addShare(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addShare(program: Command, cli: Cli): void {
  program
    .command('share')
    .description('make one HTML file of a log, its traces and the inspector')
    .argument('<LOG>', 'a .glog')
    .requiredOption('--out <FILE>', 'where to write the page')
    .option('--at <SEQ>', 'the event that it opens at', wholeNumber)
    .option('--note <TEXT>', 'what to say there')
    .option('--place <PLACE>', 'the place that it opens at, as the address of the inspector has it')
    .option('--traces <DIR>', TRACES_HELP)
    .addHelpText('after', EXAMPLES)
    .action(async (log: string, options: ShareOptions) => shareCommand(cli, log, options));
}

async function shareCommand(cli: Cli, log: string, options: ShareOptions): Promise<void> {
  const reader = await openLog(cli, log, null);
  const place = placeFor(reader, options);
  const traces = traceBytes(cli, reader, options.traces);
  const bytes = reader.parent === null ? bytesOf(reader.storage.name) : wholeLog(reader);
  checkSize(log, [bytes, ...traces.map((trace) => trace.bytes)]);
  const page = sharedPage({ log: { name: basename(log), bytes }, traces, place });
  const encoded = new TextEncoder().encode(page);
  writeWhole(cli.path(options.out), encoded);
  const { modules } = openMeta(reader.meta);
  if (modules.length > 0) {
    const names = modules.map(({ name }) => name).join(', ');
    cli.note(`definitions of ${names} are not in the page: it shows the events, and not the states of this run`);
  }
  cli.out.write(`${options.out}: ${formatBytes(encoded.length)}\n`);
}

/** The place as the address has it; `--at` and `--note` over what `--place` says. */
function placeFor(reader: LogReader, { at, note, place = '' }: ShareOptions): string {
  if (at !== undefined && (at < reader.firstSeq || at > reader.lastSeq)) {
    const where = `${reader.storage.name} holds ${reader.firstSeq} to ${reader.lastSeq}`;
    throw new GranuleError('SEQ_OUT_OF_RANGE', `there is no seq ${at}`, where);
  }
  const given = placeOf(place);
  return placeText({ ...given, seq: at ?? given.seq, note: note ?? given.note });
}

/** A fork that holds its own records alone, with those of its parents: the page has no other file to look into. */
function wholeLog(reader: LogReader): Uint8Array {
  const storage = memoryStorage();
  const { holds: _holds, ...parent } = openMeta(reader.meta).parent ?? { headHash: '', seq: -1 };
  const writer = new LogWriter(storage, zlibCompression, { ...reader.meta, parent }, reader.firstSeq);
  copyShared(reader, writer, reader.lastSeq);
  writer.close();
  return storage.read(0, storage.size());
}

/** The recorded traces, each file once. */
function traceBytes(cli: Cli, reader: LogReader, folder: string | undefined): NamedBytes[] {
  const files = traceFilesOfLog(openMeta(reader.meta).traces, placesOf(cli, reader, folder));
  return [...new Set(files.values())].map((path) => ({ name: basename(path), bytes: bytesOf(path) }));
}

/** Plain bytes: a Buffer would be packed as something else. */
function bytesOf(path: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function checkSize(log: string, parts: readonly Uint8Array[]): void {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  if (bytes <= SHARED_BYTES_MAX) return;
  const what = `the log and its traces are ${formatBytes(bytes)}, more than ${formatBytes(SHARED_BYTES_MAX)}`;
  throw new GranuleError('SHARE_TOO_LARGE', what, log);
}
