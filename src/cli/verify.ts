/** `granule verify`: every byte of a log or trace checked. */
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import { type Verification, verifyLog } from '../log/verifyLog.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { verifyTrace } from '../trace/gtrReader.ts';
import { type Cli, collect } from './cli.ts';
import { fileKind } from './fileKind.ts';
import { openLog, PARENT_HELP } from './openLog.ts';

interface VerifyOptions {
  parent: string[];
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule verify mixed-page-sizes.glog
  granule verify recorded.gtr --json

Exits with 1 when something is wrong, and says at which offset and for which events.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addVerify(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addVerify(program: Command, cli: Cli): void {
  program
    .command('verify')
    .description('check every byte of a log or a trace: checksums, hash chain, counts, index')
    .argument('<FILE>', 'a .glog or a .gtr')
    .option('--parent <PLACE>', PARENT_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: VerifyOptions) => {
      if (fileKind(cli.path(file)) === 'trace') verifyTraceFile(cli, file, options);
      else await verifyLogFile(cli, file, options);
    });
}

async function verifyLogFile(cli: Cli, file: string, options: VerifyOptions): Promise<void> {
  const reader = await openLog(cli, file, null, options.parent);
  const progress = cli.progress();
  const verification = verifyLog(reader, (done, total) =>
    progress.report({ done, total, text: `${formatBytes(done)} of ${formatBytes(total)}` }),
  );
  progress.end();
  if (!verification.ok) cli.exitCode = 1;
  if (options.json === true) cli.json({ file, kind: 'log', ...verification });
  else cli.out.write(verificationText(file, verification, reader.parent));
}

function verificationText(file: string, verification: Verification, parent: LogReader | null): string {
  const { ok, records, segments, headHash, faults } = verification;
  const above = parent === null ? '' : `; so is its parent ${parent.storage.name}`;
  const held = `${formatCount(records)} events in ${formatCount(segments)} segments`;
  if (ok) return `${file} is whole: ${held}, head hash ${headHash}${above}\n`;
  const lines = faults.map(({ offsetBytes, lengthBytes, seqFrom, seqTo, what }) => {
    const events = seqFrom < 0 ? '' : `, events ${seqFrom} to ${seqTo}`;
    return `  offset ${offsetBytes}, ${formatCount(lengthBytes)} bytes${events}: ${what}`;
  });
  return `${file} is damaged in ${formatCount(faults.length)} places; whole are ${held}\n${lines.join('\n')}\n`;
}

/** Damage to a trace is found one place at a time: behind it nothing can be trusted. */
function verifyTraceFile(cli: Cli, file: string, options: VerifyOptions): void {
  try {
    const { hash, runs, references } = verifyTrace(cli.path(file));
    if (options.json === true) cli.json({ file, kind: 'trace', ok: true, hash, runs, references, faults: [] });
    else {
      const held = `${formatCount(references)} references in ${formatCount(runs)} runs`;
      cli.out.write(`${file} is whole: ${held}, hash ${hash}\n`);
    }
  } catch (error) {
    if (!(error instanceof GranuleError) || error.code !== 'TRACE_DAMAGED') throw error;
    cli.exitCode = 1;
    const fault = { where: error.where, what: error.message };
    if (options.json === true) cli.json({ file, kind: 'trace', ok: false, faults: [fault] });
    else cli.out.write(`${file} is damaged: ${fault.what} (${fault.where})\n`);
  }
}
