/** `granule elf`: how programs and libraries load at each page size. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { GRANULES } from '../arch/granule.ts';
import { ET, headersOf, PT } from '../mm/elf/elfFile.ts';
import { notedPageBytes } from '../mm/elf/notes.ts';
import { loaderOf, type Loader } from '../mm/elf/play.ts';
import { judgeElf } from '../mm/elf/verdict.ts';
import { formatHex, formatProtection } from '../report/format.ts';
import { elfReport, elfTable, elfKind, type JudgedElf } from '../report/elfText.ts';
import { readElfAt } from '../trace/elfSource.node.ts';
import { type Cli, pageSize } from './cli.ts';

interface ElfOptions {
  page?: number;
  json?: boolean;
  image?: boolean;
}

const EXAMPLES = `
Examples:
  granule elf /usr/bin/git                       every segment, and what becomes of it at 4K, 16K and 64K
  granule elf /usr/bin/* /lib/*.so.* --page 64K  one line a file
  granule elf ./prog --json
  granule elf /usr/bin/git --image                a program that a topology may execute

as is: every byte has the rights it should have. weaker: it runs, and some bytes have rights that they should not have.
broken: it is mapped without an error, and bytes are hidden or lack a right. refused: exec or ld.so gives up.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addElf(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addElf(program: Command, cli: Cli): void {
  program
    .command('elf')
    .description('how programs and libraries load in pages of each size, by the rules of exec and of ld.so')
    .argument('<FILE...>', 'ELF files; one alone is told in full')
    .option('--page <SIZE>', 'page size of the process: 4K, 16K or 64K (default: all three)', pageSize)
    .option('--json', 'print JSON')
    .option('--image', 'print JSON for the field selection.images of a topology')
    .addHelpText('after', EXAMPLES)
    .action((files: string[], options: ElfOptions) => elf(cli, files, options));
}

function elf(cli: Cli, files: readonly string[], options: ElfOptions): void {
  const sizes = options.page === undefined ? GRANULES : [options.page];
  const judged = files.map((file) => judge(cli.path(file), file, sizes));
  if (options.image === true) cli.json(judged.map(imageOf));
  else if (options.json === true) cli.json(judged.map(jsonOf));
  else cli.out.write(judged.length === 1 ? elfReport(judged[0]) : elfTable(judged));
}

function judge(path: string, shown: string, sizes: readonly number[], loader?: Loader): JudgedElf {
  const { file, notes, properties } = readElfAt(path);
  const by = loader ?? loaderOf(file);
  // The interpreter of another architecture, or of an image of another machine, is not here.
  const interpreterPath = file.interpreter;
  const interpreter =
    interpreterPath !== null && existsSync(interpreterPath)
      ? judge(interpreterPath, interpreterPath, sizes, 'kernel')
      : null;
  return {
    path: shown,
    file,
    verdicts: sizes.map((pageBytes) => judgeElf(file, pageBytes, by)),
    notedPageBytes: notedPageBytes(notes, file.littleEndian),
    properties,
    interpreter,
  };
}

/** The file as a topology writes a program that may be executed. */
function imageOf({ path, file, notedPageBytes }: JudgedElf): unknown {
  const segments = headersOf(file, PT.LOAD).map(({ vaddr, offset, fileBytes, memoryBytes, prot, align }) => ({
    vaddr: formatHex(vaddr),
    offset: formatHex(offset),
    fileBytes,
    ...(memoryBytes === fileBytes ? {} : { memoryBytes }),
    rights: formatProtection(prot).replaceAll('-', ''),
    align,
  }));
  const type = file.type === ET.EXEC ? 'exec' : 'dyn';
  const note = notedPageBytes === 0 ? {} : { note: notedPageBytes };
  return { path, type, size: file.sizeBytes, segments, ...note };
}

function jsonOf(judged: JudgedElf): unknown {
  const { file } = judged;
  const names = new Map<number, string>(Object.entries(PT).map(([name, type]) => [type, name]));
  return {
    path: judged.path,
    kind: elfKind(file),
    bits: file.bits,
    littleEndian: file.littleEndian,
    machine: file.machine,
    notedPageBytes: judged.notedPageBytes,
    properties: judged.properties,
    headers: file.headers.map((header) => ({ ...header, type: names.get(header.type) ?? header.type })),
    verdicts: judged.verdicts,
    interpreter: judged.interpreter === null ? file.interpreter : jsonOf(judged.interpreter),
  };
}
