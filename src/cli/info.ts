/** `granule info`: what a log or a trace holds. */
import type { Command } from 'commander';
import type { LogReader } from '../log/logReader.ts';
import { defaultCosts } from '../arch/costs.ts';
import { forkedFromText, forkLines } from '../report/forkText.ts';
import { ruleText } from '../report/faultText.ts';
import {
  formatBytes,
  formatCount,
  formatHex,
  formatPageSize,
  formatProtection,
  formatSeconds,
} from '../report/format.ts';
import { formatTable } from '../report/table.ts';
import { openMeta } from '../topology/meta.ts';
import type { OpenTrace } from '../trace/gtrBytes.ts';
import { openTrace } from '../trace/gtrReader.ts';
import { type Cli, collect } from './cli.ts';
import { fileKind } from './fileKind.ts';
import { openLog, PARENT_HELP } from './openLog.ts';

interface InfoOptions {
  parent: string[];
  json?: boolean;
}

/** Rows of the lists of actors and types; `--json` has them all. */
const ROWS_SHOWN = 30;

const EXAMPLES = `
Examples:
  granule info mixed-page-sizes.glog
  granule info fixtures/traces/true-kernel.gtr --json`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addInfo(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addInfo(program: Command, cli: Cli): void {
  program
    .command('info')
    .description('what a log or a trace holds')
    .argument('<FILE>', 'a .glog or a .gtr')
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: InfoOptions) => {
      if (fileKind(cli.path(file)) === 'trace') infoTrace(cli, file, options);
      else await infoLog(cli, file, options);
    });
}

async function infoLog(cli: Cli, file: string, options: InfoOptions): Promise<void> {
  const reader = await openLog(cli, file, null, options.parent);
  const { topology, traces, code, parent } = openMeta(reader.meta);
  const actors = reader.actors();
  const types = reader.types();
  const { records, firstSeq, lastSeq, headHash, recovery } = reader;
  const timeCycles = records === 0 ? 0 : reader.read(lastSeq).timeCycles;
  const checkpoints = reader.checkpoints().length;
  const bytes = reader.storage.size();
  if (options.json === true) {
    const counts = { records, firstSeq, lastSeq, timeCycles, checkpoints, bytes };
    const goesOnFrom =
      reader.parent === null ? {} : { goesOnFrom: reader.parent.storage.name, ownFirstSeq: reader.ownFirstSeq };
    const log = { ...counts, headHash, recovery, code, parent, ...goesOnFrom, topology, traces, actors, types };
    cli.json({ file, kind: 'log', ...log });
    return;
  }
  const perSecond = topology.costs['cyclesPerSecond'] ?? defaultCosts.cyclesPerSecond;
  const rows = [
    ['topology', `${topology.name}: ${topology.description}`],
    ['kernel', `${formatPageSize(topology.kernelPageSize)} pages, ${topology.cpus} CPUs (${topology.core})`],
    ['chooser', `${topology.chooser}, seed ${topology.seed}`],
    ['events', `${formatCount(records)}: seq ${firstSeq} to ${lastSeq}`],
    ['virtual time', `${formatCount(timeCycles)} cycles, ${formatSeconds(timeCycles / perSecond)}`],
    ['size', `${formatBytes(bytes)}, ${formatCount(checkpoints)} checkpoints`],
    ['head hash', headHash],
    ['written by', code],
  ];
  for (const rule of topology.faultPlan) rows.push(['fault plan', ruleText(rule)]);
  if (parent !== null) rows.push(['forked from', forkedFromText(parent, reader.ownFirstSeq)]);
  if (reader.parent !== null) rows.push(['goes on from', reader.parent.storage.name]);
  for (const line of forkLines(parent)) rows.push(['changed', line]);
  cli.out.write(formatTable(rows, { align: ['left', 'left'], header: false }));
  cli.out.write(`\n${processesTable(reader)}\n`);
  cli.out.write(`${countsTable('received by', actors)}\n${countsTable('message', types)}`);
}

function processesTable(reader: LogReader): string {
  const { topology, traces } = openMeta(reader.meta);
  const byPid = new Map(topology.processes.map((process) => [process.pid, process]));
  const rows = traces.map(({ pid, name, layoutBytes, references, hash }) => [
    String(pid),
    name,
    formatPageSize(byPid.get(pid)?.pageSize ?? 0),
    formatPageSize(layoutBytes),
    formatCount(references),
    hash,
  ]);
  return formatTable([['pid', 'trace', 'page', 'layout', 'references', 'trace hash'], ...rows], {
    align: ['left', 'left', 'right', 'right', 'right', 'left'],
  });
}

function countsTable(name: string, counts: readonly { id: string; count: number }[]): string {
  const sorted = [...counts].sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
  const rows = sorted.slice(0, ROWS_SHOWN).map(({ id, count }) => [id, formatCount(count)]);
  const left = sorted.length - rows.length;
  return formatTable([[name, 'events'], ...rows]) + (left === 0 ? '' : `and ${formatCount(left)} more\n`);
}

function infoTrace(cli: Cli, file: string, options: InfoOptions): void {
  const trace = openTrace(cli.path(file));
  try {
    const { hash, name, command, runs, references, fileBytes, image, files, pages } = trace;
    if (options.json === true) {
      cli.json({
        file,
        kind: 'trace',
        hash,
        name,
        command,
        runs,
        references,
        bytes: fileBytes,
        pages: pages.length,
        image,
        files,
      });
      return;
    }
    cli.out.write(traceText(trace));
  } finally {
    trace.close();
  }
}

function traceText({ hash, name, command, runs, references, fileBytes, image, files, pages }: OpenTrace): string {
  const facts = [
    ['trace', name],
    ['command', command],
    ['references', `${formatCount(references)} in ${formatCount(runs)} runs`],
    ['4K pages', formatCount(pages.length)],
    ['size', `${formatBytes(fileBytes)}, ${((8 * fileBytes) / references).toFixed(2)} bits a reference`],
    ['hash', hash],
  ];
  const segments = image.map(({ kind, addr, lengthBytes, prot, file }) => [
    kind,
    formatHex(addr),
    formatBytes(lengthBytes),
    formatProtection(prot),
    file ?? '',
  ]);
  const sized = files.map(({ path, sizeBytes }) => [path, formatBytes(sizeBytes)]);
  const head = ['initial image', 'address', 'size', 'prot', 'file'];
  return [
    formatTable(facts, { align: ['left', 'left'], header: false }),
    formatTable([head, ...segments], { align: ['left', 'right', 'right', 'left', 'left'] }),
    formatTable([['file', 'size'], ...sized]),
  ].join('\n');
}
